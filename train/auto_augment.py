"""RandAugment and TrivialAugment for a whole batch, with the operations and magnitudes of torchvision."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

from train.augment import affine, rotation

Bytes = UInt8[Tensor, "b 3 hh ww"]
Policy = Literal["randaugment", "trivialaugment"]
BINS = 31  # levels of magnitude


class Op(IntEnum):
    """torchvision's operations, in its order."""

    IDENTITY = 0
    SHEAR_X = 1
    SHEAR_Y = 2
    TRANSLATE_X = 3
    TRANSLATE_Y = 4
    ROTATE = 5
    BRIGHTNESS = 6
    COLOR = 7
    CONTRAST = 8
    SHARPNESS = 9
    POSTERIZE = 10
    SOLARIZE = 11
    AUTO_CONTRAST = 12
    EQUALIZE = 13


def list_magnitudes(policy: Policy, size: tuple[int, int]) -> Float[Tensor, "ops bins"]:
    """Return the magnitude of each operation at each of 31 levels, for pictures of `size` (height, width).

    Shears are slopes, translations whole pixels, turns degrees, blends the distance of the factor from 1,
    posterising the bits that stay, solarising a share of 255.
    """
    height, width = size
    if policy == "randaugment":
        shear, across, down, turn, blend, bits = 0.3, 150 / 331 * width, 150 / 331 * height, 30.0, 0.9, 4
    else:
        shear, across, down, turn, blend, bits = 0.99, 32.0, 32.0, 135.0, 0.99, 6
    most = [0.0, shear, shear, across, down, turn, *[blend] * 4, 0.0, 0.0, 0.0, 0.0]
    table = torch.stack([torch.linspace(0.0, value, BINS) for value in most])
    table[[Op.TRANSLATE_X, Op.TRANSLATE_Y]] = table[[Op.TRANSLATE_X, Op.TRANSLATE_Y]].trunc()
    table[Op.POSTERIZE] = (8 - torch.arange(BINS) / ((BINS - 1) / bits)).round()
    table[Op.SOLARIZE] = torch.linspace(1.0, 0.0, BINS)
    return table


class AutoAugment:
    """RandAugment (Cubuk et al. 2020) or TrivialAugment Wide (Müller & Hutter 2021).

    The first: `ops` operations one after the other, all at level `magnitude`. The second: one operation at a
    random level (`magnitude` None).
    Every picture draws its own operations, signs and levels, on its device. On CUDA, all operations are
    computed for all pictures and then chosen from, so that shapes stay fixed and nothing waits.
    """

    def __init__(
        self, table: Float[Tensor, "ops bins"], *, ops: int = 1, magnitude: int | None = None
    ) -> None:
        if magnitude is not None and not 0 <= magnitude < BINS:
            raise ValueError(f"randaugment_magnitude must be from 0 to {BINS - 1}, got {magnitude}")
        if ops < 0:
            raise ValueError(f"randaugment_ops must not be negative, got {ops}")
        self.table, self.ops, self.magnitude = table, ops, magnitude

    def __call__(self, x: Bytes) -> Bytes:
        for _ in range(self.ops):
            op = torch.randint(len(Op), (len(x),), device=x.device)
            level = (
                torch.randint(BINS, (len(x),), device=x.device) if self.magnitude is None else self.magnitude
            )
            negative = (torch.rand(len(x), device=x.device) <= 0.5) & within(op, Op.SHEAR_X, Op.SHARPNESS)
            magnitude = self.table[op, level]
            magnitude = torch.where(negative, -magnitude, magnitude)
            x = apply_ops(x, op, magnitude, grouped=not x.is_cuda)
        return x


def within(op: Int[Tensor, "b"], first: Op, last: Op) -> Tensor:
    """Return which of the operations lie between two, both included."""
    return (op >= first) & (op <= last)


