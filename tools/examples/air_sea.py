"""The airliner in the sky and the ship at sea (metres, roughly; noses towards -x)."""

import numpy as np

from tools.examples.render import Line, Subject
from tools.examples.scene import Body, Camera, Ground, Light, Scene
from tools.examples.solids import Array, Field, ball, blend, box, cone, disc, mirror, prism, turn, union
from tools.examples.texture import mix, noise, sky, step


def livery(p: Array) -> Array:
    """Paint a white hull, a grey belly, a blue stripe under the windows and a blue tail."""
    coat = mix((0.93, 0.94, 0.95), (0.62, 0.65, 0.69), step(-0.12, -0.28, p[1]))
    stripe = step(0.05, 0.02, np.abs(p[1] + 0.06))
    coat = mix(coat, (0.10, 0.22, 0.50), stripe * step(4.0, 3.8, p[0]))
    window = step(0.055, 0.04, np.abs(p[1] - 0.10)) * step(0.2, 0.5, np.cos(2 * np.pi * p[0] / 0.19))
    coat = mix(coat, (0.10, 0.12, 0.16), window * step(-2.5, -2.4, p[0]) * step(2.5, 2.4, p[0]))
    cockpit = step(0.07, 0.05, np.abs(p[1] - 0.17)) * step(-2.82, -2.88, p[0])
    coat = mix(coat, (0.05, 0.06, 0.08), cockpit)
    return mix(coat, (0.12, 0.24, 0.54), step(0.50, 0.56, p[1] - 0.25 * (p[0] - 3.2)) * step(2.2, 2.4, p[0]))


def airplane() -> Subject:
    """Return a twin-engined jet from the side and a little above."""
    hull = blend(
        0.06,
        cone((-2.5, 0, 0, 0.42), (2.0, 0, 0, 0.42)),
        ball((-2.55, -0.03, 0), (0.95, 0.39, 0.40)),
        cone((2.0, 0.02, 0, 0.40), (3.75, 0.24, 0, 0.12)),
    )
    fin = prism([(2.5, 0.25), (3.55, 0.25), (4.15, 1.65), (3.62, 1.65)], -0.07, 0.07, edge=0.05)
    tailplane = mirror(
        turn(
            prism(
                [(2.9, 0.0), (3.65, 0.0), (4.15, 1.65), (3.85, 1.65)], 0.16, 0.27, axes=(0, 2, 1), edge=0.04
            ),
            (3, 0.2, 0),
            pitch=-6,
        )
    )
    wing = prism(
        [(-1.15, 0.0), (0.75, 0.0), (0.95, 1.2), (2.25, 4.1), (1.85, 4.1)],
        -0.26,
        -0.10,
        axes=(0, 2, 1),
        edge=0.06,
    )
    wings = mirror(turn(wing, (0, -0.2, 0.3), pitch=-6))
    engine = union(
        mirror(disc((-0.55, -0.50, 1.35), 0.27, 0.52, axis=0, edge=0.12)),
        mirror(box((-0.25, -0.25, 1.35), (0.4, 0.16, 0.04))),
    )
    intake = mirror(disc((-1.06, -0.50, 1.35), 0.205, 0.025, axis=0, edge=0.01))
    bodies = (
        Body(blend(0.12, hull, fin, tailplane), livery, gloss=0.04),
        Body(wings, lambda p: mix((0.72, 0.74, 0.77), (0.80, 0.82, 0.84), noise(p, 1.5, seed=3)), gloss=0.04),
        Body(
            engine,
            lambda p: mix(
                (0.78, 0.80, 0.82), (0.12, 0.24, 0.54), step(-0.95, -0.92, p[0]) * step(-0.35, -0.42, p[0])
            ),
            gloss=0.05,
        ),
        Body(intake, (0.05, 0.05, 0.06)),
    )

    def air(size: int) -> Array:
        return sky(size, (0.0, (0.66, 0.80, 0.93)), (1.0, (0.22, 0.45, 0.78)), cover=0.35, seed=40)

    camera = Camera((-8.5, 6.2, 15.0), (0.50, 0.1, 0), fov=25.5)
    light = Light(
        toward=(-0.5, 0.75, 0.65), sun=(1.5, 1.45, 1.35), sky=(0.5, 0.6, 0.8), bounce=(0.30, 0.36, 0.46)
    )
    return Subject(Scene(bodies, camera, air, (0.4, 0.3, 0, 4.7), light=light))


def ship_hull() -> Field:
    """Return a flared hull with a raked bow and a raised forecastle."""
    plan = [
        (-5.6, 0.0),
        (-4.6, 0.55),
        (-3.0, 0.95),
        (0.0, 1.05),
        (4.2, 0.95),
        (4.9, 0.6),
        (4.9, -0.6),
        (4.2, -0.95),
        (0.0, -1.05),
        (-3.0, -0.95),
        (-4.6, -0.55),
    ]
    body = prism(plan, -0.6, 1.25, axes=(0, 2, 1), edge=0.05)
    bow = prism(
        [(-5.7, 0.0), (-4.7, 0.55), (-3.2, 0.95), (-2.6, 0.95), (-2.6, -0.95), (-3.2, -0.95), (-4.7, -0.55)],
        1.0,
        1.75,
        axes=(0, 2, 1),
        edge=0.05,
    )

    def flared(p: Array) -> Array:
        spread = 0.80 + 0.16 * np.clip(p[1], -0.6, 1.8)
        rake = 0.45 * np.clip(1.5 - p[1], 0, 2) * step(0.5, -5.0, p[0])
        q = np.stack([p[0] - rake, p[1], p[2] / spread])
        return np.minimum(body(q), bow(q)) * np.float32(0.7)

    return flared


