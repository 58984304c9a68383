"""The words of the pruning laboratory, and the tables that hold its numbers; its sweep has a file apart."""

from __future__ import annotations

from vitdemo.engine import SELECTORS, Adaptive, SmallestSet, Surgery
from vitdemo.ui.kit.html import Html, quiet, row, say_html, tag, wide_table
from vitdemo.ui.kit.language import say
from vitdemo.ui.kit.words import macs, percent

WORDS = {
    "lab": "Pruning laboratory",
    "lab_info": "Try other ways of pruning on the same picture.",
    "sweep": "Ratio sweep: from 0 to 90 % in one click",
    "sweep_info": "Prunes this picture at every ratio with every selector, and times each. Patches that are "
    "not kept are dropped.",
    "sweep_run": "Run the sweep",
    "surgery": "Token surgery: force patches to stay or to go",
    "surgery_info": "Click a patch to drop it, again to keep it through all stages, a third time to leave it "
    "to the selector. Arrow keys move, Enter clicks.",
    "smallest": "Smallest set that keeps the answer",
    "smallest_info": "Removes patch after patch from the input while the dense answer stays. Every set is "
    "really run.",
    "smallest_run": "Search",
    "share": "Probability to keep (%)",
    "share_info": "The patches left must give the answer at least this share of its dense probability.",
    "adaptive": "Adaptive budget: as many patches as stand out",
    "adaptive_info": "A patch stays if its weight is at least this many times the mean of those present. "
    "The weight is what the learned predictor, or class attention, gives it. A picture whose weight lies in "
    "few patches keeps few. That does not make it an easy one: over validation pictures the budget hardly "
    "depends on how sure the network is. Patches that do not stay are dropped.",
    "threshold": "Threshold (times the mean)",
    "threshold_info": "0 keeps all. Higher drops more.",
    "stages": "Stages: before which layers, and how much at each",
    "stages_info": "The selector, and what becomes of patches that do not stay, are those of the left "
    "column. The learned predictor scores only before the layers that it was trained for.",
    "stages_text": "Stages (layer:share kept)",
    "stages_text_info": "Layers count from 0. The share is of the patches that are still there.",
    "stages_run": "Run these stages",
    "film": "Film strip and animation",
    "film_info": "The input and what each stage keeps, as one picture and as a GIF that loops.",
    "film_strip": "Download film strip (PNG)",
    "film_gif": "Download animation (GIF)",
    "film_alt": "The picture and what each stage keeps of it, as an animation",
    "smallest_alt": "The smallest set of patches found; the others are faded",
    "whose": "Whose kept patches",
    "whose_info": "The film strip below is of this selector.",
}
BOARD_WORDS = {
    "board": "The picture, cut into patches. Arrow keys move, Enter changes the patch.",
    "undo": "Undo",
    "redo": "Redo",
    "reset": "Reset",
    "only": "Drop all but the kept ones",
    "cell": "Patch {patch}, row {row}, column {column}: {state}",
    "auto": "left to the selector, which keeps it",
    "pruned": "left to the selector, which drops it at stage {stage}",
    "keep": "forced to stay",
    "drop": "forced to go",
    "summary": "{keep} forced to stay, {drop} forced to go",
    "legend_auto": "kept",
    "legend_pruned": "dropped at that stage",
    "legend_keep": "forced to stay",
    "legend_drop": "forced to go",
}
NO_PRUNING = "Nothing was pruned: at a pruning ratio of 0 % every patch goes through the whole network."
KEPT = "Patches in full colour went on; the faded ones were removed before the layers that follow."
MERGED = (
    "Each field is a token: a patch alone as it is; patches that merged, in their mean colour, wherever they "
    "lie."
)
NO_SURGERY = "Patches can be forced to stay or to go where the others are dropped; here they merge."
UNTOUCHED = "Change a patch to see its effect."
SMALLEST = {
    True: "<b>1</b> of {count} patch still gives <b>{answer}</b>",
    False: "<b>{kept}</b> of {count} patches still give <b>{answer}</b>",
}
GUARANTEE = (
    "Each patch of this set is needed: every single further removal was tried, and none keeps the answer and "
    "that probability. A smaller set of other patches may exist; only trying all sets could rule it out."
)
LAST_PATCH = "One patch alone is enough. Another single patch might do as well."
CUT_SHORT = "Time ran out: the set keeps the answer, but some of its patches may not be needed."