def apply_ops(
    x: Bytes, op: Int[Tensor, "b"], magnitude: Float[Tensor, "b"], *, grouped: bool = True
) -> Bytes:
    """Apply to each picture its own operation at its own signed magnitude (a row's value of the table).

    `grouped` computes an operation for its own pictures alone, which means to wait for their number.
    """
    out = x.clone()
    for first, last, change in FAMILIES:
        chosen = within(op, first, last)
        if not grouped:
            out = torch.where(_widen(chosen), change(x, op, magnitude), out)
        elif bool(chosen.any()):
            out[chosen] = change(x[chosen], op[chosen], magnitude[chosen])
    return out


def _widen(value: Tensor) -> Tensor:
    return value[:, None, None, None]


def _move(x: Bytes, op: Tensor, magnitude: Tensor) -> Bytes:
    """Draw each picture by one affine map. Shears leave the top left corner in place, as in torchvision."""
    slope_x, slope_y, right, down, degrees = (
        magnitude.where(op == kind, 0.0)
        for kind in (Op.SHEAR_X, Op.SHEAR_Y, Op.TRANSLATE_X, Op.TRANSLATE_Y, Op.ROTATE)
    )
    matrix = rotation(degrees.deg2rad())
    matrix[:, 0, 1] += slope_x
    matrix[:, 1, 0] += slope_y
    matrix[:, 0, 2] = slope_x * x.shape[2] / 2 - right
    matrix[:, 1, 2] = slope_y * x.shape[3] / 2 - down
    return affine(x, matrix)


def _blend(x: Bytes, op: Tensor, magnitude: Tensor) -> Bytes:
    """Return (1 + m) x - m y, where y is black, the grey picture, its mean, or the smoothed picture."""
    pixels, share = x.float(), _widen(magnitude)
    grey = (0.2989 * pixels[:, :1] + 0.587 * pixels[:, 1:2] + 0.114 * pixels[:, 2:]).floor()
    inner = pixels[..., 1:-1, 1:-1]
    smooth = pixels.clone()
    smooth[..., 1:-1, 1:-1] = ((9 * F.avg_pool2d(pixels, 3, stride=1) + 4 * inner) / 13).round()
    other = torch.zeros_like(pixels)
    for kind, value in (
        (Op.COLOR, grey),
        (Op.CONTRAST, grey.mean(dim=(1, 2, 3), keepdim=True)),
        (Op.SHARPNESS, smooth),
    ):
        other = torch.where(_widen(op == kind), value, other)
    # Equal in exact arithmetic, but the fraction is cut off, and these are torchvision's roundings.
    sharpened, blended = (
        torch.addcmul(pixels, share, pixels - other),
        torch.addcmul((1 + share) * pixels, share, other, value=-1),
    )
    return torch.where(_widen(op == Op.SHARPNESS), sharpened, blended).clamp(0, 255).byte()


def _posterise(x: Bytes, op: Tensor, bits: Tensor) -> Bytes:
    """Keep the upper `bits` of each value, from 1 to 8; pictures of other operations bring any number."""
    dropped = _widen((8 - bits).clamp(0, 7).byte())
    return (x >> dropped) << dropped


def _solarise(x: Bytes, op: Tensor, share: Tensor) -> Bytes:
    return torch.where(x >= 255 * _widen(share), 255 - x, x)


FAMILIES: tuple[tuple[Op, Op, Callable[[Tensor, Tensor, Tensor], Tensor]], ...] = (
    (Op.SHEAR_X, Op.ROTATE, _move),
    (Op.BRIGHTNESS, Op.SHARPNESS, _blend),
    (Op.POSTERIZE, Op.POSTERIZE, _posterise),
    (Op.SOLARIZE, Op.SOLARIZE, _solarise),
    (Op.AUTO_CONTRAST, Op.AUTO_CONTRAST, lambda x, op, magnitude: tv.autocontrast(x)),
    (Op.EQUALIZE, Op.EQUALIZE, lambda x, op, magnitude: tv.equalize(x)),
)
