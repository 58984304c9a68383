"""Things that the photo networks know and of which no free photograph is at hand: ball, church, parachute."""

import numpy as np

from tools.examples.hoofed import meadow
from tools.examples.render import Grass, Line, Subject
from tools.examples.scene import Body, Camera, Light, Scene
from tools.examples.solids import Array, Field, Point, ball, blend, box, cone, disc, prism, union
from tools.examples.texture import foliage, mix, noise, sky, step

DIMPLES = 336
GORES = 16


def sphere_points(count: int) -> Array:
    """Return unit vectors (count, 3) spread evenly, along a spiral from pole to pole."""
    place = np.arange(count) + 0.5
    height, turn = 1 - 2 * place / count, place * np.pi * (1 + 5**0.5)
    flat = np.sqrt(1 - height**2)
    return np.stack([flat * np.cos(turn), height, flat * np.sin(turn)], axis=1).astype(np.float32)


def dimpled(centre: Point, radius: float) -> Field:
    """Return a ball with round dimples."""
    middle, pits = np.asarray(centre, np.float32)[:, None], sphere_points(DIMPLES)

    def field(p: Array) -> Array:
        q = p - middle
        far = np.sqrt((q * q).sum(0)) + 1e-6
        distance = far - radius
        near = np.flatnonzero(np.abs(distance) < 0.1 * radius)
        if near.size:
            nearest = np.arccos(np.clip((pits @ (q[:, near] / far[near])).max(0), -1, 1))
            distance[near] += 0.035 * radius * step(0.098, 0.02, nearest)
        return distance * np.float32(0.8)

    return field


def golf_ball() -> Subject:
    """Return a ball on its tee, low over a lawn."""
    bodies = (
        Body(dimpled((0, 1.32, 0), 1.0), (0.93, 0.93, 0.92), gloss=0.05),
        Body(blend(0.05, cone((0, -0.3, 0, 0.10), (0, 0.2, 0, 0.13)), disc((0, 0.30, 0), 0.36, 0.06, axis=1)),
             (0.80, 0.30, 0.22)),
    )  # fmt: skip

    def trees(size: int) -> Array:
        return foliage(
            size,
            [(0.35, (0.42, 0.58, 0.24)), (0.6, (0.16, 0.30, 0.12)), (1.0, (0.50, 0.62, 0.50))],
            grain=3.4,
            seed=12,
        )

    scene = Scene(
        bodies,
        Camera((-1.5, 1.5, 7.5), (0.1, 1.05, 0), fov=26),
        trees,
        (0, 1.1, 0, 1.6),
        meadow((0.34, 0.52, 0.17), (0.20, 0.38, 0.10), seed=4),
        Light(toward=(-0.6, 0.8, 0.5)),
    )
    return Subject(scene, grass=Grass(22000, 0.20, 2.5, 18.0))


def wall_paint(p: Array) -> Array:
    """Paint courses of sandstone, with arched windows in nave and tower, and a door in the tower."""
    stone = mix((0.74, 0.64, 0.49), (0.67, 0.57, 0.43), noise(p, 3, octaves=4, seed=6))
    stone = stone * (0.86 + 0.14 * step(-0.7, -0.3, np.sin(14 * p[1])))
    stone = stone * (0.8 + 0.4 * noise(p, 7, octaves=3, seed=3))
    along = np.abs(np.mod(p[0] + 0.75, 1.5) - 0.75)  # a window each 1.5 along the nave
    arch = np.hypot(along, np.maximum(p[1] - 2.1, 0)) < 0.28
    window = arch & (p[1] > 1.0) & (p[0] > -2.4) & (np.abs(p[2]) > 1.2)
    high = (np.hypot(p[2], np.maximum(p[1] - 5.1, 0)) < 0.26) & (p[1] > 4.4) & (p[0] < -4.7)
    side = (np.hypot(p[0] + 3.9, np.maximum(p[1] - 5.1, 0)) < 0.26) & (p[1] > 4.4) & (p[0] < -2.9)
    door = (np.hypot(p[2], np.maximum(p[1] - 1.2, 0)) < 0.45) & (p[0] < -4.7)
    colour = mix(stone, (0.12, 0.14, 0.20), (window | high | side).astype(np.float32))
    return mix(colour, (0.30, 0.17, 0.09), door.astype(np.float32))


def shingles(p: Array) -> Array:
    """Paint dark slates in rows."""
    rows = 0.75 + 0.25 * step(-0.6, 0.6, np.sin(24 * p[1]))
    return mix((0.26, 0.27, 0.31), (0.40, 0.38, 0.40), noise(p, 5, seed=2)) * rows


