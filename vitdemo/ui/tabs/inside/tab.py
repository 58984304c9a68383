"""The last tab: the way through the network, what its weights hold, and how each head looks."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vitdemo.engine import DEFAULT_MODEL, Engine, Progress
from vitdemo.ui.kit.components import QUEUED, QUIET, figure, heading
from vitdemo.ui.kit.followers import drawn_when_seen
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.section import Section, hidden, on_button
from vitdemo.ui.kit.session import Left, Values, open_result, told
from vitdemo.ui.tabs.inside import card, speed, walk, words

Pair = tuple[gr.Image, gr.HTML]


def tab(engine: Engine, left: Left) -> None:
    """The tab, filled when it is seen; jobs that run a network wait for their buttons."""
    with gr.Tab(label(words.TAB), elem_id="tab-inside") as opened:
        heading(words.WALK, words.WALK_MORE)
        parts = [walk.section(engine, left)]
        for title, name, build in (
            (words.WEIGHTS, "weights", weights),
            (words.HEADS, "heads", heads),
            (words.CARD, "card", card.section),
        ):
            with gr.Accordion(label(title), open=False, elem_id=f"inside-{name}"):
                parts.append(build(engine, left))
        with gr.Accordion(label(words.SPEED), open=False, elem_id="inside-speed"):
            speed.section(engine, left)

        def show(values: Values) -> Values:
            return {component: value for part in parts for component, value in part.show(values).items()}

        drawn_when_seen(
            opened,
            left,
            show,
            inputs=set().union(*(part.inputs for part in parts)),
            outputs=[component for part in parts for component in part.outputs],
        )


def weight_figures(count: int) -> tuple[gr.Image, gr.HTML, gr.Image, gr.Slider, gr.Image]:
    """The filters and their words; the similarity of all `count` positions, a slider, and that of one."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=280):
            heading(words.FILTERS)
            tiles = figure(words.FILTERS_ALT, elem_id="filters")
            said = gr.HTML(padding=False)
        with gr.Column(scale=5, min_width=280):
            heading(words.POSITIONS, words.POSITIONS_MORE)
            sheet = figure(words.POSITIONS_ALT, elem_id="positions")
            place = gr.Slider(
                0,
                count - 1,
                count // 2,
                step=1,
                label=label(words.POSITION),
                info=label(words.POSITION_INFO),
                buttons=[],
                elem_id="position",
            )
            large = figure(words.POSITION_ALT, height=340, elem_id="position-map")
    return tiles, said, sheet, place, large


def weights(engine: Engine, left: Left) -> Section:
    """Patch filters, and the similarity of the positions."""
    tiles, said, sheet, place, large = weight_figures(engine.info(DEFAULT_MODEL).num_patches)
    outputs = [tiles, said, sheet, place, large]

    def positions(values: Values, chosen: int) -> Values:
        last = engine.info(values[left.model]).num_patches - 1
        chosen = min(chosen, last)
        inside = open_result(engine, left, values).inside
        return {
            sheet: inside.positions_figure(chosen),
            large: inside.position_figure(chosen),
            place: gr.Slider(maximum=last, value=chosen),
        }

    def show(values: Values) -> Values:
        found = open_result(engine, left, values).inside.filters()
        rows, columns = engine.info(values[left.model]).grid
        chosen = rows // 2 * columns + columns // 2
        return {tiles: found.image, said: words.filters(found), **positions(values, chosen)}

    def moved(values: Values) -> Values:
        if not values[left.key]:
            return {place: gr.skip()}
        with told():
            return positions(values, int(values[place]))

    def clicked(values: Values, event: gr.SelectData) -> Values:
        x, y = (int(value) for value in event.index)
        with told():
            chosen = open_result(engine, left, values).inside.position_at(x, y)
            return {place: gr.skip()} if chosen is None else positions(values, chosen)

    inputs = {*left.inputs, place}
    place.release(moved, inputs, [sheet, place, large], trigger_mode="always_last", **QUEUED)
    sheet.select(clicked, inputs, [sheet, place, large], trigger_mode="multiple", **QUEUED)
    return Section(show, set(), outputs)


def head_figures() -> tuple[list[Pair], gr.Button]:
    """Distance, entropy, ablation and norms, each a figure with words below; the ablation's button."""
    button = gr.Button(label(words.ABLATION_BUTTON), size="sm", render=False, elem_id="ablation-run")
    pairs: list[Pair] = []
    for row in (
        ((words.DISTANCE, words.DISTANCE_ALT, "distance"), (words.ENTROPY, words.ENTROPY_ALT, "entropy")),
        ((words.ABLATION, words.ABLATION_ALT, "ablation"), (words.TOKENS, words.NORMS_ALT, "norms")),
    ):
        with gr.Row(equal_height=False):
            for title, alt, name in row:
                with gr.Column(min_width=280):
                    more = words.ABLATION_MORE if name == "ablation" else ""
                    heading(title, more)
                    if name == "ablation":
                        button.render()
                    shown = figure(alt, visible=name != "ablation", elem_id=name)
                    pairs.append((shown, gr.HTML(padding=False, elem_id=f"{name}-note")))
    return pairs, button


def heads(engine: Engine, left: Left) -> Section:
    """Distance, entropy and ablation of each head, and the norms of the tokens, in one of the two passes."""
    which = gr.Radio(
        [(label(name), value) for name, value in words.PASSES],
        value="pruned",
        label=label(words.PASS),
        info=label(words.PASS_INFO),
        elem_id="inside-pass",
    )
    pairs, button = head_figures()
    distance, entropy, ablation, norms = pairs
    outputs: list[Any] = [*distance, *entropy, *norms]

    def show(values: Values) -> Values:
        inside = open_result(engine, left, values).inside
        looked, found = inside.heads(values[which]), inside.norms(values[which])
        return {
            distance[0]: looked.distance_figure,
            distance[1]: words.distance(looked),
            entropy[0]: looked.entropy_figure,
            entropy[1]: words.entropy(looked),
            norms[0]: found.image,
            norms[1]: words.norms(found),
        }

    def changed(values: Values) -> Values:
        if not values[left.key]:
            return {distance[1]: gr.skip()}
        with told():
            return show(values)

    def silence(values: Values, report: Progress) -> Values:
        found = open_result(engine, left, values, report).inside.ablation(values[which])
        shown = gr.update(value=found.image, visible=True, alt_text=say(words.ABLATION_ALT))
        return {ablation[0]: shown, ablation[1]: words.ablation(found)}

    which.input(changed, {*left.inputs, which}, outputs, trigger_mode="always_last", **QUEUED)
    which.input(lambda: {one: hidden(one) for one in ablation}, None, list(ablation), **QUIET)
    on_button(left, button, job=silence, inputs={which}, outputs=list(ablation))
    return Section(show, {which}, outputs)
