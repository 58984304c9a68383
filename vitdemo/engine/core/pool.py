"""The models in memory: loaded when first asked for, once, on one device; and who may compute when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from vitdemo import cost
from vitdemo.datasets import DATASETS
from vitdemo.engine.core import zero_gpu
from vitdemo.engine.core.lru import Lru
from vitdemo.engine.core.offers import Offers
from vitdemo.engine.core.records import ModelInfo
from vitdemo.engine.core.turns import Turns, TurnsApart
from vitdemo.limits import DEFAULTS, MEGABYTE, Limits
from vitdemo.message import Message, Progress
from vitdemo.models import VisionTransformer
from vitdemo.models.selectors import list_selectors
from vitdemo.models.twin import make_twin
from vitdemo.registry import ModelSpec
from vitdemo.weights import (
    LoadedModel,
    Offer,
    Terms,
    find_default_model,
    find_names,
    load_model,
    locate_model,
    read_model,
    read_spec,
)

T = TypeVar("T")
ON_HUB = "hf-hub:"
DECODERS = 2  # pictures that are decoded at once


class ModelPool:
    """Loaded models by name, the least recently used dropped when they exceed `limits.network_megabytes`.

    `extra_models`: folders and Hub names served besides the registry's. `offers`: what may be asked for
    besides, of `Offers`. `compute`: whose turn it is to run a model; the device is shared, so two passes at
    once would gain nothing and spoil each other's measurement. `decoding`: whose turn it is to decode a
    picture, which may take much memory.
    """

    def __init__(
        self,
        *,
        device: str,
        models_dir: Path | None = None,
        extra_models: Sequence[str] = (),
        limits: Limits = DEFAULTS,
        alone: bool = False,
    ) -> None:
        self.device = choose_device(device)
        self.compute = Turns(seconds=limits.request_seconds)
        self.decoding = Turns(DECODERS, patience=limits.request_seconds)
        self._models_dir = models_dir
        self.default_model = find_default_model(models_dir)
        self.limits = limits
        self._lock = threading.Lock()
        self._extra = tuple(extra_models)
        self._loading = TurnsApart()
        self._reading = Turns()  # of what visitors have named, which may be twice in memory meanwhile
        self._models: Lru[str, LoadedModel] = Lru(limits.network_megabytes * MEGABYTE, nbytes)
        self.offers = Offers(limits, alone=alone)
        self._forwards = 0

    @property
    def forwards(self) -> int:
        """Return how many forward passes all models have made so far."""
        return self._forwards

    def spec(self, name: str) -> ModelSpec:
        """Return the entry of a model: of the loaded one, whose weights may say more, else of `read_spec`.

        A name that is not in the menu is loaded for it. Raise ValueError naming the known ones: a
        visitor must not make the engine read folders or repositories that its owner did not name.
        """
        offer = self.offers.find(name)
        loaded = self._models.peek(find_place(name, offer))
        if loaded is not None:
            return entitle(loaded, offer).spec
        if offer is not None:
            return offer.spec
        with suppress(KeyError):
            return read_spec(name, models_dir=self._models_dir)
        if name in self._extra:
            return self.get(name).spec
        raise self._refuse(name)

    def get(self, name: str, *, progress: Progress | None = None) -> LoadedModel:
        """Return the model, loaded if need be. Who asks for it meanwhile waits, but not who asks for another.

        Raise WeightsError when it cannot be had; the next call tries again.
        """
        offer = self.offers.find(name)
        place = find_place(name, offer)
        with self._loading.turn(place, progress) as report:
            loaded = self._models.find(place)
            if loaded is None:
                loaded = self._load(name, offer, report)
                self.count_forwards(loaded.model)
                self._models.keep(place, loaded)
        return entitle(loaded, offer)

    def fit(self, loaded: LoadedModel, spec: ModelSpec) -> LoadedModel:
        """Return `loaded` as `spec` has it, which is its own but for the input size; it shares the weights.

        At another size nobody knows what familiar pictures look like to it.
        """
        if spec.config == loaded.spec.config:
            return replace(loaded, spec=spec)
        return replace(
            loaded,
            spec=spec,
            model=self.count_forwards(make_twin(loaded.model, spec.config)),
            familiarity=None,
            trained_size=loaded.spec.config.img_size,
        )

    def _load(self, name: str, offer: Offer | None, report: Progress) -> LoadedModel:
        megabytes, device = self.limits.download_megabytes, str(self.device)
        if offer is None or offer.apart is None:
            if offer is None and name not in (*find_names(self._models_dir), *self._extra):
                raise self._refuse(name)
            return load_model(
                name if offer is None else offer.spec,
                models_dir=self._models_dir,
                device=device,
                download_megabytes=megabytes,
                progress=report,
            )
        with self.offers.hold(offer):
            terms = Terms(max_bytes=megabytes * MEGABYTE, progress=report, apart=offer.apart)
            located = locate_model(offer.spec, terms=terms)
            with self._reading.turn(report):
                return read_model(located, device=device)

    def _refuse(self, name: str) -> ValueError:
        """Return the sentence for a name that nobody may ask for, perhaps since it was dropped."""
        if str(name).startswith(ON_HUB):
            repo = name.removeprefix(ON_HUB)
            return ValueError(
                Message(
                    "{repo} is not known here, or not any more: look it up, or choose another model",
                    repo=repo,
                )
            )
        known = ", ".join((*find_names(self._models_dir), *self.offers.named, *self._extra))
        return ValueError(Message("model must be one of {known}, got {name}", known=known, name=repr(name)))

    def add(self, loaded: LoadedModel) -> None:
        """Serve a network that the caller has, under the key of its spec; moves it to the device."""
        self._extra = (*self._extra, loaded.spec.key)
        self.count_forwards(loaded.model.to(self.device))
        self._models.keep(loaded.spec.key, loaded)

    def count_forwards(self, model: VisionTransformer) -> VisionTransformer:
        """Return `model`, whose forward passes count from now on: a served one, or a copy made of one."""
        model.register_forward_pre_hook(self._count)
        return model

    def find(self, name: str) -> LoadedModel | None:
        """Return the model if it is in memory, now the most recently used."""
        offer = self.offers.find(name)
        loaded = self._models.find(find_place(name, offer))
        return loaded and entitle(loaded, offer)

    def call(self, passes: Callable[..., T], model: VisionTransformer, pixels: Tensor, *settings: Any) -> T:
        """Return `passes(model, pixels, *settings)`, a function of a module, by a lent GPU if there is one.

        The first pass of all is made here: with it the page opens, and without a page nobody lends.
        """
        if not self._forwards:
            return passes(model, pixels, *settings)
        return zero_gpu.call(passes, model, pixels, *settings)

    def _count(self, *_: Any) -> None:
        # A hook of the module, so that no way of calling a model can go uncounted.
        with self._lock:
            self._forwards += 1


def find_place(name: str, offer: Offer | None) -> str:
    """Return where a network is kept: what a visitor has named, under its source, which has many names."""
    return name if offer is None or offer.apart is None else offer.spec.source


def entitle(loaded: LoadedModel, offer: Offer | None) -> LoadedModel:
    """Return a network that somebody has named by that name."""
    if offer is None:
        return loaded
    return replace(loaded, spec=replace(offer.spec, config=loaded.spec.config, data=loaded.spec.data))


def choose_device(name: str) -> torch.device:
    """Return the device called "auto", "cpu" or "cuda"; a GPU that is lent for single calls is none.

    Raise ValueError when it is not there.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device must be one of auto, cpu, cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' is not available on this machine")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() and not zero_gpu.LENT else "cpu"
    return torch.device(name)


def nbytes(loaded: LoadedModel) -> int:
    return sum(p.nbytes for p in loaded.model.parameters())


def describe_model(spec: ModelSpec) -> ModelInfo:
    """Return the menu's entry of a model."""
    config, known = spec.config, DATASETS.get(spec.data.dataset)
    return ModelInfo(
        key=spec.key,
        title=spec.title,
        summary=spec.summary,
        dataset=known.title if known else spec.title,
        words=known.classes if known else (),
        layers=config.depth,
        heads=config.num_heads,
        grid=config.grid,
        num_patches=config.num_patches,
        prune_loc=config.prune_loc,
        selectors=list_selectors(config),
        parameters=cost.parameters(config),
        macs=cost.macs(config),
        bundled=spec.source == "bundled",
    )
