"""The engine: models, results in memory, and what may be asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PIL import Image

from vitdemo.engine.answers import compare, keep, numbers, payload, pictures, walk
from vitdemo.engine.answers.classes import OF_A_CLASS, ClassMap, ClassMaps
from vitdemo.engine.answers.compare import Comparison
from vitdemo.engine.answers.inside import Inside
from vitdemo.engine.answers.keep import Record
from vitdemo.engine.answers.lab import Lab
from vitdemo.engine.answers.numbers import PatchMap
from vitdemo.engine.answers.referee import Referee, Verdict
from vitdemo.engine.core.analyse import Timings, analyse, find
from vitdemo.engine.core.cache import Entry, TraceCache
from vitdemo.engine.core.pool import ModelPool, describe_model, keep_ratio_of
from vitdemo.engine.core.records import (
    Analysis,
    AttentionView,
    MethodInfo,
    ModelInfo,
    Progress,
    Request,
    Step,
)
from vitdemo.engine.core.turns import silent
from vitdemo.limits import DEFAULTS, MEGABYTE, Limits
from vitdemo.models.pruning import token_counts
from vitdemo.weights import offered


class Engine:
    """Models, results and their pictures; safe to share between threads.

    `analyse` runs the network; everything that takes a key is a pure function of what that left in the cache
    and raises `Expired` when it is no longer there. Messages of ValueError are one sentence for the user.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        models_dir: Path | None = None,
        limits: Limits = DEFAULTS,
        extra_models: Sequence[str] = (),
    ) -> None:
        """`device`: "auto", "cpu" or "cuda". `models_dir`: where the bundled weights lie, None = the usual
        folder. `limits`: of pictures, jobs, downloads and of what results may take. `extra_models`: folders
        and Hub names that may be asked for besides the menu's. Raises ValueError for a device that is not
        there."""
        self._models_dir = models_dir
        self._pool = ModelPool(device=device, models_dir=models_dir, extra_models=extra_models, limits=limits)
        self._cache = TraceCache(round(limits.result_megabytes * MEGABYTE))
        self._timings = Timings()
        self._class_maps = ClassMaps(self._pool, self._cache)
        self._referee = Referee(self._pool, self._cache)
        self.lab = Lab(self._pool, self._cache)
        self.inside = Inside(self._pool, self._cache, models_dir=models_dir)

    @property
    def forwards(self) -> int:
        """How many forward passes were made so far, timing runs included."""
        return self._pool.forwards

    def forget(self, seconds: float) -> None:
        """Drop results, and the pictures in them, that nobody has looked at for so long."""
        self._cache.forget(seconds)

    def menu(self) -> list[tuple[str, str]]:
        """(title, key) of every model, the bundled ones first."""
        specs = sorted(offered(self._models_dir).values(), key=lambda spec: spec.source != "bundled")
        return [(spec.title, spec.key) for spec in specs]

    def methods(self) -> list[MethodInfo]:
        """The ways to look at attention, for `AttentionView.method`."""
        return pictures.attention_methods()

    def info(self, model: str) -> ModelInfo:
        """What the menu knows of a model; loads nothing. Raises ValueError naming the known ones."""
        return describe_model(self._pool.spec(model))

    def token_counts(self, model: str, pruning_ratio: float) -> tuple[int, ...]:
        """Patches at the input and after each stage, (64, 44, 31, 21); only the first at ratio 0."""
        config, keep_ratio = self._pool.spec(model).config, keep_ratio_of(pruning_ratio)
        stages = len(config.prune_loc) if keep_ratio < 1 else 0
        return tuple(token_counts(config.num_patches, keep_ratio, stages))

    def analyse(self, request: Request, *, progress: Progress | None = None) -> Analysis:
        """Run the model on a picture, dense and pruned, or hand back what an equal request left.

        Raises ValueError (BadImage, WeightsError and bad options are such).
        """
        report = progress or silent
        return analyse(request, pool=self._pool, cache=self._cache, timings=self._timings, progress=report)

    def loaded(self, model: str) -> bool:
        """Whether the model is in memory. Raises ValueError as `info`."""
        self.info(model)
        return self._pool.find(model) is not None

    def load(self, model: str, *, progress: Progress | None = None) -> None:
        """Have the model in memory; its weights may come from the Hub, which takes as long as it takes, and
        nobody waits meanwhile who asks for another. Raises ValueError as `info`, and WeightsError."""
        self.info(model)
        self._pool.get(model, progress=progress)

    def find(self, request: Request) -> Analysis | None:
        """What `analyse` would hand back at once, None if it would have to load, run or wait.

        Raises ValueError as `analyse`.
        """
        return find(request, pool=self._pool, cache=self._cache)

    def has(self, key: str) -> bool:
        """Return whether the result of `key` is in memory."""
        return self._cache.find(key) is not None

    def attention_figure(self, key: str, view: AttentionView) -> Image.Image:
        """The map over the view, with its colour bar below; the query patch is framed."""
        return pictures.attention_figure(self._cache.get(key), view)

    def attention_map(self, key: str, view: AttentionView) -> PatchMap:
        """The numbers of `attention_figure`. Raises ValueError naming an unknown method or an option out of
        range, and where the query patch is already pruned."""
        return numbers.attention_map(self._cache.get(key), view)

    def head_gallery(self, key: str, view: AttentionView) -> list[tuple[Image.Image, str]]:
        """Every head of one layer under one scale, captioned "Head 0", ...: raw attention if that is
        the method, else per-head rollouts."""
        return pictures.head_gallery(self._cache.get(key), view)

    def explorer(self, key: str) -> str:
        """JSON of both passes' attention, token ids and view, for a page to explore without asking again."""
        return payload.explorer(self._cache.get(key))

    def explorer_layer(self, key: str, *, pass_: str, layer: int) -> str:
        """JSON of one layer's attention, where `explorer` left it out as too large.

        Raises ValueError naming an unknown pass or layer.
        """
        return payload.explorer_layer(self._cache.get(key), pass_=pass_, layer=layer)

    def kept_figures(self, key: str) -> list[tuple[Image.Image, str]]:
        """The input and the patches kept after each stage."""
        return pictures.kept_figures(self._cache.get(key))

    def lifetime_figure(self, key: str) -> Image.Image:
        """The stage at which each patch was dropped, with a legend."""
        return pictures.lifetime_figure(self._cache.get(key))

    def score_figures(self, key: str) -> list[tuple[Image.Image, str]]:
        """The selector's scores a stage, under one scale; empty at ratio 0."""
        return pictures.score_figures(self._cache.get(key))

    def class_maps(self, key: str, label: str = "", *, progress: Progress | None = None) -> list[ClassMap]:
        """The maps of class `label` ("": the answer), each over the view; one pass and back, kept. None for a
        network without classes.

        Raises ValueError for a class that the model does not have.
        """
        return self._class_maps.maps(key, label, progress=progress)

    def class_map(
        self, key: str, label: str = "", *, method: str, progress: Progress | None = None
    ) -> PatchMap:
        """The numbers of one of `class_maps`. Raises as that, and ValueError naming the known methods."""
        return self._class_maps.numbers(key, label, method=method, progress=progress)

    def referee(self, key: str, label: str = "", *, progress: Progress | None = None) -> Verdict:
        """Which map of class `label` ("": the answer) to believe: each against random order, by removing
        patches. Takes seconds; kept. Raises ValueError for a class that the model does not have."""
        return self._referee.judge(key, label, progress=progress)

    def compare(
        self, a: Request, b: Request, *, method: str = "attention-rollout", progress: Progress | None = None
    ) -> Comparison:
        """Two requests of one picture side by side, analysed unless they are still in memory.

        `method`: one of `methods()`. Raises ValueError as `analyse`, and for requests of different pictures.
        """
        report = progress or silent
        return compare.compare((a, b), method=method, pool=self._pool, entry_of=self._entry, progress=report)

    def contrast(self, request: Request) -> Request:
        """A request worth comparing with `request`: another bundled model, or the same one dense."""
        return compare.contrast(request, menu=offered(self._models_dir))

    def _entry(self, request: Request, progress: Progress) -> Entry:
        return self._cache.get(self.analyse(request, progress=progress).key)

    def keep(
        self,
        key: str,
        view: AttentionView,
        *,
        direction: Literal["out", "in"] = "out",
        progress: Progress | None = None,
    ) -> Record:
        """All numbers of a result, to be written to files. `view`, `direction`: how the explorer shows it;
        attention maps follow `view`. The maps of the answer's class run the network unless they are known.
        Raises ValueError for an option out of range."""
        entry = self._cache.get(key)
        methods = OF_A_CLASS if entry.analysis.dense.top else ()
        maps = [self._class_maps.numbers(key, method=method, progress=progress) for method in methods]
        loaded = self._pool.get(entry.analysis.model, progress=progress)
        return keep.record(
            entry, loaded, view, direction=direction, of_a_class=maps, models_dir=self._models_dir
        )

    def walk(self, key: str) -> list[Step]:
        """The picture's way through the network, step by step."""
        return walk.walk(self._cache.get(key))
