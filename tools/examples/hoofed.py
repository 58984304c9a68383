"""The horse on its pasture and the deer at the edge of the wood (metres; heads towards -x)."""

import numpy as np

from tools.examples.render import Grass, Subject
from tools.examples.scene import Body, Camera, Fur, Ground, Light, Scene
from tools.examples.solids import Array, Field, Knot, ball, blend, chain, cone, mirror, union
from tools.examples.texture import Colour, foliage, image, mix, noise, ramp, sheet, step


def legs(*paths: tuple[Knot, ...]) -> Field:
    """Return limbs with narrow joints."""
    return blend(0.03, *(chain(*path, k=0.05) for path in paths))


def meadow(light: Colour, dark: Colour, *, scale: float = 1.2, seed: int = 0) -> Ground:
    """Return grass seen from afar, in patches of two greens."""

    def paint(p: Array) -> Array:
        patch = noise(p, scale, octaves=4, seed=seed)
        return mix(dark, light, step(0.3, 0.7, patch)) * (0.8 + 0.4 * noise(p, 14, octaves=2, seed=seed + 3))

    return Ground(paint, fade=(9.0, 22.0))


def pasture_backdrop(size: int) -> Array:
    """Return a light sky over a soft line of trees."""
    x, y = sheet(size)
    p = np.stack([x, y, np.zeros_like(x)])
    air = ramp(y, (0.5, (0.86, 0.90, 0.93)), (1.0, (0.56, 0.72, 0.90)))
    trees = foliage(size, [(0.4, (0.36, 0.46, 0.20)), (0.75, (0.22, 0.33, 0.16))], grain=9, seed=4)
    edge = 0.70 + 0.14 * (noise(p * np.array([[1], [0.2], [1]], np.float32), 5, octaves=4, seed=2) - 0.5)
    return image(mix(trees.reshape(-1, 3).T, air, step(-0.012, 0.012, y - edge)), size)


def horse_coat(p: Array) -> Array:
    """Paint a bay: chestnut body, black below the knees, a white star on the face."""
    coat = mix((0.40, 0.21, 0.10), (0.50, 0.28, 0.14), noise(p, 3.5, seed=3))
    coat = mix(coat, (0.32, 0.16, 0.08), step(1.0, 0.8, p[1]))
    coat = mix(coat, (0.07, 0.05, 0.05), step(0.66, 0.48, p[1]))
    return mix(coat, (0.16, 0.09, 0.07), step(-1.30, -1.40, p[0]))


def horse_limbs() -> Field:
    """Return four legs, the near ones a little apart."""
    return legs(
        (
            (-0.46, 1.02, 0.15, 0.15),
            (-0.48, 0.62, 0.14, 0.07),
            (-0.48, 0.52, 0.14, 0.06),
            (-0.47, 0.17, 0.14, 0.042),
            (-0.52, 0.05, 0.14, 0.05),
        ),
        (
            (-0.50, 1.02, -0.15, 0.15),
            (-0.66, 0.64, -0.14, 0.07),
            (-0.68, 0.54, -0.14, 0.06),
            (-0.70, 0.17, -0.14, 0.042),
            (-0.76, 0.05, -0.14, 0.05),
        ),
        (
            (0.56, 1.12, 0.14, 0.22),
            (0.52, 0.80, 0.15, 0.12),
            (0.70, 0.56, 0.15, 0.062),
            (0.66, 0.17, 0.15, 0.042),
            (0.60, 0.05, 0.15, 0.05),
        ),
        (
            (0.52, 1.12, -0.14, 0.22),
            (0.34, 0.80, -0.15, 0.12),
            (0.47, 0.56, -0.15, 0.062),
            (0.40, 0.17, -0.15, 0.042),
            (0.34, 0.05, -0.15, 0.05),
        ),
    )


def horse_mane() -> Field:
    """Return locks along the crest of the neck and a forelock."""
    return blend(
        0.05,
        chain(
            (-0.42, 1.56, 0, 0.04),
            (-0.62, 1.77, 0.02, 0.06),
            (-0.84, 1.97, 0.02, 0.055),
            (-1.02, 2.0, 0, 0.04),
        ),
        *(
            ball((-0.50 - 0.09 * i, 1.58 + 0.085 * i, 0.13 - 0.012 * i), (0.065, 0.12, 0.045), roll=-20)
            for i in range(5)
        ),
        cone((-1.05, 2.0, 0.02, 0.05), (-1.16, 1.86, 0.05, 0.02)),
    )


