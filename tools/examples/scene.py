"""A small ray marcher: bodies, ground, backdrop and one sun become a picture with depth, shadow and gloss."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tools.examples.solids import Array, Field, Point, column
from tools.examples.texture import Colour, mix, noise, step

Paint = Callable[[Array], Array]  # points (3, n) -> sRGB (3, n)


def unit(v: Array) -> Array:
    """Return vectors (3, n) scaled to length 1."""
    return v / (np.sqrt((v * v).sum(0, keepdims=True)) + 1e-9)


@dataclass(frozen=True)
class Fur:
    """Hair strokes on a body: length in world units, how many, direction of growth, spread of brightness."""

    length: float
    count: int
    flow: Callable[[Array], Array] | Point
    contrast: float = 0.16
    lift: float = 0.25
    width: float = 2.0


@dataclass(frozen=True)
class Body:
    """One solid of one material; `bump` = (depth, cells a unit) roughens its normals."""

    field: Field
    paint: Paint | Colour
    gloss: float = 0.0
    bump: tuple[float, float] = (0.0, 1.0)
    fur: Fur | None = None


@dataclass(frozen=True)
class Ground:
    """The plane y = 0; it fades into the backdrop between the two distances from the camera."""

    paint: Paint
    fade: tuple[float, float] = (1e3, 2e3)
    gloss: float = 0.0
    bump: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Camera:
    """Where the picture is taken from; `fov` is the full angle of the picture in degrees."""

    eye: Point
    target: Point
    fov: float = 30.0

    def axes(self) -> Array:
        """Return right, up and forward as the rows of a (3, 3) matrix."""
        ahead = unit(column(self.target) - column(self.eye))[:, 0]
        right = unit(np.cross(ahead, [0, 1, 0])[:, None])[:, 0]
        return np.stack([right, np.cross(right, ahead), ahead]).astype(np.float32)

    def rays(self, size: int) -> Array:
        """Return unit directions (3, size * size) of the picture's pixels, row by row."""
        half = np.tan(np.radians(self.fov / 2))
        x, y = np.meshgrid((np.arange(size) + 0.5) / size * 2 - 1, 1 - (np.arange(size) + 0.5) / size * 2)
        flat = np.stack([x.ravel() * half, y.ravel() * half, np.ones(size * size)])
        return unit((self.axes().T @ flat).astype(np.float32))

    def project(self, p: Array, size: int) -> Array:
        """Return pixel coordinates (2, n) of points (3, n) in front of the camera."""
        q = self.axes() @ (p - column(self.eye))
        scale = size / 2 / np.tan(np.radians(self.fov / 2)) / np.maximum(q[2], 1e-3)
        return np.stack([size / 2 + q[0] * scale, size / 2 - q[1] * scale])


@dataclass(frozen=True)
class Light:
    """The sun's direction and the colours of sun, sky and what the ground throws back (linear)."""

    toward: Point = (-0.5, 0.8, 0.6)
    sun: Colour = (1.6, 1.5, 1.32)
    sky: Colour = (0.45, 0.52, 0.66)
    bounce: Colour = (0.25, 0.24, 0.18)
    horizon: Colour = (0.75, 0.82, 0.92)


@dataclass(frozen=True)
class Scene:
    """All that one picture needs; `bounds` is a sphere (x, y, z, radius) around the bodies."""

    bodies: tuple[Body, ...]
    camera: Camera
    backdrop: Callable[[int], Array]
    bounds: tuple[float, float, float, float]
    ground: Ground | None = None
    light: Light = field(default_factory=Light)


@dataclass(frozen=True)
class Picture:
    """A rendered scene; `body` (n,) is the index of the body seen, -1 the ground, -2 the backdrop."""

    rgb: Array  # (3, n) sRGB
    body: np.ndarray
    point: Array  # (3, n)
    normal: Array  # (3, n)
    size: int


def distance(scene: Scene, p: Array) -> Array:
    """Return the distance (n,) to the nearest body."""
    nearest = scene.bodies[0].field(p)
    for body in scene.bodies[1:]:
        nearest = np.minimum(nearest, body.field(p))
    return nearest


