"""The cat and the dog, seen from the front (head radius about 1; they look towards -x, y is up)."""

import numpy as np

from tools.examples.render import Line, Subject
from tools.examples.scene import Body, Camera, Fur, Light, Scene
from tools.examples.solids import Array, Field, ball, blend, chain, column, cone, mirror, prism, union
from tools.examples.texture import foliage, mix, noise, step


def away_from_nose(p: Array) -> Array:
    """Return the direction in which hair grows: back from the nose over the head and down over the chest."""
    head = p - column((-1.5, -0.2, 0))
    return np.where(p[1] > -0.95, head, column((-0.2, -1, 0)) + 0.3 * p * column((0, 0, 1)))


def spot(p: Array, y: float, z: float, radii: tuple[float, float]) -> Array:
    """Return the elliptical distance (n,) from a place on the face, seen from the front; 1 on the ellipse."""
    return np.hypot((p[1] - y) / radii[0], (np.abs(p[2]) - z) / radii[1])


def tabby(p: Array) -> Array:
    """Paint a tabby: dark stripes on brow, cheeks and body, pale muzzle and chest, pink inner ears."""
    warp = noise(p, 2.2, octaves=3, seed=2) - 0.5
    coat = mix((0.44, 0.37, 0.29), (0.58, 0.50, 0.40), noise(p, 3, seed=1))
    brow = step(0.1, 0.6, np.sin(17 * p[2] + 5 * warp + 1.6)) * step(0.32, 0.5, p[1])
    cheek = step(0.1, 0.7, np.sin(11 * p[1] + 4 * np.abs(p[2]) + 6 * warp)) * step(0.55, 0.75, np.abs(p[2]))
    trunk = step(0.0, 0.7, np.sin(7 * p[1] + 7 * warp + 1.5 * np.abs(p[2])))
    stripes = np.where(p[1] > -0.85, np.maximum(brow, cheek * step(0.6, 0.4, p[1])), trunk)
    coat = mix(coat, (0.17, 0.13, 0.10), 0.85 * stripes)
    pale = np.maximum(
        step(1.15, 0.75, spot(p, -0.45, 0.0, (0.38, 0.48))),
        step(0.40, 0.1, np.abs(p[2]) + 0.5 * warp) * step(-0.7, -0.95, p[1]),
    )
    coat = mix(coat, (0.86, 0.81, 0.74), 0.9 * pale * step(0.3, -0.3, p[0]))
    inner = step(0.04, -0.04, np.abs(np.abs(p[2]) - 0.66 - 0.3 * (p[1] - 0.6)) - 0.5 * (1.14 - p[1]) + 0.05)
    coat = mix(coat, (0.62, 0.45, 0.40), 0.8 * inner * step(0.66, 0.78, p[1]) * step(-0.10, -0.16, p[0]))
    rim = step(1.18, 1.04, spot(p, 0.10, 0.42, (0.17, 0.20)))
    return mix(coat, (0.08, 0.06, 0.05), rim * step(-0.4, -0.5, p[0]))


def catchlight(p: Array, iris: Array, y: float, z: float) -> Array:
    """Return `iris` with a small white reflection of the window, on the lit side of both eyes."""
    sideways = p[2] - z * np.sign(p[2]) + 0.055
    return mix(iris, (1, 1, 1), step(1.2, 0.7, np.hypot(p[1] - y, sideways) / 0.04))


def cat_eye(p: Array) -> Array:
    """Paint a green-gold iris with an upright pupil."""
    ring = spot(p, 0.10, 0.42, (0.18, 0.19))
    iris = mix((0.66, 0.60, 0.24), (0.34, 0.38, 0.14), step(0.3, 0.9, ring))
    iris = mix(iris, (0.05, 0.05, 0.03), step(0.86, 1.0, ring))
    iris = mix(iris, (0.01, 0.01, 0.01), step(1.0, 0.8, spot(p, 0.10, 0.42, (0.15, 0.085))))
    return catchlight(p, iris, 0.17, 0.42)


