"""Patches forced to stay or to go, and the smallest set of patches that still gives the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo import cost
from vitdemo.engine.answers.lab_records import SmallestSet, Surgery
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.top import name_classes, rank_classes
from vitdemo.faithfulness import orders_of
from vitdemo.maps import explain
from vitdemo.message import Message, Progress
from vitdemo.models import VisionTransformer
from vitdemo.models.head import to_probabilities
from vitdemo.models.pruning import Explicit, Pruning, rank
from vitdemo.weights import LoadedModel

BATCH = 64  # sets of patches that go through the network together
LEAP = 4  # while many patches are left, up to one in so many goes at a time

Pixels = Float[Tensor, "1 ch hh ww"]
Ids = tuple[int, ...]


@torch.no_grad()
def operate(
    entry: Entry, loaded: LoadedModel, pixels: Pixels, *, keep: Iterable[int] = (), drop: Iterable[int] = ()
) -> Surgery:
    """Return the analysis' pass with the patches `keep` forced to stay, and `drop` gone at the input.

    All others stay or go as the selector decided before. One pass under the `Explicit` rule, in which no
    predictor runs; its multiply-adds are counted as if one had chosen the same patches. Raise ValueError
    for an id outside the picture, one that is both, when nothing would be left, or where patches merge.
    """
    if entry.analysis.merges:
        raise ValueError(Message("patches can be forced only where the others are dropped, not merged"))
    rule = force(entry, keep=set(keep), drop=set(drop))
    before = entry.dense if entry.pruned is None else entry.pruned
    assert before.logits is not None
    ids = tuple(torch.tensor(stage, dtype=torch.long) for stage in rule)
    forced = Explicit(ids, prune_loc=before.prune_loc)
    logits = loaded.model(pixels, pruning=Pruning(None, forced))[0].float().cpu()
    shown = rank_classes(logits)
    old, new = to_probabilities(before.logits, entry.config), to_probabilities(logits, entry.config)
    tokens = tuple(len(stage) for stage in rule)
    return Surgery(
        before=name_classes(old, loaded, shown),
        after=name_classes(new, loaded, shown),
        tokens=tokens,
        macs=cost.macs(loaded.spec.config, tokens=tokens, prune_loc=before.prune_loc),
    )


def force(entry: Entry, *, keep: set[int], drop: set[int]) -> tuple[Ids, ...]:
    """Return the patches at the input and after each stage of the analysis, with the forced ones.

    Raise as `operate`.
    """
    everyone = set(range(entry.config.num_patches))
    if not (keep | drop) <= everyone:
        last = len(everyone) - 1
        raise ValueError(Message("keep and drop must name patches from 0 to {last}", last=last))
    if keep & drop:
        patch = min(keep & drop)
        raise ValueError(Message("patch {patch} cannot be kept and dropped at once", patch=patch))
    stages = [everyone, *(set(ids) for ids in entry.analysis.kept)]
    rule = tuple(tuple(sorted((stage | keep) - drop)) for stage in stages)
    if not rule[-1]:
        raise ValueError(Message("at least one patch must stay to the end"))
    return rule


@dataclass
class Trial:
    """Sets of patches run through the network, each as if the picture had no others, and counted.

    `listen` is called before each batch, and may raise.
    """

    model: VisionTransformer
    pixels: Pixels
    answer: int
    floor: float
    deadline: float
    listen: Callable[[], object] = lambda: None
    tried: int = field(default=0)

    def probabilities(self, sets: Sequence[Ids]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
        """Return the answer's probability with each of the equally large `sets`, and its lead.

        The lead is over the best other class or over `floor`, whichever is nearer: the answer holds where
        it is positive.
        """
        found = []
        for begin in range(0, len(sets), BATCH):
            self.listen()
            if perf_counter() > self.deadline:
                raise TimeoutError
            ids = torch.tensor(sets[begin : begin + BATCH])
            self.tried += len(ids)
            rule = Explicit((ids,))
            x = self.pixels.expand(len(ids), -1, -1, -1)
            logits = self.model(x, pruning=Pruning(None, rule)).float()
            found.append(to_probabilities(logits, self.model.config).cpu())
        rows = torch.cat(found)
        own = rows[:, self.answer]
        others = rows.clone()
        others[:, self.answer] = self.floor
        return own, own - others.max(dim=-1).values

    def holds(self, ids: Ids) -> bool:
        return bool(self.probabilities([ids])[1][0] > 0)


@torch.no_grad()
def search_set(
    entry: Entry, loaded: LoadedModel, pixels: Pixels, *, share: float, seconds: float, report: Progress
) -> SmallestSet:
    """Return a 1-minimal set of patches with which alone the network still gives its dense answer.

    It keeps at least `share` (0 to 1) of its dense probability. The patches enter in place of the
    picture's; no stage prunes. First the patches are ranked by attention rollout, and the shortest prefix
    of that ranking that holds the answer is looked for by halving. Then greedily backward: at each round
    every single removal is tried in a batch, and those that leave the answer most probable go, one at a
    time in the end. It stops when no single removal is possible: the set is 1-minimal. It need not be the
    smallest of all sets, which only trying all 2^n could tell.

    After `seconds` it stops where it is and says so: the set holds the answer but may not be 1-minimal.
    Raise ValueError for a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(Message("share must be from 0 to 1, got {share}", share=share))
    assert entry.dense.logits is not None
    deadline, answer = perf_counter() + seconds, int(entry.dense.logits.argmax())
    dense = float(to_probabilities(entry.dense.logits, entry.config)[answer])
    kept: Ids = tuple(range(entry.config.num_patches))

    def listen() -> None:
        left = Message("{count} patches left", count=len(kept))
        report(0.9 - 0.6 * len(kept) / entry.config.num_patches, left)

    # The whole picture must pass its own test, though a batch may round its probability another way.
    floor = min(share * dense, dense - 1e-4)
    trial = Trial(loaded.model, pixels, answer, floor, deadline, listen)
    minimal = False
    try:
        kept = search_prefix(rank_patches(entry), trial)
        while (shorter := shorten(kept, trial)) != kept:
            kept = shorter
        minimal = True
    except TimeoutError:
        pass  # what was found so far holds
    trial.deadline = float("inf")
    probability, _ = trial.probabilities([kept])
    return SmallestSet(
        answer=loaded.classes[answer],
        share=share,
        kept=kept,
        probability=float(probability[0]),
        dense=dense,
        minimal=minimal,
        tried=trial.tried,
    )


