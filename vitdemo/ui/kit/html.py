"""Every word of the page, and the few pieces of HTML that hold them."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from vitdemo.engine import Analysis, Outcome, Step
from vitdemo.ui.kit.language import say, translate

TITLE = "Inside a Vision Transformer"
LEAD = (
    "Give it a picture, choose how many patches to throw away, and see what the network says, "
    "where it looked and what it kept."
)
HEADER = "<header><h1>${label}</h1><p>${value}</p></header>"  # of TITLE and LEAD, for the browser to fill
CRASHED = "Something went wrong on the server; it has been logged. Please try again."
FULL = "The disk of the server is full; please try again later."
FOREIGN = "This file is none that was uploaded to this page, or it has been deleted since: please upload it."
MANY_FILES = "These are too many files at once: the limit is {limit}."
MISTAKEN = "The request does not fit this page: a value in it is of the wrong kind or out of range."
NO_IMAGE = "Upload a picture, or choose an example, to begin."
YOURS = "Your picture"
YOURS_OF = "Your picture {number} of {count}"
EXAMPLE = "Example: {name}"
SOURCES = "Several pictures become a strip to choose from."
SOURCES_WITH_SAMPLES = "Several make a strip; test images tell their true class."
NO_UPLOADS = "This page takes no uploads."
SAMPLE = "{dataset} test image {index} · true class: {label}"
NO_PRUNING = "Nothing was pruned: at a pruning ratio of 0 % every patch goes through the whole network."
TIMING = "Time is the measured median of single passes on this machine, nothing recorded."
KEPT = "Patches in full colour went on; the faded ones were removed before the layers that follow."
NO_COMPARISON = "Dense and pruned will be compared here."
NO_WORDS = "This network has no words."
HEADLINE = "{title} · {path} tokens · weights: {source}"


def escaped(words: str) -> str:
    """`words` as text inside HTML; braces too, which gradio's templates would evaluate."""
    plain = html.escape(words)
    for sign in "${}`\\":
        plain = plain.replace(sign, f"&#{ord(sign)};")
    return plain


def sentence(words: str) -> str:
    """`words` with one full stop at the end."""
    return words if words.endswith("。") else words.rstrip(".") + "."


def note(words: str, *, example: str = "") -> str:
    """The line under the picture. `example`: its name, for the link that leads back to it."""
    mark = f' data-example="{escaped(example)}"' if example else ""
    return f'<p class="note"{mark}>{escaped(words)}</p>'


def paragraph(words: str, *, kind: str = "note") -> str:
    """`words` as text in a paragraph of the style `kind`."""
    return f'<p class="{kind}">{escaped(words)}</p>'


def save_button() -> str:
    """A button that saves the <figure> around it as a PNG (kit/figures.js)."""
    return f'<button type="button" class="save-figure">{say("Save PNG")}</button>'


def title(words: str, more: str = "") -> str:
    """A heading over a gallery or a figure, with a line of explanation."""
    return f'<h3 class="title">{escaped(words)}</h3>' + (note(more) if more else "")


