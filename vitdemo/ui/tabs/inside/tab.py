"""The way through the network, what its weights hold, and how each head looks."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.ui.kit.components import QUEUED, QUIET, figure, heading, hide
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Part, Values, join
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import take_all
from vitdemo.ui.kit.visit import make_progress
from vitdemo.ui.tabs.inside import card, speed, walk, words

Pair = tuple[gr.Image, gr.HTML]


def build(session: Session) -> None:
    """Build the tab, filled when it is seen; jobs that run a network wait for their buttons."""
    with gr.Tab(label(words.TAB), elem_id="tab-inside") as tab:
        heading(words.WALK, words.WALK_MORE)
        parts = [walk.build(session)]
        for title, name, build_part in (
            (words.WEIGHTS, "weights", build_weights),
            (words.HEADS, "heads", build_heads),
            (words.CARD, "card", card.build),
        ):
            with gr.Accordion(label(title), open=False, elem_id=f"inside-{name}"):
                parts.append(build_part(session))
        with gr.Accordion(label(words.SPEED), open=False, elem_id="inside-speed"):
            speed.build(session)
        session.follow(join(parts), tab)


def build_weight_figures(count: int) -> tuple[gr.Image, gr.HTML, gr.Image, gr.Slider, gr.Image]:
    """Build the filters, their words, the similarity of all `count` positions, a slider, and that of one."""
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


def build_weights(session: Session) -> Part:
    """Build the patch filters, and the similarity of the positions."""
    tiles, said, sheet, place, large = build_weight_figures(
        session.engine.info(session.engine.default_model).num_patches
    )

    def show_positions(values: Values, report: Progress, chosen: int) -> Values:
        last = session.engine.info(values[session.model]).num_patches - 1
        chosen = min(chosen, last)
        inside = session.open(values, report).inside
        return {
            sheet: inside.positions_figure(chosen),
            large: inside.position_figure(chosen),
            place: gr.Slider(maximum=last, value=chosen),
        }

    def draw(values: Values, report: Progress) -> Values:
        found = session.open(values, report).inside.filters()
        rows, columns = session.engine.info(values[session.model]).grid
        chosen = rows // 2 * columns + columns // 2
        return {
            tiles: found.image,
            said: words.write_filters(found),
            **show_positions(values, report, chosen),
        }

    def move(values: Values, report: Progress) -> Values:
        return show_positions(values, report, int(values[place]))

    def choose(values: Values, event: gr.SelectData) -> Values:
        x, y = take_all(event, "index", int)
        with tell_errors():
            chosen = session.open(values).inside.position_at(x, y)
            return {place: gr.skip()} if chosen is None else show_positions(values, make_progress(), chosen)

    moved = Part(move, [sheet, place, large], inputs={place})
    session.redraw([place.release], moved)
    sheet.select(choose, session.inputs, list(moved.outputs), trigger_mode="multiple", **QUEUED)
    return Part(draw, [tiles, said, sheet, place, large])


def build_head_figures() -> tuple[list[Pair], gr.Button]:
    """Build distance, entropy, ablation and norms, each a figure with words below; the ablation's button."""
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


def build_heads(session: Session) -> Part:
    """Build distance, entropy and ablation of each head, and the norms of tokens, in one of both passes."""
    which = gr.Radio(
        [(label(name), value) for name, value in words.PASSES],
        value="pruned",
        label=label(words.PASS),
        info=label(words.PASS_INFO),
        elem_id="inside-pass",
    )
    pairs, button = build_head_figures()
    distance, entropy, ablation, norms = pairs

    def draw(values: Values, report: Progress) -> Values:
        inside = session.open(values, report).inside
        looked, found = inside.heads(values[which]), inside.norms(values[which])
        return {
            distance[0]: looked.distance_figure,
            distance[1]: words.write_distance(looked),
            entropy[0]: looked.entropy_figure,
            entropy[1]: words.write_entropy(looked),
            norms[0]: found.image,
            norms[1]: words.write_norms(found),
        }

    def silence(values: Values, report: Progress) -> Values:
        found = session.open(values, report).inside.ablation(values[which])
        shown = gr.update(value=found.image, visible=True, alt_text=say(words.ABLATION_ALT))
        return {ablation[0]: shown, ablation[1]: words.write_ablation(found)}

    part = Part(draw, [*distance, *entropy, *norms], inputs={which})
    session.redraw([which.input], part)
    which.input(lambda: hide(*ablation), None, list(ablation), **QUIET)
    session.follow(Part(silence, ablation, inputs={which}), button)
    return part
