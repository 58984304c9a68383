"""Traces of any shape: every map is what its text promises, and a wrong trace cannot be made."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.maps.traces import make_trace
from vitdemo.maps import METHODS, PatchDropped, explain, explain_inward
from vitdemo.maps.options import Option
from vitdemo.maps.statistics import attention_distance, attention_entropy
from vitdemo.trace import Trace

LAYERS, HEADS = 4, 3  # of `make_trace`
ROLLOUTS = ("raw-attention", "attention-rollout", "head-rollout", "gradient-rollout")


@dataclasses.dataclass(frozen=True)
class Shape:
    """A trace to be made. `empty`: the share of each layer's rows without weight, as of a linear head."""

    grid: tuple[int, int]
    prefix: int
    cuts: dict[int, int]
    pool: str
    seed: int
    empty: tuple[float, ...]

    def counts(self) -> dict[str, int]:
        return {
            "layer": LAYERS,
            "head": HEADS,
            "query": self.grid[0] * self.grid[1],
            "stage": len(self.cuts),
        }

    def trace(self) -> Trace:
        trace = make_trace(
            grid=self.grid, prefix=self.prefix, cuts=self.cuts, pool=self.pool, seed=self.seed, graded=True
        )
        chance = torch.Generator().manual_seed(self.seed)
        for attn, empty in zip(trace.attn, self.empty, strict=True):
            attn[:, torch.rand(attn.shape[-1], generator=chance) < empty] = 0.0
        return dataclasses.replace(trace, token_norms=tuple(torch.ones(len(ids)) for ids in trace.token_ids))


@st.composite
def draw_shape(draw: st.DrawFn) -> Shape:
    """Any grid up to 4 x 5, down to one patch; cuts anywhere, down to one patch."""
    grid = draw(st.tuples(st.integers(1, 4), st.integers(1, 5)))
    prefix, count, cuts = draw(st.integers(0, 3)), grid[0] * grid[1], {}
    for layer in sorted(draw(st.sets(st.integers(0, LAYERS - 1)))):
        cuts[layer] = count = draw(st.integers(1, count))
    pool = draw(st.sampled_from(["token", "avg"] if prefix else ["avg"]))
    empty = draw(st.tuples(*[st.sampled_from([0.0, 0.3, 1.0])] * LAYERS))
    return Shape(grid, prefix, cuts, pool, draw(st.integers(0, 1000)), empty)


def read_value(draw: st.DrawFn, option: Option, shape: Shape) -> Any:
    if option.kind == "choice":
        return draw(st.sampled_from(option.choices))
    if option.kind == "float":
        return draw(st.floats(option.low, option.high))
    index = st.integers(0, shape.counts()[option.kind] - 1)
    return draw(st.none() | index if option.default is None else index)


@st.composite
def draw_question(draw: st.DrawFn) -> tuple[Shape, str, dict[str, Any]]:
    """Return a trace, a method that it has, and options that the method takes."""
    shape = draw(draw_shape())
    key = draw(st.sampled_from([key for key, one in METHODS.items() if shape.cuts or not one.needs_pruning]))
    return shape, key, {one.key: read_value(draw, one, shape) for one in METHODS[key].options}


def find_reference_layers(trace: Trace, key: str, options: dict[str, Any]) -> Sequence[int]:
    """Return the layers over whose patches a map may be drawn: one, or any for a map that is not known here.

    -1: of those that entered.
    """
    if key == "raw-attention":
        return [LAYERS - 1 if options["layer"] is None else options["layer"]]
    if key == "keep-score":
        return [trace.prune_loc[options["stage"]] - 1]
    if key in ("head-rollout", "legrad", "attnlrp", "reslrp", "occlusion"):
        return [0]
    if key.endswith("gradcam"):
        return [LAYERS - 1]
    return [options["start_layer"]] if "start_layer" in options else range(-1, LAYERS)


@settings(max_examples=100)
@given(case=draw_question())
def test_a_map_has_a_number_where_there_is_a_patch(case: tuple[Shape, str, dict[str, Any]]) -> None:
    trace, key, options = case[0].trace(), *case[1:]
    try:
        heat = explain(trace, key, **options)
    except PatchDropped:
        gone = set(range(trace.num_patches)) - set(trace.patch_ids(-1).tolist())
        assert options["query"] in gone
        return
    present = [
        set(trace.patch_ids(layer).tolist()) if layer >= 0 else set(range(trace.num_patches))
        for layer in find_reference_layers(trace, key, options)
    ]
    assert heat.shape == trace.grid
    assert set(np.flatnonzero(~np.isnan(heat)).tolist()) in present
    if key == "keep-score":
        np.testing.assert_array_equal(np.sort(heat[~np.isnan(heat)]), np.sort(trace.scores[options["stage"]]))
    elif not METHODS[key].signed:
        assert np.nanmin(heat) >= 0
    if key in ROLLOUTS and options.get("fusion", "mean") != "max":  # the largest of all heads adds up to more
        assert np.nansum(heat) <= 1 + 1e-5


@settings(max_examples=40)
@given(case=draw_question().filter(lambda case: METHODS[case[1]].inward))
def test_the_other_direction_has_numbers_too(case: tuple[Shape, str, dict[str, Any]]) -> None:
    trace, key, options = case[0].trace(), *case[1:]
    try:
        heat = explain_inward(trace, key, **options)
    except PatchDropped:
        assert options["query"] is not None
        return
    assert np.nanmin(heat) >= 0
    assert np.isfinite(heat[~np.isnan(heat)]).all()
    layer = LAYERS - 1 if options.get("layer") is None else options["layer"]
    assert np.count_nonzero(~np.isnan(heat)) == len(trace.patch_ids(layer))