def spire(centre: Point, *, half: float, height: float) -> Field:
    """Return a steep square pyramid over `centre`."""
    c = np.asarray(centre, np.float32)[:, None]
    slope = np.float32(half / np.hypot(half, height))

    def field(p: Array) -> Array:
        q = p - c
        side = np.maximum(np.abs(q[0]), np.abs(q[2])) - half * (1 - q[1] / height)
        return np.maximum(side * np.float32(np.sqrt(1 - slope**2)), -q[1])

    return field


def church() -> Subject:
    """Return a village church with a slated spire before the sky.

    It is seen from the side of its tower and a little below.
    """
    walls = union(box((0.2, 1.5, 0), (2.8, 1.5, 1.5)), box((-3.9, 3.0, 0), (0.95, 3.0, 0.95)))
    gable = [(-1.75, 2.9), (1.75, 2.9), (0.0, 4.7)]
    roofs = union(
        prism(gable, -3.0, 3.2, axes=(2, 1, 0), edge=0.03),
        spire((-3.9, 5.95, 0), half=1.12, height=4.0),
    )
    cross = union(
        box((-3.9, 10.4, 0), (0.05, 0.6, 0.05), edge=0.01),
        box((-3.9, 10.55, 0), (0.05, 0.05, 0.3), edge=0.01),
    )
    bodies = (Body(walls, wall_paint), Body(roofs, shingles), Body(cross, (0.72, 0.58, 0.22)))

    def air(size: int) -> Array:
        return sky(size, (0.3, (0.80, 0.88, 0.95)), (1.0, (0.25, 0.48, 0.80)), cover=0.3, seed=21)

    scene = Scene(
        bodies,
        Camera((-15.0, 1.2, 17.0), (-1.1, 5.0, 0), fov=29),
        air,
        (-1.0, 4.5, 0, 7.6),
        meadow((0.40, 0.52, 0.22), (0.26, 0.40, 0.15), seed=8),
        Light(toward=(-0.5, 0.7, 0.75)),
    )
    return Subject(scene, grass=Grass(9000, 0.25, 12.0, 40.0))


def canopy_paint(p: Array) -> Array:
    """Paint gores of red and white round the axis, with darker seams."""
    turn = np.arctan2(p[2], p[0]) / (2 * np.pi) * GORES
    red = np.sin(np.pi * turn) > 0
    seam = step(0.12, 0.04, np.abs(np.mod(turn + 0.5, 1) - 0.5))
    cloth = mix((0.93, 0.92, 0.90), (0.84, 0.14, 0.12), red.astype(np.float32))
    return mix(cloth, (0.35, 0.20, 0.20), 0.6 * seam) * (0.85 + 0.3 * noise(p, 4, seed=7))


def canopy() -> Field:
    """Return the upper part of a hollow flattened ball, scalloped at its rim."""
    outer, inner = ball((0, 0, 0), (3.0, 2.1, 3.0)), ball((0, -0.12, 0), (2.9, 2.0, 2.9))

    def field(p: Array) -> Array:
        turn = np.arctan2(p[2], p[0])
        rim = -0.25 + 0.16 * np.abs(np.sin(turn * GORES / 2)) - p[1]
        return np.maximum(np.maximum(outer(p), -inner(p)), rim) * np.float32(0.8)

    return field


def parachute() -> Subject:
    """Return a round parachute and its jumper before a blue sky, from below."""
    jumper = union(
        ball((0, -5.05, 0), (0.20, 0.23, 0.20)),
        blend(
            0.1,
            cone((0, -5.35, 0, 0.24), (0, -5.95, 0, 0.20)),
            cone((-0.10, -5.95, 0, 0.15), (-0.22, -6.85, 0.1, 0.09)),
            cone((0.10, -5.95, 0, 0.15), (0.20, -6.80, -0.1, 0.09)),
            cone((-0.22, -5.4, 0, 0.10), (-0.38, -4.7, 0, 0.07)),
            cone((0.22, -5.4, 0, 0.10), (0.38, -4.7, 0, 0.07)),
        ),
    )
    rim = [(2.96 * np.cos(a), -0.2, 2.96 * np.sin(a)) for a in np.arange(GORES) * 2 * np.pi / GORES]
    cords = tuple(
        Line(((x, y, z), (0.32 * np.sign(x + 1e-9), -4.75, 0.0)), (0.85, 0.85, 0.86), 1.1) for x, y, z in rim
    )

    def air(size: int) -> Array:
        return sky(size, (0.0, (0.62, 0.78, 0.93)), (1.0, (0.20, 0.42, 0.76)), cover=0.3, seed=21)

    scene = Scene(
        (Body(canopy(), canopy_paint), Body(jumper, (0.14, 0.15, 0.22))),
        Camera((-4.0, -9.0, 20.0), (0, -2.3, 0), fov=27),
        air,
        (0, -2.3, 0, 5.2),
        light=Light(toward=(-0.4, 0.8, 0.5), bounce=(0.40, 0.44, 0.50)),
    )
    return Subject(scene, lines=cords)
