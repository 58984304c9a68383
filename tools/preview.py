"""`python -m tools.preview`: what messengers show beside a link to the page (vitdemo/serving/preview.jpg).

The first example in the network that the page opens with, at the ratio that it opens with.
"""

from __future__ import annotations

from vitdemo import render
from vitdemo.engine import DEFAULT_MODEL, Engine, Request
from vitdemo.examples import example_paths
from vitdemo.serving.preview import PICTURE
from vitdemo.ui.kit.session import FIRST_EXAMPLE, FIRST_RATIO
from vitdemo.ui.words import TITLE

PROMISE = "See where it looks, what it keeps, and whether its maps can be believed."


def preview() -> None:
    """Draw the card and write it."""
    result = Engine(device="cpu").open(
        Request(example_paths()[FIRST_EXAMPLE], DEFAULT_MODEL, FIRST_RATIO / 100)
    )
    analysis = result.analysis
    outcome, kept = analysis.pruned or analysis.dense, analysis.kept[-1]
    said = f"{outcome.top[0][0]}, from {len(kept)} of {outcome.tokens[0]} patches"
    shown = result.lab.kept_figure(kept)
    card = render.draw_card(shown, analysis.view, title=[TITLE], lines=[PROMISE, said])
    card.save(PICTURE, quality=90)


if __name__ == "__main__":
    preview()
