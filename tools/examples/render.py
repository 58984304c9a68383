"""From a scene to pixels: colours of what each ray meets, then hair, grass and fine lines stroked on top."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tools.examples.scene import (
    Body,
    Camera,
    Picture,
    Scene,
    light_by_sun,
    march,
    mirror_sky,
    normals,
    openness,
    roughen,
    unit,
)
from tools.examples.solids import Array, Point, column
from tools.examples.texture import Colour, mix, step

BLOCK = 16384  # rays worked on together: the arrays stay in the processor's cache


@dataclass(frozen=True)
class Line:
    """A thin stroke through points of space, drawn over everything: a whisker, a rope, a twig."""

    points: tuple[Point, ...]
    colour: Colour
    width: float  # in 512-px pixels


@dataclass(frozen=True)
class Grass:
    """Blades on the ground between two distances from the camera; `height` in world units."""

    count: int
    height: float
    near: float
    far: float
    contrast: float = 0.2


@dataclass(frozen=True)
class Subject:
    """A scene with what is stroked on top of its pixels."""

    scene: Scene
    grass: Grass | None = None
    lines: tuple[Line, ...] = ()


def albedo(body: Body, p: Array) -> Array:
    """Return the body's own colour (3, n), linear."""
    colour = body.paint(p) if callable(body.paint) else column(body.paint) * np.ones_like(p)
    return np.clip(colour, 0, 1) ** np.float32(2.2)


def light(scene: Scene, p: Array, n: Array, colour: Array, *, soft: float = 0.0) -> Array:
    """Return the diffuse light (3, n) that a surface sends back.

    `soft` lets the sun reach round it, as through fur.
    """
    light = scene.light
    facing = (n * unit(column(light.toward))).sum(0)
    sun = np.clip((facing + soft) / (1 + soft), 0, 1) * light_by_sun(scene, p)
    open_ = openness(scene, p, n)
    up = 0.5 + 0.5 * n[1]
    return colour * (
        column(light.sun) * sun + (column(light.sky) * up + column(light.bounce) * (1 - up)) * open_
    )


def gleam(scene: Scene, ray: Array, n: Array, gloss: float) -> tuple[Array, Array]:
    """Return the share of the light that is mirrored (n,) and the mirrored colour (3, n)."""
    cosine = (ray * n).sum(0)
    bounced = ray - 2 * cosine * n
    share = gloss + (1 - gloss) * min(1.0, 3 * gloss) * (1 - np.clip(-cosine, 0, 1)) ** 5
    glint = np.clip((bounced * unit(column(scene.light.toward))).sum(0), 0, 1) ** 120
    return share, mirror_sky(scene.light, bounced) + column(scene.light.sun) * glint * 4


def shade_bodies(scene: Scene, p: Array, ray: Array) -> tuple[Array, np.ndarray, Array]:
    """Return the linear colour (3, n), the body's index (n,) and the normal (3, n) at points on bodies."""
    n = normals(scene, p)
    which = np.argmin(np.stack([body.field(p) for body in scene.bodies]), 0)
    colour = np.zeros_like(p)
    for i, body in enumerate(scene.bodies):
        at = np.flatnonzero(which == i)
        if not at.size:
            continue
        q, m = p[:, at], roughen(p[:, at], n[:, at], body.bump)
        own = light(scene, q, m, albedo(body, q), soft=0.35 if body.fur else 0.1)
        if body.gloss:
            share, mirrored = gleam(scene, ray[:, at], m, body.gloss)
            own = own * (1 - share) + mirrored * share
        colour[:, at] = own
    return colour, which, n


def shade_ground(scene: Scene, p: Array, ray: Array, away: Array, behind: Array) -> Array:
    """Return the linear colour (3, n) of points on the ground, which fades into what is `behind`."""
    ground = scene.ground
    assert ground is not None
    up = np.zeros_like(p)
    up[1] = 1
    n = roughen(p, up, ground.bump)
    colour = light(scene, p, n, np.clip(ground.paint(p), 0, 1) ** np.float32(2.2))
    if ground.gloss:
        share, mirrored = gleam(scene, ray, n, ground.gloss)
        bounced = ray - 2 * (ray * n).sum(0) * n
        bounced[1] = np.abs(bounced[1])
        t = march(scene, p, unit(bounced))
        at = np.flatnonzero(np.isfinite(t))
        if at.size:
            mirrored[:, at] = shade_bodies(scene, p[:, at] + unit(bounced)[:, at] * t[at], ray[:, at])[0]
        colour = colour * (1 - share) + mirrored * share
    return mix(colour, behind, step(ground.fade[0], ground.fade[1], away))


def render(scene: Scene, size: int) -> Picture:
    """Render the scene at size x size pixels, one ray a pixel."""
    rays = scene.camera.rays(size)
    eye = column(scene.camera.eye)
    rgb = scene.backdrop(size).reshape(-1, 3).T.astype(np.float32) ** np.float32(2.2)
    body = np.full(rays.shape[1], -2)
    point, normal = np.zeros_like(rays), np.zeros_like(rays)
    for start in range(0, rays.shape[1], BLOCK):
        at = np.arange(start, min(start + BLOCK, rays.shape[1]))
        ray = rays[:, at]
        t = march(scene, eye, ray)
        if scene.ground:
            down = np.where(ray[1] < -1e-4, -eye[1] / np.minimum(ray[1], -1e-4), np.inf)
            low = np.flatnonzero((down < t) & (down < scene.ground.fade[1]))
            p = eye + ray[:, low] * down[low]
            rgb[:, at[low]] = shade_ground(scene, p, ray[:, low], down[low], rgb[:, at[low]])
            body[at[low]], point[:, at[low]], normal[1, at[low]] = -1, p, 1
            t = np.where(down < t, np.inf, t)
        on = np.flatnonzero(np.isfinite(t))
        if on.size:
            p = eye + ray[:, on] * t[on]
            rgb[:, at[on]], body[at[on]], normal[:, at[on]] = shade_bodies(scene, p, ray[:, on])
            point[:, at[on]] = p
    rgb = 1 - np.exp(-1.25 * np.maximum(rgb, 0) - 0.35 * np.maximum(rgb, 0) ** 2)  # rolls highlights off
    return Picture(rgb ** np.float32(1 / 2.2), body, point, normal, size)


