"""Every word of the tab "Trust"."""

from __future__ import annotations

from vitdemo.engine import METHODS, Trust
from vitdemo.engine.answers.trust import MOST_STEPS
from vitdemo.ui.kit.html import Html, join, note, say_html, tag
from vitdemo.ui.kit.language import say

TAB = "Trust"
HEADING = "Can you believe the maps?"
HEADING_MORE = "Patches are really removed in the order of each map; a true map moves the answer most."
REMOVED = "patches removed, the most important first, %"
SHOWN = "patches shown, the most important first, %"
PROBABILITY = "probability, %"
DELETION = ("Deletion", "Important patches leave first: with a true map the class falls early. Low is good.")
INSERTION = (
    "Insertion",
    "Important patches come first: with a true map the class rises early. High is good.",
)
DESCRIBED = {
    True: "Deletion curves of {label}. Areas: {areas}, random {random}.",
    False: "Insertion curves of {label}. Areas: {areas}, random {random}.",
}
RANDOM = "Random order"
RUNNING = "Patches are removed and the network runs again; this takes a few seconds."
NO_RESULT = "Analyse a picture first."
COLUMNS = ("Map", "Deletion area", "Insertion area", "Difference")
ABOUT = (
    "Each map, with its default options (the last layer, all heads, from what the head reads), ranks the "
    "patches; equal ones are taken in a random order and in its reverse, and the mean counts. The network "
    "then sees the picture without some of them, really removed and not painted over, and the probability "
    "of the class is followed. The grey band holds {count} random orders. The area is the mean height of a "
    "curve; the difference is insertion less deletion, on average 0 for random order. A map is better than "
    "chance when its difference is above {bar}, which is 2.5 times the scatter of the random orders on this"
    " picture. Apart from what is removed here, nothing is pruned."
)


OTHERS = "The same removals, in the numbers of the papers"
OTHER_COLUMNS = ("Map", "SRG", "MIF accuracy", "LIF accuracy")
OTHERS_ABOUT = (
    "SRG is the symmetric relevance gain: how much higher the logit of the class is when the least "
    "influential patches leave first than when the most influential do, on average; high is good, 0 is "
    "chance. MIF and LIF accuracy: for how much of the way the class stays the answer when the most "
    "influential patches leave first, low is good, and when the least influential do, high is good."
)

TRIED = "Each order was tried at {points} numbers of patches."
FEWER = (
    "Each order was tried at {points} numbers of patches, not at {most} as with a small network: a pass of "
    "this one is dear, and all together must take seconds."
)

NONE = (
    "For <b>{label}</b> on this picture, <b>no map is better than random order</b>. "
    "Do not read a reason into any of them here."
)
TRUST = "For <b>{label}</b> on this picture, trust <b>{map}</b> most."
ALSO = {False: " {maps} also passes the test.", True: " {maps} also pass the test."}
FAILED = {
    False: " The other one is no better than random order.",
    True: " The other {count} are no better than random order.",
}


def write_sentence(trust: Trust) -> Html:
    """Return which map to trust here; plain when it is none."""
    trusted = [say(METHODS[one.method].title) for one in trust.trusted]
    if not trusted:
        return say_html(NONE, label=trust.label)
    first, *others = trusted
    rest = len(trust.candidates) - len(trusted)
    return join(
        say_html(TRUST, label=trust.label, map=first),
        say(ALSO[len(others) > 1], maps=join_names(others)) if others else "",
        say(FAILED[rest > 1], count=rest) if rest else "",
    )


def join_names(names: list[str]) -> str:
    """Return the names as "A, B and C"."""
    if len(names) == 1:
        return names[0]
    return say("{names} and {last}", names=say(", ").join(names[:-1]), last=names[-1])


def write_about(trust: Trust) -> str:
    return say(ABOUT, count=trust.random_orders, bar=f"{trust.bar:.2f}")


def write_tried(trust: Trust) -> str:
    """Return at how many points the curves were taken, and why they are few."""
    if trust.steps == MOST_STEPS:
        return say(TRIED, points=len(trust.kept))
    return say(FEWER, points=len(trust.kept), most=MOST_STEPS + 1)


def write_waiting(words: str) -> Html:
    """Return the tab while there is nothing to show."""
    return tag("div", note(say(words)), class_="trust empty", role="status")


def write_point(name: str, auc: float) -> str:
    """Return what a pointer over a curve reads."""
    return say("{name}: area {area}", name=name, area=f"{auc:.2f}")


def describe_chart(trust: Trust, *, deletion: bool) -> str:
    """Return what a screen reader says of a chart."""
    areas = [
        f"{say(METHODS[one.method].title)} {(one.deletion_auc if deletion else one.insertion_auc):.2f}"
        for one in trust.candidates
    ]
    return say(
        DESCRIBED[deletion],
        label=trust.label,
        areas=say(", ").join(areas),
        random=f"{trust.random_auc:.2f}",
    )
