"""Deletion and insertion curves (Petsiuk et al. 2018) by really removing tokens, not by painting them grey.

A network that sees m of n patches sees them at their own places and nothing at the others. All orders are
tried at the same m in one batch: rows of equal length need no padding, so a removed token costs nothing, half
the work of all steps of one order padded to n; and patch sets that orders share run once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vitdemo.config import ViTConfig
from vitdemo.models import VisionTransformer
from vitdemo.models.head import to_probabilities
from vitdemo.models.pruning import Explicit, Pruning

STEPS = 16
TOKENS = 2048  # in one batch at most: more is not faster, and takes memory


@dataclass(frozen=True, eq=False)
class Judgement:
    """How the class probability goes when the patches are removed, or shown, in one order.

    `kept`: numbers of patches, ascending. `insertion[i]`: the probability with the first
    `kept[i]` patches of the order alone; `deletion[i]`: with the last `kept[i]` alone. `logits` and `held`:
    the same two curves, deletion first, of the class's logit, and of whether the class is the answer, 1 or 0.
    Where several orders are judged as one, all curves are their means. `weights`: what each number counts in
    the mean height of a curve; they sum to 1.
    """

    kept: tuple[int, ...]
    weights: tuple[float, ...]
    deletion: Float[np.ndarray, "s"]
    insertion: Float[np.ndarray, "s"]
    logits: Float[np.ndarray, "2 s"]
    held: Float[np.ndarray, "2 s"]

    def average(self, curve: Float[np.ndarray, "s"]) -> float:
        """Return the mean height of a curve, the area under it where its width is 1."""
        return float(np.dot(self.weights, curve))

    @property
    def deletion_auc(self) -> float:
        """The mean height of the deletion curve, 0 to 1; low is good."""
        return self.average(self.deletion)

    @property
    def insertion_auc(self) -> float:
        """The mean height of the insertion curve, 0 to 1; high is good."""
        return self.average(self.insertion)

    @property
    def gap(self) -> float:
        """Insertion AUC less deletion AUC, -1 to 1: above 0 where the order knows more than chance."""
        return self.insertion_auc - self.deletion_auc

    @property
    def srg(self) -> float:
        """The symmetric relevance gain (Bluecher et al., TMLR 2024), in logits; high is good, chance is 0.

        The mean height of the logit when the least influential patches leave first, less that when the most
        influential do. What comes first in an order is what leaves last in its reverse: the former is the
        insertion curve. Departure: patches are really removed, not painted over.
        """
        deletion, insertion = self.logits
        return self.average(insertion) - self.average(deletion)

    @property
    def mif_accuracy(self) -> float:
        """How long the class stays the answer while the most influential patches leave first; low is good.

        The mean height of the `held` curve, 0 to 1 (Mehri et al., CVPR 2025; the positive perturbation of
        Chefer et al., CVPR 2021).
        """
        return self.average(self.held[0])

    @property
    def lif_accuracy(self) -> float:
        """The same while the least influential patches leave first; high is good."""
        return self.average(self.held[1])


def kept_counts(config: ViTConfig, *, steps: int | Sequence[float] = STEPS) -> tuple[int, ...]:
    """Return the numbers of patches to try, ascending from none to all, each once.

    `steps`: so many even ones, or the shares of the patches to try, from 0 to 1.
    A head that reads only prefix tokens can do without any patch; a head that takes the mean of the patches
    needs at least one, and then the curves begin at one patch.
    """
    lowest = 0 if config.dist_token or config.global_pool == "token" else 1
    shares = np.linspace(0, 1, steps + 1) if isinstance(steps, int) else np.asarray(steps)
    counts = lowest + (config.num_patches - lowest) * shares
    return tuple(np.unique(counts.round().astype(int)).tolist())


@dataclass(frozen=True)
class Points:
    """At which numbers of patches curves are taken, ascending, and what each counts in their mean height."""

    kept: tuple[int, ...]
    weights: tuple[float, ...]


def even_points(config: ViTConfig, *, steps: int | Sequence[float] = STEPS) -> Points:
    """Return the numbers of `kept_counts` with the weights of the trapezoidal rule."""
    kept = kept_counts(config, steps=steps)
    if len(kept) == 1:
        return Points(kept, (1.0,))
    half = np.diff(kept) / 2 / (kept[-1] - kept[0])
    return Points(kept, tuple((np.append(half, 0) + np.insert(half, 0, 0)).tolist()))


def draw_points(config: ViTConfig, *, strata: int, seed: int) -> Points:
    """Return a number drawn from each of so many strata: the mean height is right on average, not each time.

    Stratified sampling: over many pictures a few points do, where fixed ones would be wrong always to the
    same side. The strata are wider where more patches are left: there curves bend less and a pass is dear.
    """
    draw, (lowest, highest) = np.random.default_rng((seed, strata)), kept_counts(config, steps=1)
    bounds = lowest + (highest - lowest) * np.linspace(0, 1, strata + 1) ** 2
    places = bounds[:-1] + draw.random(strata) * np.diff(bounds)
    kept = np.floor(places + draw.random(strata)).astype(int)  # up or down, on average the place itself
    return Points(tuple(kept.tolist()), tuple((np.diff(bounds) / (highest - lowest)).tolist()))


@torch.no_grad()
def judge_orders(
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    orders: Sequence[Int[np.ndarray, "... n"]],
    *,
    target: int,
    steps: int | Sequence[float] | Points = STEPS,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Judgement]:
    """Return the curves of class `target` for each order of the patches, the most important first.

    Where an entry of `orders` holds several, `(k, n)`, its curves are the mean of theirs. `steps`: as
    `kept_counts` has it, or where the curves are taken. `progress` is told the share done. The network is
    dense apart from what is removed at its input.
    """
    groups = [np.atleast_2d(order) for order in orders]
    rows = np.concatenate(groups)
    both = np.concatenate([rows, rows[:, ::-1]])  # what comes last is deleted last
    points = steps if isinstance(steps, Points) else even_points(model.config, steps=steps)
    kept = points.kept
    curves = np.empty((len(both), 3, len(kept)))
    work = np.cumsum([0.0, *(count + model.config.num_prefix_tokens for count in kept)])
    for step, count in enumerate(kept):
        sets, which = np.unique(np.sort(both[:, :count], axis=1), axis=0, return_inverse=True)
        curves[..., step] = read_class(model, pixels, sets, target=target)[which.ravel()]
        progress(float(work[step + 1] / work[-1]))
    ends = np.cumsum([len(group) for group in groups])[:-1]
    insertion, deletion = (np.split(half, ends) for half in np.split(curves, 2))
    pairs = zip(deletion, insertion, strict=True)
    means = [np.stack([out.mean(axis=0), into.mean(axis=0)], axis=1) for out, into in pairs]
    return [
        Judgement(kept, points.weights, shown[0], shown[1], logits, held) for shown, logits, held in means
    ]


def read_class(
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    sets: Int[np.ndarray, "s k"],
    *,
    target: int,
) -> Float[np.ndarray, "s 3"]:
    """Return three numbers of class `target` for each set of patches, ascending, as if there were no others.

    Its probability, its logit, and whether it is the answer, 1 or 0.
    """
    rows = max(1, TOKENS // (sets.shape[1] + model.config.num_prefix_tokens))
    found = []
    for ids in torch.from_numpy(sets).split(rows):
        logits = model(pixels, pruning=Pruning(None, Explicit((ids,), checked=True))).double()
        probability = to_probabilities(logits, model.config)[:, target]
        held = (logits.argmax(dim=1) == target).double()
        found.append(torch.stack([probability, logits[:, target], held], dim=1).cpu())
    return torch.cat(found).numpy()