def whiskers() -> tuple[Line, ...]:
    """Return four pale hairs on each side of the muzzle; the mouth below the nose."""
    dark = (0.16, 0.11, 0.10)
    lines = [Line(((-1.05, -0.22, 0), (-1.05, -0.36, 0)), dark, 1.5)]
    for side in (-1, 1):
        lip = (
            (-1.05, -0.36, 0),
            (-1.04, -0.40, 0.05 * side),
            (-1.02, -0.42, 0.11 * side),
            (-0.98, -0.40, 0.18 * side),
        )
        lines.append(Line(lip, dark, 1.5))
        for i in range(4):
            rise = 0.18 * (i - 1.5)
            start = (-0.98, -0.30 + 0.05 * (i - 1.5), 0.24 * side)
            bend = (-0.98, -0.24 - rise * 0.5, 0.80 * side)
            lines.append(
                Line((start, bend, (-0.8, -0.34 - rise * 1.2, 1.38 * side)), (0.86, 0.83, 0.78), 0.6)
            )
    return tuple(lines)


def cat_body() -> Field:
    """Return a head with cheeks and muzzle, ears, chest and forelegs."""
    head = blend(
        0.16,
        ball((0, 0, 0), (0.86, 0.78, 1.02)),
        mirror(ball((-0.28, -0.30, 0.52), (0.46, 0.38, 0.46))),
        mirror(ball((-0.82, -0.34, 0.15), (0.22, 0.17, 0.20))),
        ball((-0.74, -0.55, 0), (0.20, 0.14, 0.20)),
        chain((-0.66, 0.25, 0, 0.18), (-0.92, -0.12, 0, 0.13)),
        mirror(ball((-0.70, 0.295, 0.44), (0.15, 0.07, 0.23), pitch=-12)),
    )
    ear = prism(
        [(0.14, 0.55), (0.98, 0.22), (0.86, 1.16), (0.76, 1.20)], -0.16, 0.12, axes=(2, 1, 0), edge=0.06
    )
    trunk = blend(
        0.3,
        chain((0.45, -0.6, 0, 0.78), (0.65, -1.6, 0, 1.0), (0.9, -2.8, 0, 1.25)),
        mirror(chain((0.0, -1.5, 0.40, 0.40), (-0.2, -3.2, 0.36, 0.27))),
    )
    return blend(0.12, head, mirror(ear), trunk)


def cat() -> Subject:
    """Return a tabby cat looking at you."""
    coat = Body(cat_body(), tabby, fur=Fur(0.12, 40000, away_from_nose, contrast=0.13, lift=0.2, width=1.3))
    eyes = Body(mirror(ball((-0.70, 0.10, 0.42), (0.17, 0.17, 0.19))), cat_eye, gloss=0.012)
    nose = Body(ball((-1.03, -0.17, 0), (0.07, 0.07, 0.11)), (0.66, 0.38, 0.36), gloss=0.04)
    mouth = Body(
        union(
            cone((-1.02, -0.24, 0, 0.02), (-1.02, -0.38, 0, 0.02)),
            mirror(cone((-1.01, -0.40, 0.01, 0.022), (-0.98, -0.45, 0.17, 0.015))),
        ),
        (0.16, 0.10, 0.09),
    )

    def room(size: int) -> Array:
        return foliage(
            size,
            [(0.0, (0.36, 0.27, 0.20)), (0.45, (0.42, 0.34, 0.27)), (1.0, (0.56, 0.50, 0.43))],
            grain=2.6,
            seed=8,
        )

    scene = Scene(
        (coat, eyes, nose, mouth),
        Camera((-8.6, 0.30, -0.8), (0, -0.12, 0.02), fov=21.5),
        room,
        (0.2, -1.0, 0.0, 2.9),
        light=Light(toward=(-0.7, 0.75, -0.55), sun=(1.5, 1.4, 1.25), bounce=(0.22, 0.18, 0.14)),
    )
    return Subject(scene, lines=whiskers())


def hound(p: Array) -> Array:
    """Paint a hound: white blaze, muzzle and chest; chestnut sides and ears."""
    warp = noise(p, 2.0, octaves=3, seed=12) - 0.5
    coat = mix((0.46, 0.24, 0.10), (0.60, 0.35, 0.16), noise(p, 2.5, seed=11))
    blaze = step(0.24, 0.14, np.abs(p[2]) + 0.25 * warp - 0.10 * np.maximum(0.5 - p[1], 0))
    muzzle = step(0.05, -0.05, p[0] + 0.86 + 0.3 * warp) * step(0.25, 0.1, p[1])
    chest = step(-0.75, -1.0, p[1] + 0.3 * warp) * step(0.95, 0.75, np.abs(p[2]) + 0.3 * warp)
    pale = np.maximum(np.maximum(blaze, muzzle), chest) * step(
        0.55, 0.4, p[0] + 0.6 * step(-0.7, -0.9, p[1]) * -1
    )
    coat = mix(coat, (0.93, 0.89, 0.83), pale)
    rim = step(1.3, 1.1, spot(p, 0.20, 0.37, (0.14, 0.15))) * step(-0.4, -0.5, p[0])
    return mix(coat, (0.10, 0.06, 0.04), rim * 0.9)


