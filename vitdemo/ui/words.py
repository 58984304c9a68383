"""Every word of the header and of the answer above all tabs."""

from __future__ import annotations

from vitdemo.engine import Analysis, Outcome
from vitdemo.engine.core.records import NAMED
from vitdemo.message import Message
from vitdemo.ui.kit.html import Html, join, quiet, say_html, tag
from vitdemo.ui.kit.language import say, translate, word
from vitdemo.ui.kit.words import NO_WORDS, percent

TITLE = "Inside a Vision Transformer"
LEAD = (
    "Give it a picture, choose how many patches to throw away, and see what the network says, "
    "where it looked and what it kept."
)
NO_DOWNLOAD = "Try again later, or choose a model without an arrow: it needs no download."
SKIP = "Skip to the answer"
SKIP_LINK = '<a class="skip" href="#headline">${value}</a>'
PICTURED = "A picture beside the patches of it that a Vision Transformer kept, with its answer"
HEADER = "<header><h1>${label}</h1><p>${value}</p></header>"  # of TITLE and LEAD, for the browser to fill
HEADLINE = "{title} · {path} tokens · weights: {source}"
ALL_WORDS = "All words that this network knows"


def write_waiting(words: str) -> Html:
    """Return the answer while there is no picture."""
    return tag("div", quiet(words), class_="headline", role="status")


def write_problem(words: str, *, missing: bool = False) -> Html:
    """Return the answer when there is no result: one sentence that says why.

    `missing`: since the network could not be downloaded; what to do then is said as well.
    """
    more = quiet(say(NO_DOWNLOAD)) if missing else ""
    return tag("div", tag("p", words, class_="problem"), more, class_="headline", role="alert")


def write_headline(analysis: Analysis) -> Html:
    """Return the answer, and what gave it."""
    outcome = analysis.pruned or analysis.dense
    path = tag("span", " → ".join(map(str, outcome.tokens)), class_="path")
    source = translate(analysis.source) + (f" ({translate(analysis.note)})" if analysis.note else "")
    words = say_html(HEADLINE, title=analysis.title, path=path, source=source)
    shown = tag("p", *write_answer(outcome), class_="answer"), quiet(words)
    return join(
        tag("div", *shown, class_="headline", role="status", data_credit=analysis.credit),
        write_vocabulary(analysis),
    )


def write_vocabulary(analysis: Analysis) -> Html:
    """Return the line of words that the network knows.

    It shows all of them to whoever hovers, taps or tabs to it. It is empty for a network without words.
    """
    if not analysis.classes:
        return Html("")
    every = tag("ul", *(tag("li", name) for name in analysis.classes), tabindex=0, aria_label=say(ALL_WORDS))
    assert isinstance(analysis.vocabulary, Message)
    words = say(", ").join(map(word, analysis.classes[:NAMED]))
    known = say(analysis.vocabulary.template, **{**analysis.vocabulary.gaps, "words": words})
    line = tag("button", known, type="button")
    return tag("div", line, every, class_="vocabulary")


def write_answer(outcome: Outcome) -> tuple[Html, ...]:
    """Return the likeliest class and its probability, or that there is none."""
    if not outcome.top:
        return (tag("b", say(NO_WORDS)),)
    label, probability = outcome.top[0]
    return tag("b", label), tag("span", percent(probability))
