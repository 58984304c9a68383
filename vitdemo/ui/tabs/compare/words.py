"""Every word of the tab "Compare", and the tables that hold its numbers."""

from __future__ import annotations

from vitdemo.engine import REDUCTIONS, SELECTORS, Analysis, Comparison, Side
from vitdemo.png import make_png_url
from vitdemo.timing import describe
from vitdemo.ui.kit.features.words import WORDS
from vitdemo.ui.kit.html import Html, join, note, quiet, row, say_html, tag, title, wide_table
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.words import TIMING, macs, percent

TAB = "Compare"
HEADING = "Two models or two settings on the same picture"
HEADING_MORE = "Choose what A and B are; both then answer for the picture on the left."
MODEL = {"a": "Model A", "b": "Model B"}
RATIO = {"a": "Pruning ratio A (%)", "b": "Pruning ratio B (%)"}
SELECTOR = {"a": "Selector A", "b": "Selector B"}
SIZE = {"a": "Input size A", "b": "Input size B"}
REDUCTION = {"a": "The others, A", "b": "The others, B"}
MODEL_INFO = "Which network answers."
RATIO_INFO = "The share of patches that each stage drops; 0 keeps all."
SELECTOR_INFO = "What decides which patches stay."
SIZE_INFO = "At how many pixels the network reads the picture."
REDUCTION_INFO = "What becomes of patches that are not kept."
METHOD = "Attention map"
METHOD_INFO = "How the look is followed; heads are fused by their mean, and a single layer is the last one."
RUN = "Compare"
NO_RESULT = "Analyse a picture first."
PRESS = "Press Compare to see what A and B make of this picture."
RUNNING = "A and B are compared when you open this tab."

ANSWERS = {True: "Both answer <b>{a}</b>", False: "A answers <b>{a}</b>, B answers <b>{b}</b>"}
SURER = {
    "a": "A is surer ({more} against {less})",
    "b": "B is surer ({more} against {less})",
    "": "both are equally sure ({more})",
}
CHEAPER = {
    "a": "A needs {share} fewer multiply-adds ({less} against {more})",
    "b": "B needs {share} fewer multiply-adds ({less} against {more})",
    "": "both need {more} multiply-adds",
}
SENTENCE = "{answers}; {surer}; {cheaper}."
DENSE = "not pruned"
PRUNED = "{ratio} pruned · {selector}"
SIZED = "{setting} · {width} × {height}"
ROWS = ("Answer", "Probability", "Patches left after each stage", "Multiply-adds", "Time")
CLASS, DIFFERENCE = "Class", "B − A, points"
CLASSES = "Probability of the top classes of either side"
COST = "Answer and cost"
UNKNOWN = "A dash: that model does not know the class."

MAPS = "Where A and B looked"
SCALE = "One scale for both maps: 1 is what a patch would get if attention were spread evenly."
SCALE_ALT = "Colour scale from 0 to {peak}"
AGREE = (
    "Over {count} patches the two maps have a Spearman rank correlation of <b>{value}</b> "
    "(1: the same order of patches, 0: unrelated, −1: the reverse order)."
)
OBSTACLES = {
    "grid": "The grids of patches differ ({a} and {b}), so the maps have no rank correlation.",
    "crop": "The two models see different crops of the picture, so the maps have no rank correlation.",
    "few": "Fewer than three patches have a value in both maps, so there is no rank correlation.",
    "constant": "One of the maps is the same at every patch, so there is no rank correlation.",
}
MAP_CAPTION = "{side}: {title}, {setting}"
KEPT = "What A and B kept"
KEPT_MORE = (
    "Patches in full colour are left after the last stage; the faded ones were removed on the way. "
    "Those that merged have their mean colour."
)
KEPT_TOKENS = "{side}: {count} patches in {left} tokens"
KEPT_CAPTION = "{side}: {left} of {count} patches left"

PICTURES = "Two pictures, patch by patch: yours beside an example, or beside another of yours"
PICTURES_MORE = (
    "The picture on the left, and one of these or a second of your own, both seen by the network and at the "
    "pruning ratio of the left column: to each patch of the one, what is alike in the other."
)
SECOND = "Upload the second picture"
PAIR = WORDS | {
    "features": "Two pictures, patch by patch",
    "hint": "Hover or tap a patch of the left picture to see which patches of the other one the network sees "
    "as alike; click pins it, arrow keys and Enter do the same.",
    "title_kept": "The other picture: similarity to {patch} of the left one",
    "nearest_kept": "Most alike in the other picture: {patch} with {cosine}.",
}


def write_waiting(words: str) -> Html:
    """Return the result while there is nothing to show."""
    return tag("div", note(say(words)), class_="compare empty", role="status")


def write_problem(words: str) -> Html:
    """Return the result when one of the two could not be had: one sentence that says why."""
    return tag("div", tag("p", words, class_="problem"), class_="compare empty", role="alert")


def write_setting(analysis: Analysis) -> str:
    """Return how the picture was analysed: the pruning, and a size that is not the network's own."""
    setting = say(DENSE)
    if analysis.pruned is not None:
        how = [SELECTORS[analysis.selector].title] if analysis.selector else []
        how += [REDUCTIONS[analysis.reduction].title] if analysis.merges else []
        selector = " · ".join(map(say, how))
        setting = say(PRUNED, ratio=f"{100 * analysis.pruning_ratio:.0f} %", selector=selector)
    height, width = analysis.input_size
    return say(SIZED, setting=setting, width=width, height=height) if analysis.resized else setting


