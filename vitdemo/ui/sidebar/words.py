"""Every word of the picture and its settings."""

from __future__ import annotations

from vitdemo.examples import Example
from vitdemo.ui.kit.html import Html, note, tag
from vitdemo.ui.kit.language import say

YOURS = "Your picture"
YOURS_OF = "Your picture {number} of {count}"
EXAMPLE = "Example: {name}"
PHOTOGRAPH = "Example: {name} · photograph by {author}, {licence}"
SOURCES = "Several pictures become a strip to choose from."
SOURCES_WITH_SAMPLES = "Several make a strip; test images tell their true class."
NO_UPLOADS = "This page takes no uploads."
SETTINGS = "Examples and settings"
SAMPLE = "{dataset} test image {index} · true class: {label}"


def example_note(example: Example) -> Html:
    """Return the line under the picture of an example, with its name for the link that leads back to it."""
    line = say(
        EXAMPLE if example.drawn else PHOTOGRAPH,
        name=example.word,
        author=example.author,
        licence=example.licence,
    )
    return note(line, data_example=example.name)


def own_note(line: str) -> Html:
    """Return the line under a visitor's own picture, by which the browser knows that it may keep it."""
    return note(line, data_own="")


def counts(tokens: tuple[int, ...]) -> Html:
    """Return how many patches remain after each stage: 64 → 44 → 31 → 21 tokens."""
    arrow = tag("span", "→", class_="arrow", aria_label=say("then"))
    numbers = arrow.join(tag("b", count) for count in tokens)
    rest = say("tokens") if len(tokens) > 1 else say("tokens, none pruned")
    return tag("p", numbers, " ", tag("span", rest), class_="counts", aria_live="polite")
