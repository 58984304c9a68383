"""The car and the lorry on the road (metres; noses towards -x)."""

import numpy as np

from tools.examples.render import Subject
from tools.examples.scene import Body, Camera, Ground, Light, Scene
from tools.examples.solids import (
    Array,
    Field,
    ball,
    box,
    cut,
    disc,
    mirror,
    polygon_distance,
    prism,
    union,
)
from tools.examples.texture import foliage, image, mix, noise, ramp, sheet, step

GLASS = (0.05, 0.065, 0.08)
CHROME = (0.72, 0.73, 0.75)


def wheels(places: tuple[tuple[float, float], ...], radius: float, half_width: float) -> tuple[Body, Body]:
    """Return the tyres and spoked rims at (x, z) on both sides."""
    tyres = union(*(mirror(disc((x, radius, z), radius, half_width, edge=0.05)) for x, z in places))
    rims = union(
        *(
            mirror(disc((x, radius, z + half_width - 0.01), radius * 0.64, 0.025, edge=0.015))
            for x, z in places
        )
    )

    def spokes(p: Array) -> Array:
        nearest = np.min([np.abs(p[0] - x) for x, _ in places], 0)
        x = np.take([x for x, _ in places], np.argmin([np.abs(p[0] - x) for x, _ in places], 0))
        out = np.hypot(nearest, p[1] - radius)
        gap = (
            step(-0.1, 0.35, np.cos(5 * np.arctan2(p[1] - radius, p[0] - x)))
            * step(0.52, 0.46, out / radius)
            * step(0.16, 0.2, out / radius)
        )
        return mix((0.70, 0.71, 0.73), (0.08, 0.08, 0.09), gap)

    return Body(tyres, (0.045, 0.045, 0.05)), Body(rims, spokes, gloss=0.08)


def asphalt(p: Array) -> Array:
    """Paint a grey road with grain and worn lanes."""
    return mix((0.34, 0.34, 0.35), (0.46, 0.46, 0.46), noise(p, 1.1, octaves=3, seed=2)) * (
        0.86 + 0.28 * noise(p, 22, octaves=2, seed=5)
    )


def roadside(size: int) -> Array:
    """Return trees out of focus under a pale sky."""
    x, y = sheet(size)
    p = np.stack([x, y, np.zeros_like(x)])
    air = ramp(y, (0.6, (0.88, 0.91, 0.94)), (1.0, (0.66, 0.79, 0.93)))
    trees = foliage(size, [(0.45, (0.34, 0.40, 0.22)), (0.9, (0.24, 0.33, 0.18))], grain=7, seed=14)
    edge = 0.84 + 0.20 * (noise(p * np.array([[1], [0.3], [1]], np.float32), 4, octaves=4, seed=6) - 0.5)
    return image(mix(trees.reshape(-1, 3).T, air, step(-0.02, 0.02, y - edge)), size)


def narrowing(shell: Field, above: float, rate: float) -> Field:
    """Return the shell with its sides leaning inwards above a height."""

    def field(p: Array) -> Array:
        wide = 1 + rate * np.maximum(p[1] - above, 0) + 0.035 * np.maximum(np.abs(p[0]) - 1.2, 0) ** 2
        return shell(np.stack([p[0], p[1], p[2] * wide])) * np.float32(0.85)

    return field


CAR_RED = (0.72, 0.06, 0.05)
CAR_SIDE = [
    (-2.18, 0.30),
    (-2.26, 0.52),
    (-2.18, 0.74),
    (-1.95, 0.84),
    (-1.05, 0.98),
    (-0.30, 1.41),
    (0.10, 1.48),
    (0.75, 1.46),
    (1.55, 1.06),
    (2.12, 1.00),
    (2.22, 0.62),
    (2.16, 0.30),
]


def car_coat(p: Array) -> Array:
    """Paint a car red, with door seams and dark sills."""
    seam = step(0.014, 0.006, np.abs(p[0] - 0.24)) + step(0.014, 0.006, np.abs(p[0] + 0.80)) * step(
        1.0, 0.98, p[1]
    )
    sill = step(0.36, 0.30, p[1])
    return mix(mix(CAR_RED, (0.25, 0.02, 0.02), np.clip(seam, 0, 1)), (0.06, 0.06, 0.06), sill)


def car_glass(shell: Field) -> Field:
    """Return the windscreen and side windows: a skin just outside the shell."""
    front = [(-1.02, 1.02), (-0.92, 1.02), (-0.36, 1.34), (-0.28, 1.45), (-0.5, 1.45)]
    panes = [
        [(-0.70, 1.03), (-0.22, 1.33), (0.20, 1.38), (0.20, 1.03)],
        [(0.28, 1.03), (0.28, 1.38), (0.72, 1.36), (1.26, 1.06)],
    ]

    def glass(p: Array) -> Array:
        around = np.minimum(polygon_distance(p[0], p[1], panes[0]), polygon_distance(p[0], p[1], panes[1]))
        around = np.maximum(around, 0.45 - np.abs(p[2]))
        screen = np.maximum(polygon_distance(p[0], p[1], front), np.abs(p[2]) - 0.64)
        return np.maximum(shell(p) - 0.008, np.minimum(around, screen))

    return glass


