"""The teacher: a small convolutional network, which learns a small data set much faster than a ViT does."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vitdemo.config import as_pair


@dataclass(frozen=True)
class ResNetConfig:
    """A ResNet-9 (Page 2018, "How to Train Your ResNet"): `widths` are the channels of its four levels.

    `scale` multiplies the features before the head. Pictures of another size than `img_size`, in pixels, are
    resized to it, so that a student may see them larger.
    """

    img_size: int = 32
    in_chans: int = 3
    num_classes: int = 10
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    scale: float = 0.125

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or not all(isinstance(width, int) and width > 0 for width in self.widths):
            raise ValueError(f"widths must be four numbers of channels, got {self.widths}")
        for key in ("img_size", "in_chans", "num_classes"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} must be at least 1, got {getattr(self, key)}")


def make_conv(in_chans: int, out_chans: int, *, pool: bool = False) -> nn.Sequential:
    """Return a 3 x 3 convolution, optional 2 x 2 maximum, batch norm, ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(in_chans, out_chans, 3, padding=1, bias=False)]
    if pool:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.BatchNorm2d(out_chans), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """x + conv(conv(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(make_conv(width, width), make_conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class ResNet9(nn.Module):
    """Pixels to logits."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third, fourth = config.widths
        self.body = nn.Sequential(
            make_conv(config.in_chans, first),
            make_conv(first, second, pool=True),
            Residual(second),
            make_conv(second, third, pool=True),
            make_conv(third, fourth, pool=True),
            Residual(fourth),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(fourth, config.num_classes, bias=False)

    def forward(self, x: Float[Tensor, "b ch hh ww"]) -> Float[Tensor, "b c"]:
        size = as_pair(self.config.img_size)
        if x.shape[-2:] != size:
            x = F.interpolate(x, size, mode="bilinear", antialias=True)
        return self.head(self.body(x)) * self.config.scale