def hull_paint(p: Array) -> Array:
    """Paint dark blue above a red waterline, white rail, a little rust."""
    deck = np.where(p[0] < -2.6, 1.66, 1.16)
    hull = mix((0.10, 0.17, 0.30), (0.14, 0.22, 0.36), noise(p, 2, seed=4))
    hull = mix(hull, (0.50, 0.12, 0.09), step(0.26, 0.22, p[1]))
    hull = mix(hull, (0.92, 0.92, 0.90), step(0.03, 0.015, np.abs(p[1] - 0.28)))
    hull = mix(hull, (0.92, 0.92, 0.90), step(-0.12, -0.09, p[1] - deck))
    return mix(hull, (0.44, 0.36, 0.30), step(0.035, 0.05, p[1] - deck))


def house_paint(p: Array) -> Array:
    """Paint white decks with rows of dark windows."""
    white = mix((0.92, 0.93, 0.93), (0.86, 0.87, 0.87), noise(p, 2, seed=8))
    rows = (
        step(0.13, 0.10, np.abs(p[1] - 1.55))
        + step(0.13, 0.10, np.abs(p[1] - 2.22))
        + step(0.16, 0.13, np.abs(p[1] - 2.92))
    )
    panes = np.maximum(
        step(-0.2, 0.2, np.cos(2 * np.pi * p[0] / 0.42)),
        step(-0.2, 0.2, np.cos(2 * np.pi * p[2] / 0.42)) * step(0.55, 0.5, np.abs(p[2])),
    )
    return mix(white, (0.10, 0.14, 0.19), np.clip(rows, 0, 1) * panes)


def ship() -> Subject:
    """Return a coaster under way on dark blue water."""
    house = union(
        box((2.2, 1.55, 0), (1.9, 0.42, 0.78), edge=0.05),
        box((1.9, 2.25, 0), (1.4, 0.36, 0.70), edge=0.05),
        box((1.45, 2.92, 0), (0.85, 0.36, 0.78), edge=0.06),
        box((1.45, 3.30, 0), (1.0, 0.05, 0.88), edge=0.03),
    )
    funnel = turn(disc((2.75, 3.1, 0), 0.36, 0.65, axis=1, edge=0.05), (2.75, 2.6, 0), roll=-8)
    masts = union(
        cone((1.3, 3.3, 0, 0.06), (1.3, 4.7, 0, 0.035)),
        cone((1.3, 4.2, -0.5, 0.03), (1.3, 4.2, 0.5, 0.03)),
        cone((-2.9, 1.7, 0, 0.08), (-2.9, 4.0, 0, 0.04)),
        cone((-2.9, 2.0, 0, 0.05), (-0.6, 3.1, 0, 0.03)),
    )
    cargo = union(*(box((-1.9 + 0.95 * i, 1.45, 0), (0.44, 0.32, 0.68), edge=0.03) for i in range(3)))
    bodies = (
        Body(ship_hull(), hull_paint, gloss=0.03),
        Body(house, house_paint, gloss=0.03),
        Body(
            funnel, lambda p: mix((0.78, 0.20, 0.12), (0.06, 0.06, 0.07), step(3.38, 3.42, p[1])), gloss=0.03
        ),
        Body(masts, (0.82, 0.80, 0.72)),
        Body(cargo, lambda p: mix((0.62, 0.30, 0.14), (0.70, 0.62, 0.40), step(-0.6, -0.5, p[0] + 0.4))),
    )

    def air(size: int) -> Array:
        return sky(size, (0.55, (0.84, 0.89, 0.93)), (1.0, (0.42, 0.62, 0.85)), cover=0.45, seed=52)

    def sea(p: Array) -> Array:
        wake = (
            step(1.55, 1.0, np.abs(p[2]) - 0.05 * np.abs(p[0]))
            * step(-6.6, -5.0, p[0])
            * step(0.46, 0.62, noise(p, 2.2, octaves=4, seed=3))
        )
        return mix((0.05, 0.15, 0.24), (0.80, 0.86, 0.89), 0.8 * wake * step(14, 6, np.abs(p[0])))

    ground = Ground(sea, fade=(60, 160), gloss=0.12, bump=(0.20, 2.6))
    camera = Camera((-12.0, 2.6, 17.5), (-0.75, 1.75, 0), fov=26.5)
    light = Light(toward=(-0.45, 0.7, 0.7), sky=(0.40, 0.52, 0.72), horizon=(0.62, 0.72, 0.84))
    ropes = (Line(((-5.5, 1.75, 0), (-2.9, 3.95, 0), (1.3, 4.6, 0), (4.8, 1.3, 0)), (0.25, 0.26, 0.28), 0.7),)
    return Subject(Scene(bodies, camera, air, (-0.3, 1.6, 0, 5.9), ground, light), lines=ropes)