def name_selector(name: str) -> str:
    return say(SELECTORS[name].title)


def format_ratio(share: float) -> str:
    return say("{number} %", number=f"{100 * share:.0f}")


def write_adaptive_captions(result: Adaptive) -> tuple[str, str]:
    own, fixed = len(result.adaptive.kept), len(result.fixed.kept)
    return (
        say("Threshold: {count} patches at the end", count=own),
        say("Fixed ratio: {count} patches at the end", count=fixed),
    )


def write_surgery(result: Surgery | None, problem: str = "") -> Html:
    """Return old and new probabilities side by side."""
    if problem:
        return tag("p", problem, class_="problem", role="alert")
    if result is None:
        return quiet(say(UNTOUCHED))
    rows = [
        row(label, percent(old), tag("b", percent(new)), format_points(new - old))
        for (label, old), (_, new) in zip(result.before, result.after, strict=True)
    ]
    was, now = max(result.before, key=lambda pair: pair[1])[0], result.after[0][0]
    said = say("The answer stays {answer}." if was == now else "The answer is now {answer}.", answer=now)
    path = " → ".join(map(str, result.tokens))
    cost = say("{path} patches, {macs} multiply-adds.", path=path, macs=macs(result.macs))
    head = (say("Class"), say("Before"), say("Now"), say("Change"))
    return tag(
        "div",
        tag("p", tag("b", said)),
        wide_table(head, rows, class_="lab-table"),
        quiet(cost),
        role="status",
    )


def format_points(change: float) -> str:
    """Return a change of probability in points, with a sign."""
    return f"{100 * change:+.1f}".replace("-", "−")


def write_smallest(result: SmallestSet, count: int) -> Html:
    """Return what was found, what it guarantees, and what it took."""
    guarantee = CUT_SHORT if not result.minimal else LAST_PATCH if len(result.kept) == 1 else GUARANTEE
    kept = len(result.kept)
    answer = say_html(SMALLEST[kept == 1], kept=kept, count=count, answer=result.answer)
    probability = say(
        "Probability {now}, with all patches {dense}.",
        now=percent(result.probability),
        dense=percent(result.dense),
    )
    work = say("{count} sets of patches were run.", count=result.tried)
    return tag(
        "div",
        tag("p", answer, class_="lab-answer"),
        tag("p", probability),
        tag("p", say(guarantee)),
        quiet(work),
        role="status",
    )


def write_adaptive(result: Adaptive) -> Html:
    """Return the threshold beside the fixed ratio of nearest cost."""
    own, fixed = result.adaptive, result.fixed
    head = (
        "",
        say("Threshold {threshold}", threshold=f"{result.threshold:g}"),
        say("Fixed {ratio}", ratio=format_ratio(result.pruning_ratio)),
    )
    both = (own, fixed)
    rows = [
        row(say("Patches"), *(" → ".join(map(str, budget.tokens)) for budget in both)),
        row(say("Multiply-adds"), *(macs(budget.macs) for budget in both)),
        row(say("Answer"), *(budget.top[0][0] for budget in both)),
        row(say("Probability"), *(percent(budget.top[0][1]) for budget in both)),
    ]
    note = say(
        "Both by: {selector}. The fixed ratio is the one whose multiply-adds are nearest.",
        selector=name_selector(result.selector),
    )
    return tag("div", wide_table(head, rows, class_="lab-table"), quiet(note), role="status")
