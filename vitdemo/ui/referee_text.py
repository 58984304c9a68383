"""Every word of the class maps and of the tab "Trust"."""

from __future__ import annotations

from vitdemo.engine import Verdict
from vitdemo.ui.text import escaped, note, title

TAB = "Trust"
HEADING = "Can you believe the maps?"
HEADING_MORE = "Patches are really removed in the order of each map; a true map moves the answer most."
MAPS = {  # key of a method -> its name, and what it shows
    "raw-attention": ("Raw attention", "What the head's tokens look at in the last layer."),
    "attention-rollout": ("Attention rollout", "Attention followed through all layers, for any class."),
    "head-rollout": ("Per-head rollout", "What the last layer gathers, followed back, for any class."),
    "keep-score": ("Keep score", "The order in which this network itself would drop patches."),
    "gradient-rollout": (
        "Gradient rollout",
        "Follows, through all layers, only the attention that speaks for the class.",
    ),
    "chefer": ("Chefer et al.", "Adds up, layer by layer, how much attention to a patch raises the class."),
    "attention-gradcam": (
        "Attention Grad-CAM",
        "The last layer's attention, each head weighted by how much it speaks for the class.",
    ),
    "token-gradcam": (
        "Token Grad-CAM",
        "Which patches hold, before the last layer, the features that speak for the class.",
    ),
}
CHOOSE = "Click a class in the list to see what speaks for it. Each map has its own scale, which begins at 0."
WAITING = "The maps of a class will be shown here."
SILENT = "Nothing speaks for this class."
REMOVED = "patches removed, the most important first, %"
SHOWN = "patches shown, the most important first, %"
PROBABILITY = "probability, %"
DELETION = ("Deletion", "Important patches leave first: with a true map the class falls early. Low is good.")
INSERTION = (
    "Insertion",
    "Important patches come first: with a true map the class rises early. High is good.",
)
RANDOM = "Random order"
RUNNING = "Patches are removed and the network runs again; this takes a few seconds."
NO_RESULT = "Analyse a picture first."
COLUMNS = ("Map", "Deletion area", "Insertion area", "Difference")
ABOUT = (
    "Each map ranks the patches. The network then sees the picture without some of them, really removed and "
    "not painted over, and the probability of the class is followed. The grey band holds {count} random "
    "orders. The area is the mean height of a curve; the difference is insertion less deletion, on average 0 "
    "for random order. A map is better than chance when its difference is above {bar:.2f}, which is 2.5 "
    "times the scatter of the random orders on this picture. Apart from what is removed here, nothing is "
    "pruned."
)


def class_title(label: str) -> str:
    """The heading of the row of maps."""
    words = f"What speaks for {label}" if label else "What speaks for a class"
    return title(words, CHOOSE if label else WAITING)


def map_caption(method: str, total: float) -> str:
    """Under a map: its name and what it shows, or that it shows nothing."""
    name, line = MAPS[method]
    return f"{name} · {SILENT}" if total == 0 else f"{name} · {line}"


def sentence(verdict: Verdict) -> str:
    """Which map to trust here, as HTML; plain when it is none."""
    trusted = [MAPS[one.method][0] for one in verdict.trusted]
    label = escaped(verdict.label)
    if not trusted:
        return (
            f"For <b>{label}</b> on this picture, <b>no map is better than random order</b>. "
            "Do not read a reason into any of them here."
        )
    rest = len(verdict.contestants) - len(trusted)
    others = "" if len(trusted) == 1 else f" {listed(trusted[1:])} also {passes(len(trusted) - 1)}."
    failed = f" The other {rest} are no better than random order." if rest > 1 else ""
    failed = " The other one is no better than random order." if rest == 1 else failed
    return f"For <b>{label}</b> on this picture, trust <b>{trusted[0]}</b> most.{others}{failed}"


def passes(count: int) -> str:
    return "passes the test" if count == 1 else "pass the test"


def listed(names: list[str]) -> str:
    """A, B and C."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def about(verdict: Verdict) -> str:
    return ABOUT.format(count=verdict.random_orders, bar=verdict.bar)


def waiting(words: str) -> str:
    """The tab while there is nothing to show."""
    return f'<div class="referee empty" role="status">{note(words)}</div>'


def probability_at(name: str, auc: float) -> str:
    """What a pointer over a curve reads."""
    return f"{name}: area {auc:.2f}"


def described(kind: str, verdict: Verdict) -> str:
    """What a screen reader says of a chart."""
    areas = [
        f"{MAPS[one.method][0]} {(one.deletion_auc if kind == DELETION[0] else one.insertion_auc):.2f}"
        for one in verdict.contestants
    ]
    return f"{kind} curves of {verdict.label}. Areas: {', '.join(areas)}, random {verdict.random_auc:.2f}."
