"""Every word of the picture and its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vitdemo.engine import SizeChoice
from vitdemo.engine.core.sizes import OWN
from vitdemo.examples import Example
from vitdemo.ui.kit.html import Html, note
from vitdemo.ui.kit.language import say

YOURS = "Your picture"
YOURS_OF = "Your picture {number} of {count}"
EXAMPLE = "Example: {name}"
PHOTOGRAPH = "Example: {name} · photograph by {author}, {licence}"
SOURCES = "Several pictures become a strip to choose from."
SOURCES_WITH_SAMPLES = (
    "Several pictures become a strip to choose from; a test image comes with its true class."
)
NO_UPLOADS = "This page takes no uploads."
SETTINGS = "Examples and settings"
SIZE = "Input size"
SIZE_MORE = "At any other than its own, positions are fitted to it."
REDUCTION = "The others: what becomes of them"
REDUCTION_MORE = "A merged token counts as often as it has parts."
SAMPLE = "{dataset} test image {index} · true class: {label}"


def write_example_note(example: Example) -> Html:
    """Return the line under the picture of an example, with its name for the link that leads back to it."""
    line = say(
        EXAMPLE if example.drawn else PHOTOGRAPH,
        name=example.word,
        author=example.author,
        licence=example.licence,
    )
    return note(line, data_example=example.name)


def write_own_note(line: str) -> Html:
    """Return the line under a visitor's own picture, by which the browser knows that it may keep it."""
    return note(line, data_own="")


COUNTS = """<p class="counts" aria-live="polite">${value.most}<b>${
  value.table[Math.round(value.ratio)]
    .join('</b><span class="arrow" aria-label="' + value.then + '">→</span><b>')
}</b> <span>${value.ratio ? value.pruned : value.whole}</span></p>"""  # for the browser to fill
COUNTED = "(ratio, counts) => ({ ...counts, ratio })"


def fill_counts(table: Sequence[Sequence[int]], ratio: float, *, size: SizeChoice) -> dict[str, Any]:
    """Return what `COUNTS` needs to tell how many patches remain after each stage: 64 → 44 → 31 → 21 tokens.

    `table`: those at every whole percent, so that the browser need not ask while the slider moves. `size`: at
    which the picture is read; how many its own shape gives, only the answer tells.
    """
    most = f"{say('at most')} " if size.size == OWN else ""
    said = {"then": say("then"), "pruned": say("tokens"), "whole": say("tokens, none pruned"), "most": most}
    return {"table": table, "ratio": ratio, **said}
