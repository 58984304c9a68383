"""Every word of the speed card."""

from __future__ import annotations

from vitdemo.engine import SELECTORS
from vitdemo.engine.answers.speed import Size, SpeedCard, Timing
from vitdemo.ui.kit.html import Html, row, table, tag
from vitdemo.ui.kit.language import say
from vitdemo.ui.kit.words import macs

SPEED_MORE = (
    "Multiply-adds are counted, milliseconds are measured: single pictures, all variants in turn, the "
    "median of n passes with the middle half in brackets. It takes up to 20 seconds."
)
SPEED_BUTTON = "Measure"
VARIANTS = {"dense": "Dense", "linear": "Linear attention", "softmax": "Softmax attention"}
ON_CPU = {False: "{count} CPU thread", True: "{count} CPU threads"}
FEWER, MORE = "{share} % fewer multiply-adds", "{share} % more multiply-adds"
FASTER = "{name} needs {work} and is {share} % faster here."
SLOWER = "{name} needs {work}, but is {share} % slower here than the dense pass."
ALIKE = "{name} needs {work}; its time here cannot be told from that of the dense pass."
PAID = "{name} paid here from {count} patches on (at least 5 % faster). "
UNPAID = "{name} did not pay here at up to {count} patches. "
DASH = "A dash: it would have taken too long."
MORE_PATCHES = "The same width and depth, more patches:"


def write_speed(card: SpeedCard) -> Html:
    """Both tables, and what they mean in plain words."""
    dense = card.timings[0]
    rows = [
        row(
            name_variant(timing, dense),
            f"{timing.parameters:,}",
            macs(timing.macs),
            write_spread(timing),
            timing.n,
        )
        for timing in card.timings
    ]
    head = (say("Variant"), say("Parameters"), say("Multiply-adds"), write_clock(card), "n")
    first = tag("div", table(head, rows), class_="facts")
    sizes = [
        row(
            f"{size.patches:,}",
            *("–" if one is None else f"{one:.1f}" for one in list_times(size)),
            size.n or "–",
        )
        for size in card.sizes
    ]
    pruned = say("Pruned {ratio} % a stage (ms)", ratio=f"{100 * card.pruning_ratio:.0f}")
    head = (say("Patches"), say("Softmax, dense (ms)"), pruned, say("Linear, dense (ms)"), "n")
    second = tag("div", table(head, sizes), class_="facts")
    said = [tag("p", line) for line in (*write_sentences(card), say(MORE_PATCHES))]
    return tag("div", first, *said, second, tag("p", write_break_even(card)), role="status")


def write_clock(card: SpeedCard) -> str:
    """The heading of the measured times."""
    on_gpu = card.device.startswith("cuda")
    where = say("a GPU") if on_gpu else say(ON_CPU[card.threads > 1], count=card.threads)
    return say("Milliseconds on {where}", where=where)


def write_spread(timing: Timing) -> str:
    """The median, and the middle half in brackets."""
    middle, low, high = (f"{value:.1f}" for value in (timing.milliseconds, timing.low, timing.high))
    return say("{middle} ({low} to {high})", middle=middle, low=low, high=high)


def list_times(size: Size) -> tuple[float | None, float | None, float | None]:
    return size.dense, size.pruned, size.linear


def name_variant(timing: Timing, dense: Timing) -> str:
    """The name of a row."""
    if timing.name in SELECTORS:
        return say("Pruned: {selector}", selector=say(SELECTORS[timing.name].title))
    return say(VARIANTS[timing.name])


def write_sentences(card: SpeedCard) -> list[str]:
    """One sentence for the model's own way of pruning, one for the other kind of attention."""
    dense, *others = card.timings
    pruned = next(timing for timing in others if timing.name in SELECTORS)  # the best selector is the first
    other = next(timing for timing in others if timing.name not in SELECTORS)
    by = say("Pruning by {selector}", selector=say(SELECTORS[pruned.name].title).lower())
    return [write_comparison(by, pruned, dense), write_comparison(say(VARIANTS[other.name]), other, dense)]


def write_comparison(name: str, one: Timing, dense: Timing) -> str:
    """What `one` saves of the dense pass, and plainly whether it is slower."""
    counted, gained = 1 - one.macs / dense.macs, 1 - one.milliseconds / dense.milliseconds
    work = say(FEWER if counted >= 0 else MORE, share=f"{abs(100 * counted):.0f}")
    sentence = FASTER if one.high < dense.low else SLOWER if one.low > dense.high else ALIKE
    return say(sentence, name=name, work=work, share=f"{abs(100 * gained):.0f}")


def write_break_even(card: SpeedCard) -> str:
    """From how many patches on each saving shows on the clock."""
    last = max((size.patches for size in card.sizes if size.dense is not None), default=0)
    lines = []
    for name, start in (("Pruning", card.pruning_from), ("Linear attention", card.linear_from)):
        if start is None:
            lines.append(say(UNPAID, name=say(name), count=f"{last:,}"))
        else:
            lines.append(say(PAID, name=say(name), count=f"{start:,}"))
    if any(size.dense is None for size in card.sizes):
        lines.append(say(DASH))
    return "".join(lines).strip()
