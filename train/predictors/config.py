"""Every choice of a run that trains predictors alone."""

from __future__ import annotations

from dataclasses import dataclass

from train.options import OptimOptions, Pair
from train.place import Placed
from train.ranges import RANGES, Range, at_least, check_ranges, lies_in_place
from vitdemo.config import PruneConfig, ViTConfig

SHARED = ("device", "seed", "epochs", "batch_size")
OWN: dict[str, Range] = {
    "name": ("the name of a folder, or nothing", lambda name: not name or lies_in_place(name)),
    "pictures": at_least(2),
    "judged": at_least(1),
    "lr": RANGES["optim.lr"],
    "weight_decay": RANGES["optim.weight_decay"],
    "ema": RANGES["optim.ema"],
    "keep_ratio_range": RANGES["prune.keep_ratio_range"],
    "score_noise": RANGES["prune.score_noise"],
    "sweep": ("keep ratios above 0 and below 1", lambda ratios: all(0 < ratio < 1 for ratio in ratios)),
}


@dataclass(frozen=True, kw_only=True)
class PredictorsConfig(Placed):
    """Every choice of a run; the numbers without a value here are in the recipe.

    Raise ValueError naming the first key whose value cannot be meant.
    """

    init: str = ""
    """The network: a folder, a bundled one, a finished run, or hf-hub:owner/repo[@revision]."""
    data: str = ""
    """A folder of pictures, in folders or not; what they show is not asked."""
    name: str = ""
    """What the run and its folder are called; without one "dynamic_" and the network's name."""
    runs: str = ""
    """The folder of all runs; without a name $VITDEMO_RUNS, else ./runs."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    seed: int = 0
    """Where all random numbers begin."""
    prune_loc: tuple[int, ...] = ()
    """The blocks before which patches go, ascending; without any the quarters of the depth."""
    keep_ratio: float = 0.7
    """The share of the patches kept at each stage that is shown first."""
    pictures: int
    """Learn from at most so many, at even distances; what the first blocks make of them stays in memory."""
    judged: int
    """Judge by at most so many of the tenth of the pictures that is held out."""
    epochs: int
    """How often each picture is learned from."""
    batch_size: int
    """The pictures of one step."""
    lr: float
    """The peak of AdamW's learning rate, which rises for a twentieth of the steps and then falls to 0."""
    weight_decay: float
    """What the predictors' matrices decay by."""
    ema: float
    """The decay of the moving average that is exported; less in the first steps."""
    keep_ratio_range: Pair
    """The keep ratios that a step draws from, least and largest."""
    score_noise: float
    """The scale of the Gumbel noise on the scores that choose."""
    sweep: tuple[float, ...]
    """The keep ratios that the finished predictors are judged at, beside every other selector."""

    def __post_init__(self) -> None:
        check_ranges(self, {**OWN, **{key: RANGES[key] for key in SHARED}})
        for key, what in (("init", "the network"), ("data", "a folder of pictures")):
            if not getattr(self, key):
                raise ValueError(f"{key}= must name {what}")

    @property
    def optim(self) -> OptimOptions:
        """How the weights change, as `train.update` takes it."""
        return OptimOptions(
            optimizer="adamw",
            lr=self.lr,
            weight_decay=self.weight_decay,
            schedule="cosine",
            ema=self.ema,
        )

    def place_stages(self, network: ViTConfig) -> PruneConfig:
        """Return where predictors stand in `network`. Raise ValueError where it has no such block."""
        loc = self.prune_loc or tuple(sorted({network.depth * quarter // 4 for quarter in (1, 2, 3)}))
        if max(loc) >= network.depth:
            raise ValueError(f"prune_loc {loc} lies outside a network of depth {network.depth}")
        return PruneConfig(loc, self.keep_ratio)
