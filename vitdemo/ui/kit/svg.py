"""A line chart as SVG inside the page: in the page's colours, light or dark, and in any script's letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vitdemo.ui.kit.html import Html, join, tag
from vitdemo.ui.kit.language import say

QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Frame:
    """The room of a chart, and what its edges leave free for words; all in its own pixels."""

    width: int = 460
    height: int = 230
    left: int = 38
    right: int = 10
    top: int = 18
    bottom: int = 24

    def place_x(self, share: float) -> float:
        """Return the place of a share of the x axis."""
        return self.left + share * (self.width - self.left - self.right)

    def place_y(self, share: float) -> float:
        """Return the place of a probability."""
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)


@dataclass(frozen=True)
class Line:
    """A curve: a probability at each x.

    `name`: what a pointer over it reads. `kind`: its CSS class. `mark`: its `data-curve`, by which a style
    sheet finds it. `dots`: what a pointer over each point reads.
    """

    name: str
    values: Sequence[float]
    kind: str
    mark: str | None = None
    dots: Sequence[str] = ()


@dataclass(frozen=True)
class Axes:
    """The axes of a chart.

    `x`: shares, at which the lines have their values. `ticks`: those that are numbered, in percent.
    `labels`: of both axes; without one, the numbers at the left carry their unit. `upright`: where a dashed
    line stands, and its words.
    """

    x: Sequence[float]
    ticks: Sequence[float]
    labels: tuple[str, str] = ("", "")
    upright: tuple[float, str] | None = None


def draw_lines(
    axes: Axes,
    lines: Sequence[Line],
    *,
    description: str,
    band: tuple[Sequence[float], Sequence[float]] | None = None,
    frame: Frame = Frame(),
) -> Html:
    """Return an <svg> of probabilities against the share of `axes`, which ends at its largest x or tick.

    Later lines are on top; `band` (low, high) is filled behind all. `description`: what a screen reader says.
    """
    plot = Plot(axes, frame)
    return tag(
        "svg",
        plot.draw_grid(),
        plot.draw_upright(),
        plot.draw_band(*band) if band else "",
        *(plot.draw_line(line) for line in lines),
        class_="chart",
        viewBox=f"0 0 {frame.width} {frame.height}",
        role="img",
        aria_label=description,
    )


@dataclass(frozen=True)
class Plot:
    """Axes in a frame, and the shapes drawn on them."""

    axes: Axes
    frame: Frame

    def place_x(self, x: float) -> float:
        """Return the place of `x`."""
        return self.frame.place_x(x / max(*self.axes.x, *self.axes.ticks))

    def place(self, values: Sequence[float]) -> list[tuple[float, float]]:
        """Return the places of `values`, one at each x."""
        return [(self.place_x(x), self.frame.place_y(y)) for x, y in zip(self.axes.x, values, strict=True)]

    def draw_line(self, line: Line) -> Html:
        """Return a curve and its dots."""
        points = self.place(line.values)
        curve = tag("polyline", tag("title", line.name), data_curve=line.mark, points=write_path(points))
        dots = [
            tag("circle", tag("title", words), cx=f"{x:.1f}", cy=f"{y:.1f}", r=3)
            for (x, y), words in zip(points, line.dots, strict=False)
        ]
        return tag("g", curve, *dots, class_=line.kind)

    def draw_band(self, low: Sequence[float], high: Sequence[float]) -> Html:
        """Return what lies between two curves, filled."""
        return tag(
            "polygon", class_="band", points=write_path([*self.place(high), *reversed(self.place(low))])
        )

    def draw_grid(self) -> Html:
        """Return thin lines at the quarters, the numbers in percent, and the names of the axes."""
        frame, parts = self.frame, []
        bottom = frame.height - frame.bottom
        across, upward = self.axes.labels
        for share in QUARTERS:
            y = f"{frame.place_y(share):.1f}"
            parts.append(tag("line", class_="rule", x1=frame.left, x2=frame.width - frame.right, y1=y, y2=y))
            number = f"{100 * share:.0f}"
            words = number if upward else say("{number} %", number=number)
            parts.append(write_label(frame.left - 6, y, words, anchor="end", dy="0.35em"))
        parts += [write_label(self.place_x(x), bottom + 16, f"{100 * x:.0f}") for x in self.axes.ticks]
        middle = (frame.left + frame.width - frame.right) / 2
        if across:
            parts.append(write_label(middle, frame.height - 8, across))
        if upward:
            turned = f"translate(11 {(frame.top + bottom) / 2}) rotate(-90)"
            parts.append(tag("text", upward, transform=turned, text_anchor="middle"))
        return join(*parts)

    def draw_upright(self) -> Html:
        """Return the dashed line and its words, which lean away from the nearer edge."""
        if self.axes.upright is None:
            return join()
        at, words = self.axes.upright
        frame, x = self.frame, self.place_x(at)
        ends = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": frame.top - 4, "y2": frame.height - frame.bottom}
        anchor = "end" if x > frame.width / 2 else "start"
        return join(
            tag("line", class_="mark", **ends),
            write_label(x, frame.top - 7, words, anchor=anchor, class_="mark"),
        )


def write_label(x: float, y: float | str, words: str, *, anchor: str = "middle", **attributes: str) -> Html:
    """Return words at a place."""
    return tag("text", words, x=f"{x:.1f}", y=y, text_anchor=anchor, **attributes)


def write_path(points: Sequence[tuple[float, float]]) -> str:
    """Return places as SVG writes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
