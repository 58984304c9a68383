"""Words that more than one room says."""

from __future__ import annotations

from vitdemo.ui.kit.language import say

CRASHED = "Something went wrong on the server; it has been logged. Please try again."
FULL = "The disk of the server is full; please try again later."
FOREIGN = "This file is none that was uploaded to this page, or it has been deleted since: please upload it."
MANY_FILES = "These are too many files at once: the limit is {limit}."
MISTAKEN = "The request does not fit this page: a value in it is of the wrong kind or out of range."
NO_IMAGE = "Upload a picture, or choose an example, to begin."
NO_WORDS = "This network has no words."
TIMING = (
    "Time is the median of n single passes on this machine, nothing recorded, and where the middle half of "
    "them lay. Times that differ by less than 5 % are about equal."
)


def end_sentence(words: str) -> str:
    """Return `words` with one full stop at the end, unless they ask."""
    return words if words.endswith(("。", "？", "?")) else words.rstrip(".") + "."


def percent(share: float) -> str:
    return say("{number} %", number=f"{100 * share:.1f}")


def macs(count: int) -> str:
    return f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.1f} M"
