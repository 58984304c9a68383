"""A network that a program asks: where it looks, what it can drop, what one pass does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from vitdemo import recording
from vitdemo.engine import (
    ATTENTION_METHODS,
    CLASS_METHODS,
    MAX_PRUNING_RATIO,
    Engine,
    Look,
    Request,
    Result,
    Said,
)
from vitdemo.engine.answers.export import identify
from vitdemo.library.answers import Explanation, Pruned
from vitdemo.limits import ALONE, Limits
from vitdemo.models import VisionTransformer
from vitdemo.trace import Trace
from vitdemo.weights import LoadedModel, find_default_model, load_model
from vitdemo.weights.mixin import HubMixin
from vitdemo.weights.modules import load_module
from vitdemo.weights.timm_export import save_timm

Picture: TypeAlias = str | Path | Image.Image | np.ndarray
"""A file, an image, or an array of 8-bit numbers: (h, w) grey, (h, w, 3) colours, (h, w, 4) with opacity."""

OPTIONS = tuple(field.name for field in fields(Look) if field.name != "method")
DEFAULT_METHOD = "attention-rollout"  # of a network without classes


class Network(HubMixin):
    """A network, and the engine that asks it; what was asked of a picture is remembered.

    `Network.from_pretrained("owner/repo")` and `network.push_to_hub("owner/repo")` are those of the Hub's
    client.
    """

    def __init__(self, loaded: LoadedModel, *, device: str = "auto", models_dir: Path | None = None) -> None:
        """Take what `vitdemo.weights.load_model` gives. Raise ValueError for a device that is not there."""
        self.loaded = loaded
        self._engine = Engine(device=device, models_dir=models_dir, limits=ALONE)
        self._engine.add(loaded)

    def __repr__(self) -> str:
        words = f"{len(self.classes):,} classes" if self.classes else "no classes"
        return f"<Network {self.loaded.spec.key!r}: {self.loaded.origin.source}, {words}>"

    @cached_property
    def name(self) -> str:
        """The name with the revision: a commit of the Hub, or the digest of the file."""
        return identify(self.loaded)

    @property
    def model(self) -> VisionTransformer:
        """The torch module, in eval mode."""
        return self.loaded.model

    @property
    def classes(self) -> tuple[str, ...]:
        """A name for each logit; empty for a backbone without a head."""
        return self.loaded.classes

    def open(
        self, picture: Picture, *, pruning_ratio: float = 0.0, selector: str = "", size: int | str = ""
    ) -> Result:
        """Return all that the demo can say of a picture.

        `size`: at which it is read: "" = as the network likes it, a number of pixels on the short side, or
        "own": all of it in its own shape. Positions are resampled for it, as timm does.
        Raise ValueError with one sentence: a picture that cannot be read, an option out of range.
        """
        image = from_array(picture) if isinstance(picture, np.ndarray) else picture
        return self._engine.open(Request(image, self.loaded.spec.key, pruning_ratio, selector, str(size)))

    def explain(
        self,
        picture: Picture,
        *,
        method: str = "",
        class_name: str = "",
        against: str = "",
        pruning_ratio: float = 0.0,
        size: int | str = "",
        **options: Any,
    ) -> Explanation:
        """Return the map of `method` for a picture, and what the network says of it.

        `method`: a key of METHODS but "keep-score"; "" = the map of a class that was found the most faithful
        to this network, or attention rollout where there are no classes. `class_name`: what shall be
        explained, "" = the answer, and `against` a class rather than which; only for maps of a class.
        `pruning_ratio`: above 0, explain the pass from which so many patches are dropped at each stage.
        `size`: as in `open`. `options`: those of `Look`, for maps of attention. Raise ValueError naming what
        is unknown or out of range.
        """
        result = self.open(picture, pruning_ratio=pruning_ratio, size=size)
        method = method or (result.best_method() if self.classes else DEFAULT_METHOD)
        look = check_asked(method, class_name or against, options)
        if look is not None:
            return Explanation(result, look, result.attention(look))
        return Explanation(result, Look(), result.class_map(class_name, method=method, against=against))

    def prune(
        self, picture: Picture, *, keep_ratio: float = 0.7, selector: str = "", size: int | str = ""
    ) -> Pruned:
        """Return what is left of a picture stage by stage, and the answer before and after.

        `keep_ratio`: the share of the patches that each stage keeps. `selector`: what scores them, "" = the
        network's best. `size`: as in `open`. Raise ValueError naming what is unknown or out of range.
        """
        least = round(1 - MAX_PRUNING_RATIO, 4)
        if not least <= keep_ratio < 1:
            raise ValueError(f"keep_ratio must be from {least} to below 1, got {keep_ratio}")
        ratio = round(1 - keep_ratio, 4)
        return Pruned(self.open(picture, pruning_ratio=ratio, selector=selector, size=size))

    def save_timm(self, folder: str | Path) -> None:
        """Write the network to `folder` for `timm.create_model("local-dir:FOLDER", pretrained=True)`.

        Without learned predictors, which timm has not. Raise ValueError naming what else it has not.
        """
        save_timm(Path(folder), self.loaded)

    def answer(
        self,
        files: Sequence[Path],
        *,
        pruning_ratio: float = 0.0,
        selector: str = "",
        size: int | str = "",
    ) -> list[Said]:
        """Return what the network says of each of `files`; those of one size run through it together.

        A file that cannot be read is said to be, in one sentence. Raise ValueError as `explain`.
        """
        request = Request("", self.loaded.spec.key, pruning_ratio, selector, str(size))
        return self._engine.answer(files, request)

    def record(self, pixels: Float[Tensor, "1 ch hh ww"], **asked: Any) -> Trace:
        """Return all that one pass does to normalised pixels; arguments as `vitdemo.recording.record`."""
        device = next(self.model.parameters()).device
        return recording.record(self.model, pixels.to(device).float(), name=self.loaded.spec.key, **asked)


Model: TypeAlias = str | Path | nn.Module | Network
"""A name that `load` takes, a module of timm or transformers, or a network that was loaded before."""


def load(
    model: Model = "",
    *,
    device: str = "auto",
    models_dir: Path | None = None,
    processor: Any = None,
    download_megabytes: int = Limits.download_megabytes,
) -> Network:
    """Return a network to be asked.

    `model`: the key of one of the menu ("" = the demo's own choice), a folder,
    `hf-hub:owner/repo[@revision]`, or a module of timm or transformers, whose weights are copied. `device`:
    "auto", "cpu" or "cuda". `models_dir`: where the bundled networks lie, None = the usual folder.
    `processor`: transformers' own of a module. `download_megabytes`: of the largest file that is fetched.
    Raise ValueError with one sentence naming what cannot be had or followed.
    """
    if isinstance(model, Network):
        return model
    if isinstance(model, nn.Module):
        loaded = load_module(model, processor=processor)
    else:
        name = str(model) or find_default_model(models_dir)
        loaded = load_model(name, models_dir=models_dir, download_megabytes=download_megabytes)
    return Network(loaded, device=device, models_dir=models_dir)


def explain(picture: Picture, *, model: Model = "", **asked: Any) -> Explanation:
    """Return a map of one picture; `asked` as `Network.explain`. For many pictures `load` the model once."""
    return load(model).explain(picture, **asked)


def prune(picture: Picture, *, model: Model = "", **asked: Any) -> Pruned:
    """Return what pruning leaves of one picture; `asked` as `Network.prune`."""
    return load(model).prune(picture, **asked)


def record(model: Model | VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], **asked: Any) -> Trace:
    """Return all that one pass of `model` does to normalised pixels.

    `asked`: as `vitdemo.recording.record`. Raise ValueError as `load` and as that does.
    """
    if isinstance(model, VisionTransformer):
        return recording.record(model, pixels, **asked)
    return load(model).record(pixels, **asked)


def check_asked(method: str, class_name: str, options: dict[str, Any]) -> Look | None:
    """Return what of the attention is asked for, None for a map of a class. Raise ValueError as `explain`."""
    known = (*CLASS_METHODS, *ATTENTION_METHODS)
    if method not in known:
        raise ValueError(f"method must be one of {', '.join(known)}, got {method!r}")
    of_class = method in CLASS_METHODS
    if class_name and not of_class:
        raise ValueError(f"{method} explains no class; these do: {', '.join(CLASS_METHODS)}")
    allowed = () if of_class else OPTIONS
    for option in options:
        if option not in allowed:
            names = ", ".join(allowed) or "none"
            raise ValueError(f"unknown option {option!r} of {method}; its options: {names}")
    return None if of_class else Look(method, **options)


def from_array(values: np.ndarray) -> Image.Image:
    """Return the picture of an array. Raise ValueError for one of another kind than `Picture` says."""
    coloured = values.ndim == 3 and values.shape[2] in (3, 4)
    if values.dtype != np.uint8 or not (values.ndim == 2 or coloured) or not values.size:
        shape = " x ".join(map(str, values.shape))
        raise ValueError(
            f"a picture must be uint8 of (h, w), (h, w, 3) or (h, w, 4), got {values.dtype} of {shape}"
        )
    return Image.fromarray(values)
