"""A split of a data set as the trainer sees it, and the one that rests on the device as uint8."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int, Num, UInt8
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from vitdemo.config import DataConfig, as_pair
from vitdemo.datasets import Images

Pixels = Float[Tensor, "b ch hh ww"]
Bytes = UInt8[Tensor, "b ch hh ww"]
Rows = Int[Tensor, "r"] | slice
BATCH_PIXELS = 2**19  # more are slower on a CPU, whose cache they leave: 512 pictures of CIFAR, 10 of 224 px


@dataclass(kw_only=True)
class Pictures:
    """What every split has.

    Labels and statistics lie on the device. `data` is the test-time transform; `classes` are named where
    they are known.
    """

    labels: Int[Tensor, "b"]
    mean: Float[Tensor, "ch 1 1"]
    std: Float[Tensor, "ch 1 1"]
    data: DataConfig
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self) -> str:
        """Return what tells these pictures from others: contents, labels, how they are shown; not places."""
        raise NotImplementedError

    def normalise(self, pixels: Num[Tensor, "b ch hh ww"]) -> Pixels:
        """Return pixels in 0..255, of any type, as the model takes them."""
        return (pixels.float() / 255 - self.mean) / self.std

    def fetch(self, rows: Rows) -> Bytes:
        """Return the pictures as the test-time transform shows them, of the size that the model takes."""
        raise NotImplementedError

    def part(self, rows: slice) -> Pictures:
        """Return the split that consists of these pictures."""
        raise NotImplementedError

    def batches(self) -> Iterator[Pixels]:
        """Yield all pictures in their order, as the model takes them, about BATCH_PIXELS at a time."""
        size = max(1, BATCH_PIXELS // math.prod(as_pair(self.data.img_size)))
        for begin in range(0, len(self), size):
            yield self.normalise(self.fetch(slice(begin, begin + size)))


@dataclass(kw_only=True)
class Resident(Pictures):
    """A split that rests on the device, in pictures of one size."""

    pixels: UInt8[Tensor, "b ch hh ww"]

    @classmethod
    def of(
        cls, images: Images, *, data: DataConfig, device: torch.device, classes: tuple[str, ...] = ()
    ) -> Resident:
        mean, std = statistics(data, device)
        labels, pixels = (torch.from_numpy(array).to(device) for array in (images.labels, images.pixels))
        return cls(labels=labels, mean=mean, std=std, data=data, classes=classes, pixels=pixels)

    def part(self, rows: slice) -> Resident:
        return replace(self, labels=self.labels[rows], pixels=self.pixels[rows])

    def fingerprint(self) -> str:
        return digest(repr(self.data), self.labels, self.pixels)

    def resize(self, rows: Rows) -> Bytes:
        """Return the pictures before the last crop, resized on the device if stored in another size."""
        x, size = self.pixels[rows], stored_size(self.data)
        if x.shape[-2:] == size:
            return x
        kind = InterpolationMode[self.data.interpolation.upper()]
        return tv.resize(x, list(size), interpolation=kind, antialias=True)

    def fetch(self, rows: Rows) -> Bytes:
        return tv.center_crop(self.resize(rows), list(as_pair(self.data.img_size)))


def statistics(data: DataConfig, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel, `(ch, 1, 1)`, for pixels in [0, 1]."""
    mean, std = (torch.tensor(values, device=device).view(-1, 1, 1) for values in (data.mean, data.std))
    return mean, std


def stored_size(data: DataConfig) -> tuple[int, int]:
    """Return the (height, width) out of which the test-time crop is cut."""
    height, width = (math.floor(edge / data.crop_pct) for edge in as_pair(data.img_size))
    return height, width


def epoch_order(length: int, *, seed: int, epoch: int) -> Int[Tensor, "b"]:
    """Return the order of one epoch: a function of seed and epoch alone, so that runs resume anywhere."""
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    return torch.randperm(length, generator=generator)


def digest(*parts: str | bytes | Tensor) -> str:
    """Return a hash of texts, bytes and the values of tensors, in this order."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, Tensor):
            found.update(np.ascontiguousarray(part.detach().cpu()).reshape(-1).view(np.uint8).data)
        else:
            found.update(part.encode() if isinstance(part, str) else part)
        found.update(b"\0")
    return found.hexdigest()
