"""Augmentation of a whole batch on its device, where every picture has a draw of its own.

Nothing here waits for the device. Pixels are in 0..255 unless a function says otherwise.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Num, UInt8
from torch import Tensor

Pixels = Float[Tensor, "b ch hh ww"]
Bytes = UInt8[Tensor, "b ch hh ww"]
Resized = UInt8[Tensor, "b ch oh ow"]
Sides = Int[Tensor, "b"]
Ratio = tuple[float, float]
DRAWS = 10  # of a box that may not fit, as in torchvision
ERASE_RATIO = (0.3, 3.3)


def random_crop(x: Tensor, pad: int, *, size: tuple[int, int] | None = None) -> Tensor:
    """Cut a window of `size` (default: its own) out of each picture, with its borders reflected by `pad`."""
    b, ch = x.shape[:2]
    height, width = size or (x.shape[2], x.shape[3])
    x = F.pad(x.float(), (pad,) * 4, mode="reflect")
    rows, columns = x.shape[2] - height + 1, x.shape[3] - width + 1
    top = torch.randint(rows, (b, 1), device=x.device) + torch.arange(height, device=x.device)
    left = torch.randint(columns, (b, 1), device=x.device) + torch.arange(width, device=x.device)
    x = x.gather(2, top[:, None, :, None].expand(b, ch, height, x.shape[3]))
    return x.gather(3, left[:, None, None, :].expand(b, ch, height, width))


def random_flip(x: Tensor) -> tuple[Tensor, Bool[Tensor, "b"]]:
    """Mirror each picture with probability one half, and return which."""
    mirrored = torch.rand(len(x), device=x.device) < 0.5
    return torch.where(mirrored[:, None, None, None], x.flip(-1), x), mirrored


def random_resized_crop(
    x: Num[Tensor, "b ch hh ww"], *, size: tuple[int, int], scale: Ratio, ratio: Ratio
) -> Resized:
    """Resize a random box of each picture to `size`, with antialiased bilinear weights.

    Inception's crop as torchvision's RandomResizedCrop: a box of a share `scale` of the area and an aspect
    ratio (width / height) within `ratio`; the whole picture where ten boxes do not fit.
    """
    height, width, fits = _draw_sides(x, scale=scale, ratio=ratio)
    height, width = height.where(fits, x.shape[2]), width.where(fits, x.shape[3])
    top, left = _draw_places(x.shape[2] - height), _draw_places(x.shape[3] - width)
    return crop_and_resize(x, rows=(top, height), columns=(left, width), size=size)


def crop_and_resize(
    x: Num[Tensor, "b ch hh ww"],
    *,
    rows: tuple[Sides, Sides],
    columns: tuple[Sides, Sides],
    size: tuple[int, int],
) -> Resized:
    """Resize each picture's own box, its rows and columns given as (first, number), to `size`."""
    down = _resize_weights(*rows, stored=x.shape[2], out=size[0])
    across = _resize_weights(*columns, stored=x.shape[3], out=size[1])
    return to_bytes(down[:, None] @ x.float() @ across[:, None].mT)


def random_rotation(x: Num[Tensor, "b ch hh ww"], degrees: float) -> Bytes:
    """Turn each picture about its centre by up to `degrees` each way; black comes in at the corners."""
    angle = (2 * torch.rand(len(x), device=x.device) - 1) * math.radians(degrees)
    return affine(x, rotation(angle))


def rotation(angle: Float[Tensor, "b"]) -> Float[Tensor, "b two three"]:
    """Return matrices for `affine` that turn by `angle`, in radians, counter-clockwise."""
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)


def affine(x: Num[Tensor, "b ch hh ww"], matrix: Float[Tensor, "b two three"]) -> Bytes:
    """Draw each picture by its own map, as torchvision's `affine`: bilinear, and black outside.

    `matrix` takes an output pixel's place to its source's, both in pixels from the picture's centre.
    """
    height, width = x.shape[2:]
    down = (torch.arange(height, device=x.device) - (height - 1) / 2)[:, None]
    across = torch.arange(width, device=x.device) - (width - 1) / 2
    (a, b, c), (d, e, f) = (row.unbind(1) for row in matrix[..., None, None].unbind(1))
    source_x, source_y = a * across + b * down + c, d * across + e * down + f
    grid = torch.stack([source_x / (width / 2), source_y / (height / 2)], dim=-1)
    return to_bytes(F.grid_sample(x.float(), grid, mode="bilinear", align_corners=False))