def span(scene: Scene, origin: Array, ray: Array) -> tuple[Array, Array]:
    """Return where each ray enters and leaves the sphere around the bodies, two (n,).

    A ray that misses leaves at -1.
    """
    to_centre = column(scene.bounds[:3]) - origin
    middle = (to_centre * ray).sum(0)
    chord = scene.bounds[3] ** 2 - (to_centre * to_centre).sum(0) + middle**2
    half = np.sqrt(np.maximum(chord, 0))
    leave = np.where(chord > 0, middle + half, -1)
    return np.maximum(middle - half, 0).astype(np.float32), leave.astype(np.float32)


def march(scene: Scene, origin: Array, ray: Array) -> Array:
    """Return the distance along each ray (n,) to the first body, inf where there is none."""
    t, end = span(scene, origin, ray)
    hit = np.full(t.size, np.inf, np.float32)
    live = np.flatnonzero(t < end)
    for _ in range(90):
        if not live.size:
            break
        start = origin if origin.shape[1] == 1 else origin[:, live]
        d = distance(scene, start + ray[:, live] * t[live])
        near = d < 0.0004 * scene.bounds[3]
        hit[live[near]] = t[live[near]]
        t[live] += d * np.float32(0.85)
        live = live[~near & (t[live] < end[live])]
    return hit


def light_by_sun(scene: Scene, p: Array) -> Array:
    """Return the share of the sun (n,) that reaches points: soft shadows from the nearest miss."""
    ray = unit(column(scene.light.toward))
    reach = scene.bounds[3]
    t, end = span(scene, p, ray)
    t = np.maximum(t, np.float32(0.02 * reach))
    share = np.ones_like(t)
    live = np.flatnonzero(t < end)
    for _ in range(32):
        if not live.size:
            break
        d = distance(scene, p[:, live] + ray * t[live])
        share[live] = np.minimum(share[live], 9 * d / t[live])
        t[live] += np.clip(d, 0.015 * reach, 0.25 * reach)
        live = live[(share[live] > 0.01) & (t[live] < end[live])]
    return step(0, 1, np.clip(share, 0, 1))


def openness(scene: Scene, p: Array, n: Array) -> Array:
    """Return the ambient occlusion (n,): 1 in the open, towards 0 in creases."""
    shut = np.zeros(p.shape[1], np.float32)
    from_centre = p - column(scene.bounds[:3])
    near = np.flatnonzero((from_centre * from_centre).sum(0) < (1.3 * scene.bounds[3]) ** 2)
    for i, h in enumerate((0.015, 0.04, 0.09, 0.16)):
        h *= scene.bounds[3]
        shut[near] += np.maximum(h - distance(scene, p[:, near] + n[:, near] * np.float32(h)), 0) / h * 0.6**i
    return np.clip(1 - 0.5 * shut, 0.12, 1)


def normals(scene: Scene, p: Array) -> Array:
    """Return the outward unit normals (3, n) of the nearest body, from four differences."""
    e = np.float32(0.0012 * scene.bounds[3])
    total = np.zeros_like(p)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        k = column(corner)
        total += k * distance(scene, p + k * e)
    return unit(total)


def roughen(p: Array, n: Array, bump: tuple[float, float]) -> Array:
    """Return normals tilted by noise of (depth, cells a unit)."""
    if not bump[0]:
        return n
    tilt = np.stack([noise(p, bump[1], octaves=3, seed=s) for s in (1, 2, 3)]) - 0.5
    return unit(n + np.float32(2 * bump[0]) * tilt)


def mirror_sky(light: Light, ray: Array) -> Array:
    """Return what a glossy surface reflects (3, n): sky above, a dark treeline, ground below."""
    up = ray[1]
    above = mix(light.horizon, 0.8 * column(light.sky), step(0.05, 0.8, up))
    return mix(mix((0.10, 0.11, 0.10), light.bounce, step(-0.05, -0.5, up)), above, step(-0.02, 0.08, up))