def facts(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain words, the first cell of each row its heading."""
    top = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escaped(first)}</th>'
        + "".join(f"<td>{escaped(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f'<div class="facts"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def counts(tokens: tuple[int, ...]) -> str:
    """How many patches remain after each stage: 64 → 44 → 31 → 21 tokens."""
    arrow = f'<span class="arrow" aria-label="{say("then")}">→</span>'
    numbers = arrow.join(f"<b>{count}</b>" for count in tokens)
    rest = say("tokens") if len(tokens) > 1 else say("tokens, none pruned")
    return f'<p class="counts" aria-live="polite">{numbers} <span>{rest}</span></p>'


def waiting(words: object) -> str:
    """The result line while there is no picture."""
    return f'<div class="headline" role="status"><p class="quiet">{words}</p></div>'


def no_comparison(words: object) -> str:
    """As `comparison`, without a result."""
    return f'<div class="comparison"><p class="quiet">{words}</p></div>'


def problem(words: str) -> str:
    """The result line when there is no result: one sentence that says why."""
    return f'<div class="headline" role="alert"><p class="problem">{escaped(words)}</p></div>'


def headline(analysis: Analysis) -> str:
    """The answer, and what gave it."""
    outcome = analysis.pruned or analysis.dense
    path = " → ".join(map(str, outcome.tokens))
    source = translate(analysis.source) + (f" ({translate(analysis.note)})" if analysis.note else "")
    words = say(HEADLINE, title=analysis.title, path=path, source=source)
    return (
        '<div class="headline" role="status">'
        f'<p class="answer">{answer(outcome)}</p>'
        f'<p class="quiet">{escaped(words)}</p></div>'
    )


def answer(outcome: Outcome) -> str:
    """The likeliest class and its probability, or that there is none."""
    if not outcome.top:
        return f"<b>{say(NO_WORDS)}</b>"
    label, probability = outcome.top[0]
    return f"<b>{escaped(label)}</b><span>{percent(probability)}</span>"


def percent(share: float) -> str:
    return say("{number} %", number=f"{100 * share:.1f}")


def macs(count: int) -> str:
    return f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.1f} M"


def comparison(analysis: Analysis) -> str:
    """The dense and the pruned pass side by side, and what pruning did to the answer."""
    dense, pruned = analysis.dense, analysis.pruned
    rows = [
        (say("Answer"), *cells(dense, pruned, lambda o: escaped(o.top[0][0]) if o.top else "–"), ""),
        (say("Probability"), *cells(dense, pruned, lambda o: percent(o.top[0][1]) if o.top else "–"), ""),
        (
            say("Patches at the end"),
            *cells(dense, pruned, lambda o: str(o.tokens[-1])),
            saved(dense, pruned, "tokens"),
        ),
        (say("Multiply-adds"), *cells(dense, pruned, lambda o: macs(o.macs)), saved(dense, pruned, "macs")),
        (
            say("Time"),
            *cells(dense, pruned, lambda o: f"{o.milliseconds:.1f} ms"),
            saved(dense, pruned, "ms"),
        ),
    ]
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{first}</td><td>{second}</td><td class="saved">{third}</td></tr>'
        for name, first, second, third in rows
    )
    columns = (say("Dense"), say("Pruned"), say("Saving"))
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    return (
        f'<div class="comparison"><table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'
        f"<p>{verdict(dense, pruned)}</p>"
        f'<p class="quiet">{say(TIMING)}</p></div>'
    )


def cells(dense: Outcome, pruned: Outcome | None, show: Callable[[Outcome], str]) -> tuple[str, str]:
    return show(dense), show(pruned) if pruned else "–"


def saved(dense: Outcome, pruned: Outcome | None, what: str) -> str:
    if pruned is None:
        return "–"
    before, after = (
        {"tokens": o.tokens[-1], "macs": o.macs, "ms": o.milliseconds}[what] for o in (dense, pruned)
    )
    return say("{number} %", number=f"{100 * (1 - after / before):.0f}").replace("-", "−")


def verdict(dense: Outcome, pruned: Outcome | None) -> str:
    """One sentence on what pruning did."""
    if pruned is None:
        return say(NO_PRUNING)
    if not dense.top:
        return say(NO_WORDS)
    (before, p), (after, q) = dense.top[0], pruned.top[0]
    if before != after:
        names = {"before": escaped(before), "after": escaped(after)}
        return say("Pruning changes the answer from <b>{before}</b> to <b>{after}</b>.", **names)
    change = 100 * (q - p)
    if abs(change) < 0.05:
        return say("The answer and its probability stay the same.")
    sign = "+" if change > 0 else "−"
    moved = f"{sign}{abs(change):.1f}"
    return say("The answer stays; its probability moves by {change} points.", change=moved)


def step(number: int, total: int, now: Step) -> str:
    """One step of How it works."""
    place = say("Step {number} of {total}", number=number + 1, total=total)
    return (
        f'<article class="step"><p class="quiet">{place}</p>'
        f"<h2>{escaped(translate(now.title))}</h2>"
        f'<p class="shape"><code>{escaped(now.shape)}</code></p>'
        f"<p>{escaped(translate(now.text))}</p></article>"
    )
