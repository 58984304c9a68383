"""From a photograph to its pictures as PNG: the engine's way, against the plainest scripts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from tests.bench.networks import (
    TIMM,
    TRANSFORMERS,
    is_installed,
    list_shapes,
    make_timm,
    make_transformers,
)
from tests.bench.race import OURS, Row, Setting, compare, miss, race
from tests.bench.scripts import (
    Script,
    make_processor,
    make_timm_script,
    make_transform,
    make_transformers_script,
)
from tests.models.nets import make_pictures
from vitdemo.config import ViTConfig
from vitdemo.engine import Engine, Look, Request
from vitdemo.examples import example_paths
from vitdemo.models.pruning import FixedRatio, Pruning, keep_counts
from vitdemo.models.selectors import ClassAttention
from vitdemo.png import encode_png
from vitdemo.render import draw_tiles
from vitdemo.weights import LoadedModel
from vitdemo.weights.modules import load_module

NAME = "photo to pictures"
PLOTTED, HOOKED, BARE = "transformers + matplotlib", "timm + hooks + matplotlib", "1.25 x bare passes + 50 ms"
RATIO = 0.3
BARS = {PLOTTED: 1 / 3, HOOKED: 1 / 3, BARE: 1.0}


def measure(setting: Setting) -> Iterator[Row]:
    """Measure the last shape with one recorded pass, and with a pruned one besides."""
    if not is_installed(TRANSFORMERS):
        return
    name, config = list(list_shapes(setting).items())[-1]
    theirs = make_transformers(config, attention="eager")
    loaded = load_module(theirs)
    photo = example_paths()["chelsea"]
    for ratio, passes in ((0.0, "one pass"), (RATIO, "two passes")):
        counts = list(keep_counts(config.num_patches, 1 - ratio, 3)) if ratio else []
        calls = {OURS: partial(make_engine_script(loaded, ratio), photo)}
        processor = make_processor(config)
        calls[PLOTTED] = partial(make_transformers_script(theirs, processor, counts), photo)
        if is_installed(TIMM):
            network, transform = make_timm(config, loaded.model), make_transform(config)
            calls[HOOKED] = partial(make_timm_script(network, transform, counts), photo)
        times = race({**calls, BARE: make_bare(loaded, config, ratio)}, setting)
        times[BARE] = [1.25 * took + 50 for took in times[BARE]]
        yield from compare(NAME, f"{name}, {passes}", times, bars=BARS)
        yield from miss(NAME, f"{name}, {passes}", times, (HOOKED,))


def make_engine_script(loaded: LoadedModel, ratio: float) -> Script:
    """Return our way; nothing is remembered between two calls."""
    engine = Engine(device="cpu")
    engine.add(copy.copy(loaded))

    def explain(photo: Path) -> list[bytes]:
        engine.forget(0)
        result = engine.open(Request(photo, loaded.spec.key, ratio))
        assert len(result.analysis.dense.top) == 5
        heads = result.head_gallery(Look("raw-attention"))
        sheet = draw_tiles([(words, picture) for picture, words in heads], columns=3)
        pictures = [result.attention_figure(Look()), sheet]
        if ratio:
            pictures.append(result.tokens.film_strip())
        return [encode_png(picture) for picture in pictures]

    return explain


def make_bare(loaded: LoadedModel, config: ViTConfig, ratio: float) -> Callable[[], None]:
    """Return the network's passes and nothing else."""
    pixels = make_pictures(config, 1)
    prunings = [None, Pruning(ClassAttention(), FixedRatio(1 - ratio))] if ratio else [None]

    @torch.inference_mode()
    def run() -> None:
        for pruning in prunings:
            loaded.model(pixels, pruning=pruning)

    return run
