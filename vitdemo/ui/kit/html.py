"""HTML that escapes by default: what is no `Html` is text."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from vitdemo.ui.kit.language import say, word

VOID = ("img",)  # tags without an end


class Html(Markup):
    """Text that is HTML. What is joined or formatted into it is escaped, unless it is `Html` as well."""

    @classmethod
    def escape(cls, text: Any, /) -> Html:
        """Return `text` as HTML.

        Of plain text braces are escaped too, which gradio's templates would evaluate.
        """
        if isinstance(text, Html):
            return text
        plain = html.escape(str(text))
        for sign in "${}`\\":
            plain = plain.replace(sign, f"&#{ord(sign)};")
        return cls(plain)


def join(*parts: Any) -> Html:
    """Return the parts one after the other, what is no `Html` as text; a class is named as by `word`."""
    return Html("").join(map(word, parts))


def tag(name: str, /, *content: Any, **attributes: Any) -> Html:
    """Return an element. None as an attribute is left out; `class_` is class, `aria_label` is aria-label."""
    given = join(
        *(
            Html(' {}="{}"').format(key.rstrip("_").replace("_", "-"), value)
            for key, value in attributes.items()
            if value is not None
        )
    )
    if name in VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{join(*content)}</{name}>")


def say_html(text: str, /, **gaps: Any) -> Html:
    """Return what `say` does, of a text with tags; its {gaps} are escaped unless they are `Html`."""
    filled = {gap: word(value) if isinstance(value, str) else value for gap, value in gaps.items()}
    return Html(say(text)).format(**filled)


def row(*cells: Any, **attributes: Any) -> Html:
    """Return a row of a table, whose first cell is its heading."""
    first, *rest = cells
    return tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest), **attributes)


def table(head: Iterable[Any], rows: Iterable[Html], *, caption: str = "") -> Html:
    """Return a table of `rows`, of `row`. An empty cell of `head` is none of its headings."""
    top = tag("tr", *(tag("th", cell, scope="col") if cell else tag("td") for cell in head))
    above = tag("caption", caption) if caption else ""
    return tag("table", above, tag("thead", top), tag("tbody", *rows))


def wide_table(head: Iterable[Any], rows: Iterable[Html], *, caption: str = "", **attributes: Any) -> Html:
    """Return a `table` that scrolls by itself where the screen is too narrow."""
    return tag("div", table(head, rows, caption=caption), tabindex=0, **attributes)


def note(words: str, **attributes: Any) -> Html:
    """Return a line of explanation."""
    return tag("p", words, class_="note", **attributes)


def quiet(*words: Any) -> Html:
    """Return a line of what is good to know besides."""
    return tag("p", *words, class_="quiet")


def title(words: str, more: str = "") -> Html:
    """Return a heading over a gallery or a figure, with a line of explanation."""
    return join(tag("h2", words, class_="title"), note(more) if more else "")


def save_button() -> Html:
    """Return a button that saves the <figure> around it as a PNG (figures.js)."""
    return tag("button", say("Save PNG"), type="button", class_="save-figure")
