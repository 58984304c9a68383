"""Below the prediction: what speaks for one class, the top one until another is clicked.

A second list names another, rather than which.

The map that is the most faithful to the network stands first. The others are computed when "More maps" is
opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vitdemo.engine import Analysis, ClassMap, Progress
from vitdemo.ui.kit.components import RUN, gallery
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html
from vitdemo.ui.kit.language import english, label, say, word
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import take
from vitdemo.ui.kit.visit import make_progress
from vitdemo.ui.tabs.prediction import words


@dataclass(frozen=True)
class Places:
    """Where the maps of a class are shown. `first`: the best of them. `others`: the rest, inside `more`."""

    heading: gr.HTML
    against: gr.Radio
    first: gr.Gallery
    why: gr.HTML
    more: gr.Accordion
    others: gr.Gallery

    def fill(self, title: Html | None, maps: Sequence[ClassMap], analysis: Analysis | None = None) -> Values:
        """Return what all places but `others` show."""
        return {
            self.heading: title,
            self.against: gr.Radio(**offer_others(analysis, maps, say)),
            self.first: caption_maps(maps[:1]),
            self.why: words.explain_first(maps),
            self.more: gr.update(visible=bool(maps)),
        }


def lay_out(session: Session) -> Places:
    """Build the places, with the maps that the page brings."""
    brought, analysis = (session.first.maps, session.first.analysis) if session.first else ((), None)
    heading = gr.HTML(words.write_class_title(brought), padding=False, elem_id="class-title")
    against = gr.Radio(
        label=label(words.AGAINST), elem_id="against", **offer_others(analysis, brought, label)
    )
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=260):
            first = gallery(caption_maps(brought[:1]), columns=1, elem_id="class-maps")
        with gr.Column(scale=7, min_width=300):
            why = gr.HTML(words.explain_first(brought), padding=False, elem_id="class-why")
            with gr.Accordion(
                label(words.MORE), open=False, visible=bool(brought), elem_id="more-maps"
            ) as more:
                others = gallery([], columns=3, elem_id="other-maps")
    return Places(heading, against, first, why, more, others)


def build(session: Session, tab: gr.Tab, top: gr.Label) -> None:
    """Build the maps inside `tab`; a click in `top` chooses their class, a second list the other."""
    places, chosen = lay_out(session), session.chosen
    heading, against, others = places.heading, places.against, places.others

    def draw(values: Values, report: Progress) -> Values:
        (wanted, other), result = session.find_classes(values), session.open(values, report)
        maps = result.classes(wanted, against=other, count=1)
        title = words.write_class_title(maps) if maps else words.write_no_classes()
        return places.fill(title, maps, result.analysis)

    def draw_others(values: Values, report: Progress) -> Values:
        wanted, other = session.find_classes(values)
        return {others: caption_maps(session.open(values, report).classes(wanted, against=other)[1:])}

    def choose(values: Values, event: gr.SelectData) -> Values:
        if not values[session.key]:
            return {heading: gr.skip()}
        return show(values, english(take(event, "value", str)), "")

    def compare(values: Values) -> Values:
        if not values[session.key]:
            return {heading: gr.skip()}
        return show(values, session.find_classes(values)[0], values[against] or "")

    def show(values: Values, *classes: str) -> Values:
        picked = (values[session.key], *classes)
        with tell_errors():
            return {chosen: picked, **draw({**values, chosen: picked}, make_progress())}

    outputs = [heading, against, places.first, places.why, places.more]
    options = {**RUN, "show_progress": "minimal"}
    part = Part(draw, outputs, inputs={chosen}, empty=lambda values: places.fill(None, ()))
    session.follow(part, tab, brought=bool(session.first and session.first.maps), **options)
    rest = Part(draw_others, [others], inputs={chosen}, version=session.find_classes)
    session.follow(rest, places.more, also=[chosen.change], **options)
    options |= {"trigger_mode": "always_last", "show_progress_on": [places.first]}
    top.select(choose, {*session.inputs, chosen}, [chosen, *outputs], **options)
    against.input(compare, {*session.inputs, chosen, against}, [chosen, *outputs], **options)


def offer_others(
    analysis: Analysis | None, maps: Sequence[ClassMap], translate: Callable[[str], Any]
) -> dict[str, Any]:
    """Return what the list offers: the likeliest classes besides that of `maps`, and none of them."""
    if analysis is None or not maps:
        return {"choices": [], "value": None, "visible": False}
    names = [name for name, _ in (analysis.pruned or analysis.dense).top if name != maps[0].label]
    choices = [(translate(words.ALONE), ""), *((word(name), name) for name in names)]
    return {"choices": choices, "value": maps[0].against, "visible": bool(names)}


def caption_maps(found: Sequence[ClassMap]) -> list[tuple[Any, str]]:
    """Return the maps with their captions."""
    return [(one.image, words.write_map_caption(one.method, one.total)) for one in found]
