"""From a photograph to pictures of a network's attention as the plainest script does it: the peers' way.

Each takes a photograph to its five likeliest classes, the attention of all layers, a rollout over the picture
and a sheet of the last layer's heads, drawn by matplotlib; and, where patches shall be dropped, to a strip of
those that the class token attends to most.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitdemo.config import ViTConfig, as_pair

EDGE, DOTS = 448, 100  # pixels of a picture, dots an inch
Script = Callable[[Path], list[bytes]]


def make_transformers_script(model: Any, processor: Any, counts: Sequence[int]) -> Script:
    """Return the script with transformers' `output_attentions`. `counts`: patches of each kept picture."""

    def explain(photo: Path) -> list[bytes]:
        image = Image.open(photo).convert("RGB")
        inputs = processor(images=image, return_tensors="pt")
        with torch.no_grad():
            out = model(**inputs, output_attentions=True)
        out.logits.softmax(-1)[0].topk(5)
        return draw(image, torch.stack(out.attentions)[:, 0], counts)

    return explain


def make_timm_script(model: Any, transform: Callable[..., Tensor], counts: Sequence[int]) -> Script:
    """Return the script with hooks on the attention of timm's network."""
    seen: list[Tensor] = []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda module, args, out: seen.append(out))

    def explain(photo: Path) -> list[bytes]:
        seen.clear()
        image = Image.open(photo).convert("RGB")
        with torch.no_grad():
            logits = model(transform(image)[None])
        logits.softmax(-1)[0].topk(5)
        return draw(image, torch.stack(seen)[:, 0], counts)

    return explain


def draw(image: Image.Image, attention: Tensor, counts: Sequence[int]) -> list[bytes]:
    """Return the pictures as PNG. `attention`: (layers, heads, n, n), the class token first."""
    side = round((attention.shape[-1] - 1) ** 0.5)
    view = np.asarray(image.resize((EDGE, EDGE)))
    heat = roll_out(attention)[0, 1:].reshape(side, side)
    pictures = [draw_overlays(view, [heat])]
    pictures.append(draw_overlays(view, list(attention[-1, :, 0, 1:].reshape(-1, side, side))))
    if counts:
        pictures.append(draw_kept(view, attention[-1, :, 0, 1:].mean(0), counts, side))
    return pictures


def roll_out(attention: Tensor) -> Tensor:
    """Return the attention rollout, (n, n): of the heads' mean, with half of the identity."""
    eye = torch.eye(attention.shape[-1])
    joint = eye
    for layer in attention.mean(dim=1):
        step = layer + eye
        joint = step / step.sum(dim=-1, keepdim=True) @ joint
    return joint


def draw_overlays(view: np.ndarray, heats: Sequence[Tensor]) -> bytes:
    """Return the heats over the picture, side by side in rows of at most three."""
    columns = min(3, len(heats))
    rows = -(-len(heats) // columns)
    inches = EDGE / DOTS
    figure, axes = plt.subplots(rows, columns, figsize=(inches * columns, inches * rows), squeeze=False)
    for place, heat in zip(axes.ravel(), heats, strict=False):
        place.imshow(view)
        extent = (0, view.shape[1], view.shape[0], 0)
        place.imshow(heat.numpy(), cmap="magma", alpha=0.6, extent=extent, interpolation="bilinear")
        place.axis("off")
    return save(figure)


def draw_kept(view: np.ndarray, scores: Tensor, counts: Sequence[int], side: int) -> bytes:
    """Return the picture, and beside it what is left where only the best patches stay."""
    inches = EDGE / DOTS
    figure, axes = plt.subplots(1, 1 + len(counts), figsize=(inches * (1 + len(counts)), inches))
    axes[0].imshow(view)
    for place, count in zip(axes[1:], counts, strict=True):
        mask = np.zeros(side * side, dtype=bool)
        mask[scores.topk(count).indices.numpy()] = True
        large = np.kron(mask.reshape(side, side), np.ones((EDGE // side, EDGE // side), dtype=bool))
        place.imshow(np.where(large[..., None], view, view // 4 + 160))
    for place in axes:
        place.axis("off")
    return save(figure)


def save(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS)
    plt.close(figure)
    return file.getvalue()


def make_processor(config: ViTConfig) -> Any:
    """Return transformers' image processor of a ViT of that size."""
    height, width = as_pair(config.img_size)
    from transformers import ViTImageProcessorPil

    return ViTImageProcessorPil(size={"height": height, "width": width})


def make_transform(config: ViTConfig) -> Any:
    """Return timm's transform of a network of that size."""
    from timm.data import create_transform

    return create_transform((3, *as_pair(config.img_size)), is_training=False)
