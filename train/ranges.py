"""What each value of a recipe may be: the one place that says so, asked before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from operator import attrgetter, gt
from pathlib import PurePath
from typing import Any

Range = tuple[str, Callable[[Any], bool]]  # what a value must be, in words; and whether it is
SEEDS = 2**32
PROCESSES = 1024  # more workers than that are a slip of the finger


def at_least(low: int) -> Range:
    return f"at least {low}", lambda value: low <= value < math.inf


def up_to(low: int, high: int) -> Range:
    return f"from {low} to {high}", lambda value: low <= value <= high


def ascending(words: str, high: float = math.inf) -> Range:
    """Return the range of two numbers above 0, the smaller first, none above `high`."""
    return words, lambda pair: 0 < pair[0] <= pair[1] <= high


def lies_in_place(name: str) -> bool:
    """Return whether a file or folder of that name lies where it is put."""
    return PurePath(name).parts == (name,) and name != ".." and "\0" not in name


POSITIVE: Range = ("more than 0", lambda value: 0 < value < math.inf)
NOT_NEGATIVE: Range = ("0 or more", lambda value: 0 <= value < math.inf)
SHARE: Range = up_to(0, 1)
BELOW_ONE: Range = ("at least 0 and below 1", lambda value: 0 <= value < 1)
AREA = ascending("two shares of the area, ascending", 1)

RANGES: dict[str, Range] = {
    "name": ("the name of a folder", lies_in_place),
    "device": ("auto, cpu, cuda or cuda:N", lambda text: bool(re.fullmatch(r"auto|cpu|cuda(:\d+)?", text))),
    "seed": (f"at least 0 and below {SEEDS}", lambda value: 0 <= value < SEEDS),
    "epochs": at_least(1),
    "max_steps": at_least(0),
    "val_every": at_least(1),
    "batch_size": at_least(1),
    "accumulate": at_least(1),
    "maps": at_least(0),
    "data.workers": up_to(0, PROCESSES),
    "optim.lr": POSITIVE,
    "optim.muon_lr": POSITIVE,
    "optim.backbone_lr_scale": NOT_NEGATIVE,
    "optim.betas": ("two numbers at least 0 and below 1", lambda pair: 0 <= min(pair) <= max(pair) < 1),
    "optim.momentum": ("above 0 and below 1", lambda value: 0 < value < 1),
    "optim.weight_decay": NOT_NEGATIVE,
    "optim.warmup": BELOW_ONE,
    "optim.clip": POSITIVE,
    "augment.label_smoothing": SHARE,
    "optim.ema": BELOW_ONE,
    "augment.crop_pad": at_least(0),
    "augment.cutmix_prob": SHARE,
    "augment.cutmix_from": SHARE,
    "augment.cutmix_alpha": POSITIVE,
    "augment.mixup_prob": SHARE,
    "augment.mixup_alpha": POSITIVE,
    "augment.mix_until": SHARE,
    "augment.crop_scale": ("two shares of the area, ascending", lambda pair: pair is None or AREA[1](pair)),
    "augment.crop_ratio": ascending("two ratios of width to height, ascending"),
    "augment.rotate": up_to(0, 180),
    "augment.randaugment_ops": at_least(0),
    "augment.randaugment_magnitude": up_to(0, 30),
    "augment.erase_prob": SHARE,
    "augment.erase_scale": AREA,
    "augment.token_keep": (
        "pairs of shares above 0: of the steps until then, of the patches kept",
        lambda pairs: all(0 < min(pair) <= max(pair) <= 1 for pair in pairs),
    ),
    "distil.label_weight": NOT_NEGATIVE,
    "distil.weight": NOT_NEGATIVE,
    "distil.temperature": POSITIVE,
    "prune.score_weight": NOT_NEGATIVE,
    "prune.score_noise": NOT_NEGATIVE,
    "prune.keep_ratio_range": ascending("two keep ratios above 0 and up to 1, ascending", 1),
    "prune.keep_ratio_levels": at_least(0),
    "prune.sweep": (
        "keep ratios from 1 down, each above 0",
        lambda ratios: ratios[:1] == (1,) and min(ratios) > 0 and all(map(gt, ratios, ratios[1:])),
    ),
    "prune.dense_share": SHARE,
    "prune.ratio_weight": NOT_NEGATIVE,
    "prune.token_weight": NOT_NEGATIVE,
    "optim.freeze_backbone": SHARE,
}


def check_ranges(config: object, ranges: Mapping[str, Range] = RANGES) -> None:
    """Raise ValueError naming the first key of a run whose value lies outside its range."""
    for key, (words, allowed) in ranges.items():
        value = attrgetter(key)(config)
        if not allowed(value):
            raise ValueError(f"{key} must be {words}, got {value!r}")