def horse() -> Subject:
    """Return a bay horse standing side-on."""
    body = blend(
        0.16,
        ball((0.02, 1.16, 0), (0.62, 0.31, 0.29)),
        ball((-0.46, 1.17, 0), (0.30, 0.36, 0.26)),
        ball((0.50, 1.24, 0), (0.34, 0.33, 0.28)),
        chain((-0.50, 1.28, 0, 0.27), (-0.80, 1.62, 0, 0.175), (-0.98, 1.86, 0, 0.125)),
    )
    head = blend(
        0.07,
        ball((-1.05, 1.86, 0), (0.15, 0.15, 0.105)),
        chain((-1.08, 1.86, 0, 0.115), (-1.24, 1.68, 0, 0.085), (-1.36, 1.53, 0, 0.07)),
        ball((-1.385, 1.50, 0), (0.085, 0.07, 0.07)),
        mirror(cone((-1.00, 1.96, 0.06, 0.045), (-1.02, 2.10, 0.075, 0.01))),
    )
    tail = chain((0.80, 1.38, 0, 0.06), (0.98, 1.22, 0, 0.085), (1.04, 0.90, 0, 0.10), (1.03, 0.55, 0, 0.04))
    black: Colour = (0.05, 0.04, 0.04)
    coat = Body(
        blend(0.10, body, head, horse_limbs()),
        horse_coat,
        fur=Fur(0.025, 16000, (0.6, -0.8, 0.0), contrast=0.06, lift=0.1, width=1.2),
    )
    hair = Body(
        union(horse_mane(), tail),
        black,
        fur=Fur(0.10, 6000, (0.3, -1.0, 0.1), contrast=0.5, lift=0.1, width=1.6),
    )
    eyes = Body(mirror(ball((-1.13, 1.85, 0.104), (0.032, 0.027, 0.02))), (0.02, 0.015, 0.01), gloss=0.1)
    scene = Scene(
        (coat, hair, eyes),
        Camera((-1.6, 1.55, 7.6), (-0.20, 1.03, 0), fov=21.5),
        pasture_backdrop,
        (-0.1, 1.0, 0.0, 1.65),
        meadow((0.46, 0.58, 0.22), (0.33, 0.46, 0.16), seed=1),
        Light(toward=(-0.55, 0.75, 0.65)),
    )
    return Subject(scene, grass=Grass(14000, 0.09, 4.0, 16.0))


def deer_coat(p: Array) -> Array:
    """Paint a red deer: warm brown, pale belly, throat and rump, dark nose."""
    coat = mix((0.44, 0.29, 0.16), (0.56, 0.39, 0.23), noise(p, 4, seed=6))
    coat = mix(
        coat,
        (0.72, 0.62, 0.47),
        step(0.86, 0.78, p[1])
        * step(0.70, 0.76, p[1])
        * step(0.15, 0.08, np.abs(p[2]))
        * step(-0.28, -0.18, p[0])
        * step(0.42, 0.32, p[0]),
    )
    coat = mix(coat, (0.33, 0.20, 0.11), 0.7 * step(1.08, 1.26, p[1]) * step(-0.45, -0.2, p[0]))
    coat = mix(coat, (0.62, 0.46, 0.30), 0.6 * step(0.98, 0.84, p[1]) * step(0.66, 0.76, p[1]))
    coat = mix(coat, (0.76, 0.66, 0.52), 0.7 * step(1.50, 1.44, p[1]) * step(-0.78, -0.84, p[0]))
    coat = mix(coat, (0.86, 0.80, 0.68), step(0.60, 0.68, p[0]) * step(0.8, 0.9, p[1]))
    coat = mix(coat, (0.40, 0.26, 0.15), step(0.62, 0.50, p[1]))
    return mix(coat, (0.08, 0.06, 0.05), step(-1.115, -1.14, p[0]))


