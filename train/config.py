"""What a run is: one frozen record, read from a recipe and from `key=value` overrides."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from train.ranges import RANGES, TEACHERS
from train.resnet import ResNetConfig
from vitdemo.config import ViTConfig, as_pair, from_json, to_json
from vitdemo.kinds import check_value

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

RECIPES = Path(__file__).parent / "recipes"
EXPORT = "export"  # the folder of a finished run's network, in the run's own


@dataclass(frozen=True)
class TrainConfig:
    """Every number of a run. Shares (of steps, of tokens) are in [0, 1]; learning rates are peaks. What each
    may be is said in `train.ranges`, and ValueError names the first that cannot be meant.

    `objective`: "classify", "elastic" (one DynamicViT for every keep ratio), or "official" (the objective of
    DynamicViT's authors).
    `out`: a folder of checkpoints in which the finished network is put too, under the run's name.
    `network`: what `model` describes; a "resnet9" is only ever a teacher. `init_from`: a finished run, or
    else a checkpoint, whose weights start this one; it is also the teacher where `distill` > 0 and no
    `teacher` is named.
    `teacher`: the finished run whose ResNet teaches; `teacher_cache`: ask whoever teaches once for each
    picture and its mirror image instead of for each augmented batch. `label_weight`, `distill`: what the
    labels and the teacher count. `token_keep`: pairs (share of the steps done, share of patches seen until
    then).
    `keep_ratio_range`: the keep ratios that the elastic objective draws from, one a step, but for
    `dense_share` of the steps, which keep all; `keep_ratio_levels`: so many at even distances instead of any,
    for CUDA graphs. `importance`: what its predictors learn, a patch's share of the dense network's
    attention, or of the attention that speaks for the class.
    `ratio_weight`, `token_weight`: what the official objective's keep ratio and final tokens count.
    `fresh`: how the names of parameters begin that learn at the full rate, all others being the backbone.
    `freeze_backbone`: the share of the steps in which only `fresh` ones learn. `frozen`: parameters that
    never learn.
    `dataset`: a key of `vitdemo.datasets.DATASETS`, read from the folder `data`. `resident`: keep the whole
    split on the device, of an oblong photo its middle square; else `workers` processes decode each batch from
    its files, and `crop_scale` is of the whole photo. All of the following
    draw for each picture by itself. `crop_pad`: pixels of the model's input by which a crop may leave the
    picture; `crop_scale`, `crop_ratio`: RandomResizedCrop instead, where `crop_scale` is given. `rotate`:
    degrees each way. `auto_augment`: with `randaugment_ops` and `randaugment_magnitude` (0 to 30) as n and m.
    `erase_prob`, `erase_scale`: random erasing. Of a batch, mixed while `cutmix_from` <= share done <
    `mix_until`: `cutmix_prob`, `mixup_prob`, and their Beta(alpha, alpha).
    `ema`: the decay of the moving average that is validated and exported, less in its first steps.
    Every `val_every` epochs, and at the end, the network is validated and the state saved.
    `batch_size` pictures make a step, in `accumulate` small batches one after the other. `compile`: compile
    the network. `cuda_graph`: where one process trains on one GPU, with one part a batch and pictures in its
    memory, record a step once and replay it. `log`: "auto" is TensorBoard where it is installed; "wandb"
    keeps its log offline.
    """

    name: str
    model: ViTConfig | ResNetConfig
    network: Literal["vit", "resnet9"] = "vit"
    objective: Literal["classify", "elastic", "official"] = "classify"
    dataset: str = "cifar10"
    data: str = "data"
    runs: str = ""
    out: str = ""
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seed: int = 0
    epochs: int = 24
    val_every: int = 1
    batch_size: int = 256
    accumulate: int = 1
    compile: bool = False
    cuda_graph: bool = False
    log: Literal["auto", "none", "tensorboard", "wandb"] = "auto"
    optimizer: Literal["adamw", "adam", "sgd", "muon"] = "muon"
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    momentum: float = 0.9
    weight_decay: float = 0.05
    muon_lr: float = 2e-3
    backbone_lr_scale: float = 1.0
    warmup: float = 0.05
    schedule: Literal["linear", "cosine"] = "linear"
    clip: float = 1.0
    label_smoothing: float = 0.1
    ema: float = 0.999
    crop_pad: int = 4
    flip: bool = True
    cutmix_prob: float = 0.3
    cutmix_from: float = 0.3
    cutmix_alpha: float = 1.0
    mixup_prob: float = 0.0
    mixup_alpha: float = 0.8
    mix_until: float = 1.0
    crop_scale: tuple[float, float] | None = None
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    rotate: float = 0.0
    auto_augment: Literal["none", "randaugment", "trivialaugment"] = "none"
    randaugment_ops: int = 2
    randaugment_magnitude: int = 9
    erase_prob: float = 0.0
    erase_scale: tuple[float, float] = (0.02, 0.33)
    resident: bool = True
    workers: int = 4
    token_keep: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    init_from: str = ""
    teacher: str = ""
    teacher_cache: bool = True
    label_weight: float = 1.0
    distill: float = 0.0
    temperature: float = 1.0
    score_weight: float = 1.0
    score_noise: float = 0.1
    importance: Literal["attention", "gradient"] = "attention"
    keep_ratio_range: tuple[float, float] = (0.25, 1.0)
    keep_ratio_levels: int = 0
    dense_share: float = 0.1
    ratio_weight: float = 2.0
    token_weight: float = 0.5
    fresh: tuple[str, ...] = ("score_predictor",)
    freeze_backbone: float = 0.0
    frozen: tuple[str, ...] = ()
    max_steps: int = 0

    def __post_init__(self) -> None:
        check(self)

    @property
    def run_dir(self) -> Path:
        """Where the state of the run lives: `runs`, else $VITDEMO_RUNS, else ./runs; then the name."""
        return self.runs_dir / self.name

    @property
    def export_dir(self) -> Path:
        """Where the finished network lies, with card and figures."""
        return self.run_dir / EXPORT

    @property
    def place(self) -> Path:
        """Where `out` puts a copy of it."""
        return Path(self.out) / self.name

    @property
    def runs_dir(self) -> Path:
        """The folder of all runs."""
        return Path(self.runs or os.environ.get("VITDEMO_RUNS", "runs"))


def check(config: TrainConfig) -> None:
    """Raise ValueError naming the first key whose value cannot be meant, by itself or beside the others."""
    for key, (words, sound) in RANGES.items():
        value = getattr(config, key)
        if not sound(value):
            raise ValueError(f"{key} must be {words}, got {value!r}")
    if config.cutmix_prob + config.mixup_prob > 1:
        raise ValueError("cutmix_prob and mixup_prob must not exceed 1 together")
    if config.crop_pad >= min(as_pair(config.model.img_size)):
        raise ValueError(f"crop_pad must be less than model.img_size, got {config.crop_pad}")
    if isinstance(config.model, ViTConfig):
        if config.objective != "classify" and config.model.prune is None:
            raise ValueError(f"objective={config.objective} needs model.prune: predictors that can learn")
        return
    for key, only in TEACHERS.items():
        if getattr(config, key) != only:
            raise ValueError(f"{key} must be {only!r} with network=resnet9, got {getattr(config, key)!r}")


def load_recipe(name: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """The recipe `name` with `key=value` overrides; `model.key=value` reaches into the network,
    `model.prune.key=value` into its pruning.

    Raises ValueError for an unknown recipe or key, naming the nearest known one.
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
        raise ValueError(f"recipe {name!r} is unknown; known: {known}")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"recipe {name!r} is not valid TOML: {error}") from error
    for item in overrides:
        key, sign, text = item.partition("=")
        if not sign:
            raise ValueError(f"override {item!r} is not of the form key=value")
        *groups, inner = key.split(".")
        target = values
        for group in groups:
            target = target.setdefault(group, {})
            if not isinstance(target, dict):
                raise ValueError(f"override {item!r}: {group!r} has no keys of its own")
        target[inner] = parse_value(text)
    return config_from_json(values)


def config_from_json(values: dict[str, Any]) -> TrainConfig:
    """A TrainConfig from plain values; the inverse of `config_to_json`."""
    values = {"model": {}} | values
    kind = ResNetConfig if values.get("network") == "resnet9" else ViTConfig
    check_value("model", values["model"], kind)
    values["model"] = from_json(kind, values["model"])
    if isinstance(pairs := values.get("token_keep"), list):
        values["token_keep"] = [tuple(pair) if isinstance(pair, list) else pair for pair in pairs]
    return from_json(TrainConfig, values)


def config_to_json(config: TrainConfig) -> dict[str, Any]:
    return to_json(config)


def parse_value(text: str) -> Any:
    """A Python literal, true/false, or the text itself."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
