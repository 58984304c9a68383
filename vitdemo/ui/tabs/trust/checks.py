"""Every word of the checks."""

from __future__ import annotations

from vitdemo.engine import METHODS
from vitdemo.engine.answers.sanity import Check, SanityChecks
from vitdemo.ui.kit.html import Html, row, table, tag
from vitdemo.ui.kit.language import say

CHECKS = "Checks"
CHECKS_MORE = (
    "Does the page show what the network does? Each check runs now, on this model and this picture, and "
    "shows its number beside the limit."
)
CHECKS_BUTTON = "Run the checks"
CASCADE_MORE = (
    "Weights drawn at random, part by part from the head down: a map of what was learned must change. "
    "Attention maps do not depend on the head, so their first bar is always 1."
)
CASCADE_CLASS = "Gradient rollout is the map of one class, the answer, and so depends on the head as well."
KINDS = {
    "masked": "Pruned = masked: removing tokens gives the same logits as masking them, as in training",
    "removed": "Keeping all = dense: an explicit cut that keeps every patch changes no logit",
    "rows": "Attention is shared out whole: each row sums to 1, or to 0 where a head looks at nothing",
    "recorded": "Recording changes nothing: the logits are those of the fused kernel without recording",
    "randomised": "{map} depends on the weights: with random ones the map is another (rank correlation)",
}


def write_checks(found: SanityChecks) -> Html:
    """Return all checks with their numbers, and how many passed."""
    good = sum(check.passed for check in found.checks)
    rows = [
        row(
            name_check(check),
            say("pass" if check.passed else "FAIL"),
            format_number(check.value),
            format_number(check.limit),
        )
        for check in found.checks
    ]
    passed = say("{good} of {count} checks passed.", good=good, count=len(found.checks))
    head = (say("Check"), say("Result"), say("Found"), say("Limit"))
    kind = None if good == len(found.checks) else "problem"
    facts = tag("div", table(head, rows), class_="facts")
    return tag("div", tag("p", tag("b", passed), class_=kind), facts, role="status")


def name_check(check: Check) -> str:
    return say(KINDS[check.kind], map=say(METHODS[check.about].title) if check.about else "")


def format_number(value: float) -> str:
    """Return two decimals, or a power of ten below that: 0.27, 3.0e-07, 0."""
    return "0" if value == 0 else f"{value:.2f}" if value >= 0.01 else f"{value:.1e}"
