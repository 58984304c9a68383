"""A network that a program asks: where it looks, what it can drop, what one pass does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from vitdemo import recording
from vitdemo.config import simplify_size
from vitdemo.engine import (
    MAX_PRUNING_RATIO,
    Engine,
    Look,
    Request,
    Result,
    Said,
)
from vitdemo.engine.answers.export import identify
from vitdemo.library.answers import Explanation, Pruned
from vitdemo.library.asked import Picture, check_asked, from_array
from vitdemo.limits import ALONE, Limits
from vitdemo.models import VisionTransformer
from vitdemo.models.twin import make_twin
from vitdemo.trace import Trace
from vitdemo.weights import LoadedModel, find_default_model, load_model
from vitdemo.weights.mixin import HubMixin
from vitdemo.weights.modules import load_module
from vitdemo.weights.timm_export import save_timm

DEFAULT_METHOD = "attention-rollout"  # of a network without classes


class Network(HubMixin):
    """A network, and the engine that asks it; what was asked of a picture is remembered.

    `Network.from_pretrained("owner/repo")` and `network.push_to_hub("owner/repo")` are those of the Hub's
    client.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        device: str = "auto",
        models_dir: Path | None = None,
        size: int | str = "",
    ) -> None:
        """Take what `vitdemo.weights.load_model` gives. `size`: as in `open`, where that is asked for none.

        Raise ValueError for a device that is not there, and for a size out of range.
        """
        self.loaded = loaded
        self.size = str(size)
        self._engine = Engine(device=device, models_dir=models_dir, limits=ALONE)
        self._engine.add(loaded)
        if self.size:
            self.answer(())  # a wrong one is told before there is a picture

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
        self,
        picture: Picture,
        *,
        pruning_ratio: float = 0.0,
        selector: str = "",
        size: int | str = "",
        reduction: str = "drop",
        stages: str = "",
    ) -> Result:
        """Return all that the demo can say of a picture.

        `pruning_ratio`: the share of the patches that each stage lets go; `selector`: what scores them, "" =
        the network's best; `reduction`: what becomes of them: "drop", "fuse", "merge" or "tome". `size`: at
        which it is read: a number of pixels on the short side, or "own": all of it in its own shape; "" = as
        `load` was told, else as the network likes it. Positions are resampled, as timm does. `stages`: where
        patches go and what share stays, such as "3:0.7, 6:0.5" (layers from 0), instead of `pruning_ratio`.
        Raise ValueError with one sentence: a picture that cannot be read, an option out of range.
        """
        image = from_array(picture) if isinstance(picture, np.ndarray) else picture
        asked = {"pruning_ratio": pruning_ratio, "selector": selector, "reduction": reduction}
        return self._engine.open(self._request(image, size, stages=stages, **asked))

    def explain(
        self,
        picture: Picture,
        *,
        method: str = "",
        class_name: str = "",
        against: str = "",
        pruning_ratio: float = 0.0,
        size: int | str = "",
        stages: str = "",
        **options: Any,
    ) -> Explanation:
        """Return the map of `method` for a picture, and what the network says of it.

        `method`: a key of METHODS but "keep-score"; "" = the map of a class that was found the most faithful
        to this network, or attention rollout where there are no classes. `class_name`: what shall be
        explained, "" = the answer, and `against` a class rather than which; only for maps of a class.
        `pruning_ratio`: above 0, explain the pass from which so many patches are dropped at each stage.
        `size`, `stages`: as in `open`. `options`: those of `Look`, for maps of attention. Raise ValueError
        naming what is unknown or out of range.
        """
        result = self.open(picture, pruning_ratio=pruning_ratio, size=size, stages=stages)
        method = method or (result.class_methods()[0] if self.classes else DEFAULT_METHOD)
        look = check_asked(method, class_name or against, options)
        if look is not None:
            return Explanation(result, look, result.attention(look))
        return Explanation(result, Look(), result.class_map(class_name, method=method, against=against))

    def prune(
        self,
        picture: Picture,
        *,
        keep_ratio: float = 0.7,
        selector: str = "",
        size: int | str = "",
        reduction: str = "drop",
        stages: str = "",
    ) -> Pruned:
        """Return what is left of a picture stage by stage, and the answer before and after.

        `keep_ratio`: the share of the patches that each stage keeps; or `stages` as in `open`. `selector`:
        what scores them, "" = the network's best. `size`, `reduction`: as in `open`. Raise ValueError naming
        what is unknown or out of range.
        """
        least = round(1 - MAX_PRUNING_RATIO, 4)
        if not least <= keep_ratio < 1:
            raise ValueError(f"keep_ratio must be from {least} to below 1, got {keep_ratio}")
        ratio = round(1 - keep_ratio, 4)
        how = {"selector": selector, "size": size, "reduction": reduction, "stages": stages}
        return Pruned(self.open(picture, pruning_ratio=ratio, **how))

    def save_timm(self, folder: str | Path) -> None:
        """Write the network to `folder` for `timm.create_model("local-dir:FOLDER", pretrained=True)`.

        Without learned predictors, which timm has not. Raise ValueError naming what else it has not.
        """
        save_timm(Path(folder), self.loaded)

    def answer(
        self, files: Sequence[Path], *, pruning_ratio: float = 0.0, size: int | str = "", **asked: str
    ) -> list[Said]:
        """Return what the network says of each of `files`; those of one size run through it together.

        `asked`: selector, reduction and stages as in `open`. A file that cannot be read is said to be, in one
        sentence. Raise ValueError as `explain`.
        """
        request = self._request("", size, pruning_ratio=pruning_ratio, **asked)
        return self._engine.answer(files, request)

    def record(self, pixels: Float[Tensor, "1 ch hh ww"], **asked: Any) -> Trace:
        """Return all that one pass does to normalised pixels; arguments as `vitdemo.recording.record`.

        Pixels of another size than the network's own, in whole patches, are read as in `open`.
        """
        config, model = self.model.config, self.model
        size = simplify_size(tuple(pixels.shape[-2:]))
        if size != config.img_size:
            model = make_twin(model, replace(config, img_size=size))
        device = next(model.parameters()).device
        return recording.record(model, pixels.to(device).float(), name=self.loaded.spec.key, **asked)

    def _request(self, image: Any, size: int | str, **asked: Any) -> Request:
        return Request(image, self.loaded.spec.key, size=str(size) or self.size, **asked)


Model: TypeAlias = str | Path | nn.Module | Network
"""A name that `load` takes, a module of timm or transformers, or a network that was loaded before."""


def load(
    model: Model = "",
    *,
    device: str = "auto",
    models_dir: Path | None = None,
    processor: Any = None,
    size: int | str = "",
    download_megabytes: int = Limits.download_megabytes,
) -> Network:
    """Return a network to be asked.

    `model`: the key of one of the menu ("" = the demo's own choice), a folder,
    `hf-hub:owner/repo[@revision]`, or a module of timm or transformers, whose weights are copied. `device`:
    "auto", "cpu" or "cuda". `models_dir`: where the bundled networks lie, None = the usual folder.
    `processor`: transformers' own of a module. `size`: at which pictures are read, as in `Network.open`.
    `download_megabytes`: of the largest file that is fetched. A `Network` is returned as it is.
    Raise ValueError with one sentence naming what cannot be had or followed.
    """
    if isinstance(model, Network):
        return model
    if isinstance(model, nn.Module):
        loaded = load_module(model, processor=processor)
    else:
        name = str(model) or find_default_model(models_dir)
        loaded = load_model(name, models_dir=models_dir, download_megabytes=download_megabytes)
    return Network(loaded, device=device, models_dir=models_dir, size=size)


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
