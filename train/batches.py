"""From rows of the training split to what a step learns from: augmented pictures and their targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from train.config import TrainConfig
from train.data import Resident, cutmix, mix, random_crop, random_flip
from train.teacher import Teacher

Pixels = Float[Tensor, "b ch hh ww"]
Targets = Float[Tensor, "b c"]


@dataclass(frozen=True)
class Batch:
    """Normalised pictures, targets as probabilities, and the teacher's probabilities if they are known."""

    x: Pixels
    y: Targets
    soft: Targets | None = None


class Batches:
    """The training split as augmented batches; all that is random comes from torch's global generator."""

    def __init__(self, config: TrainConfig, split: Resident, teacher: Teacher | None) -> None:
        self.config, self.split, self.teacher = config, split, teacher

    def augmented(self, rows: Int[Tensor, "b"], *, done: float) -> Batch:
        """The pictures `rows`, augmented and mixed as the recipe says after the share `done` of the steps."""
        config, split = self.config, self.split
        x = split.pixels[rows]
        y = F.one_hot(split.labels[rows], config.model.num_classes).float()
        if config.crop_pad:
            x = random_crop(x, config.crop_pad)
        mirrored = torch.zeros(len(rows), dtype=torch.bool, device=x.device)
        if config.flip:
            x, mirrored = random_flip(x)
        x = split.normalise(x)
        soft = self.teacher.known(rows, mirrored) if self.teacher else None
        if done >= config.cutmix_from and float(torch.rand(())) < config.cutmix_prob:
            x, share = cutmix(x)
            y, soft = mix(y, share), None if soft is None else mix(soft, share)
        return Batch(x, y, soft)
