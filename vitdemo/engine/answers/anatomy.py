"""What a model's weights hold, how each of its heads looks, which tokens stand out. No network runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from PIL import Image

from vitdemo import render
from vitdemo.config import as_pair
from vitdemo.engine.core.cache import Entry
from vitdemo.maps.statistics import MAD_FACTOR, attention_distance, attention_entropy, token_norms
from vitdemo.maps.weights import patch_filters, position_similarity
from vitdemo.message import Message
from vitdemo.models import VisionTransformer
from vitdemo.render import charts
from vitdemo.render.text import stack

Pass = Literal["pruned", "dense"]
FILTERS, FILTER_COLUMNS = 28, 7  # as many as the ViT paper shows
NAMES = (Message("layer"), Message("attention head"))
POSITIONS = Message("cosine similarity of position embeddings")


@dataclass(frozen=True)
class Filters:
    """The strongest `shown` of `total` components of the patch projection, as `image`.

    `share`: the part of the variance between filters (0 to 1) that they hold together.
    """

    image: Image.Image
    shown: int
    total: int
    share: float


@dataclass(frozen=True)
class Heads:
    """Attention `distance` and `entropy` of each head: a row a layer, a column a head, and a picture of each.

    `distance` in pixels, up to `farthest`; `entropy` in nats, up to `widest`. NaN where nothing is looked
    at.
    """

    distance: tuple[tuple[float, ...], ...]
    entropy: tuple[tuple[float, ...], ...]
    farthest: float
    widest: float
    distance_figure: Image.Image
    entropy_figure: Image.Image


@dataclass(frozen=True)
class Norms:
    """Token norms after the last block.

    `limit` = median + `factor` x MAD of the patches; `artefacts`: the patches above it, framed in `image`.
    `prefix`: the norms of class and other prefix tokens.
    """

    image: Image.Image
    limit: float
    factor: float
    artefacts: tuple[int, ...]
    prefix: tuple[float, ...]


def filters(model: VisionTransformer) -> Filters:
    """Return the principal components of the patch projection, as colour tiles."""
    weight = model.patch_embed.proj.weight.detach().float().cpu().numpy()
    total = min(len(weight), weight[0].size)
    shown = min(FILTERS, total)
    components, shares = patch_filters(weight, count=shown)
    image = charts.draw_filters(components, columns=FILTER_COLUMNS)
    return Filters(image, shown, total, float(shares.sum()))


def similarity(entry: Entry) -> tuple[Float[np.ndarray, "n n"], render.Scale]:
    """Return the cosine of each patch position with all others, and the scale that all its maps share."""
    table = position_similarity(entry.embedding.positions[-entry.config.num_patches :].numpy())
    return table, render.share_scale([table], label=POSITIONS, high=1.0)


def positions_figure(entry: Entry, position: int) -> Image.Image:
    """Return a small map for each position, laid out as they are, `position` framed; colour bar below."""
    table, scale = similarity(entry)
    sheet = charts.draw_grids(table, grid=entry.config.grid, scale=scale, chosen=position)
    return stack([sheet, render.draw_colour_bar(scale, width=max(100, sheet.width))])


def position_figure(entry: Entry, position: int) -> Image.Image:
    """Return the map of one position, large, its own place framed. Raise ValueError for one out of range."""
    if not 0 <= position < entry.config.num_patches:
        last = entry.config.num_patches - 1
        raise ValueError(
            Message("position must be from 0 to {last}, got {position}", last=last, position=position)
        )
    table, scale = similarity(entry)
    picture = charts.draw_map(table[position].reshape(entry.config.grid), scale=scale)
    picture = render.mark_patch(picture, position, entry.config.grid)
    return stack([picture, render.draw_colour_bar(scale, width=max(100, picture.width))])


def heads(entry: Entry, which: Pass) -> Heads:
    """Return attention distance and entropy of each head; through pruning over the tokens present."""
    trace = entry.choose_trace(which)
    patch = as_pair(entry.config.patch_size)
    distance, entropy = attention_distance(trace, patch_size=patch), attention_entropy(trace)
    (gh, gw), (ph, pw) = entry.config.grid, patch
    farthest = float(np.hypot((gh - 1) * ph, (gw - 1) * pw))
    widest = float(np.log(trace.num_prefix_tokens + trace.num_patches))
    alike = Message("mean entropy, nats; {widest} = all alike", widest=f"{widest:.2f}")
    figures = [
        charts.draw_numbers(values, colours=scale, decimals=decimals, names=NAMES)
        for values, scale, decimals in (
            (distance, numbers_scale(distance, Message("mean attention distance, pixels")), 1),
            (entropy, render.Scale(0.0, widest, alike), 2),
        )
    ]
    return Heads(to_rows(distance), to_rows(entropy), farthest, widest, figures[0], figures[1])


def numbers_scale(values: Float[np.ndarray, "l h"], label: str) -> render.Scale:
    """Return the scale from 0 to the largest number; to 1 where there is none."""
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    return render.Scale(0.0, top or 1.0, label)


def norms(entry: Entry, which: Pass) -> Norms:
    """Return the norm of each patch token after the last block over the view, artefact tokens framed."""
    found = token_norms(entry.choose_trace(which))
    label = Message("norm of the token after the last block")
    scale = render.share_scale([found.heat], label=label, low=0.0)
    figure = render.draw_heat(entry.analysis.view, found.heat, scale=scale)
    size = render.enlarge_view(entry.analysis.view).size
    for patch in found.artefacts:
        overlay = figure.crop((0, 0, *size))
        figure.paste(render.mark_patch(overlay, patch, entry.config.grid), (0, 0))
    return Norms(figure, found.limit, MAD_FACTOR, found.artefacts, found.prefix)


def to_rows(values: Float[np.ndarray, "l h"]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.tolist())
