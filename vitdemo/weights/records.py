"""What loading returns, and what it raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from vitdemo.config import DataConfig, Size, ViTConfig
from vitdemo.familiarity import Familiarity
from vitdemo.message import Message, shorten
from vitdemo.models import VisionTransformer
from vitdemo.registry import ModelSpec

T = TypeVar("T")
Json = Mapping[str, Any]
Tensors = Mapping[str, Tensor]
Finish = Callable[[Tensors, ViTConfig], Tensors]  # what is left to do when names and types are right
KeyTable = tuple[tuple[str, str], ...]  # (pattern of the whole name, our name; "" = has no place here)

# What DataParallel, torch.compile and transformers' wrapper of timm put before every name.
WRAPPERS = ("module.", "_orig_mod.", "timm_model.")
FUSED = (("qkv", "qkv"), ("fc1", "gx"))  # layers that other libraries keep in parts, in this order
PREDICTOR = "score_predictor."  # how the names of what scores patches begin


class WeightsError(ValueError):
    """The weights cannot be used; the message is one sentence for the user that names what is wrong.

    What it quotes a stranger has written: it is shortened.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence if isinstance(sentence, Message) else shorten(sentence))


class Unreachable(WeightsError):  # noqa: N818 - a state of the Hub, which passes
    """The Hub gives no good answer now, and may later."""


@dataclass(frozen=True)
class Origin:
    """Where weights came from.

    `source`: "bundled", "folder NAME" or "hf-hub:owner/repo@REVISION". `revision`: the commit on the Hub,
    "" for a folder. `note`: what the user should know besides, such as an unreachable Hub.
    """

    source: str
    revision: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network ready for inference: `model` in eval mode, no gradients on its parameters.

    `spec`: the menu's entry, with the configs that the weights came with. `classes`: a name for each
    logit, empty for a backbone without a head. `folder`: where the files beside the weights lie; None for
    those from the Hub. `familiarity`: what tells pictures of other kinds; None where nobody fitted it.
    `trained_size`: the input size that the weights came with, where `model` reads another one.
    """

    model: VisionTransformer
    spec: ModelSpec
    classes: tuple[str, ...]
    origin: Origin
    folder: Path | None = None
    familiarity: Familiarity | None = None
    trained_size: Size | None = None

    @property
    def measured(self) -> Path | None:
        """The folder whose metrics.json is about `model`; None where nobody measured it at its size."""
        return self.folder if self.trained_size is None else None


def unwrap(named: Mapping[str, T]) -> Mapping[str, T]:
    """Return what is `named` without the prefixes of WRAPPERS that all names have."""
    for prefix in WRAPPERS:
        if all(key.startswith(prefix) for key in named):
            named = {key.removeprefix(prefix): value for key, value in named.items()}
    return named


def keep_tensors(tensors: Tensors, config: ViTConfig) -> Tensors:
    """Return `tensors` as they are."""
    return tensors


def fill_key_biases(tensors: Tensors, config: ViTConfig) -> Tensors:
    """Return `tensors` with one bias a layer for queries, keys and values, where keys have none: zeros."""
    found = dict(tensors)
    for layer in range(config.depth):
        name = f"blocks.{layer}.attn.qkv"
        query, value = (found.pop(f"{name}.{part}.bias", None) for part in "qv")
        if query is not None and value is not None:
            found[f"{name}.bias"] = torch.cat([query, torch.zeros_like(query), value])
    return found


@dataclass(frozen=True)
class Description:
    """What a config.json says.

    `classes`: a name for each logit. `keys`: how its tensors are renamed. `finish`: how they are changed
    after that. `sha256`: of the file with the weights, "" where the config does not tell. `predictors`: the
    same of the file with predictors that are to be joined, None where there are none.
    """

    name: str
    config: ViTConfig
    data: DataConfig
    classes: tuple[str, ...]
    keys: KeyTable = ()
    sha256: str = ""
    finish: Finish = keep_tensors
    predictors: str | None = None

    def without_predictors(self) -> Description:
        """Return the same network without its predictors, whose tensors have no place then."""
        no_place = (re.escape(PREDICTOR) + ".*", "")
        bare = replace(self.config, prune=None)
        return replace(self, config=bare, keys=(no_place, *self.keys), predictors=None)

    def repair(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return `tensors` under our names, without a wrapper's prefix, those of FUSED joined.

        An unknown one keeps its own name.
        """
        found = {self.rename(key): value for key, value in unwrap(tensors).items()}
        found.pop("", None)
        for layer, parts in FUSED:
            for first in [key for key in found if f".{layer}.{parts[0]}." in key]:
                names = [first.replace(f".{parts[0]}.", f".{part}.") for part in parts]
                widths = {found[name].shape[1:] for name in names if name in found}
                if all(name in found for name in names) and len(widths) == 1:
                    whole = first.replace(f".{parts[0]}.", ".")
                    found[whole] = torch.cat([found.pop(name) for name in names])
        return found

    def rename(self, key: str) -> str:
        """Return our name for the tensor `key`."""
        for pattern, ours in self.keys:
            if match := re.fullmatch(pattern, key):
                return match.expand(ours)
        return key
