"""What may become of the patches that a pruning stage lets go."""

from __future__ import annotations

from dataclasses import dataclass

from vitdemo.message import Message


@dataclass(frozen=True)
class ReductionSpec:
    """A way to have fewer tokens, as the page offers it.

    `words`: what becomes of the patches that do not stay, as a sentence. `merges`: whether they go on as part
    of a token. `asks_selector`: whether a selector says which patches stay.
    """

    key: str
    title: Message
    words: Message
    merges: bool = True
    asks_selector: bool = True


REDUCTIONS: dict[str, ReductionSpec] = {  # the usual one first
    spec.key: spec
    for spec in (
        ReductionSpec(
            key="drop",
            title=Message("Dropped"),
            words=Message("The others are really removed."),
            merges=False,
        ),
        ReductionSpec(
            key="fuse",
            title=Message("Fused into one token (EViT)"),
            words=Message(
                "One token takes the place of the others: their mean, weighted by class attention."
            ),
        ),
        ReductionSpec(
            key="merge",
            title=Message("Merged into the nearest kept patch"),
            words=Message("Each of the others joins the one that stays whose key is most like its own."),
        ),
        ReductionSpec(
            key="tome",
            title=Message("Merged in pairs, no selector (ToMe)"),
            words=Message("The pairs of patches whose keys are most alike merge."),
            asks_selector=False,
        ),
    )
}


def find_reduction(name: str) -> ReductionSpec:
    """Return the reduction called `name`. Raise ValueError naming the known ones."""
    if name not in REDUCTIONS:
        known = ", ".join(REDUCTIONS)
        raise ValueError(
            Message("reduction must be one of {known}, got {name}", known=known, name=repr(name))
        )
    return REDUCTIONS[name]
