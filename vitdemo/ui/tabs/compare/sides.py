"""The controls of one side of the tab "Compare"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vitdemo.engine import MAX_PRUNING_RATIO, Engine, Request
from vitdemo.ui.kit.choice import Choice
from vitdemo.ui.kit.components import QUIET, build_reduction, list_networks, list_selectors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.language import label
from vitdemo.ui.kit.opening import FIRST_RATIO
from vitdemo.ui.kit.received import choose_known
from vitdemo.ui.kit.sizes import list_sizes
from vitdemo.ui.tabs.compare import words

# Model, pruning ratio in percent, selector, size, reduction. Selector and size may be None until they follow.
Setting = tuple[str, float, str | None, str | None, str]


@dataclass(frozen=True)
class Column:
    """The controls of one side."""

    model: gr.Dropdown
    ratio: gr.Slider
    selector: Choice
    size: Choice
    reduction: gr.Dropdown

    @property
    def controls(self) -> list[Any]:
        """From top to bottom."""
        return [self.model, self.ratio, self.selector, self.size, self.reduction]

    def read(self, values: Values) -> Setting:
        """Return what the visitor has chosen here."""
        model, ratio, selector, size, reduction = (values[one] for one in self.controls)
        return model, ratio, selector, size, reduction

    def show(self, engine: Engine, setting: Setting, added: Sequence[str]) -> Values:
        """Return the updates that bring the controls to `setting`. `added`: more networks of the menu."""
        model, ratio, *_, reduction = setting
        networks = gr.Dropdown(list_networks(engine, added), value=model)
        own = {self.model: networks, self.ratio: ratio, self.reduction: reduction}
        return {**own, **self.follow(engine, setting)}

    def follow(self, engine: Engine, setting: Setting) -> Values:
        """Return what the model of `setting` offers, with what it has of the setting chosen."""
        model, _, selector, size, _ = setting
        selectors, sizes = engine.info(model).selectors, engine.sizes(model)
        return {
            self.selector: Choice(list_selectors(selectors), value=choose_known(selector, selectors)),
            self.size: Choice(list_sizes(sizes), value=choose_known(size, sizes)),
        }


def build_column(engine: Engine, side: str) -> Column:
    """Build the controls of side "a" or "b", as they are until the tab is seen."""
    known = engine.info(engine.default_model).selectors
    with gr.Column(min_width=280, elem_id=f"compare-{side}"):
        return Column(
            model=gr.Dropdown(
                list_networks(engine),
                value=engine.default_model,
                label=label(words.MODEL[side]),
                info=label(words.MODEL_INFO),
                filterable=False,
                elem_id=f"compare-model-{side}",
            ),
            ratio=gr.Slider(
                0,
                100 * MAX_PRUNING_RATIO,
                FIRST_RATIO if side == "a" else 0,
                step=5,
                label=label(words.RATIO[side]),
                info=label(words.RATIO_INFO),
                buttons=[],
                elem_id=f"compare-ratio-{side}",
            ),
            selector=Choice(
                list_selectors(known),
                value=known[0],
                label=label(words.SELECTOR[side]),
                info=label(words.SELECTOR_INFO),
                filterable=False,
                elem_id=f"compare-selector-{side}",
            ),
            size=Choice(
                list_sizes(engine.sizes(engine.default_model)),
                value="",
                label=label(words.SIZE[side]),
                info=label(words.SIZE_INFO),
                filterable=False,
                elem_id=f"compare-size-{side}",
            ),
            reduction=build_reduction(
                words.REDUCTION[side], words.REDUCTION_INFO, elem_id=f"compare-reduction-{side}"
            ),
        )


def make_request(engine: Engine, picture: Any, setting: Setting) -> Request:
    """Return the request that asks for `setting` of `picture`; a size that a model lacks is its own."""
    model, ratio, selector, size, reduction = setting
    selector = choose_known(selector, engine.info(model).selectors)
    size = choose_known(size, engine.sizes(model))
    return Request(picture, model, ratio / 100, selector, size, reduction)


def wire_column(engine: Engine, side: Column, touched: gr.State) -> None:
    """Let selectors and sizes follow the model, and `touched` become true with the visitor's first change."""

    def choose(values: Values) -> Values:
        return side.follow(engine, side.read(values))

    side.model.input(choose, set(side.controls), [side.selector, side.size], **QUIET)
    chosen = (side.model, side.selector, side.size, side.reduction)
    for event in (side.ratio.release, *(one.input for one in chosen)):
        event(lambda: True, None, touched, **QUIET)
