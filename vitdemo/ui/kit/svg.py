"""A line chart as SVG inside the page: in the page's colours, light or dark, and in any script's letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vitdemo.ui.kit.html import escaped, percent, save_button
from vitdemo.ui.kit.language import say

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 18, 24


@dataclass(frozen=True)
class Line:
    """One curve. `values`: probabilities, one at each x."""

    name: str
    values: tuple[float, ...]


def chart(
    heading: str, lines: Sequence[Line], xs: Sequence[float], *, mark: tuple[float, str] | None = None
) -> str:
    """Probabilities against a share from 0 to 1, both shown in percent.

    `mark`: where to draw a dashed upright, and its words. Each point tells its numbers when hovered.
    """
    last = max(xs)
    parts = [grid(y) for y in (0.0, 0.25, 0.5, 0.75, 1.0)]
    parts += [tick(across(x, last), f"{100 * x:.0f}") for x in xs]
    if mark is not None:
        parts.append(upright(across(mark[0], last), mark[1]))
    for index, line in enumerate(lines):
        places = [(across(x, last), up(y)) for x, y in zip(xs, line.values, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dots = "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{escaped(point(line.name, at, value))}</title>'
            "</circle>"
            for (x, y), at, value in zip(places, xs, line.values, strict=True)
        )
        parts.append(f'<g class="line line-{index % 6}"><polyline points="{path}"/>{dots}</g>')
    legend = "".join(
        f'<li><svg class="line line-{index % 6}" viewBox="0 0 24 8" aria-hidden="true">'
        f'<polyline points="0,4 24,4"/></svg>{escaped(line.name)}</li>'
        for index, line in enumerate(lines)
    )
    words = escaped(heading)
    return (
        f'<figure class="lab-chart"><figcaption>{words}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">{"".join(parts)}</svg>'
        f"<ul>{legend}</ul>{save_button()}</figure>"
    )


def point(name: str, share: float, value: float) -> str:
    """What a pointer over a point reads."""
    return say(
        "{name}, {share} % pruned: {value}", name=name, share=f"{100 * share:.0f}", value=percent(value)
    )


def across(x: float, last: float) -> float:
    return LEFT + x / last * (WIDTH - LEFT - RIGHT)


def up(y: float) -> float:
    return TOP + (1 - y) * (HEIGHT - TOP - BOTTOM)


def tick(x: float, words: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{words}</text>'


def grid(y: float) -> str:
    """A line across, with its percent at the left."""
    at = f"{up(y):.1f}"
    words = say("{number} %", number=f"{100 * y:.0f}")
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
        f'<text class="tick" x="{LEFT - 5}" y="{at}" dy="0.35em" text-anchor="end">{words}</text>'
    )


def upright(x: float, words: str) -> str:
    anchor = "end" if x > WIDTH / 2 else "start"
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="mark" x="{x:.1f}" y="{TOP - 7}" text-anchor="{anchor}">{escaped(words)}</text>'
    )
