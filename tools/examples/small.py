"""The bird on its twig and the frog among old leaves (units of about one body length; heads towards -x)."""

import numpy as np

from tools.examples.render import Grass, Subject
from tools.examples.scene import Body, Camera, Fur, Ground, Light, Scene
from tools.examples.solids import Array, Field, ball, blend, chain, cone, mirror, union
from tools.examples.texture import foliage, mix, noise, step


def plumage(p: Array) -> Array:
    """Paint brown streaked back and crown, rusty breast and face, white belly."""
    back = mix((0.34, 0.26, 0.18), (0.48, 0.38, 0.27), noise(p, 6, seed=2))
    height = p[1] + 0.62 * p[0]  # across the tilted body
    front = step(0.22, 0.02, height - 0.05) * step(0.45, 0.2, p[0])
    breast = mix((0.74, 0.34, 0.12), (0.82, 0.44, 0.17), noise(p, 5, seed=3))
    coat = mix(back, (0.88, 0.85, 0.78), step(0.10, -0.10, height + 0.06))
    rusty = step(-0.10, 0.05, p[1]) * front
    face = step(0.16, 0.06, np.abs(p[1] - 0.48) + 0.15 * (p[0] + 0.9)) * step(-0.55, -0.7, p[0])
    return mix(coat, breast, np.maximum(rusty, face))


def wing_feathers(p: Array) -> Array:
    """Paint dark feathers with pale edges, in rows along the wing."""
    along, across = p[0] * 0.84 - p[1] * 0.55, p[0] * 0.55 + p[1] * 0.84
    rows = step(0.55, 0.95, np.sin(26 * across + 5 * along))
    bar = step(0.06, 0.02, np.abs(along + 0.18 - 0.3 * across)) + step(
        0.05, 0.02, np.abs(along - 0.12 - 0.3 * across)
    )
    dark = mix((0.22, 0.17, 0.13), (0.33, 0.26, 0.19), noise(p, 8, seed=5))
    return mix(dark, (0.66, 0.58, 0.46), np.clip(0.7 * rows + 0.6 * bar, 0, 1))


def bird_legs() -> Field:
    """Return two thin legs with a toe each on the twig."""
    return union(
        *(
            chain(
                (-0.02 + 0.1 * s, -0.40, 0.12 * s, 0.05),
                (0.02 + 0.1 * s, -0.60, 0.12 * s, 0.028),
                (-0.04 + 0.1 * s, -0.84, 0.12 * s, 0.026),
                (-0.18 + 0.1 * s, -0.84, 0.14 * s, 0.028),
                k=0.02,
            )
            for s in (-1, 1)
        )
    )


def twig() -> Body:
    """Return the forked twig under the bird."""
    branch = blend(
        0.08,
        chain(
            (-2.2, -1.02, 0.1, 0.10), (-0.6, -0.93, 0, 0.12), (0.5, -0.97, 0, 0.13), (2.4, -0.80, -0.2, 0.17)
        ),
        cone((0.75, -0.95, 0, 0.10), (1.5, -1.6, 0.2, 0.05)),
        cone((-1.0, -0.95, 0, 0.06), (-1.5, -0.62, 0.1, 0.03)),
    )
    return Body(
        branch,
        lambda p: mix(
            (0.24, 0.19, 0.14),
            (0.46, 0.39, 0.31),
            noise(p * np.array([[1], [3], [3]], np.float32), 5, seed=9),
        ),
        bump=(0.35, 12),
    )


def bird() -> Subject:
    """Return a robin on a twig before green leaves."""
    trunk = blend(
        0.2,
        ball((0.05, -0.02, 0), (0.74, 0.46, 0.42), roll=-32),
        ball((-0.28, 0.02, 0), (0.42, 0.46, 0.40)),
        ball((-0.55, 0.50, 0), (0.36, 0.33, 0.33)),
        chain((0.45, -0.28, 0, 0.26), (0.85, -0.55, 0, 0.12)),
    )
    tail = ball((1.10, -0.72, 0), (0.58, 0.06, 0.15), roll=-34)
    wing = ball((0.28, -0.02, 0.35), (0.74, 0.27, 0.12), roll=-33, yaw=-6)
    tip = ball((0.75, -0.36, 0.26), (0.48, 0.10, 0.06), roll=-33, yaw=-6)
    far_wing = ball((0.28, -0.02, -0.35), (0.74, 0.27, 0.12), roll=-33)
    feather = Fur(0.12, 15000, (0.84, -0.55, 0), contrast=0.10, lift=0.1, width=1.3)
    bodies = (
        Body(trunk, plumage, fur=feather),
        Body(
            union(wing, tip, far_wing, tail),
            wing_feathers,
            fur=Fur(0.16, 4500, (0.84, -0.55, 0), contrast=0.14, lift=0.0, width=1.3),
        ),
        Body(
            blend(0.03, cone((-0.84, 0.47, 0, 0.085), (-1.14, 0.42, 0, 0.012))),
            (0.16, 0.13, 0.10),
            gloss=0.03,
        ),
        Body(mirror(ball((-0.70, 0.56, 0.265), (0.062, 0.062, 0.05))), (0.015, 0.01, 0.01), gloss=0.08),
        Body(bird_legs(), (0.34, 0.22, 0.14)),
        twig(),
    )

    def leaves(size: int) -> Array:
        return foliage(
            size,
            [(0.0, (0.32, 0.42, 0.18)), (0.5, (0.45, 0.56, 0.28)), (1.0, (0.58, 0.66, 0.40))],
            grain=3.2,
            seed=33,
        )

    scene = Scene(
        bodies,
        Camera((-1.6, 0.6, 7.6), (0.20, -0.12, 0), fov=21.5),
        leaves,
        (0.1, -0.3, 0.0, 2.6),
        light=Light(toward=(-0.5, 0.85, 0.6), sun=(1.6, 1.5, 1.3)),
    )
    return Subject(scene)


