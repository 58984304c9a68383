"""Which map tells the truth about this picture, by removing patches; and checks."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import METHODS, Candidate, Progress, Trust
from vitdemo.ui.kit.components import RUN, heading
from vitdemo.ui.kit.errors import explain
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html, join, quiet, row, save_button, table, tag
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.svg import Axes, Frame, Line, draw_lines
from vitdemo.ui.kit.words import percent
from vitdemo.ui.tabs.trust import sanity, words
from vitdemo.ui.tabs.trust.checks import CHECKS


def build(session: Session) -> None:
    """Build the tab, which judges when it is seen, once a picture and clicked class."""
    with gr.Tab(label(words.TAB), elem_id="tab-trust") as tab:
        heading(words.HEADING, words.HEADING_MORE)
        first = words.RUNNING if session.first else words.NO_RESULT
        shown = gr.HTML(words.write_waiting(first), padding=False, elem_id="trust")
        with gr.Accordion(label(CHECKS), open=False, elem_id="checks"):
            sanity.build(session)

        def find_label(values: Values) -> str:
            return session.find_classes(values)[0]

        def draw(values: Values, report: Progress) -> Values:
            try:
                trust = session.open(values, report).trust(find_label(values))
            except ValueError as error:  # where the sentence would stand, so that no old one stays
                return {shown: words.write_waiting(explain(error))}
            return {shown: write_trust(trust)}

        def empty(values: Values) -> Values:
            return {shown: words.write_waiting(words.RUNNING if values[session.key] else words.NO_RESULT)}

        part = Part(draw, [shown], {session.chosen}, empty=empty, version=find_label)
        session.follow(part, tab, **RUN)


TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
FRAME = Frame(width=380, height=250, left=44, right=12, top=10, bottom=44)


def write_trust(trust: Trust) -> Html:
    """Return the sentence, both charts, and the table of areas."""
    charts = tag("div", draw_chart(trust, deletion=True), draw_chart(trust, deletion=False), class_="charts")
    said = tag("p", words.write_sentence(trust), class_="sentence", role="status")
    tried, about = quiet(words.write_tried(trust)), quiet(words.write_about(trust))
    others = write_others(trust)
    return tag("div", said, charts, tried, write_areas(trust), about, others, class_="trust")


def draw_chart(trust: Trust, *, deletion: bool) -> Html:
    """Return the curves of all maps over the band of random orders; the best map's is last and thick."""
    name, explained = map(say, words.DELETION if deletion else words.INSERTION)
    present = [count / trust.num_patches for count in trust.kept]
    x = [1 - share for share in present] if deletion else present
    lines = [Line(say(words.RANDOM), trust.random_mean, kind="curve random", mark="random")]
    for place, one in reversed(list(enumerate(trust.candidates))):
        y, auc = (one.deletion, one.deletion_auc) if deletion else (one.insertion, one.insertion_auc)
        kind = "curve best" if place == 0 else "curve other"
        named = words.write_point(say(METHODS[one.method].title), auc)
        lines.append(Line(named, y, kind=kind, mark=str(place)))
    axes = Axes(
        x, ticks=TICKS, labels=(say(words.REMOVED if deletion else words.SHOWN), say(words.PROBABILITY))
    )
    drawing = draw_lines(
        axes,
        lines,
        band=(trust.random_low, trust.random_high),
        description=words.describe_chart(trust, deletion=deletion),
        frame=FRAME,
    )
    return tag("figure", tag("figcaption", tag("b", name), " ", explained), drawing, save_button())


def write_areas(trust: Trust) -> Html:
    """Return a line a map, the best first, with bars of its two areas; random order in its place."""
    lines = [(one.gap, write_line(trust, place, one)) for place, one in enumerate(trust.candidates)]
    chance = (say(words.RANDOM), draw_bar(trust.random_auc), draw_bar(trust.random_auc), "0.00")
    lines.append((0.0, row(*chance, class_="chance", tabindex=0, data_row="random")))
    rows = [html for _, html in sorted(lines, key=lambda one: -one[0])]
    return table([say(name) for name in words.COLUMNS], rows)


def write_line(trust: Trust, place: int, one: Candidate) -> Html:
    method = METHODS[one.method]
    kind = "passes" if one.gap > trust.bar else "fails"
    gap = f"{one.gap:+.2f}".replace("-", "−")
    cells = (say(method.title), draw_bar(one.deletion_auc), draw_bar(one.insertion_auc), gap)
    return row(*cells, class_=kind, tabindex=0, data_row=place, title=say(method.summary))


def write_others(trust: Trust) -> Html:
    """Return a line a map with the numbers by which papers judge maps; it opens at a click."""
    rows = [
        row(
            say(METHODS[one.method].title),
            f"{one.srg:+.2f}".replace("-", "−"),
            percent(one.mif_accuracy),
            percent(one.lif_accuracy),
        )
        for one in trust.candidates
    ]
    shown = table([say(name) for name in words.OTHER_COLUMNS], rows)
    return tag("details", tag("summary", say(words.OTHERS)), shown, quiet(say(words.OTHERS_ABOUT)))


def draw_bar(share: float) -> Html:
    """Return a number with a bar that is full at 1."""
    filled = tag("span", tag("i", style=f"width: {100 * share:.1f}%"), class_="area")
    return join(filled, tag("b", f"{share:.2f}"))
