"""Seeded noise in space and painted backdrops; colours are sRGB in 0..1."""

from collections.abc import Sequence

import numpy as np

from tools.examples.solids import Array

Colour = tuple[float, float, float]
_TABLE = np.random.default_rng(10).random(8192).astype(np.float32)


def noise(p: Array, scale: float = 1.0, *, octaves: int = 3, seed: int = 0) -> Array:
    """Return smooth value noise (n,) in 0..1 at points (3, n); `scale` is the number of cells a unit."""
    total, weight = np.zeros(p.shape[1], np.float32), 0.0
    for octave in range(octaves):
        q = p * np.float32(scale * 2**octave) + np.float32(17.3 * (seed + octave))
        cell = np.floor(q)
        f = q - cell
        f = f * f * (3 - 2 * f)
        i = cell.astype(np.int64) * np.array([[73856093], [19349663], [83492791]])
        j = i + np.array([[73856093], [19349663], [83492791]])
        value = np.zeros_like(total)
        for corner in range(8):
            pick = [(j if corner >> a & 1 else i)[a] for a in range(3)]
            share = [(f[a] if corner >> a & 1 else 1 - f[a]) for a in range(3)]
            value += _TABLE[(pick[0] ^ pick[1] ^ pick[2]) & 8191] * share[0] * share[1] * share[2]
        total += value * 0.5**octave
        weight += 0.5**octave
    return total / np.float32(weight)


def step(low: float, high: float, x: Array) -> Array:
    """Return 0 below `low`, 1 above `high`, smooth between (`low` > `high` turns it round)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def mix(a: Colour | Array, b: Colour | Array, share: Array) -> Array:
    """Return colours (3, n) between a (share 0) and b (share 1)."""
    first = np.asarray(a, np.float32).reshape(3, -1)
    return first + (np.asarray(b, np.float32).reshape(3, -1) - first) * share


def ramp(x: Array, *stops: tuple[float, Colour]) -> Array:
    """Return colours (3, n) of a gradient with (place, colour) stops."""
    places = [place for place, _ in stops]
    return np.stack([np.interp(x, places, [c[i] for _, c in stops]) for i in range(3)]).astype(np.float32)


def sheet(size: int) -> tuple[Array, Array]:
    """Return picture coordinates, each (size * size,): x in 0..1 to the right, y in 0..1 upwards."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    return ((x + 0.5) / size).ravel(), (1 - (y + 0.5) / size).ravel()


def image(colours: Array, size: int) -> Array:
    """Return colours (3, size * size) as a picture (size, size, 3)."""
    return np.ascontiguousarray(colours.T.reshape(size, size, 3))


def sky(size: int, *stops: tuple[float, Colour], cover: float = 0.5, seed: int = 0) -> Array:
    """Return the sky (size, size, 3): a vertical gradient with soft clouds; `cover` 0 is a clear sky."""
    x, y = sheet(size)
    p = np.stack([x, y * 2.4, np.zeros_like(x)])
    bulk = noise(p, 2.6, octaves=6, seed=seed)
    cloud = step(
        0.78 - 0.5 * cover, 1.02 - 0.4 * cover, bulk + 0.12 * noise(p, 1.3, octaves=2, seed=seed + 9)
    )
    lit = noise(p + np.array([[0.02], [0.05], [0]], np.float32), 2.6, octaves=6, seed=seed)
    white = mix((0.80, 0.84, 0.90), (1.0, 1.0, 1.0), np.clip(0.6 + 4 * (bulk - lit), 0, 1))
    return image(mix(ramp(y, *stops), white, cloud * 0.85), size)


def foliage(size: int, stops: Sequence[tuple[float, Colour]], *, grain: float = 5.0, seed: int = 0) -> Array:
    """Return leaves far out of focus (size, size, 3).

    A vertical gradient is broken into soft light and dark blobs.
    """
    x, y = sheet(size)
    p = np.stack([x, y, np.zeros_like(x)])
    light = noise(p, grain, octaves=3, seed=seed) - 0.5
    hue = noise(p, grain * 0.7, octaves=2, seed=seed + 5) - 0.5
    base = ramp(y, *stops) * (1 + 0.9 * light)
    return image(np.clip(base + np.array([[0.12], [0.02], [-0.06]], np.float32) * hue, 0, 1), size)
