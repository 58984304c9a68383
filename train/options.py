"""The groups of a run's options: pictures, augmentation, optimisation, distillation, pruning.

A recipe says only where it differs from these values, which are those of the plain ViT on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pair = tuple[float, float]
SWEEP = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)


@dataclass(frozen=True)
class DataOptions:
    """Which pictures are learned from, and where they lie."""

    dataset: str = "cifar10"
    """A key of `vitdemo.datasets.DATASETS`."""
    folder: str = "data"
    """The folder that the data set is read from."""
    resident: bool = True
    """Keep the whole split on the device, of an oblong photo its middle square; else decode each batch."""
    workers: int = 4
    """The processes that decode batches."""


@dataclass(frozen=True)
class AugmentOptions:
    """What a step sees of its pictures. Each picture draws by itself, but for mixing: a batch draws once."""

    crop_pad: int = 4
    """By how many pixels of the model's input a random crop may leave the picture."""
    crop_scale: Pair | None = None
    """RandomResizedCrop instead, of such a share of the area: of the whole photo if not resident."""
    crop_ratio: Pair = (3 / 4, 4 / 3)
    """The aspect ratio of that crop, width to height."""
    flip: bool = True
    """Mirror half of the pictures."""
    rotate: float = 0.0
    """Turn by up to so many degrees each way."""
    auto_augment: Literal["none", "randaugment", "trivialaugment"] = "none"
    """RandAugment or TrivialAugment Wide."""
    randaugment_ops: int = 2
    """How many operations RandAugment applies, its n."""
    randaugment_magnitude: int = 9
    """How strongly it applies them, from 0 to 30, its m."""
    erase_prob: float = 0.0
    """The probability of random erasing."""
    erase_scale: Pair = (0.02, 0.33)
    """The share of the area that is erased."""
    cutmix_prob: float = 0.3
    """The probability that a batch is mixed by CutMix."""
    cutmix_alpha: float = 1.0
    """CutMix draws its area from Beta(alpha, alpha)."""
    mixup_prob: float = 0.0
    """The probability that a batch is mixed by mixup instead."""
    mixup_alpha: float = 0.8
    """Mixup draws its share from Beta(alpha, alpha)."""
    cutmix_from: float = 0.3
    """Mix batches from this share of the steps on."""
    mix_until: float = 1.0
    """Mix batches until this share of the steps."""
    label_smoothing: float = 0.1
    """The share of each target that is spread evenly over the classes."""
    token_keep: tuple[Pair, ...] = ((1.0, 1.0),)
    """Pairs, ascending: until this share of the steps, "classify" sees this share of the patches."""

    def tokens_at(self, done: float) -> float:
        """Return the share of the patches that `token_keep` shows after the share `done` of the steps."""
        return next((keep for until, keep in self.token_keep if done < until), 1.0)


@dataclass(frozen=True)
class OptimOptions:
    """How the weights change. Shares are of the steps; rates are peaks of the schedule."""

    optimizer: Literal["adamw", "adam", "sgd", "muon"] = "muon"
    """What changes them; "muon" does so for the blocks' matrices alone and leaves all else to AdamW."""
    lr: float = 1e-3
    """The learning rate of AdamW, Adam or SGD."""
    muon_lr: float = 2e-3
    """The learning rate of Muon."""
    betas: Pair = (0.9, 0.99)
    """The decay of Adam's and AdamW's two moments."""
    momentum: float = 0.9
    """SGD's Nesterov momentum."""
    weight_decay: float = 0.05
    """What matrices decay by; norms, biases, embeddings and tokens do not."""
    backbone_lr_scale: float = 1.0
    """What the rates of all parameters but the `fresh` ones are multiplied by."""
    fresh: tuple[str, ...] = ("score_predictor",)
    """How the names of parameters begin that learn at the full rate; all others are the backbone."""
    freeze_backbone: float = 0.0
    """The share of the steps in which only the `fresh` parameters learn."""
    frozen: tuple[str, ...] = ()
    """Names of parameters that never learn."""
    warmup: float = 0.05
    """The share of the steps in which the rates rise from 0."""
    schedule: Literal["linear", "cosine"] = "linear"
    """How they then fall to 0."""
    clip: float = 1.0
    """The largest norm of the gradient; a longer one is shortened."""
    ema: float = 0.999
    """The decay of the moving average that is validated and exported; less in the first steps."""


@dataclass(frozen=True)
class DistilOptions:
    """What is learned from a teacher beside the labels."""

    label_weight: float = 1.0
    """What cross-entropy with the labels counts."""
    weight: float = 0.0
    """What the teacher's answers count; 0 asks nobody."""
    teacher: str = ""
    """The finished run whose ResNet teaches; without a name the network of `init_from` does."""
    teacher_cache: bool = True
    """Ask once for each picture and its mirror image, not for each augmented batch."""
    temperature: float = 1.0
    """The temperature of the teacher's and the student's probabilities."""


@dataclass(frozen=True)
class PruneOptions:
    """How a DynamicViT learns to prune, under the objectives "elastic" and "official"."""

    keep_ratio_range: Pair = (0.25, 1.0)
    """Elastic: the keep ratios that a step draws from, least and largest."""
    keep_ratio_levels: int = 0
    """Elastic: draw from so many ratios at even distances, as CUDA graphs need; 0 draws any."""
    sweep: tuple[float, ...] = SWEEP
    """The keep ratios that the finished network is judged at, with every selector."""
    dense_share: float = 0.1
    """Elastic: the share of the steps that keep all patches."""
    importance: Literal["attention", "gradient"] = "attention"
    """Elastic: predictors learn a patch's share of all attention, or of that which speaks for the class."""
    score_weight: float = 1.0
    """Elastic: what the predictors' loss counts."""
    score_noise: float = 0.1
    """Elastic: the scale of the Gumbel noise on the scores that choose."""
    ratio_weight: float = 2.0
    """Official: what the distance from the wanted keep ratio counts."""
    token_weight: float = 0.5
    """Official: what the distance of the final tokens from the dense network's counts."""
