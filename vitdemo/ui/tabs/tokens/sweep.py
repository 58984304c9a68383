"""What a ratio sweep found: two charts, a sentence each, the table of costs, the words of the film strip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vitdemo.engine import Sweep, SweepCurve
from vitdemo.timing import describe
from vitdemo.ui.kit.html import Html, join, quiet, row, save_button, say_html, tag, wide_table
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.svg import Axes, Line, draw_lines
from vitdemo.ui.kit.words import macs, percent
from vitdemo.ui.tabs.tokens.words import format_ratio, name_selector

KEPT_MAPS = "{selector}: what is left after the last stage, at each ratio"
FIRST_RUN = " (the first of {count} seeds)"
TIMES = (
    "Answer and probability are those of: {selector}. Times are medians of n single passes on this machine, "
    "all ratios and selectors in turn, and where the middle half of the passes lay."
)
BUDGET_NOTE = (
    "All selectors keep the same number of patches at a ratio, so their multiply-adds are the same by "
    "construction; what a selector itself costs shows in the times. The dense answer is {answer}."
)
FLIPS = "flips to {answer}"
STEADY = "{selector}: the answer stays at every ratio."
FLIPPED = "{selector}: the answer flips to {answer} at {ratio}."
RUNS = " (mean of {count} seeds)"


def write_sweep(result: Sweep) -> Html:
    """Return both charts, what they say in a sentence each, and the table of costs."""
    first, ratios = result.curves[0], [point.pruning_ratio for point in result.points]
    classes = {
        label: [row[column] for row in first.probabilities] for column, label in enumerate(result.labels)
    }
    rivals = {
        name_selector(curve.selector): [row[0] for row in curve.probabilities] for curve in result.curves
    }
    flip = None if first.flip is None else (ratios[first.flip], say(FLIPS, answer=first.answers[first.flip]))
    by = say("Probability of the top classes, pruned by: {selector}", selector=name_selector(first.selector))
    of = say("Probability of {label}, by selector", label=result.labels[0])
    return join(
        tag(
            "div",
            draw_chart(by, classes, ratios, flip=flip),
            draw_chart(of, rivals, ratios),
            class_="lab-charts",
        ),
        quiet(say(BUDGET_NOTE, answer=result.labels[0])),
        tag("ul", *(tag("li", write_sentence(curve, ratios)) for curve in result.curves), class_="lab-said"),
        write_costs(result),
        quiet(say(TIMES, selector=name_selector(first.selector))),
    )


def draw_chart(
    heading: str,
    curves: Mapping[str, Sequence[float]],
    ratios: Sequence[float],
    *,
    flip: tuple[float, str] | None = None,
) -> Html:
    """Return a figure of probabilities against pruning ratios, with a legend.

    Each point tells its numbers when hovered. `flip`: where to draw a dashed upright, and its words.
    """
    lines = [
        Line(
            name,
            values,
            kind=f"line line-{index % 6}",
            dots=[write_point(name, *at) for at in zip(ratios, values, strict=True)],
        )
        for index, (name, values) in enumerate(curves.items())
    ]
    legend = [
        tag(
            "li",
            tag(
                "svg",
                tag("polyline", points="0,4 24,4"),
                class_=line.kind,
                viewBox="0 0 24 8",
                aria_hidden="true",
            ),
            line.name,
        )
        for line in lines
    ]
    drawing = draw_lines(Axes(ratios, ticks=ratios, upright=flip), lines, description=heading)
    caption = tag("figcaption", heading)
    return tag("figure", caption, drawing, tag("ul", *legend), save_button(), class_="lab-chart")


def write_point(name: str, share: float, value: float) -> str:
    """Return what a pointer over a point reads."""
    return say(
        "{name}, {share} % pruned: {value}", name=name, share=f"{100 * share:.0f}", value=percent(value)
    )


def write_sentence(curve: SweepCurve, ratios: list[float]) -> Html:
    """Return where this selector's answer flips."""
    runs = say(RUNS, count=curve.runs) if curve.runs > 1 else ""
    name = join(tag("b", name_selector(curve.selector)), runs)
    if curve.flip is None:
        return say_html(STEADY, selector=name)
    return say_html(
        FLIPPED, selector=name, answer=curve.answers[curve.flip], ratio=format_ratio(ratios[curve.flip])
    )


def write_costs(result: Sweep) -> Html:
    """Return a table with a row for each ratio.

    A row has the patches, the multiply-adds, and each selector's time, answer and probability of the dense
    answer.
    """
    first = result.curves[0]
    times = zip(*(curve.times for curve in result.curves), strict=True)
    rows = [
        row(
            format_ratio(point.pruning_ratio),
            " → ".join(map(str, point.tokens)),
            macs(point.macs),
            *(translate(describe(time)) for time in own),
            answer,
            percent(shares[0]),
        )
        for point, own, answer, shares in zip(
            result.points, times, first.answers, first.probabilities, strict=True
        )
    ]
    selectors = (name_selector(curve.selector) for curve in result.curves)
    names = (say("Pruning"), say("Patches"), say("Multiply-adds"), *selectors, say("Answer"))
    head = (*names, f"P({result.labels[0]})")
    return wide_table(head, rows, class_="lab-table")


def write_kept_title(curve: SweepCurve) -> str:
    """Return the title of the film strip: whose it is."""
    name = name_selector(curve.selector) + (say(FIRST_RUN, count=curve.runs) if curve.runs > 1 else "")
    return say(KEPT_MAPS, selector=name)


def write_kept_captions(result: Sweep, curve: SweepCurve) -> list[str]:
    """Return the captions under the pictures of the film strip."""
    return [
        say("{ratio}: {count} left, {answer}", ratio=format_ratio(share), count=len(ids), answer=answer)
        for share, ids, answer in zip(
            (point.pruning_ratio for point in result.points), curve.kept, curve.answers, strict=True
        )
    ]