def frog_skin(p: Array) -> Array:
    """Paint olive green with dark blotches, pale throat and belly."""
    skin = mix((0.28, 0.34, 0.13), (0.43, 0.47, 0.21), noise(p, 3, seed=2))
    skin = mix(skin, (0.36, 0.29, 0.14), 0.6 * step(0.35, 0.2, p[1]))
    skin = skin * (0.75 + 0.5 * noise(p, 26, octaves=2, seed=9))
    blotch = step(0.53, 0.61, noise(p, 4.2, octaves=4, seed=7)) * step(0.18, 0.3, p[1])
    skin = mix(skin, (0.13, 0.13, 0.06), 0.85 * blotch)
    throat = (
        step(0.02, -0.08, p[1] - 0.42 - 0.1 * p[0]) * step(0.5, 0.35, np.abs(p[2])) * step(-0.3, -0.5, p[0])
    )
    mouth = step(0.03, 0.012, np.abs(p[1] - 0.47 - 0.10 * (p[0] + 1.0))) * step(-0.55, -0.65, p[0])
    return mix(mix(skin, (0.76, 0.74, 0.52), throat), (0.12, 0.12, 0.06), 0.8 * mouth)


def frog_eye(p: Array) -> Array:
    """Paint a gold iris round a lying black pupil."""
    q = np.stack([p[0] + 0.67, p[1] - 0.80, np.abs(p[2]) - 0.31])
    ring = np.hypot((q[1] - 0.03) / 0.05, (0.5 * q[0] + 0.87 * q[2]) / 0.085) + 9 * (
        0.87 * q[0] - 0.5 * q[2] > 0
    )
    gold = mix((0.80, 0.62, 0.18), (0.45, 0.34, 0.10), noise(p, 14, seed=1))
    return mix(gold, (0.01, 0.01, 0.01), step(1.15, 0.95, ring))


def frog_limbs() -> Field:
    """Return folded hind legs, propped forelegs, toes."""
    fore = chain((-0.42, 0.42, 0.42, 0.15), (-0.38, 0.22, 0.68, 0.10), (-0.66, 0.06, 0.66, 0.065))
    fingers = [
        cone((-0.64, 0.05, 0.66, 0.05), (-0.88 + 0.05 * abs(i), 0.03, 0.66 + 0.13 * i, 0.032))
        for i in (-1, 0, 1)
    ]
    thigh = chain((0.55, 0.36, 0.40, 0.22), (0.12, 0.36, 0.78, 0.17))
    shank = chain((0.10, 0.32, 0.80, 0.14), (0.66, 0.12, 0.84, 0.09), (0.30, 0.06, 0.95, 0.07))
    toes = [
        cone((0.32, 0.05, 0.94, 0.05), (-0.06 + 0.06 * abs(i), 0.03, 0.98 + 0.12 * i, 0.03))
        for i in (-1, 0, 1)
    ]
    return mirror(blend(0.06, fore, thigh, shank, *fingers, *toes))


def frog() -> Subject:
    """Return a green frog sitting on brown leaf litter."""
    trunk = blend(
        0.15,
        ball((0.18, 0.38, 0), (0.62, 0.34, 0.52), roll=-14),
        ball((-0.30, 0.46, 0), (0.46, 0.34, 0.50)),
        ball((-0.62, 0.54, 0), (0.42, 0.24, 0.44), roll=6),
        mirror(ball((-0.58, 0.76, 0.27), (0.20, 0.17, 0.16))),
    )
    eyes = mirror(ball((-0.67, 0.80, 0.31), (0.135, 0.13, 0.125)))

    def litter(p: Array) -> Array:
        crumbs = 0.7 + 0.6 * noise(p, 17, octaves=3, seed=19)
        leaf = crumbs * mix(
            (0.20, 0.14, 0.09), (0.44, 0.32, 0.19), step(0.3, 0.7, noise(p, 2.4, octaves=4, seed=14))
        )
        return mix(leaf, (0.34, 0.36, 0.16), 0.6 * step(0.58, 0.7, noise(p, 1.6, octaves=2, seed=17)))

    def shade(size: int) -> Array:
        return foliage(size, [(0.5, (0.34, 0.28, 0.17)), (1.0, (0.24, 0.26, 0.14))], grain=5, seed=6)

    scene = Scene(
        (
            Body(blend(0.08, trunk, frog_limbs()), frog_skin, gloss=0.035, bump=(0.22, 30)),
            Body(eyes, frog_eye, gloss=0.08),
        ),
        Camera((-4.6, 2.3, 4.6), (-0.10, 0.36, 0.10), fov=19),
        shade,
        (0.0, 0.4, 0.0, 1.4),
        Ground(litter, fade=(7.5, 13.0), bump=(0.45, 7)),
        Light(toward=(-0.5, 0.9, 0.35), sun=(1.7, 1.6, 1.35)),
    )
    return Subject(scene, grass=Grass(2600, 0.055, 3.0, 12.0, contrast=0.35))
