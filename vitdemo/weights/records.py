"""What loading returns, and what it raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitdemo.models import VisionTransformer
from vitdemo.registry import ModelSpec

Progress = Callable[[float, str], None]  # the share done, 0 to 1, and a text for the user


class WeightsError(ValueError):
    """The weights cannot be used; the message is one sentence for the user that names what is wrong."""


@dataclass(frozen=True)
class Report:
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
    logit, empty for a backbone without a head.
    """

    model: VisionTransformer
    spec: ModelSpec
    classes: tuple[str, ...]
    report: Report
