"""Every word of the tab "Prediction": what pruning did to the answer, and what speaks for a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vitdemo.engine import METHODS, Analysis, ClassMap, Outcome, Timings
from vitdemo.timing import describe, describe_saving, saving
from vitdemo.ui.kit.html import Html, join, note, quiet, row, say_html, table, tag, title
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.words import NO_WORDS, TIMING, macs, percent

NO_COMPARISON = "Dense and pruned will be compared here."
NO_PRUNING = "Nothing was pruned: at a pruning ratio of 0 % every patch goes through the whole network."
CHOOSE = (
    "Click a class in the list to see what speaks for it. Each map has its own scale; where it has blue, "
    "blue speaks against the class."
)
AGAINST = "Rather than"
ALONE = "no other"
MORE = "More maps"
FIRST = "{map} comes first: on {count} pictures, removing what it marks changed this network's answer most."
WAITING = "The maps of a class will be shown here."
SILENT = "Nothing speaks for this class."
MEASURING = "measuring"

FILM = {
    "film": "The picture, from which patches fall away stage by stage",
    "play": "Play it again",
    "fewest": "How few patches are enough?",
    "all": "All {count} patches",
    "after": "After stage {stage}: {kept} of {count} patches",
    "after_merged": "After stage {stage}: {count} patches in {kept} tokens",
    "stays": "{before}: {dense} with all {count} patches, {pruned} with the {kept} that are left.",
    "changes": "{before} ({dense}) with all {count} patches, but {after} ({pruned}) with the {kept} left.",
    "stays_merged": "{before}: {dense} with all {count} patches, {pruned} with {kept} tokens; "
    "grey ones joined others.",
    "changes_merged": "{before} ({dense}) with all {count} patches, but {after} ({pruned}) with {kept} "
    "tokens; grey ones joined others.",
    "whole": "{before}: {dense} with all {count} patches; nothing is pruned.",
    "few": "{kept} of {count} patches still say {label}",
    "one": "1 of {count} patches still says {label}",
    "alone": "{now} with these alone, {dense} with all.",
    "cut": "{now} with these alone, {dense} with all. Time ran out: fewer might do.",
    "percent": "{number} %",
}


def write_no_comparison(words: str) -> Html:
    """Return what stands in place of the comparison without a result."""
    return tag("div", quiet(words), class_="comparison")


def write_comparison(analysis: Analysis, times: Timings | None) -> Html:
    """Return the dense and the pruned pass side by side, and what pruning did to the answer.

    `times`: None while they are still to be measured.
    """
    dense, pruned = analysis.dense, analysis.pruned
    rows = [
        row(say(name), show(dense), show(pruned) if pruned else "–", saved)
        for name, show, saved in (
            ("Answer", write_top_label, ""),
            ("Probability", write_top_probability, ""),
            (
                "Patches at the end",
                lambda one: str(one.tokens[-1]),
                write_saving(dense, pruned, count_patches_left),
            ),
            ("Multiply-adds", lambda one: macs(one.macs), write_saving(dense, pruned, lambda one: one.macs)),
        )
    ]
    rows.append(row(say("Time"), *list_times(times, pruned)))
    head = ("", say("Dense"), say("Pruned"), say("Saving"))
    said = tag("p", write_sentence(dense, pruned))
    return tag("div", table(head, rows), said, quiet(say(TIMING)), class_="comparison")


def write_top_label(outcome: Outcome) -> str:
    return outcome.top[0][0] if outcome.top else "–"


def write_top_probability(outcome: Outcome) -> str:
    return percent(outcome.top[0][1]) if outcome.top else "–"


def count_patches_left(outcome: Outcome) -> int:
    return outcome.tokens[-1]


def list_times(times: Timings | None, pruned: Outcome | None) -> tuple[str | Html, ...]:
    """Return both times, and what pruning did to them."""
    if times is None:
        return say(MEASURING), say(MEASURING) if pruned else "–", "–"
    shown = [translate(describe(time)) for time in times]
    if len(times) == 1:
        return *shown, "–", "–"
    share = saving(times[1], times[0])
    return *shown, mark_gain(share or 0.0, translate(describe_saving(share)))


def mark_gain(share: float, words: str) -> Html:
    """Return `words`, in the colour of a gain where a share is saved."""
    return tag("span", words, class_="gain" if share > 0 else None)


def write_saving(dense: Outcome, pruned: Outcome | None, amount: Callable[[Outcome], float]) -> str | Html:
    """Return the share of `amount` that pruning saves."""
    if pruned is None:
        return "–"
    share = 1 - amount(pruned) / amount(dense)
    return mark_gain(share, say("{number} %", number=f"{100 * share:.0f}").replace("-", "−"))


def write_sentence(dense: Outcome, pruned: Outcome | None) -> Html:
    """Return one sentence on what pruning did."""
    if pruned is None:
        return join(say(NO_PRUNING))
    if not dense.top:
        return join(say(NO_WORDS))
    (before, p), (after, q) = dense.top[0], pruned.top[0]
    if before != after:
        changed = "Pruning changes the answer from <b>{before}</b> to <b>{after}</b>."
        return say_html(changed, before=before, after=after)
    change = 100 * (q - p)
    if abs(change) < 0.05:
        return join(say("The answer and its probability stay the same."))
    moved = f"{'+' if change > 0 else '−'}{abs(change):.1f}"
    return join(say("The answer stays; its probability moves by {change} points.", change=moved))


def write_class_title(maps: Sequence[ClassMap]) -> Html:
    """Return the heading of the maps."""
    if not maps:
        return title(say("What speaks for a class"), say(WAITING))
    heading = say("What speaks for {label}", label=maps[0].label)
    if maps[0].against:
        contrast = "What speaks for {label} rather than {against}"
        heading = say(contrast, label=maps[0].label, against=maps[0].against)
    return title(heading, say(CHOOSE))


def explain_first(maps: Sequence[ClassMap]) -> Html:
    """Return why the first of the maps is the first; nothing where they were not judged."""
    if not maps or not maps[0].judged:
        return Html("")
    name = say(METHODS[maps[0].method].title)
    return note(say(FIRST, map=name, count=maps[0].judged))


def write_no_classes() -> Html:
    """Return the words that stand in the place of `write_class_title` for a network without classes."""
    return title(say("What speaks for a class"), say(NO_WORDS))


def write_map_caption(method: str, total: float) -> str:
    """Return the caption of a map: its name and what it shows, or that it shows nothing."""
    known = METHODS[method]
    return f"{say(known.title)} · {say(SILENT if total == 0 else known.summary)}"
