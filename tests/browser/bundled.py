"""The page in this process, so that a test can count forward passes; and the same maps without the page."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from playwright.sync_api import Page

from tests.browser.server import MODEL, ROOT, quick_models, serve_page
from tests.engine.bundle import record_traces
from vitdemo.config import ViTConfig
from vitdemo.decode import decode
from vitdemo.engine import Engine
from vitdemo.examples import example_paths
from vitdemo.maps import METHODS, PatchDropped, explain
from vitdemo.models.selectors import list_selectors
from vitdemo.registry import MODELS
from vitdemo.trace import Trace
from vitdemo.weights import load_model

INSTANT = 50  # milliseconds
# From the event until the thumbnails are drawn: the attribute is set after the last of them, in a frame.
TIMES = """async ({ name, turns }) => {
    const root = document.querySelector(".attention"), canvas = root.querySelector(".picture");
    const side = Math.sqrt(root.attention.heat({ method: "attention-rollout", query: null }).length);
    const slide = (control, value) => {
        const slider = root.querySelector(`[data-control=${control}]`);
        slider.value = value;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const layers = root.attention.heats().length, fusions = ["mean", "max", "min"];
    const acts = { // each goes on from what is shown, so that something changes
        hover() {
            const box = canvas.getBoundingClientRect();
            const patch = (JSON.parse(root.dataset.shown ?? "null") + 7) % side ** 2;
            const clientX = box.left + (patch % side + .5) * box.width / side;
            const clientY = box.top + (Math.floor(patch / side) + .5) * box.height / side;
            canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
        },
        layer: ({ layer }) => slide("layer", (layer + 1) % layers),
        fusion({ fusion }) {
            const next = fusions[(fusions.indexOf(fusion) + 1) % 3];
            root.querySelector(`[name=attention-fusion][value=${next}]`).click();
        },
        discard_ratio(state) {
            slide("discard_ratio", 5 + (Math.round(100 * state.discard_ratio) % 95));
        },
    };
    const times = [];
    for (let turn = 0; turn < turns; turn++) {
        await new Promise(requestAnimationFrame);
        const drawn = new Promise((done) => {
            const observer = new MutationObserver(() => { observer.disconnect(); done(performance.now()); });
            observer.observe(root, { attributeFilter: ["data-grid"] });
        });
        const start = performance.now();
        acts[name](root.attention.state);
        times.push((await drawn) - start);
    }
    return times;
}"""


def measure_slowest(page: Page, name: str, *, turns: int, percentile: int = 95) -> float:
    """Return the percentile, in milliseconds, of doing `name` until all thumbnails are drawn again.

    A frame, 16.7 ms, is the least. The best of up to thirty rounds, for other programs only ever add to it.
    """
    rounds: list[float] = []
    while len(rounds) < 30 and min(rounds, default=np.inf) >= INSTANT:
        times = page.evaluate(TIMES, {"name": name, "turns": turns})
        rounds.append(float(np.percentile(times, percentile)))
    return min(rounds)


@cache
def start_bundled() -> tuple[Engine, str]:
    """An engine with the bundled weights, and the address of its page; it lives as long as the tests."""
    engine = Engine(device="cpu", models_dir=quick_models())
    stack = ExitStack()
    atexit.register(stack.close)
    return engine, stack.enter_context(serve_page(engine))


@cache
def load_config(model: str = MODEL) -> ViTConfig:
    """Of the bundled weights."""
    return load_model(model).spec.config


def find_best(model: str) -> str:
    """Return the selector with which the page opens the bundled `model`."""
    return list_selectors(MODELS[model].config)[0]


@cache
def record_first(model: str) -> dict[str, Trace]:
    """Return the traces that the page shows first, recorded without the engine."""
    image = decode(next(iter(example_paths().values())))
    dense, pruned = record_traces(
        ROOT / "checkpoints", model, image, keep_ratio=0.7, selector=find_best(model)
    )
    return {"dense": dense, "pruned": pruned}


def find_dropped_patch() -> tuple[int, int]:
    """Return a patch that goes at the second stage of pruning, and the first layer without it."""
    prune = load_config().prune
    assert prune
    layer = prune.prune_loc[1]
    trace = record_first("dynamicvit_cifar10")["pruned"]
    before, after = (set(trace.patch_ids(index).tolist()) for index in (layer - 1, layer))
    return min(before - after), layer


def explain_look(trace: Trace, look: dict[str, Any]) -> np.ndarray | None:
    """Return `vitdemo.maps` of a look at attention, patch by patch; None where the query was dropped."""
    options = {option.key for option in METHODS[look["method"]].options} & look.keys()
    try:
        heat = explain(trace, look["method"], **{name: look[name] for name in options})
    except PatchDropped:
        return None
    return heat.ravel()


def explain_inward(trace: Trace, look: dict[str, Any]) -> np.ndarray:
    """A look in the other direction by whole matrices in double precision; NaN for rows that are gone."""
    count = trace.num_prefix_tokens + trace.num_patches
    start = torch.zeros(count, dtype=torch.float64)
    if look["query"] is None:
        start[trace.token_ids[-1]] = trace.readout.double()
    else:
        start[look["query"] + trace.num_prefix_tokens] = 1.0
    rollout = look["method"] == "attention-rollout"
    top = len(trace.attn) if rollout else look["layer"]
    column = start
    if look["method"] != "raw-attention":
        column = roll_out(trace, top, look["fusion"], look["discard_ratio"]) @ start
    if not rollout:
        attn = trace.attn[look["layer"]].double()
        matrix = fuse(attn, look["fusion"]) if look["head"] is None else attn[look["head"]]
        seen = expand(trace, matrix, look["layer"])
        column = seen @ column
    heat = torch.full((count,), torch.nan, dtype=torch.float64)
    there = trace.token_ids[min(top, len(trace.attn) - 1)]
    heat[there] = column[there]
    return heat[trace.num_prefix_tokens :].numpy()


def fuse(attn: torch.Tensor, fusion: str) -> torch.Tensor:
    return attn.mean(0) if fusion == "mean" else attn.amax(0) if fusion == "max" else attn.amin(0)


def thin(trace: Trace, layer: int, fusion: str, discard: float) -> torch.Tensor:
    """A layer's matrix without those of its weakest entries, in single precision, that go to patches."""
    matrix = fuse(trace.attn[layer], fusion)
    lowest_kept = np.sort(matrix.numpy(), axis=None)[int(matrix.numel() * discard)]
    low = matrix < lowest_kept
    low[:, : trace.num_prefix_tokens] = False
    return torch.where(low, 0.0, matrix).double()


def expand(trace: Trace, matrix: torch.Tensor, layer: int) -> torch.Tensor:
    """Return a layer's matrix among all original positions, zero where a token is gone."""
    count = trace.num_prefix_tokens + trace.num_patches
    result, ids = torch.zeros(count, count, dtype=torch.float64), trace.token_ids[layer]
    result[ids[:, None], ids] = matrix
    return result


def roll_out(trace: Trace, layers: int, fusion: str, discard: float) -> Float[torch.Tensor, "n0 n0"]:
    """Return the rollout of the first `layers` layers; rows of tokens that are gone mean nothing."""
    rollout = torch.eye(trace.num_prefix_tokens + trace.num_patches, dtype=torch.float64)
    for layer in range(layers):
        matrix = expand(trace, thin(trace, layer, fusion, discard), layer)
        matrix += torch.eye(len(matrix), dtype=torch.float64)
        rollout = matrix / matrix.sum(-1, keepdim=True) @ rollout
    return rollout


def read_heats(page: Page, looks: Sequence[dict[str, Any]]) -> list[np.ndarray | None]:
    """Return the Attention tab's own numbers for each look, from the page's payload."""
    found = page.evaluate(
        "looks => looks.map((look) => document.querySelector('.attention').attention.heat(look))", looks
    )
    return [None if heat is None else np.array(heat, dtype=float) for heat in found]
