"""Which map tells the truth about this picture, by removing patches; and checks."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import METHODS, Candidate, Progress, Trust
from vitdemo.ui.kit.components import RUN, heading
from vitdemo.ui.kit.errors import explain
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import escaped, save_button
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.session import Session
from vitdemo.ui.tabs.trust import sanity, words
from vitdemo.ui.tabs.trust.checks import CHECKS
from vitdemo.ui.tabs.trust.curves import Line, percent_chart


def build(session: Session) -> None:
    """Build the tab, which judges when it is seen, once a picture and clicked class."""
    with gr.Tab(label(words.TAB), elem_id="tab-referee") as tab:
        heading(words.HEADING, words.HEADING_MORE)
        shown = gr.HTML(words.waiting(words.NO_RESULT), padding=False, elem_id="referee")
        with gr.Accordion(label(CHECKS), open=False, elem_id="checks"):
            sanity.build(session)

        def draw(values: Values, report: Progress) -> Values:
            try:
                trust = session.open(values, report).trust(session.chosen_class(values))
            except ValueError as error:  # where the verdict would stand, so that no old one stays
                return {shown: words.waiting(explain(error))}
            return {shown: report_html(trust)}

        def empty(values: Values) -> Values:
            return {shown: words.waiting(words.RUNNING if values[session.key] else words.NO_RESULT)}

        part = Part(draw, [shown], {session.chosen}, empty=empty, version=session.chosen_class)
        session.follow(part, tab, **RUN)


def report_html(trust: Trust) -> str:
    """The sentence, both charts, and the table of areas."""
    return (
        f'<div class="referee"><p class="verdict" role="status">{words.sentence(trust)}</p>'
        f'<div class="charts">{chart(trust, deletion=True)}{chart(trust, deletion=False)}</div>'
        f'{table(trust)}<p class="quiet">{escaped(words.about(trust))}</p></div>'
    )


def chart(trust: Trust, *, deletion: bool) -> str:
    """The curves of all maps over the band of random orders; the best map's is drawn last and thick."""
    name, line = map(say, words.DELETION if deletion else words.INSERTION)
    present = [count / trust.num_patches for count in trust.kept]
    x = [1 - share for share in present] if deletion else present
    lines = [Line(say(words.RANDOM), "random", "random", trust.random_mean)]
    for place, one in reversed(list(enumerate(trust.candidates))):
        y, auc = (one.deletion, one.deletion_auc) if deletion else (one.insertion, one.insertion_auc)
        kind = "best" if place == 0 else "other"
        lines.append(Line(words.probability_at(say(METHODS[one.method].title), auc), kind, str(place), y))
    drawing = percent_chart(
        x,
        lines,
        band=(trust.random_low, trust.random_high),
        labels=(say(words.REMOVED if deletion else words.SHOWN), say(words.PROBABILITY)),
        description=words.described(trust, deletion=deletion),
    )
    return f"<figure><figcaption><b>{name}</b> {escaped(line)}</figcaption>{drawing}{save_button()}</figure>"


def table(trust: Trust) -> str:
    """A line a map, the best first, with bars of its two areas; random order in its place."""
    head = "".join(f'<th scope="col">{say(name)}</th>' for name in words.COLUMNS)
    rows = [(one.gap, line(trust, place, one)) for place, one in enumerate(trust.candidates)]
    cells = f"<td>{bar(trust.random_auc)}</td>" * 2
    chance = (
        f'<tr class="chance" tabindex="0" data-row="random"><th scope="row">{say(words.RANDOM)}</th>{cells}'
    )
    rows.append((0.0, f"{chance}<td>0.00</td></tr>"))
    body = "".join(html for _, html in sorted(rows, key=lambda row: -row[0]))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def line(trust: Trust, place: int, one: Candidate) -> str:
    method = METHODS[one.method]
    kind = "passes" if one.gap > trust.bar else "fails"
    gap = f"{one.gap:+.2f}".replace("-", "−")
    return (
        f'<tr class="{kind}" tabindex="0" data-row="{place}" title="{escaped(say(method.summary))}">'
        f'<th scope="row">{escaped(say(method.title))}</th><td>{bar(one.deletion_auc)}</td>'
        f"<td>{bar(one.insertion_auc)}</td><td>{gap}</td></tr>"
    )


def bar(share: float) -> str:
    """A number with a bar that is full at 1."""
    return f'<span class="area"><i style="width: {100 * share:.1f}%"></i></span><b>{share:.2f}</b>'