def write_badge(side: str) -> Html:
    return tag("span", side.upper(), class_=f"badge {side}")


def write_head(side: str, analysis: Analysis) -> Html:
    """Return the heading of a column: A or B, the model and its setting."""
    return join(write_badge(side), " ", analysis.title, tag("small", write_setting(analysis)))


def write_result(found: Comparison) -> Html:
    """Return the sentence and both tables."""
    unknown = any(share is None for side in (found.a, found.b) for share in side.probabilities)
    more = f"{say(UNKNOWN)} " if unknown else ""
    return tag(
        "div",
        tag("p", write_sentence(found), class_="sentence", role="status"),
        tag("div", write_costs(found), write_classes(found), class_="tables"),
        quiet(more, say(TIMING)),
        class_="compare",
    )


def write_sentence(found: Comparison) -> Html:
    """Return one sentence: the same answer or not, who is surer, who needs fewer multiply-adds."""
    (first, p), (second, q) = found.a.outcome.top[0], found.b.outcome.top[0]
    more, less = percent(max(p, q)), percent(min(p, q))
    surer = "" if more == less else "a" if p > q else "b"
    work = (found.a.outcome.macs, found.b.outcome.macs)
    share = percent(1 - min(work) / max(work))
    cheaper = "" if work[0] == work[1] else "a" if work[0] < work[1] else "b"
    return say_html(
        SENTENCE,
        answers=say_html(ANSWERS[first == second], a=first, b=second),
        surer=say(SURER[surer], more=more, less=less),
        cheaper=say(CHEAPER[cheaper], share=share, more=macs(max(work)), less=macs(min(work))),
    )


def write_costs(found: Comparison) -> Html:
    """Return answer, patches, multiply-adds and time of each side."""
    columns = [list_figures(side) for side in (found.a, found.b)]
    rows = [row(say(name), a, b) for name, a, b in zip(ROWS, *columns, strict=True)]
    top = ("", write_head("a", found.a.analysis), write_head("b", found.b.analysis))
    caption = say(COST)
    return wide_table(top, rows, caption=caption, class_="costs", role="region", aria_label=caption)


def list_figures(side: Side) -> tuple[str, ...]:
    """List the cells of one side's column under ROWS."""
    outcome = side.outcome
    label, probability = outcome.top[0]
    path = " → ".join(map(str, outcome.tokens))
    return (label, percent(probability), path, macs(outcome.macs), translate(describe(side.time)))


def write_classes(found: Comparison) -> Html:
    """Return a row for each class: its probability on each side with a bar, and the difference."""
    rows = [
        row(label, draw_bar("a", p), draw_bar("b", q), write_difference(p, q))
        for label, p, q in zip(found.labels, found.a.probabilities, found.b.probabilities, strict=True)
    ]
    top = (say(CLASS), write_badge("a"), write_badge("b"), say(DIFFERENCE))
    caption = say(CLASSES)
    return wide_table(top, rows, caption=caption, class_="classes", role="region", aria_label=caption)


def draw_bar(side: str, share: float | None) -> Html:
    """Draw a probability as a bar that is full at 100 %; a dash where the class is not known."""
    if share is None:
        return join("–")
    filled = tag("span", tag("i", style=f"width: {100 * share:.1f}%"), class_=f"bar {side}")
    return join(filled, percent(share))


def write_difference(a: float | None, b: float | None) -> str:
    """Return B less A in points of percent, with a sign."""
    if a is None or b is None:
        return "–"
    points = f"{100 * (b - a):+.1f}".replace("-", "−")
    return "0.0" if points in ("+0.0", "−0.0") else points


def write_maps_title() -> Html:
    return title(say(MAPS))


def write_map_captions(found: Comparison) -> tuple[str, str]:
    """Return the caption under each map."""
    a, b = (
        say(MAP_CAPTION, side=name, title=side.analysis.title, setting=write_setting(side.analysis))
        for name, side in (("A", found.a), ("B", found.b))
    )
    return a, b


def write_scale(found: Comparison) -> Html:
    """Return the colour bar of both maps, and how far they agree."""
    alt = say(SCALE_ALT, peak=f"{found.peak:.2f}")
    return tag(
        "div",
        tag("img", src=make_png_url(found.bar), alt=alt, width=448),
        quiet(say(SCALE)),
        tag("p", write_agreement(found), class_="agreement"),
        class_="compare scale",
    )


def write_agreement(found: Comparison) -> Html:
    """Return the rank correlation, or why there is none."""
    if found.agreement is None:
        grids = (f"{rows} × {columns}" for rows, columns in (found.a.grid, found.b.grid))
        return say_html(OBSTACLES[found.obstacle], **dict(zip("ab", grids, strict=True)))
    value = f"{found.agreement:.2f}".replace("-", "−")
    return say_html(AGREE, count=found.patches, value=value)


def write_kept_title() -> Html:
    return title(say(KEPT), say(KEPT_MORE))


def write_kept_captions(found: Comparison) -> tuple[str, str]:
    """Return the caption under each picture of what was kept."""
    a, b = (
        say(
            KEPT_TOKENS if side.analysis.merges else KEPT_CAPTION,
            side=name,
            left=side.outcome.tokens[-1],
            count=side.outcome.tokens[0],
        )
        for name, side in (("A", found.a), ("B", found.b))
    )
    return a, b
