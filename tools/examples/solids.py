"""Solids as signed distance fields: a field maps points (3, n) to distances (n,), negative inside."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]  # float32 in practice
Field = Callable[[Array], Array]
Point = tuple[float, float, float]
Knot = tuple[float, float, float, float]  # x, y, z, radius


def column(values: Sequence[float]) -> Array:
    """Return a vector as a (3, 1) column that broadcasts over points."""
    return np.asarray(values, np.float32)[:, None]


def rotation(*, yaw: float = 0, pitch: float = 0, roll: float = 0) -> Array:
    """Return the rotation matrix (3, 3); degrees about y, then x, then z."""
    a, b, c = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return (about_z @ about_x @ about_y).astype(np.float32)


def ball(centre: Point, radii: Point, *, yaw: float = 0, pitch: float = 0, roll: float = 0) -> Field:
    """Return an ellipsoid (first-order distance)."""
    c, r, m = column(centre), column(radii), rotation(yaw=yaw, pitch=pitch, roll=roll).T

    def field(p: Array) -> Array:
        q = (m @ (p - c)) / r
        far = np.sqrt((q * q).sum(0)) + 1e-6
        slope = np.sqrt(((q / r) ** 2).sum(0)) + 1e-6
        return far * (far - 1) / slope

    return field


def cone(start: Knot, end: Knot) -> Field:
    """Return a capsule whose radius goes linearly from the first knot to the second."""
    a, along = column(start[:3]), column(end[:3]) - column(start[:3])
    length = float((along * along).sum()) + 1e-9

    def field(p: Array) -> Array:
        q = p - a
        t = np.clip((q * along).sum(0) / length, 0, 1)
        q = q - along * t
        return np.sqrt((q * q).sum(0)) - (start[3] + (end[3] - start[3]) * t)

    return field


def box(centre: Point, half: Point, *, edge: float = 0.02) -> Field:
    """Return a box with rounded edges, axes parallel to the world's."""
    c, h = column(centre), column(half) - edge

    def field(p: Array) -> Array:
        q = np.abs(p - c) - h
        outside = np.maximum(q, 0)
        return np.sqrt((outside * outside).sum(0)) + np.minimum(q.max(0), 0) - edge

    return field


def disc(centre: Point, radius: float, half_width: float, *, axis: int = 2, edge: float = 0.02) -> Field:
    """Return a cylinder with rounded edges along a world axis: a wheel, a funnel, an engine."""
    c = column(centre)
    across = [i for i in range(3) if i != axis]

    def field(p: Array) -> Array:
        q = p - c
        out = np.hypot(q[across[0]], q[across[1]]) - radius + edge
        side = np.abs(q[axis]) - half_width + edge
        return np.hypot(np.maximum(out, 0), np.maximum(side, 0)) + np.minimum(np.maximum(out, side), 0) - edge

    return field


def polygon_distance(u: Array, v: Array, corners: Sequence[tuple[float, float]]) -> Array:
    """Return the signed distance (n,) to a polygon in the plane, negative inside."""
    nearest = np.full_like(u, np.inf)
    inside = np.zeros(u.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        ex, ey, wx, wy = bx - ax, by - ay, u - ax, v - ay
        t = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey + 1e-12), 0, 1)
        nearest = np.minimum(nearest, (wx - ex * t) ** 2 + (wy - ey * t) ** 2)
        inside ^= ((ay > v) != (by > v)) & (wx * ey < ex * wy if ey > 0 else wx * ey > ex * wy)
    distance = np.sqrt(nearest)
    return np.where(inside, -distance, distance).astype(np.float32)


def prism(
    corners: Sequence[tuple[float, float]],
    low: float,
    high: float,
    *,
    axes: tuple[int, int, int] = (0, 1, 2),
    edge: float = 0.02,
) -> Field:
    """Return a polygon in the plane of the first two axes, drawn out along the third from low to high."""
    middle, half = (low + high) / 2, (high - low) / 2 - edge

    def field(p: Array) -> Array:
        out = polygon_distance(p[axes[0]], p[axes[1]], corners) + edge
        side = np.abs(p[axes[2]] - middle) - half
        return np.hypot(np.maximum(out, 0), np.maximum(side, 0)) + np.minimum(np.maximum(out, side), 0) - edge

    return field


def union(*fields: Field) -> Field:
    """Return everything that is in at least one of the solids."""

    def field(p: Array) -> Array:
        nearest = fields[0](p)
        for other in fields[1:]:
            nearest = np.minimum(nearest, other(p))
        return nearest

    return field


def blend(k: float, *fields: Field) -> Field:
    """Return the union with seams smoothed over a width k (polynomial smooth minimum)."""

    def field(p: Array) -> Array:
        nearest = fields[0](p)
        for other in fields[1:]:
            d = other(p)
            h = np.maximum(k - np.abs(nearest - d), 0)
            nearest = np.minimum(nearest, d) - h * h / (4 * k)
        return nearest

    return field


def cut(solid: Field, tool: Field) -> Field:
    """Return the solid without the tool."""
    return lambda p: np.maximum(solid(p), -tool(p))


def chain(*knots: Knot, k: float = 0.05) -> Field:
    """Return a limb through the knots: cones with smoothed joints."""
    return blend(k, *(cone(a, b) for a, b in pairwise(knots)))


def mirror(solid: Field) -> Field:
    """Return the solid and its mirror image in the plane z = 0; describe the half with z > 0."""
    return lambda p: solid(np.stack([p[0], p[1], np.abs(p[2])]))


def turn(solid: Field, pivot: Point, *, yaw: float = 0, pitch: float = 0, roll: float = 0) -> Field:
    """Return the solid turned about a pivot (degrees)."""
    c, m = column(pivot), rotation(yaw=yaw, pitch=pitch, roll=roll).T
    return lambda p: solid(m @ (p - c) + c)
