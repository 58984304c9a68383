"""Sentences with gaps, which can be said in another language because they remember what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

# How a text is said to whoever is being answered; the page sets it for each of its events.
SPOKEN: ContextVar[Callable[[str], str]] = ContextVar("spoken", default=str)

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and a few words for the user; what it raises ends the job."""


class Message(str):
    """English text for the user: `template` with its {gaps} filled by `gaps`.

    A translation looks `template` up, and fills its gaps with the same values; a value that is itself a
    Message is translated in turn. Numbers are formatted before they fill a gap.
    """

    template: str
    gaps: dict[str, object]

    def __new__(cls, template: str, /, **gaps: object) -> Message:
        message = super().__new__(cls, template.format(**gaps))
        message.template, message.gaps = template, gaps
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """Return what a copy is made of."""
        return (self.template,), self.gaps


def said(text: str) -> str:
    """Return `text`, Message or not, in the language of whoever is being answered: English unless told."""
    return SPOKEN.get()(text)
