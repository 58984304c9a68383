"""Which map to believe, for one picture and one class: all of them and random orders, by removing tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from vitdemo.config import ViTConfig
from vitdemo.cost import macs
from vitdemo.engine.answers.classes import answer, find_class
from vitdemo.engine.core.subject import Subject
from vitdemo.faithfulness import Judgement, class_trace, judge_orders, map_orders, orders_of, random_orders
from vitdemo.faithfulness.orders import Orders
from vitdemo.maps import Heatmap
from vitdemo.message import Message
from vitdemo.models import VisionTransformer

RANDOM = 24  # orders: twelve and their reverses
MOST_STEPS, FEWEST_STEPS = 16, 4  # of a curve
BUDGET = 6e11  # multiply-adds of all curves: about a quarter of a minute of one core
DEVIATIONS = 2.5
AREAS = ("deletion_auc", "insertion_auc", "gap", "srg", "mif_accuracy", "lif_accuracy")
Curve = tuple[float, ...]
MakeOrders = Callable[[VisionTransformer, Tensor, int], dict[str, Orders]]


@dataclass(frozen=True)
class Candidate:
    """A map's curves and their areas. `method`: its key in METHODS. `gap`: insertion less deletion AUC.

    `srg`, `mif_accuracy`, `lif_accuracy`: as `Judgement` defines them.
    """

    method: str
    deletion: Curve
    insertion: Curve
    deletion_auc: float
    insertion_auc: float
    gap: float
    srg: float
    mif_accuracy: float
    lif_accuracy: float


@dataclass(frozen=True)
class Trust:
    """What removing the patches of one picture showed of class `label`.

    All curves hold a probability for each number of patches of `kept`, the last one all `num_patches`.
    `steps`: into how many a curve is cut; fewer than MOST_STEPS where a pass of the network is dear.
    `candidates`: by falling gap. `random_low`, `random_mean`, `random_high`: over `random_orders` orders;
    the same for insertion and deletion, because each order runs with its reverse. `random_auc`: of the mean.
    `bar`: the gap that a map must exceed to count, 2.5 standard deviations of the random orders' gaps. Ten
    maps that know nothing bring one above it in at most about one picture of ten.
    """

    label: str
    num_patches: int
    kept: tuple[int, ...]
    steps: int
    candidates: tuple[Candidate, ...]
    random_orders: int
    random_low: Curve
    random_mean: Curve
    random_high: Curve
    random_auc: float
    bar: float

    @property
    def trusted(self) -> tuple[Candidate, ...]:
        """Those above the bar, the best first; empty where no map is better than chance."""
        return tuple(one for one in self.candidates if one.gap > self.bar)


def trust(subject: Subject, label: str = "") -> Trust:
    """Judge every map of class `label` ("": the answer) against random order, in the dense network.

    Run the network for a few seconds, once a picture and class. Raise ValueError for an unknown class or a
    network without any.
    """
    label = label or answer(subject.entry)
    return subject.remember("trust", label, lambda: judge(subject, all_orders, label=label))


def trust_map(subject: Subject, method: str, heat: Heatmap, *, label: str = "") -> Trust:
    """Judge the one map `heat`, which `method` made with whatever options, as `trust` judges all.

    Where a pass is dear, one map allows more steps than all. Run the network for seconds. Raise as `trust`.
    """

    def one_order(model: VisionTransformer, pixels: Tensor, target: int) -> dict[str, Orders]:
        return {method: orders_of(heat, seed=0)}

    return judge(subject, one_order, label=label or answer(subject.entry))


def all_orders(model: VisionTransformer, pixels: Tensor, target: int) -> dict[str, Orders]:
    """Return the orders of every map of class `target`."""
    return map_orders(model, pixels, class_trace(model, pixels, target=target), seed=0)


def judge(subject: Subject, make_orders: MakeOrders, *, label: str) -> Trust:
    """Run the removals in each of the orders, by method, and in random ones."""
    loaded, pixels = subject.loaded, subject.pixels
    target = find_class(subject.entry, loaded, label)
    num_patches = subject.entry.config.num_patches
    with subject.turn() as report:
        report(0.0, Message("Drawing the maps"))
        orders = make_orders(loaded.model, pixels, target)
        chance = random_orders(num_patches, count=RANDOM, seed=0)
        shares = choose_shares(loaded.model.config, sets=2 * sum(map(len, orders.values())) + len(chance))
        results = judge_orders(
            loaded.model,
            pixels,
            [*orders.values(), *chance],
            target=target,
            steps=shares,
            progress=lambda share: report(share, Message("Removing patches")),
        )
    maps, randoms = results[: len(orders)], results[len(orders) :]
    known = [make_candidate(method, result) for method, result in zip(orders, maps, strict=True)]
    lines = np.stack([result.insertion for result in randoms])
    return Trust(
        label=label,
        num_patches=num_patches,
        kept=maps[0].kept,
        steps=len(shares) - 1,
        candidates=tuple(sorted(known, key=lambda one: -one.gap)),
        random_orders=len(randoms),
        random_low=make_curve(lines.min(0)),
        random_mean=make_curve(lines.mean(0)),
        random_high=make_curve(lines.max(0)),
        random_auc=float(np.mean([result.insertion_auc for result in randoms])),
        bar=DEVIATIONS * float(np.sqrt(np.mean([result.gap**2 for result in randoms]))),  # their mean is 0
    )


def choose_shares(config: ViTConfig, *, sets: int) -> tuple[float, ...]:
    """Return the shares of the patches at which curves are taken, where so many `sets` of them run at each.

    They lie evenly where the budget allows MOST_STEPS steps. Fewer are squares, closer together where few
    patches are left: there the curves turn and random orders differ, and a pass is cheap. The random orders
    are as many for every network: each map is held against their scatter, at which fewer could only guess.
    """
    even, passes = np.linspace(0, 1, MOST_STEPS + 1), BUDGET / (sets * macs(config))
    squares = [np.linspace(0, 1, steps + 1) ** 2 for steps in range(MOST_STEPS - 1, FEWEST_STEPS, -1)]
    fitting = (shares for shares in (even, *squares) if shares[1:-1].sum() <= passes)
    return tuple(next(fitting, np.linspace(0, 1, FEWEST_STEPS + 1) ** 2).tolist())


def make_candidate(method: str, result: Judgement) -> Candidate:
    areas = {name: getattr(result, name) for name in AREAS}
    return Candidate(method, make_curve(result.deletion), make_curve(result.insertion), **areas)


def make_curve(values: np.ndarray | Sequence[float]) -> Curve:
    return tuple(float(value) for value in values)
