"""Sentences with gaps, which can be said in another language because they remember what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

# How a text is said to whoever is being answered; the page sets it for each of its events.
SPOKEN: ContextVar[Callable[[str], str]] = ContextVar("spoken", default=str)

LONGEST = 1000  # letters of one gap of a sentence, or of a sentence without gaps

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and a few words for the user; what it raises ends the job."""


class Message(str):
    """English text for the user: `template` with its {gaps} filled by `gaps`.

    A translation looks `template` up, and fills its gaps with the same values; a value that is itself a
    Message is translated in turn. Numbers are formatted before they fill a gap. Plain text is
    shortened: a stranger may have written it.
    """

    template: str
    gaps: dict[str, object]

    def __new__(cls, template: str, /, **gaps: object) -> Message:
        gaps = {name: shorten(value) if type(value) is str else value for name, value in gaps.items()}
        message = super().__new__(cls, template.format(**gaps))
        message.template, message.gaps = template, gaps
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """Return what a copy is made of."""
        return (self.template,), self.gaps


def shorten(text: str) -> str:
    """Return `text` without its middle where it is too long for a sentence."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[: half - 1]}…{text[-half:]}"


def said(text: str) -> str:
    """Return `text`, Message or not, in the language of whoever is being answered: English unless told."""
    return SPOKEN.get()(text)