@settings(max_examples=40)
@given(shape=draw_shape())
def test_statistics_stay_in_their_bounds(shape: Shape) -> None:
    trace = shape.trace()
    distance, entropy = attention_distance(trace, patch_size=(4, 4)), attention_entropy(trace)
    farthest = 4 * math.hypot(trace.grid[0] - 1, trace.grid[1] - 1)
    for layer, attn in enumerate(trace.attn):
        prefix = trace.num_prefix_tokens
        looking = (attn.sum(-1) > 0).any(-1).numpy()
        assert (np.isnan(entropy[layer]) == ~looking).all()
        assert (entropy[layer][looking] <= math.log(attn.shape[-1]) + 1e-5).all()
        assert (entropy[layer][looking] >= 0).all()
        paying = (attn[:, prefix:, prefix:].sum(-1) > 0).any(-1).numpy()
        assert (np.isnan(distance[layer]) == ~paying).all()
        assert (distance[layer][paying] <= farthest + 1e-4).all()


def change(field: str, change: Callable[[Any], Any]) -> Callable[[Trace], dict[str, Any]]:
    return lambda trace: {field: change(getattr(trace, field))}


def find_last(change: Callable[[Any], Any]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    return lambda parts: (*parts[:-1], change(parts[-1]))


FAULTS: dict[str, Callable[[Trace], dict[str, Any]]] = {
    "no layer": lambda trace: {"attn": (), "token_ids": ()},
    "a layer more": change("attn", lambda attn: (*attn, attn[-1])),
    "a head more": change("attn", find_last(lambda attn: torch.cat([attn, attn[:1]]))),
    "a row more": change("attn", find_last(lambda attn: torch.cat([attn, attn[:, :1]], dim=1))),
    "a column more": change("attn", find_last(lambda attn: torch.cat([attn, attn[..., :1]], dim=2))),
    "one matrix": change("attn", find_last(lambda attn: attn[0])),
    "an id twice": change("token_ids", find_last(lambda ids: torch.cat([ids, ids[-1:]]))),
    "ids that fall": change("token_ids", find_last(lambda ids: ids.flip(0) if len(ids) > 1 else ids + 99)),
    "an id that never was": change("token_ids", find_last(lambda ids: torch.cat([ids[:-1], ids[-1:] + 99]))),
    "a negative id": change("token_ids", find_last(lambda ids: torch.cat([ids[:1] - 99, ids[1:]]))),
    "an empty grid": lambda trace: {"grid": (0, 5)},
    "a negative prefix": lambda trace: {"num_prefix_tokens": -1},
    "prefix tokens that are gone": lambda trace: {"num_prefix_tokens": trace.token_ids[0][-1].item() + 2},
    "a longer readout": change("readout", lambda values: torch.cat([values, values[:1] * 0])),
    "a readout of 2": change("readout", lambda values: 2 * values),
    "a readout of NaN": change("readout", lambda values: torch.nan * values),
    "a negative readout": change("readout", lambda values: torch.cat([values[:-1] + 5, -values[-1:] - 5])),
    "a norm more": change("token_norms", find_last(lambda norms: torch.cat([norms, norms[:1]]))),
    "a layer of norms less": change("token_norms", lambda norms: norms[:-1]),
    "a layer of directions": lambda trace: {"directions": (torch.ones(len(trace.token_ids[0]), 2).half(),)},
    "a stage more": lambda trace: {"prune_loc": (0, 1), "scores": (torch.zeros(trace.num_patches),)},
    "scores without a stage": change("scores", lambda scores: (*scores, torch.zeros(1))),
    "a stage after all": lambda trace: {
        "prune_loc": (*trace.prune_loc, LAYERS),
        "scores": (*trace.scores, torch.zeros(len(trace.patch_ids(-1)))),
    },
    "a stage before all": lambda trace: {
        "prune_loc": (-1, *trace.prune_loc),
        "scores": (torch.zeros(trace.num_patches), *trace.scores),
    },
    "the same stage twice": lambda trace: {"prune_loc": (3, 3), "scores": trace.scores[:1] * 2},
    "a score more": lambda trace: {"prune_loc": (0,), "scores": (torch.zeros(trace.num_patches + 1),)},
    "a target that is no class": change("target", lambda target: target + 5),
    "a negative target": change("target", lambda target: -1),
    "no logits": lambda trace: {"logits": None},
    "no tokens": lambda trace: {"tokens": None},
    "a gradient less": change("attn_grad", lambda grads: grads[:-1]),
    "an early gradient less": change("early_grad", lambda grads: grads[:-1]),
    "a layer of relevance less": change("relevance", lambda layers: layers[:-1]),
    "a token more": change("tokens", lambda tokens: torch.cat([tokens, tokens[:1]])),
}


@pytest.mark.parametrize("name", FAULTS)
@settings(max_examples=5)
@given(shape=draw_shape())
def test_a_trace_with_one_fault_cannot_be_made(name: str, shape: Shape) -> None:
    trace = shape.trace()
    wrong = copy.copy(trace)
    for field, value in FAULTS[name](trace).items():  # past the tests' type checker
        object.__setattr__(wrong, field, value)
    with pytest.raises(AssertionError):
        wrong.__post_init__()
