"""`python -m tools.preview`: what messengers show beside a link to the page (vitdemo/serving/preview.jpg).

The first example in the network that the page opens with, at the ratio that it opens with.
"""

from __future__ import annotations

from vitdemo import render
from vitdemo.engine import Engine, Request
from vitdemo.serving.preview import PICTURE
from vitdemo.ui.kit.opening import FIRST_RATIO, list_examples
from vitdemo.ui.words import TITLE

PROMISE = "See where it looks, what it keeps, and whether its maps can be believed."


def draw_preview() -> None:
    """Draw the card and write it."""
    engine = Engine(device="cpu")
    example = list_examples(engine, engine.default_model)[0]
    result = engine.open(Request(example.path, pruning_ratio=FIRST_RATIO / 100))
    analysis = result.analysis
    outcome, kept = analysis.pruned or analysis.dense, analysis.kept[-1]
    said = f"{outcome.top[0][0]}, from {len(kept)} of {outcome.tokens[0]} patches"
    shown = result.lab.kept_figure(kept)
    card = render.draw_card(shown, analysis.view, title=[TITLE], lines=[PROMISE, said])
    card.save(PICTURE, quality=90)


if __name__ == "__main__":
    draw_preview()
