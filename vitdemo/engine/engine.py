"""The engine: models and results in memory, and the way to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vitdemo.engine.answers import compare
from vitdemo.engine.answers.batch import Said, answer_batch
from vitdemo.engine.answers.compare import Comparison
from vitdemo.engine.answers.speed import SpeedCard, measure_speed
from vitdemo.engine.answers.times import find_times
from vitdemo.engine.core.analyse import analyse, find, name_model
from vitdemo.engine.core.cache import Entry, TraceCache
from vitdemo.engine.core.networks import Networks
from vitdemo.engine.core.pool import ModelPool, describe_model
from vitdemo.engine.core.records import (
    MAX_PRUNING_RATIO,
    Analysis,
    Expired,
    ModelInfo,
    Request,
    Timings,
)
from vitdemo.engine.core.setting import to_keep_ratio
from vitdemo.engine.core.shared import Shared
from vitdemo.engine.core.sizes import SizeChoice, offer_sizes
from vitdemo.engine.core.subject import Subject
from vitdemo.engine.core.turns import ignore_progress
from vitdemo.engine.result import Result
from vitdemo.limits import DEFAULTS, MEGABYTE, Limits
from vitdemo.message import Progress
from vitdemo.models.pruning import token_counts
from vitdemo.weights import LoadedModel, list_models


class Engine:
    """Models and results; safe to share between threads. The message of a ValueError is a sentence for users.

    `networks`: the menu, what others may be asked for, and what must be downloaded first.
    `open`, `compare` and `speed` run networks, and so do those methods of a `Result` that say so. `progress`,
    wherever it is taken, is told how far a job is, also a later one of the Result, and may end it by raising.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        models_dir: Path | None = None,
        limits: Limits = DEFAULTS,
        extra_models: Sequence[str] = (),
        alone: bool = False,
    ) -> None:
        """Take the device, where the weights lie, and the limits.

        `device`: "auto", "cpu" or "cuda". `models_dir`: where the bundled weights lie, None = the usual
        folder. `limits`: of pictures, jobs, downloads and of what results may take. `extra_models`: folders
        and Hub names that may be asked for besides the menu's. `alone`: whoever asks is who runs this, so
        that `look_up` takes folders, and uses the token and the cache of the Hub's client. Raise ValueError
        for a device that is not there.
        """
        self._models_dir = models_dir
        self._pool = ModelPool(
            device=device, models_dir=models_dir, extra_models=extra_models, limits=limits, alone=alone
        )
        self.networks = Networks(self._pool, models_dir)
        self._cache = TraceCache(round(limits.result_megabytes * MEGABYTE))
        self._shared = Shared(self._pool, self._cache)

    @property
    def forwards(self) -> int:
        """Return how many forward passes were made so far, timing runs included."""
        return self._pool.forwards

    @property
    def default_model(self) -> str:
        """Return the key of the model that answers where none is named."""
        return self._pool.default_model

    def forget(self, seconds: float) -> None:
        """Drop results, and the pictures in them, that nobody has looked at for so long."""
        self._cache.forget(seconds)

    def info(self, model: str) -> ModelInfo:
        """Return what the menu knows of a model; loads nothing. Raise ValueError naming the known ones."""
        return describe_model(self._pool.spec(model))

    def token_counts(self, model: str, pruning_ratio: float) -> tuple[int, ...]:
        """Return the patches at the input and after each stage, (64, 44, 31, 21); only the first at 0."""
        config = self._pool.spec(model).config
        return count_tokens(config.num_patches, len(config.prune_loc), pruning_ratio)

    def sizes(self, model: str) -> Mapping[str, SizeChoice]:
        """Return the input sizes to choose from, as `offer_sizes` names them. Raise ValueError as `info`."""
        return offer_sizes(self._pool.spec(model), self._pool.limits)

    def token_table(self, model: str, patches: int) -> list[tuple[int, ...]]:
        """Return how many of so many patches remain, as `token_counts`, at every whole percent, from 0 on.

        Raise ValueError as `info`.
        """
        stages = len(self._pool.spec(model).config.prune_loc)
        percents = range(round(100 * MAX_PRUNING_RATIO) + 1)
        return [count_tokens(patches, stages, percent / 100) for percent in percents]

    def loaded(self, model: str) -> bool:
        """Return whether the model is in memory. Raise ValueError as `info`."""
        self.info(model)
        return self._pool.find(model) is not None

    def load(self, model: str, *, progress: Progress | None = None) -> None:
        """Have the model in memory.

        Its weights may come from the Hub, which takes as long as it takes, and nobody waits meanwhile who
        asks for another. Raise ValueError as `info`, and WeightsError.
        """
        self.info(model)
        self._pool.get(model, progress=progress)

    def add(self, loaded: LoadedModel) -> None:
        """Serve a network that the caller has, under the key of its spec; moves it to the device."""
        self._pool.add(loaded)

    def open(self, request: Request, *, progress: Progress | None = None) -> Result:
        """Return the result of `request`.

        Run the network, dense and pruned, unless memory holds the result of an equal request.
        Raise ValueError (BadImage, WeightsError and bad options are such).
        """
        report = progress or ignore_progress
        return self._result(analyse(request, self._shared, progress=report), report)

    def answer(self, files: Sequence[Path], request: Request) -> list[Said]:
        """Return what the network says of each of `files`; its `request` tells all but the picture.

        Run the network on all of them at once, and remember nothing. Raise ValueError as `open`; a file that
        cannot be read is said to be.
        """
        return answer_batch(files, request, self._pool)

    def has(self, key: str) -> bool:
        """Return whether the result of `key` is in memory."""
        return self._cache.find(key) is not None

    def recall(self, key: str, *, progress: Progress | None = None) -> Result:
        """Return the result in memory under `key`, running nothing. Raise Expired if it was dropped."""
        entry = self._cache.find(key)
        if entry is None:
            raise Expired(key)
        return self._result(entry, progress or ignore_progress)

    def find(self, request: Request) -> Result | None:
        """Return what `open` would return at once, None if it would have to load, run or wait.

        Decode the picture. Raise ValueError as `open`.
        """
        entry = find(request, self._shared)
        return entry and self._result(entry, ignore_progress)

    def find_times(self, analysis: Analysis) -> Timings | None:
        """Return the `times` of the result, None where they would have to be measured."""
        return find_times(analysis, self._shared)

    def compare(
        self, a: Request, b: Request, *, method: str = "attention-rollout", progress: Progress | None = None
    ) -> Comparison:
        """Return two requests of one picture side by side. Run the network for those that are not in memory.

        `method`: a key of ATTENTION_METHODS. Raise ValueError as `open`, and for requests of different
        pictures.
        """
        return compare.compare((a, b), self._shared, method=method, progress=progress or ignore_progress)

    def contrast(self, request: Request) -> Request:
        """Return a request worth comparing with `request`: another bundled model, or the same one dense."""
        return compare.contrast(name_model(request, self._pool), menu=list_models(self._models_dir))

    def speed(
        self,
        model: str,
        pruning_ratio: float,
        *,
        input_size: tuple[int, int] | None = None,
        progress: Progress | None = None,
    ) -> SpeedCard:
        """Run a model's variants for up to 20 seconds, for their times and from how many tokens on they pay.

        `input_size`: the (height, width) that it reads, of an `Analysis`; None = its own. Raise ValueError as
        `info`, and WeightsError.
        """
        return measure_speed(
            model,
            pruning_ratio=pruning_ratio,
            pool=self._pool,
            input_size=input_size,
            progress=progress or ignore_progress,
        )

    def _result(self, entry: Entry, progress: Progress) -> Result:
        return Result(Subject(entry, self._shared, progress))


def count_tokens(patches: int, stages: int, pruning_ratio: float) -> tuple[int, ...]:
    """Return the patches at the input and after each stage; only the first at 0."""
    keep_ratio = to_keep_ratio(pruning_ratio)
    return tuple(token_counts(patches, keep_ratio, stages if keep_ratio < 1 else 0))