def random_erasing(x: Pixels, *, prob: float, scale: Ratio) -> Pixels:
    """Erase a random box of each picture, with probability `prob`.

    As torchvision's RandomErasing (Zhong et al. 2020): a box of a share `scale` of the area becomes 0, which
    is the mean of a normalised picture; nothing where ten boxes do not fit.
    """
    chosen = torch.rand(len(x), device=x.device) < prob
    # Its aspect ratio is height / width, and its sides must be shorter than the picture's.
    width, height, fits = _draw_sides(x.mT, scale=scale, ratio=ERASE_RATIO, whole=False)
    top, left = _draw_places(x.shape[2] - height), _draw_places(x.shape[3] - width)
    down, across = (torch.arange(edge, device=x.device) for edge in x.shape[2:])
    rows = (down >= top[:, None]) & (down < (top + height)[:, None])
    columns = (across >= left[:, None]) & (across < (left + width)[:, None])
    box = rows[:, None, :, None] & columns[:, None, None, :] & (chosen & fits)[:, None, None, None]
    return x.masked_fill(box, 0.0)


def cutmix(x: Pixels, *, alpha: float = 1.0) -> tuple[Pixels, float]:
    """Paste a random box of the reversed batch into the batch, and return the share of the area that is new.

    Yun et al. 2019, eq. 1, with lambda ~ Beta(alpha, alpha) and the box always inside the picture.
    """
    height, width = x.shape[-2:]
    side = draw_beta(alpha) ** 0.5
    box_h, box_w = int(height * side), int(width * side)
    top = int(torch.randint(height - box_h + 1, ()))
    left = int(torch.randint(width - box_w + 1, ()))
    x = x.clone()
    x[:, :, top : top + box_h, left : left + box_w] = x.flip(0)[:, :, top : top + box_h, left : left + box_w]
    return x, box_h * box_w / (height * width)


def mixup(x: Pixels, *, alpha: float) -> tuple[Pixels, float]:
    """Blend the batch with its reverse, and return the share of the reverse.

    Zhang et al. 2018, lambda ~ Beta(alpha, alpha).
    """
    share = draw_beta(alpha)
    return mix(x, share), share


def mix(y: Float[Tensor, "b ..."], share: float) -> Float[Tensor, "b ..."]:
    """Return targets (or pixels) of a batch of which `share` was replaced by its reverse."""
    return y * (1 - share) + y.flip(0) * share


def draw_beta(alpha: float) -> float:
    """Draw once from Beta(alpha, alpha), which is uniform at 1; always on the CPU, so nothing waits."""
    if alpha == 1:
        return float(torch.rand(()))
    return float(torch.distributions.Beta(alpha, alpha).sample())


def to_bytes(x: Pixels) -> Bytes:
    """Round to the 256 levels of a picture."""
    return x.round().clamp(0, 255).byte()


def _draw_sides(x: Tensor, *, scale: Ratio, ratio: Ratio, whole: bool = True) -> tuple[Sides, Sides, Tensor]:
    """Draw (height, width) of a box for each picture, the first of ten that fits, and whether one does.

    `whole`: a side may be as long as the picture's.
    """
    height, width = x.shape[-2:]
    shape = (len(x), DRAWS)
    area = height * width * torch.empty(shape, device=x.device).uniform_(*scale)
    aspect = torch.empty(shape, device=x.device).uniform_(math.log(ratio[0]), math.log(ratio[1])).exp()
    tall, wide = (area / aspect).sqrt().round().long(), (area * aspect).sqrt().round().long()
    fits = (tall < height + whole) & (wide < width + whole)
    if whole:
        fits &= (tall > 0) & (wide > 0)
    first = fits.int().argmax(dim=1, keepdim=True)
    tall, wide, found = (value.gather(1, first)[:, 0] for value in (tall, wide, fits))
    return tall.where(found, 0), wide.where(found, 0), found


def _draw_places(room: Sides) -> Sides:
    """Draw a uniform integer from 0 to `room`, each."""
    return (torch.rand(len(room), device=room.device) * (room + 1)).long()


def _resize_weights(start: Sides, length: Sides, *, stored: int, out: int) -> Float[Tensor, "b out stored"]:
    """Return what each pixel of a line counts in its stretch [start, start + length) resized to `out` pixels.

    It is a triangle as wide as an output pixel, and at least as wide as an input pixel.
    """
    first, last = start[:, None, None], (start + length)[:, None, None]
    step = (length / out)[:, None, None]
    pixels = torch.arange(stored, device=start.device)
    centres = first + (torch.arange(out, device=start.device)[:, None] + 0.5) * step
    weights = (1 - (pixels + 0.5 - centres).abs() / step.clamp(min=1)).clamp(min=0)
    weights = weights * ((pixels >= first) & (pixels < last))
    return weights / weights.sum(dim=-1, keepdim=True)
