"""Line charts as SVG: sharp at any width, in the colours of the page (classes, no colours of their own)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vitdemo.ui.kit.html import escaped

WIDTH, HEIGHT = 380, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 44
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Line:
    """A curve over the chart's `x`. `name`: what a pointer over it reads. `kind`: its CSS class. `mark`: its
    `data-curve`, by which a style sheet finds it."""

    name: str
    kind: str
    mark: str
    y: Sequence[float]


def percent_chart(
    x: Sequence[float],
    lines: Sequence[Line],
    *,
    band: tuple[Sequence[float], Sequence[float]],
    labels: tuple[str, str],
    description: str,
) -> str:
    """An SVG element with both axes from 0 to 100 %.

    `x` and every `y` in [0, 1]; `band` (low, high) is filled behind the lines, later lines are on top.
    `labels`: of the x and the y axis. `description`: what a screen reader says.
    """
    low, high = band
    edge = [*zip(x, high, strict=True), *reversed(list(zip(x, low, strict=True)))]
    shapes = [f'<polygon class="band" points="{points(edge)}"/>']
    for line in lines:
        shapes.append(
            f'<polyline class="curve {line.kind}" data-curve="{escaped(line.mark)}" '
            f'points="{points(list(zip(x, line.y, strict=True)))}"><title>{escaped(line.name)}</title>'
            "</polyline>"
        )
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escaped(description)}">{grid(labels)}{"".join(shapes)}</svg>'
    )


def points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in pairs)


def across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def down(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def grid(labels: tuple[str, str]) -> str:
    """Thin lines at the quarters, their numbers, and the names of the axes."""
    parts, bottom = [], HEIGHT - BOTTOM
    for tick in TICKS:
        x, y, number = across(tick), down(tick), f"{100 * tick:.0f}"
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number}</text>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{number}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escaped(labels[0])}</text>'
        f'<text transform="translate(11 {(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escaped(labels[1])}</text>"
    )
    return "".join(parts)