def to_image(picture: Picture) -> Image.Image:
    """Return the picture's pixels as an RGB image."""
    pixels = np.clip(picture.rgb.T.reshape(picture.size, picture.size, 3) * 255 + 0.5, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def stroke(draw: ImageDraw.ImageDraw, ends: Array, colours: Array, widths: tuple[float, float]) -> None:
    """Draw tapering strokes.

    `ends` (3, 2, n) are root, middle and tip in pixels; `colours` (3, n) are in 0..1.
    """
    inks = np.clip(colours * 255, 0, 255).astype(int).T
    root, middle, tip = (end.T for end in ends)
    for i, ink in enumerate(inks):
        fill = (int(ink[0]), int(ink[1]), int(ink[2]), 190)
        draw.line([*root[i], *middle[i]], fill=fill, width=max(1, round(widths[0])))
        draw.line([*middle[i], *tip[i]], fill=fill, width=max(1, round(widths[1])))


def comb(canvas: Image.Image, picture: Picture, scene: Scene, seed: int) -> None:
    """Draw the hairs of all furry bodies, far ones first."""
    draw, random = ImageDraw.Draw(canvas, "RGBA"), np.random.default_rng(seed)
    bare = canvas.copy()
    scale, eye = picture.size / 512, column(scene.camera.eye)
    for i, body in enumerate(scene.bodies):
        fur, at = body.fur, np.flatnonzero(picture.body == i)
        if fur is None or not at.size:
            continue
        at = random.choice(at, fur.count)
        at = at[np.argsort(-((picture.point[:, at] - eye) ** 2).sum(0))]
        p, n = picture.point[:, at], picture.normal[:, at]
        flow = fur.flow(p) if callable(fur.flow) else column(fur.flow) * np.ones_like(p)
        flow = unit(flow) + 0.35 * random.standard_normal(p.shape).astype(np.float32)
        along = unit(flow - (flow * n).sum(0) * n) + fur.lift * n
        length = fur.length * random.uniform(0.5, 1.2, at.size).astype(np.float32)
        steps = (p, p + along * length * 0.55, p + along * length + column((0, -0.15, 0)) * length)
        ends = np.stack([scene.camera.project(q, picture.size) for q in steps])
        tone = 1 + fur.contrast * random.standard_normal(at.size)
        stroke(draw, ends, picture.rgb[:, at] * tone, (fur.width * scale, fur.width * scale * 0.6))
    smooth = [i for i, body in enumerate(scene.bodies) if body.fur is None and body.gloss]
    clear = np.isin(picture.body, smooth).reshape(picture.size, picture.size)
    canvas.paste(bare, mask=Image.fromarray(clear.astype(np.uint8) * 255))  # no hair over eyes and noses


def plant(canvas: Image.Image, picture: Picture, camera: Camera, grass: Grass, seed: int) -> None:
    """Draw blades of grass on the visible ground, far ones first."""
    random = np.random.default_rng(seed)
    eye = column(camera.eye)
    away = np.sqrt(((picture.point - eye) ** 2).sum(0))
    at = np.flatnonzero((picture.body == -1) & (away > grass.near) & (away < grass.far))
    if not at.size:
        return
    at = random.choice(at, grass.count)
    at = at[np.argsort(-away[at])]
    p = picture.point[:, at]
    height = grass.height * random.uniform(0.4, 1.2, at.size).astype(np.float32)
    lean = random.standard_normal(p.shape).astype(np.float32) * column((0.35, 0, 0.35)) + column((0, 1, 0))
    steps = (p, p + lean * column((0.35, 0.6, 0.35)) * height, p + lean * height)
    ends = np.stack([camera.project(q, picture.size) for q in steps])
    tone = 1 + grass.contrast * random.standard_normal(at.size) + 0.08
    draw = ImageDraw.Draw(canvas, "RGBA")
    stroke(draw, ends, picture.rgb[:, at] * tone, (2.4 * picture.size / 512, 1.2 * picture.size / 512))


def trace_lines(canvas: Image.Image, camera: Camera, lines: Sequence[Line]) -> None:
    """Draw thin strokes over the picture."""
    draw = ImageDraw.Draw(canvas, "RGBA")
    for line in lines:
        xy = camera.project(np.array(line.points, np.float32).T, canvas.width).T
        ink = tuple(int(255 * c) for c in line.colour)
        width = max(1, round(line.width * canvas.width / 512))
        draw.line([tuple(q) for q in xy.tolist()], fill=(*ink, 215), width=width, joint="curve")


def draw(subject: Subject, *, size: int = 512, oversample: int = 2, seed: int = 0) -> Image.Image:
    """Draw `subject` at (size, size) RGB; the same seed draws the same picture."""
    scene = subject.scene
    picture = render(scene, size * oversample)
    canvas = to_image(picture)
    comb(canvas, picture, scene, seed)
    if subject.grass:
        plant(canvas, picture, scene.camera, subject.grass, seed + 1)
    trace_lines(canvas, scene.camera, subject.lines)
    return canvas.resize((size, size), Image.Resampling.LANCZOS)