def rank_patches(entry: Entry) -> list[int]:
    """Return the patches by what the dense pass read from them (attention rollout), the most first."""
    return orders_of(explain(entry.dense, "attention-rollout"), seed=0)[0].tolist()


def search_prefix(ranked: Sequence[int], trial: Trial) -> Ids:
    """Return the patches of a prefix that holds the answer: halved while that holds, then bisected.

    The prefixes that hold need not be all that are longer than this one; it is a start, not a result.
    """
    high, low = len(ranked), 0  # of `high` patches it is known that they hold, of `low` that they do not
    while high > 1 and trial.holds(tuple(sorted(ranked[: high // 2]))):
        high //= 2
    low = high // 2
    while high - low > 1:
        middle = (high + low) // 2
        if trial.holds(tuple(sorted(ranked[:middle]))):
            high = middle
        else:
            low = middle
    return tuple(sorted(ranked[:high]))


def shorten(kept: Ids, trial: Trial) -> Ids:
    """Return `kept` less the patches whose removal hurts least, or `kept` itself if each is needed."""
    if len(kept) == 1:
        return kept
    rest = [kept[:place] + kept[place + 1 :] for place in range(len(kept))]
    own, lead = trial.probabilities(rest)
    free = [place for place in rank(own).tolist() if lead[place] > 0]
    count = min(len(free), max(1, len(kept) // LEAP))
    while count > 1:  # several at once may be too many even where each alone is not
        gone = {kept[place] for place in free[:count]}
        fewer = tuple(patch for patch in kept if patch not in gone)
        if trial.holds(fewer):
            return fewer
        count //= 2
    return rest[free[0]] if free else kept