def antlers() -> Field:
    """Return two beams with four tines each."""
    beam = chain(
        (-0.72, 1.66, 0.06, 0.028),
        (-0.62, 1.82, 0.20, 0.026),
        (-0.56, 2.02, 0.30, 0.022),
        (-0.68, 2.24, 0.32, 0.012),
        k=0.01,
    )
    tines = (
        cone((-0.70, 1.72, 0.11, 0.022), (-0.90, 1.84, 0.14, 0.008)),
        cone((-0.60, 1.87, 0.23, 0.022), (-0.82, 2.00, 0.25, 0.008)),
        cone((-0.56, 2.04, 0.30, 0.020), (-0.40, 2.22, 0.34, 0.008)),
        cone((-0.58, 2.08, 0.30, 0.018), (-0.54, 2.30, 0.40, 0.008)),
    )
    return mirror(blend(0.02, beam, *tines))


def deer_limbs() -> Field:
    """Return four slender legs."""
    return legs(
        (
            (-0.34, 0.88, 0.12, 0.11),
            (-0.36, 0.54, 0.11, 0.062),
            (-0.36, 0.46, 0.11, 0.056),
            (-0.35, 0.13, 0.11, 0.035),
            (-0.38, 0.03, 0.11, 0.040),
        ),
        (
            (-0.36, 0.88, -0.12, 0.11),
            (-0.50, 0.54, -0.11, 0.062),
            (-0.51, 0.46, -0.11, 0.056),
            (-0.50, 0.13, -0.11, 0.035),
            (-0.53, 0.03, -0.11, 0.040),
        ),
        (
            (0.48, 0.98, 0.11, 0.17),
            (0.45, 0.70, 0.12, 0.09),
            (0.58, 0.46, 0.12, 0.056),
            (0.55, 0.13, 0.12, 0.035),
            (0.52, 0.03, 0.12, 0.040),
        ),
        (
            (0.46, 0.98, -0.11, 0.17),
            (0.34, 0.70, -0.12, 0.09),
            (0.44, 0.46, -0.12, 0.056),
            (0.38, 0.13, -0.12, 0.035),
            (0.35, 0.03, -0.12, 0.040),
        ),
    )


def deer() -> Subject:
    """Return a stag side-on, antlers against the trees."""
    body = blend(
        0.14,
        ball((0.06, 1.0, 0), (0.55, 0.24, 0.21)),
        ball((-0.34, 1.02, 0), (0.25, 0.28, 0.20)),
        ball((0.46, 1.04, 0), (0.27, 0.25, 0.20)),
        chain((-0.42, 1.12, 0, 0.20), (-0.60, 1.34, 0, 0.135), (-0.70, 1.54, 0, 0.10)),
    )
    head = blend(
        0.05,
        ball((-0.78, 1.58, 0), (0.125, 0.105, 0.085)),
        chain((-0.80, 1.57, 0, 0.085), (-0.98, 1.49, 0, 0.06), (-1.10, 1.44, 0, 0.045)),
        mirror(cone((-0.70, 1.63, 0.07, 0.045), (-0.56, 1.72, 0.24, 0.02))),
    )
    tail = cone((0.70, 1.10, 0, 0.05), (0.76, 0.96, 0, 0.03))
    coat = Body(
        blend(0.07, body, head, deer_limbs(), tail),
        deer_coat,
        bump=(0.08, 30),
        fur=Fur(0.028, 16000, (0.7, -0.7, 0.0), contrast=0.09, lift=0.15, width=1.2),
    )
    horn = Body(antlers(), (0.60, 0.50, 0.38), bump=(0.15, 30))
    eyes = Body(mirror(ball((-0.86, 1.60, 0.068), (0.030, 0.026, 0.02))), (0.02, 0.015, 0.01), gloss=0.1)

    def wood(size: int) -> Array:
        stops = [(0.3, (0.42, 0.45, 0.22)), (0.6, (0.25, 0.30, 0.15)), (1.0, (0.20, 0.26, 0.15))]
        return foliage(size, stops, grain=7, seed=11)

    scene = Scene(
        (coat, horn, eyes),
        Camera((-2.2, 1.35, 7.2), (-0.13, 1.16, 0), fov=19.5),
        wood,
        (-0.15, 1.1, 0.0, 1.4),
        meadow((0.50, 0.50, 0.24), (0.36, 0.38, 0.16), seed=5),
        Light(toward=(-0.6, 0.7, 0.6), horizon=(0.5, 0.55, 0.45)),
    )
    return Subject(scene, grass=Grass(16000, 0.11, 4.0, 14.0))
