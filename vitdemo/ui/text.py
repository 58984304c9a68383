"""Every word of the page, and the few pieces of HTML that hold them."""

from __future__ import annotations

import html
from collections.abc import Callable

from vitdemo.engine import Analysis, Outcome, Step

TITLE = "Inside a Vision Transformer"
LEAD = (
    "Give it a picture, choose how many patches to throw away, and see what the network says, "
    "where it looked and what it kept."
)
CRASHED = "Something went wrong on the server; it has been logged. Please try again."
NO_IMAGE = "Upload a picture, or choose an example, to begin."
YOURS = "Your picture"
NO_PRUNING = "Nothing was pruned: at a pruning ratio of 0 % every patch goes through the whole network."
TIMING = "Time is the measured median of single passes on this machine, nothing recorded."
KEPT = "Patches in full colour went on; the faded ones were removed before the layers that follow."
EMPTY_COMPARISON = (
    '<div class="comparison"><p class="quiet">Dense and pruned will be compared here.</p></div>'
)
SELECTORS = {
    "learned": "Learned predictor",
    "class-attention": "Class attention",
    "random": "Random",
    "inverted": "Inverted (worst first)",
}


def escaped(words: str) -> str:
    """`words` as text inside HTML; braces too, which gradio's templates would evaluate."""
    plain = html.escape(words)
    for sign in "${}`\\":
        plain = plain.replace(sign, f"&#{ord(sign)};")
    return plain


def sentence(words: str) -> str:
    """`words` with one full stop at the end."""
    return words.rstrip(".") + "."


def header() -> str:
    return f"<header><h1>{TITLE}</h1><p>{LEAD}</p></header>"


def note(words: str) -> str:
    """The line under the picture."""
    return f'<p class="note">{escaped(words)}</p>'


def title(words: str, more: str = "") -> str:
    """A heading over a gallery or a figure, with a line of explanation."""
    return f'<h3 class="title">{escaped(words)}</h3>' + (note(more) if more else "")


def counts(tokens: tuple[int, ...]) -> str:
    """How many patches remain after each stage: 64 → 44 → 31 → 21 tokens."""
    arrow = '<span class="arrow" aria-label="then">→</span>'
    numbers = arrow.join(f"<b>{count}</b>" for count in tokens)
    rest = "tokens" if len(tokens) > 1 else "tokens, none pruned"
    return f'<p class="counts" aria-live="polite">{numbers} <span>{rest}</span></p>'


def waiting() -> str:
    """The result line while there is no picture."""
    return f'<div class="headline" role="status"><p class="quiet">{NO_IMAGE}</p></div>'


def problem(words: str) -> str:
    """The result line when there is no result: one sentence that says why."""
    return f'<div class="headline" role="alert"><p class="problem">{escaped(words)}</p></div>'


def headline(analysis: Analysis) -> str:
    """The answer, and what gave it."""
    outcome = analysis.pruned or analysis.dense
    label, probability = outcome.top[0]
    path = " → ".join(map(str, outcome.tokens))
    source = f"weights: {analysis.source}" + (f" ({analysis.note})" if analysis.note else "")
    return (
        '<div class="headline" role="status">'
        f'<p class="answer"><b>{escaped(label)}</b><span>{percent(probability)}</span></p>'
        f'<p class="quiet">{escaped(analysis.title)} · {path} tokens · {escaped(source)}</p></div>'
    )


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def macs(count: int) -> str:
    return f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.1f} M"


def comparison(analysis: Analysis) -> str:
    """The dense and the pruned pass side by side, and what pruning did to the answer."""
    dense, pruned = analysis.dense, analysis.pruned
    rows = [
        ("Answer", *cells(dense, pruned, lambda o: escaped(o.top[0][0])), ""),
        ("Probability", *cells(dense, pruned, lambda o: percent(o.top[0][1])), ""),
        (
            "Patches at the end",
            *cells(dense, pruned, lambda o: str(o.tokens[-1])),
            saved(dense, pruned, "tokens"),
        ),
        ("Multiply-adds", *cells(dense, pruned, lambda o: macs(o.macs)), saved(dense, pruned, "macs")),
        ("Time", *cells(dense, pruned, lambda o: f"{o.milliseconds:.1f} ms"), saved(dense, pruned, "ms")),
    ]
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{first}</td><td>{second}</td><td class="saved">{third}</td></tr>'
        for name, first, second, third in rows
    )
    head = '<tr><td></td><th scope="col">Dense</th><th scope="col">Pruned</th><th scope="col">Saved</th></tr>'
    return (
        f'<div class="comparison"><table><thead>{head}</thead><tbody>{body}</tbody></table>'
        f"<p>{verdict(dense, pruned)}</p>"
        f'<p class="quiet">{TIMING}</p></div>'
    )


def cells(dense: Outcome, pruned: Outcome | None, say: Callable[[Outcome], str]) -> tuple[str, str]:
    return say(dense), say(pruned) if pruned else "–"


def saved(dense: Outcome, pruned: Outcome | None, what: str) -> str:
    if pruned is None:
        return "–"
    before, after = (
        {"tokens": o.tokens[-1], "macs": o.macs, "ms": o.milliseconds}[what] for o in (dense, pruned)
    )
    return f"{100 * (1 - after / before):.0f} %".replace("-", "−")


def verdict(dense: Outcome, pruned: Outcome | None) -> str:
    """One sentence on what pruning did."""
    if pruned is None:
        return NO_PRUNING
    (before, p), (after, q) = dense.top[0], pruned.top[0]
    if before != after:
        return f"Pruning changes the answer from <b>{escaped(before)}</b> to <b>{escaped(after)}</b>."
    change = 100 * (q - p)
    if abs(change) < 0.05:
        return "The answer and its probability stay the same."
    sign = "+" if change > 0 else "−"
    return f"The answer stays; its probability moves by {sign}{abs(change):.1f} points."


def step(number: int, total: int, now: Step) -> str:
    """One step of How it works."""
    return (
        f'<article class="step"><p class="quiet">Step {number + 1} of {total}</p>'
        f"<h2>{escaped(now.title)}</h2>"
        f'<p class="shape"><code>{escaped(now.shape)}</code></p><p>{escaped(now.text)}</p></article>'
    )
