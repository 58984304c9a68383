"""From rows of the training split to what a step learns from: augmented pictures and their targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor

from train import augment
from train.auto_augment import AutoAugment, list_magnitudes
from train.config import TrainConfig
from train.data import Resident
from train.folder import FolderSplit
from train.graphs import Captured, Tensors
from train.options import AugmentOptions
from train.parallel import Division
from train.teacher import Teacher
from vitdemo.config import as_pair

Pixels = Float[Tensor, "b ch hh ww"]
Targets = Float[Tensor, "b c"]
WHOLE = Division()  # of a batch that one process learns from in one part


@dataclass(frozen=True)
class Batch:
    """Normalised pictures, targets as probabilities, and the teacher's probabilities if they are known."""

    x: Pixels
    y: Targets
    soft: Targets | None = None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All that it holds, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def part(self, rows: slice) -> Batch:
        """Return some of its pictures."""
        return replace(self, **{name: value[rows] for name, value in self.tensors.items()})


class Batches:
    """The training split as augmented batches.

    All that is random comes from torch's global generators; in worker processes, from the run's seed, the
    epoch and the rows.
    """

    def __init__(
        self,
        config: TrainConfig,
        split: Resident | FolderSplit,
        teacher: Teacher | None,
        *,
        division: Division = WHOLE,
        captured: bool = False,
    ) -> None:
        """Change the pictures in a CUDA graph where `captured`; all batches must have one size then."""
        self.config, self.split, self.teacher, self.division = config, split, teacher, division
        self.size = as_pair(config.model.img_size)
        self.auto_augment = make_auto_augment(config.augment, self.size, split.labels.device)
        self.captured = Captured(self.change) if captured else None

    def begin(self, batches: Sequence[Int[Tensor, "b"]], *, epoch: int) -> None:
        """Announce the rows of an epoch's batches, in their order, so that workers can decode ahead."""
        if isinstance(self.split, FolderSplit):
            parts = [rows[place] for rows in batches for _, place in self.division.own_parts(len(rows))]
            self.split.begin(parts, epoch=epoch)

    def close(self) -> None:
        """End the workers, if there are any."""
        if isinstance(self.split, FolderSplit):
            self.split.close()

    def cut(self, rows: Int[Tensor, "b"], *, done: float, seed: int) -> Iterator[Batch]:
        """Yield this process's parts of the batch `rows`, after the share `done` of the steps.

        What augments a resident split is drawn for the whole batch, alike in all processes, whatever the
        number of parts. What the network draws (tokens, stochastic depth), and what augments the pictures of
        a folder, which no process decodes for another, is drawn for each part by itself, from `seed`.
        """
        whole = self.augment(rows, done=done) if isinstance(self.split, Resident) else None
        for number, place in self.division.own_parts(len(rows)):
            if number:
                torch.manual_seed(seed + (number << 40))
            yield whole.part(place) if whole else self.augment(rows[place], done=done)

    def augment(self, rows: Int[Tensor, "b"], *, done: float) -> Batch:
        """Return the pictures `rows`, augmented and mixed as after the share `done` of the steps."""
        options, split = self.config.augment, self.split
        changed = (self.captured or self.change)({"rows": rows})
        x, mirrored = changed["x"], changed["mirrored"]
        y = F.one_hot(split.labels[rows], self.config.model.num_classes).float()
        soft = self.teacher.look_up(rows, mirrored) if self.teacher else None
        if options.cutmix_from <= done < options.mix_until:
            draw = float(torch.rand(()))
            if draw < options.cutmix_prob:
                x, share = augment.cutmix(x, alpha=options.cutmix_alpha)
            elif draw < options.cutmix_prob + options.mixup_prob:
                x, share = augment.mixup(x, alpha=options.mixup_alpha)
            else:
                share = 0.0
            if share:
                y, soft = augment.mix(y, share), None if soft is None else augment.mix(soft, share)
        return Batch(x, y, soft)

    def change(self, tensors: Tensors) -> Tensors:
        """Augment each of the pictures `rows` by itself: return `x`, normalised, and which are `mirrored`."""
        x, mirrored = self.take_pictures(tensors["rows"])
        x, options = self.split.normalise(x), self.config.augment
        if options.erase_prob:
            x = augment.random_erasing(x, prob=options.erase_prob, scale=options.erase_scale)
        return {"x": x, "mirrored": mirrored}

    def take_pictures(self, rows: Int[Tensor, "b"]) -> tuple[Num[Tensor, "b ch hh ww"], Bool[Tensor, "b"]]:
        """Return cropped, mirrored and changed pictures in 0..255, and which of them are mirrored."""
        options = self.config.augment
        if isinstance(self.split, FolderSplit):
            return self.split.augment(rows)
        x = self.split.resize(rows)
        if options.crop_scale:
            x = augment.random_resized_crop(
                x, size=self.size, scale=options.crop_scale, ratio=options.crop_ratio
            )
        elif options.crop_pad or x.shape[-2:] != self.size:
            x = augment.random_crop(x, options.crop_pad, size=self.size)
        mirrored = torch.zeros(len(rows), dtype=torch.bool, device=x.device)
        if options.flip:
            x, mirrored = augment.random_flip(x)
        if options.rotate:
            x = augment.random_rotation(x, options.rotate)
        if self.auto_augment:
            x = self.auto_augment(x.byte())
        return x, mirrored


def make_auto_augment(
    options: AugmentOptions, size: tuple[int, int], device: torch.device
) -> AutoAugment | None:
    """Return the policy that the recipe names, for pictures of `size` (height, width)."""
    if options.auto_augment == "none":
        return None
    table = list_magnitudes(options.auto_augment, size).to(device)
    if options.auto_augment == "trivialaugment":
        return AutoAugment(table)
    return AutoAugment(table, ops=options.randaugment_ops, magnitude=options.randaugment_magnitude)
