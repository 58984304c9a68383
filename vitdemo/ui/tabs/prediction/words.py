"""Every word of the class maps."""

from __future__ import annotations

from vitdemo.engine import METHODS
from vitdemo.ui.kit.html import NO_WORDS, title
from vitdemo.ui.kit.language import say

CHOOSE = "Click a class in the list to see what speaks for it. Each map has its own scale, which begins at 0."
WAITING = "The maps of a class will be shown here."
SILENT = "Nothing speaks for this class."


def class_title(label: str) -> str:
    """The heading of the row of maps."""
    if not label:
        return title(say("What speaks for a class"), say(WAITING))
    return title(say("What speaks for {label}", label=label), say(CHOOSE))


def no_classes() -> str:
    """As `class_title`, of a network without classes."""
    return title(say("What speaks for a class"), say(NO_WORDS))


def map_caption(method: str, total: float) -> str:
    """Under a map: its name and what it shows, or that it shows nothing."""
    known = METHODS[method]
    return f"{say(known.title)} · {say(SILENT if total == 0 else known.summary)}"