def hound_eye(p: Array) -> Array:
    """Paint a dark brown iris round a black pupil."""
    ring = spot(p, 0.20, 0.37, (0.13, 0.13))
    iris = mix((0.02, 0.015, 0.01), (0.16, 0.08, 0.035), step(0.45, 0.6, ring) * step(1.05, 0.9, ring))
    return catchlight(p, iris, 0.26, 0.37)


def dog_body() -> Field:
    """Return a head with a square muzzle, chest and shoulders."""
    head = blend(
        0.16,
        ball((0, 0.12, 0), (0.82, 0.78, 0.80)),
        mirror(ball((-0.35, -0.22, 0.36), (0.42, 0.38, 0.36))),
        chain((-0.62, -0.20, 0, 0.38), (-1.22, -0.26, 0, 0.29)),
        mirror(ball((-1.20, -0.40, 0.17), (0.34, 0.22, 0.20))),
        mirror(ball((-0.62, 0.40, 0.34), (0.16, 0.13, 0.20))),
    )
    jaw = chain((-0.55, -0.58, 0, 0.22), (-1.12, -0.72, 0, 0.15))
    trunk = blend(
        0.3,
        chain((0.4, -0.7, 0, 0.62), (0.55, -1.7, 0, 0.92), (0.8, -3.0, 0, 1.2)),
        mirror(chain((-0.1, -1.8, 0.5, 0.42), (-0.2, -3.4, 0.45, 0.32))),
    )
    return blend(0.10, head, jaw, trunk)


def dog() -> Subject:
    """Return a hound with hanging ears, tongue out, in a garden."""
    ears = mirror(
        blend(
            0.12,
            ball((0.0, 0.42, 0.72), (0.30, 0.24, 0.26)),
            ball((-0.05, -0.28, 0.94), (0.36, 0.72, 0.13), pitch=-9),
        )
    )
    coat = Body(dog_body(), hound, fur=Fur(0.10, 30000, away_from_nose, contrast=0.10, lift=0.2, width=1.3))
    ear = Body(
        ears,
        lambda p: mix((0.30, 0.14, 0.06), (0.44, 0.22, 0.10), noise(p, 3, seed=4)),
        fur=Fur(0.13, 9000, (-0.1, -1, 0.15), contrast=0.14, lift=0.15, width=1.3),
    )
    eyes = Body(mirror(ball((-0.66, 0.20, 0.37), (0.15, 0.125, 0.135))), hound_eye, gloss=0.012)
    nose = Body(
        blend(
            0.05,
            ball((-1.50, -0.14, 0), (0.13, 0.13, 0.19)),
            mirror(ball((-1.50, -0.17, 0.10), (0.10, 0.09, 0.09))),
        ),
        (0.035, 0.03, 0.03),
        gloss=0.05,
        bump=(0.1, 30),
    )
    tongue = Body(
        blend(0.1, ball((-1.10, -0.58, 0), (0.28, 0.07, 0.17)), ball((-1.30, -0.78, 0), (0.07, 0.28, 0.17))),
        (0.78, 0.36, 0.38),
        gloss=0.03,
    )

    def garden(size: int) -> Array:
        return foliage(
            size,
            [(0.0, (0.40, 0.52, 0.22)), (0.55, (0.34, 0.46, 0.20)), (1.0, (0.20, 0.30, 0.15))],
            grain=4,
            seed=21,
        )

    scene = Scene(
        (coat, ear, eyes, nose, tongue),
        Camera((-8.6, 0.30, -1.3), (0, -0.34, 0.03), fov=20.5),
        garden,
        (0.0, -1.1, 0.0, 3.0),
        light=Light(toward=(-0.6, 0.8, -0.6), sun=(1.6, 1.5, 1.3)),
    )
    return Subject(scene)
