"""Every word of the speed card."""

from __future__ import annotations

from vitdemo.engine import SELECTORS
from vitdemo.engine.answers.speed import SpeedCard, Variant
from vitdemo.timing import describe, saving
from vitdemo.ui.kit.html import Html, row, table, tag
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.words import macs

SPEED_MORE = (
    "Multiply-adds are counted, times are measured: single pictures, all variants in turn, the median of n "
    "passes and where the middle half of them lay. It takes up to 20 seconds."
)
SPEED_BUTTON = "Measure"
VARIANTS = {"dense": "Dense", "linear": "Linear attention", "softmax": "Softmax attention"}
ON_CPU = {False: "{count} CPU thread", True: "{count} CPU threads"}
FEWER, MORE = "{share} % fewer multiply-adds", "{share} % more multiply-adds"
FASTER = "{name} needs {work} and is {share} % faster here."
SLOWER = "{name} needs {work}, but is {share} % slower here than the dense pass."
ALIKE = "{name} needs {work}; its time here is about equal to that of the dense pass."
UNTIMED = "{name} needs {work}; the machine was too busy to measure its time."
PAID = "{name} paid here from {count} patches on (at least 5 % faster). "
UNPAID = "{name} did not pay here at up to {count} patches. "
UNTRIED = "The machine was too busy to measure; please try again later."
DASH = "A dash: it would have taken too long."
AT_SIZE = "This model, reading {width} × {height} pixels:"
MORE_PATCHES = "The same width and depth, more patches:"


def write_speed(card: SpeedCard) -> Html:
    """Return both tables, and what they mean in plain words."""
    rows = [
        row(name_variant(one), f"{one.parameters:,}", macs(one.macs), translate(describe(one.time)))
        for one in card.variants
    ]
    head = (say("Variant"), say("Parameters"), say("Multiply-adds"), write_clock(card))
    first = tag("div", table(head, rows), class_="facts")
    sizes = [
        row(
            f"{size.patches:,}",
            *(translate(describe(one)) if size.tried else "–" for one in size.times),
        )
        for size in card.sizes
    ]
    pruned = say("Pruned {ratio} % a stage", ratio=f"{100 * card.pruning_ratio:.0f}")
    head = (say("Patches"), say("Softmax, dense"), pruned, say("Linear, dense"))
    second = tag("div", table(head, sizes), class_="facts")
    said = [tag("p", line) for line in (*write_sentences(card), say(MORE_PATCHES))]
    height, width = card.pixels
    read = tag("p", say(AT_SIZE, width=width, height=height))
    return tag("div", read, first, *said, second, tag("p", write_break_even(card)), role="status")


def write_clock(card: SpeedCard) -> str:
    """Return the heading of the measured times."""
    on_gpu = card.device.startswith("cuda")
    where = say("a GPU") if on_gpu else say(ON_CPU[card.threads > 1], count=card.threads)
    return say("Time on {where}", where=where)


def name_variant(one: Variant) -> str:
    """Return the name of a row."""
    if one.name in SELECTORS:
        return say("Pruned: {selector}", selector=say(SELECTORS[one.name].title))
    return say(VARIANTS[one.name])


def write_sentences(card: SpeedCard) -> list[str]:
    """Return one sentence for the model's own way of pruning, one for the other kind of attention."""
    dense, *others = card.variants
    pruned = next(one for one in others if one.name in SELECTORS)  # the best selector is the first
    other = next(one for one in others if one.name not in SELECTORS)
    by = say("Pruning by {selector}", selector=say(SELECTORS[pruned.name].title).lower())
    return [write_comparison(by, pruned, dense), write_comparison(say(VARIANTS[other.name]), other, dense)]


def write_comparison(name: str, one: Variant, dense: Variant) -> str:
    """Return what `one` saves of the dense pass, and plainly whether it is slower."""
    counted, gained = 1 - one.macs / dense.macs, saving(one.time, dense.time)
    work = say(FEWER if counted >= 0 else MORE, share=f"{abs(100 * counted):.0f}")
    if gained is None:
        return say(UNTIMED, name=name, work=work)
    sentence = FASTER if gained > 0 else SLOWER if gained < 0 else ALIKE
    return say(sentence, name=name, work=work, share=f"{abs(100 * gained):.0f}")


def write_break_even(card: SpeedCard) -> str:
    """Return from how many patches on each saving shows on the clock."""
    last = max((size.patches for size in card.sizes if size.dense is not None), default=0)
    if not last:
        return say(UNTRIED)
    lines = []
    for name, start in (("Pruning", card.pruning_from), ("Linear attention", card.linear_from)):
        if start is None:
            lines.append(say(UNPAID, name=say(name), count=f"{last:,}"))
        else:
            lines.append(say(PAID, name=say(name), count=f"{start:,}"))
    if not all(size.tried for size in card.sizes):
        lines.append(say(DASH))
    return "".join(lines).strip()