def automobile() -> Subject:
    """Return a red saloon, three-quarter view."""
    shell = narrowing(prism(CAR_SIDE, -0.90, 0.90, edge=0.13), 0.85, 0.30)
    arches = mirror(
        union(disc((-1.35, 0.34, 0.9), 0.42, 0.35, edge=0.02), disc((1.32, 0.34, 0.9), 0.42, 0.35, edge=0.02))
    )
    paint = cut(shell, arches)
    grille = box((-2.20, 0.56, 0), (0.05, 0.10, 0.42), edge=0.03)
    intake = box((-2.19, 0.36, 0), (0.05, 0.06, 0.62), edge=0.03)
    plate = box((-2.25, 0.45, 0), (0.02, 0.05, 0.22), edge=0.01)
    lamps = mirror(ball((-2.08, 0.70, 0.62), (0.15, 0.075, 0.20), yaw=-20))
    mirrors = mirror(ball((-0.66, 1.04, 0.93), (0.09, 0.07, 0.11)))
    bodies = (
        Body(paint, car_coat, gloss=0.06),
        Body(car_glass(shell), GLASS, gloss=0.12),
        Body(union(grille, intake), (0.03, 0.03, 0.035)),
        Body(plate, (0.9, 0.9, 0.86)),
        Body(lamps, (0.86, 0.88, 0.90), gloss=0.15),
        Body(mirrors, CAR_RED, gloss=0.06),
        *wheels(((-1.35, 0.76), (1.32, 0.76)), 0.34, 0.12),
        Body(box((0, 0.34, 0), (1.95, 0.14, 0.72)), (0.03, 0.03, 0.03)),
    )
    camera = Camera((-7.6, 2.0, 6.4), (-0.32, 0.64, 0.05), fov=25.5)
    return Subject(
        Scene(
            bodies,
            camera,
            roadside,
            (0, 0.75, 0, 2.5),
            Ground(asphalt, fade=(14, 30)),
            Light(toward=(-0.45, 0.85, 0.5)),
        )
    )


def lorry_box(p: Array) -> Array:
    """Paint white panels with fine ribs and a blue band."""
    rib = step(0.93, 0.98, np.cos(2 * np.pi * p[0] / 0.45))
    white = mix((0.90, 0.91, 0.91), (0.74, 0.75, 0.76), 0.6 * rib)
    return mix(white, (0.15, 0.32, 0.60), step(0.16, 0.14, np.abs(p[1] - 1.75)))


def truck() -> Subject:
    """Return a box lorry, three-quarter view."""
    cab = prism(
        [(-3.30, 0.50), (-3.36, 1.40), (-3.10, 2.45), (-2.85, 2.62), (-1.85, 2.62), (-1.85, 0.50)],
        -1.05,
        1.05,
        edge=0.10,
    )
    deflector = prism([(-2.95, 2.55), (-1.85, 3.20), (-1.85, 2.55)], -0.85, 0.85, edge=0.06)
    cargo = box((1.0, 2.35, 0), (2.65, 1.30, 1.20), edge=0.04)
    frame = union(
        box((0.2, 0.80, 0), (3.1, 0.14, 0.75)),
        mirror(box((-0.35, 0.66, 1.0), (0.75, 0.22, 0.08))),
        mirror(disc((-2.55, 0.52, 1.02), 0.60, 0.05)),
    )
    bumper = box((-3.34, 0.55, 0), (0.12, 0.20, 1.06), edge=0.05)

    def glass(p: Array) -> Array:
        screen = np.maximum(np.maximum(np.abs(p[1] - 1.92) - 0.40, np.abs(p[2]) - 0.90), p[0] + 2.95)
        side = polygon_distance(p[0], p[1], [(-2.98, 1.55), (-2.85, 2.28), (-2.2, 2.28), (-2.2, 1.55)])
        return np.maximum(cab(p) - 0.008, np.minimum(screen, np.maximum(side, 0.9 - np.abs(p[2]))))

    def cab_paint(p: Array) -> Array:
        seam = step(0.018, 0.008, np.abs(p[0] + 2.08)) + step(0.018, 0.008, np.abs(p[0] + 3.02)) * step(
            1.6, 1.5, p[1]
        )
        return mix((0.80, 0.16, 0.08), (0.30, 0.05, 0.03), np.clip(seam, 0, 1) * step(0.9, 1.0, np.abs(p[2])))

    grille = union(*(box((-3.36, 0.98 + 0.13 * i, 0), (0.04, 0.045, 0.70), edge=0.02) for i in range(4)))
    lamps = mirror(box((-3.44, 0.58, 0.78), (0.05, 0.10, 0.18), edge=0.03))
    mirrors = mirror(box((-3.15, 1.90, 1.22), (0.06, 0.26, 0.09), edge=0.03))
    bodies = (
        Body(union(cab, deflector), cab_paint, gloss=0.06),
        Body(glass, GLASS, gloss=0.12),
        Body(cargo, lorry_box, gloss=0.03),
        Body(frame, (0.07, 0.07, 0.08)),
        Body(bumper, (0.55, 0.56, 0.58), gloss=0.05),
        Body(union(grille, mirrors), (0.06, 0.06, 0.065)),
        Body(lamps, (0.92, 0.92, 0.88), gloss=0.12),
        *wheels(((-2.55, 0.92), (1.35, 0.92), (2.45, 0.92)), 0.52, 0.17),
    )
    camera = Camera((-11.0, 2.7, 10.5), (-0.30, 1.72, 0.1), fov=27.5)
    return Subject(
        Scene(
            bodies,
            camera,
            roadside,
            (0.15, 1.7, 0, 4.3),
            Ground(asphalt, fade=(22, 45)),
            Light(toward=(-0.45, 0.8, 0.6)),
        )
    )
