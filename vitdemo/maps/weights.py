"""What the weights alone say: properties of a model, not of a picture. From arrays; no model, no trace."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def patch_filters(
    weight: Float[np.ndarray, "d ch ph pw"], *, count: int
) -> tuple[Float[np.ndarray, "k ch ph pw"], Float[np.ndarray, "k"]]:
    """Return the first `count` principal components of the patch projection.

    `weight` holds a filter for each of `d` channels. The components are unit vectors, the strongest first,
    each with its share (0 to 1) of the variance between filters; the mean filter is taken off first
    (Dosovitskiy et al. 2021, Fig. 7 left). A component's sign means nothing, so its largest entry is made
    positive. Raise ValueError for more components than exist.
    """
    filters = weight.reshape(len(weight), -1).astype(np.float64)
    if not 1 <= count <= min(filters.shape):
        raise ValueError(f"count must be from 1 to {min(filters.shape)}, got {count}")
    _, strengths, components = np.linalg.svd(filters - filters.mean(axis=0), full_matrices=False)
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    components = components * np.where(largest < 0, -1.0, 1.0)
    variance = strengths**2
    shares = variance / max(variance.sum(), np.finfo(np.float64).tiny)
    return components[:count].reshape(count, *weight.shape[1:]), shares[:count]


def position_similarity(positions: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n n"]:
    """Return the cosine, -1 to 1, of each position embedding with every other.

    See Dosovitskiy et al. 2021, Fig. 7 centre. A position that is all zero is similar to none: its row and
    column are 0.
    """
    values = positions.astype(np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
    return np.clip(unit @ unit.T, -1.0, 1.0)
