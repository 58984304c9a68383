"""What a ratio sweep found: two charts, a sentence each, the table of costs, the words of the film strip."""

from __future__ import annotations

from vitdemo.engine import Sweep, SweepCurve
from vitdemo.ui.kit.html import escaped, macs, percent
from vitdemo.ui.kit.language import say
from vitdemo.ui.kit.svg import Line, chart
from vitdemo.ui.tabs.tokens.words import ratio, selector, table

KEPT_MAPS = "{selector}: what is left after the last stage, at each ratio"
FIRST_RUN = " (the first of {count} seeds)"
TIMES = (
    "Answer and probability are those of: {selector}. Times are medians of {count} single passes on this "
    "machine, all ratios and selectors in turn."
)
BUDGET_NOTE = (
    "All selectors keep the same number of patches at a ratio, so their multiply-adds are the same by "
    "construction; what a selector itself costs shows in the times. The dense answer is {answer}."
)
FLIPS = "flips to {answer}"
STEADY = "{selector}: the answer stays at every ratio."
FLIPPED = "{selector}: the answer flips to {answer} at {ratio}."
RUNS = " (mean of {count} seeds)"


def sweep(result: Sweep) -> str:
    """Both charts, what they say in a sentence each, and the table of costs."""
    first, ratios = result.curves[0], [point.pruning_ratio for point in result.points]
    classes = [
        Line(label, tuple(row[column] for row in first.probabilities))
        for column, label in enumerate(result.labels)
    ]
    rivals = [
        Line(selector(curve.selector), tuple(row[0] for row in curve.probabilities))
        for curve in result.curves
    ]
    flip = None if first.flip is None else (ratios[first.flip], say(FLIPS, answer=first.answers[first.flip]))
    said = "".join(f"<li>{verdict(curve, ratios)}</li>" for curve in result.curves)
    note = say(BUDGET_NOTE, answer=escaped(result.labels[0]))
    times = say(TIMES, selector=escaped(selector(first.selector)), count=result.repeats)
    return (
        '<div class="lab-charts">'
        + chart(
            say("Probability of the top classes, pruned by: {selector}", selector=selector(first.selector)),
            classes,
            ratios,
            mark=flip,
        )
        + chart(say("Probability of {label}, by selector", label=result.labels[0]), rivals, ratios)
        + f'</div><p class="quiet">{note}</p>'
        + f'<ul class="lab-said">{said}</ul>'
        + sweep_table(result)
        + f'<p class="quiet">{times}</p>'
    )


def verdict(curve: SweepCurve, ratios: list[float]) -> str:
    """Where this selector's answer flips."""
    name = f"<b>{escaped(selector(curve.selector))}</b>"
    name += say(RUNS, count=curve.runs) if curve.runs > 1 else ""
    if curve.flip is None:
        return say(STEADY, selector=name)
    flipped = escaped(curve.answers[curve.flip])
    return say(FLIPPED, selector=name, answer=flipped, ratio=ratio(ratios[curve.flip]))


def sweep_table(result: Sweep) -> str:
    """A row a ratio: patches, multiply-adds, each selector's time, answer and probability of the dense
    answer."""
    first = result.curves[0]
    times = zip(*(curve.milliseconds for curve in result.curves), strict=True)
    rows = [
        (
            ratio(point.pruning_ratio),
            " → ".join(map(str, point.tokens)),
            macs(point.macs),
            *(f"{time:.1f} ms" for time in own),
            escaped(answer),
            percent(row[0]),
        )
        for point, own, answer, row in zip(
            result.points, times, first.answers, first.probabilities, strict=True
        )
    ]
    selectors = (escaped(selector(curve.selector)) for curve in result.curves)
    names = (say("Pruning"), say("Patches"), say("Multiply-adds"), *selectors, say("Answer"))
    head = (*names, f"P({escaped(result.labels[0])})")
    return table(head, rows)


def kept_title(curve: SweepCurve) -> str:
    """Above the film strip: whose it is."""
    name = selector(curve.selector) + (say(FIRST_RUN, count=curve.runs) if curve.runs > 1 else "")
    return say(KEPT_MAPS, selector=name)


def kept_captions(result: Sweep, curve: SweepCurve) -> list[str]:
    """Under the pictures of the film strip."""
    return [
        say("{ratio}: {count} left, {answer}", ratio=ratio(share), count=len(ids), answer=answer)
        for share, ids, answer in zip(
            (point.pruning_ratio for point in result.points), curve.kept, curve.answers, strict=True
        )
    ]
