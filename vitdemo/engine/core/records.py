"""What goes into the engine and what comes out: frozen records without a tensor in sight."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vitdemo.message import Message
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.timing import Timing

Captioned = list[tuple[Image.Image, Message]]
"""Pictures, each with its caption."""

Top = tuple[tuple[str, float], ...]
"""Up to five (label, probability), the best first."""

Timings = tuple[Timing | None, ...]
"""Of the dense pass and, where something is pruned, of the pruned one; None: too busy to measure."""

MAX_PRUNING_RATIO = 0.9
NAMED = 12  # words of a network that a line names


class Expired(ValueError):  # noqa: N818 - the page reacts to it, it is not a fault
    """The result behind a key was dropped from memory to make room; `key` is the one asked for."""

    def __init__(self, key: str) -> None:
        super().__init__(Message("This result is no longer in memory; please choose the picture again"))
        self.key = key


@dataclass(frozen=True)
class Request:
    """One picture to analyse.

    `model`: "" = the engine's default. `pruning_ratio`: 1 - keep ratio of each stage, 0 (dense) to 0.9.
    `selector`: "" = the model's best. `size`: at which the picture is read, see `choose_spec`; "" = as the
    network likes it. `reduction`: what becomes of the patches that are not kept, a key of REDUCTIONS.
    `stages`: where patches go and what share stays there, as `parse_schedule` reads it, instead of
    `pruning_ratio`; "" = at the network's own stages. Raise ValueError for a ratio outside that range.
    """

    image: Image.Image | Path | str
    model: str = ""
    pruning_ratio: float = 0.3
    selector: str = ""
    size: str = ""
    reduction: str = "drop"
    stages: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.pruning_ratio <= MAX_PRUNING_RATIO:
            raise ValueError(
                Message(
                    "pruning_ratio must be from 0 to {limit}, got {ratio}",
                    limit=MAX_PRUNING_RATIO,
                    ratio=self.pruning_ratio,
                )
            )


@dataclass(frozen=True)
class Outcome:
    """What one pass says and costs.

    `top`: up to five (label, probability), best first. `tokens`: patches at the input and after each stage.
    `macs`: multiply-accumulates of the whole network.
    """

    top: Top
    tokens: tuple[int, ...]
    macs: int


@dataclass(frozen=True)
class Analysis:
    """What one request says and costs; `key`: of its result, see `Engine.recall`.

    `view`: the crop that the model saw. `stages`: those that were asked for, "" = the network's own; else
    `pruning_ratio` is the one that would leave as many patches in the end. `pruned` is None, `reduction` and
    `selector` are "" where nothing was to be pruned; `selector` also where none is asked. `kept`: the patch
    ids after each stage, ascending; of a token that stands for several patches that of one of them. `source`:
    which weights answered. `note`: what the user should know about them besides, such as an unreachable Hub,
    or "". `classes`: all the words that the network can say. `unfamiliar`: whether the picture looks like
    none of them; None where that was not fitted. `picture`: the same for all results of one picture, one
    network and one size; nobody can guess it. `input_size`: the (height, width) in pixels that the network
    read; `resized`: one sentence where that is not what it was trained for, else "".
    """

    key: str
    model: str
    title: str
    selector: str
    pruning_ratio: float
    view: Image.Image
    dense: Outcome
    pruned: Outcome | None
    kept: tuple[tuple[int, ...], ...]
    source: str
    note: str = ""
    classes: tuple[str, ...] = ()
    unfamiliar: bool | None = None
    picture: str = ""
    input_size: tuple[int, int] = (0, 0)
    resized: str = ""
    reduction: str = ""
    stages: str = ""

    @property
    def merges(self) -> bool:
        """Return whether patches go on as parts of others, where they would be dropped."""
        return bool(self.reduction) and REDUCTIONS[self.reduction].merges

    @property
    def credit(self) -> str:
        """Return which network answered, and where its weights come from: of the Hub, with the commit."""
        return f"{self.title}: {self.source}"

    @property
    def warning(self) -> str:
        """Return what to know of the answer to an unfamiliar picture; "" of any other."""
        if not self.unfamiliar:
            return ""
        return Message("This looks like none of the {count} words it knows", count=f"{len(self.classes):,}")

    @property
    def vocabulary(self) -> str:
        """Return how many words the network can say, and the first of them; "" for one without words."""
        if not self.classes:
            return ""
        count, words = f"{len(self.classes):,}", ", ".join(self.classes[:NAMED])
        if len(self.classes) > NAMED:
            return Message("Knows {count} words: {words}, ...", count=count, words=words)
        return Message("Knows {count} words: {words}", count=count, words=words)


@dataclass(frozen=True)
class ModelInfo:
    """An entry of the menu.

    `words`: its classes, empty where only its weights tell them. `macs`: of one dense pass. `selectors`: the
    best first. `bundled`: its weights come with this repository; the others are fetched from the Hugging Face
    Hub.
    """

    key: str
    title: str
    summary: str
    dataset: str
    words: tuple[str, ...]
    layers: int
    heads: int
    grid: tuple[int, int]
    num_patches: int
    prune_loc: tuple[int, ...]
    selectors: tuple[str, ...]
    parameters: int
    macs: int
    bundled: bool


@dataclass(frozen=True)
class Step:
    """One step of a picture's way through the network. `shape`: of what leaves the step, e.g. "(65, 160)"."""

    title: Message
    text: Message
    shape: str
    image: Image.Image | None
