"""Stages other than a network's own: where patches are let go, how many stay, and how that is written."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import prod
from operator import mul

from vitdemo.message import Message


@dataclass(frozen=True)
class Schedule:
    """Before block `prune_loc[s]`, counted from 0, the share `keep_ratios[s]` of the patches present stays.

    After it `max(1, int(num_patches * keep_ratios[0] * ... * keep_ratios[s]))` are left, so that one ratio at
    a network's own stages is `FixedRatio`. As text: "3:0.7, 6:0.7, 9:0.5".
    Raise ValueError unless the blocks ascend and the ratios are in (0, 1].
    """

    prune_loc: tuple[int, ...]
    keep_ratios: tuple[float, ...]

    def __post_init__(self) -> None:
        assert len(self.prune_loc) == len(self.keep_ratios) > 0, "one ratio a stage"
        for before, layer in pairwise(self.prune_loc):
            if layer <= before:
                raise ValueError(
                    Message(
                        "stages must name each layer once, in ascending order, got {layer} after {before}",
                        layer=layer,
                        before=before,
                    )
                )
        for ratio in self.keep_ratios:
            if not 0 < ratio <= 1:
                raise ValueError(
                    Message("stages must keep a share above 0 and up to 1, got {ratio}", ratio=ratio)
                )

    def __str__(self) -> str:
        pairs = zip(self.prune_loc, self.keep_ratios, strict=True)
        return ", ".join(f"{layer}:{ratio}" for layer, ratio in pairs)

    @property
    def mean_ratio(self) -> float:
        """The keep ratio that leaves as many patches in the end where every stage has it."""
        return prod(self.keep_ratios) ** (1 / len(self.keep_ratios))

    def count_left(self, num_patches: int) -> tuple[int, ...]:
        """Return how many patches stay after each stage; rounded as `vitdemo.models.pruning.keep_counts`."""
        return tuple(max(1, int(num_patches * share + 1e-9)) for share in accumulate(self.keep_ratios, mul))

    def check_depth(self, depth: int) -> None:
        """Raise ValueError for a block that a network of so many has not."""
        for layer in self.prune_loc:
            if not 0 <= layer < depth:
                last = depth - 1
                raise ValueError(
                    Message("stages must name layers from 0 to {last}, got {layer}", last=last, layer=layer)
                )


def parse_schedule(text: str, *, depth: int) -> Schedule:
    """Return the schedule that `text` writes for a network of `depth` blocks.

    Raise ValueError, one sentence, for what is written otherwise or makes no schedule of it.
    """
    try:
        pairs = [part.split(":") for part in text.split(",")]
        found = [(int(layer), float(ratio)) for layer, ratio in pairs]
    except ValueError:
        example = "3:0.7, 6:0.5"
        raise ValueError(
            Message(
                "stages must be written as layer:share kept, such as {example}, got {text}",
                example=example,
                text=repr(text),
            )
        ) from None
    layers, ratios = zip(*found, strict=True)
    schedule = Schedule(layers, ratios)
    schedule.check_depth(depth)
    return schedule
