"""Batches: the data set rests on the device as uint8, and a permuted slice is augmented as a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Num, UInt8
from torch import Tensor

from vitdemo.config import DataConfig
from vitdemo.datasets import Images

Pixels = Float[Tensor, "b ch hh ww"]


@dataclass(frozen=True)
class Resident:
    """A split on the device, with the statistics that normalise it."""

    pixels: UInt8[Tensor, "b ch hh ww"]
    labels: Int[Tensor, "b"]
    mean: Float[Tensor, "ch 1 1"]
    std: Float[Tensor, "ch 1 1"]

    @classmethod
    def of(cls, images: Images, *, data: DataConfig, device: torch.device) -> Resident:
        mean, std = (torch.tensor(v, device=device).view(-1, 1, 1) for v in (data.mean, data.std))
        pixels, labels = torch.from_numpy(images.pixels), torch.from_numpy(images.labels)
        return cls(pixels.to(device), labels.to(device), mean, std)

    def __len__(self) -> int:
        return len(self.labels)

    def normalise(self, pixels: Num[Tensor, "b ch hh ww"]) -> Pixels:
        """Pixels in 0..255, of any type, as the model takes them."""
        return (pixels.float() / 255 - self.mean) / self.std


def epoch_order(length: int, *, seed: int, epoch: int) -> Int[Tensor, "b"]:
    """The permutation of one epoch, a function of seed and epoch alone, so that a run can resume anywhere."""
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    return torch.randperm(length, generator=generator)


def random_crop(x: Tensor, pad: int) -> Tensor:
    """Shifts each picture by up to `pad` pixels each way, with reflected borders."""
    b, ch, height, width = x.shape
    x = torch.nn.functional.pad(x.float(), (pad,) * 4, mode="reflect")
    top = torch.randint(2 * pad + 1, (b, 1), device=x.device) + torch.arange(height, device=x.device)
    left = torch.randint(2 * pad + 1, (b, 1), device=x.device) + torch.arange(width, device=x.device)
    x = x.gather(2, top[:, None, :, None].expand(b, ch, height, x.shape[3]))
    return x.gather(3, left[:, None, None, :].expand(b, ch, height, width))


def random_flip(x: Tensor) -> tuple[Tensor, Bool[Tensor, "b"]]:
    """Mirrors each picture with probability one half, and says which."""
    mirrored = torch.rand(len(x), device=x.device) < 0.5
    return torch.where(mirrored[:, None, None, None], x.flip(-1), x), mirrored


def cutmix(x: Pixels) -> tuple[Pixels, float]:
    """Pastes one random box of the reversed batch into the batch; returns the share of the area that is new
    (Yun et al. 2019, eq. 1; lambda uniform)."""
    height, width = x.shape[-2:]
    side = float(torch.rand(())) ** 0.5
    box_h, box_w = int(height * side), int(width * side)
    top = int(torch.randint(height - box_h + 1, ()))
    left = int(torch.randint(width - box_w + 1, ()))
    x = x.clone()
    x[:, :, top : top + box_h, left : left + box_w] = x.flip(0)[:, :, top : top + box_h, left : left + box_w]
    return x, box_h * box_w / (height * width)


def mix(y: Float[Tensor, "b c"], share: float) -> Float[Tensor, "b c"]:
    """Targets of a batch of which `share` was replaced by its reverse."""
    return y * (1 - share) + y.flip(0) * share
