"""What a run is: one frozen record in groups, whose keys recipes and the command line name with dots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from train.options import AugmentOptions, DataOptions, DistilOptions, OptimOptions, PruneOptions
from train.place import Placed
from train.ranges import check_ranges
from train.resnet import ResNetConfig
from vitdemo.config import ViTConfig, as_pair
from vitdemo.kinds import to_json


@dataclass(frozen=True)
class TrainConfig(Placed):
    """Every choice of a run.

    Raise ValueError naming the first key whose value cannot be meant, by itself (`train.ranges`) or beside
    the others.
    """

    name: str
    """What the run, its folder and the finished network are called."""
    model: ViTConfig | ResNetConfig
    """The network's shape: a ViTConfig, or for "resnet9" a ResNetConfig."""
    network: Literal["vit", "resnet9"] = "vit"
    """What `model` describes; a "resnet9" is only ever a teacher."""
    objective: Literal["classify", "elastic", "official"] = "classify"
    """Labels; a DynamicViT for every keep ratio ("elastic"); or what DynamicViT's authors do ("official")."""
    init_from: str = ""
    """The finished run, or else the checkpoint, whose weights start this one."""
    runs: str = ""
    """The folder of all runs; without a name $VITDEMO_RUNS, else ./runs."""
    out: str = ""
    """A folder of checkpoints in which the finished network is put too, under the run's name."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """The type that autocast computes in; "auto" is the lowest that the device has in hardware."""
    seed: int = 0
    """Where all random numbers begin."""
    epochs: int = 24
    """How often each picture is seen."""
    max_steps: int = 0
    """Stop after so many steps instead; 0 stops after `epochs`."""
    val_every: int = 1
    """After how many epochs the network is validated and the state saved, and always at the end."""
    batch_size: int = 256
    """The pictures of one step, over all processes."""
    accumulate: int = 1
    """In how many small batches, one after the other, a process computes them."""
    compile: bool = False
    """Compile the network."""
    cuda_graph: bool = False
    """Record a step once and replay it: on one GPU, with one part a batch and a resident split."""
    log: Literal["auto", "none", "tensorboard", "wandb"] = "auto"
    """Where numbers go: "auto" is TensorBoard where it is installed; "wandb" keeps its log offline."""
    maps: int = 0
    """How many held-out pictures are drawn after each epoch: patches that stay, attention rollout."""
    data: DataOptions = field(default_factory=DataOptions)
    """Which pictures."""
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    """What a step sees of them."""
    optim: OptimOptions = field(default_factory=OptimOptions)
    """How the weights change."""
    distil: DistilOptions = field(default_factory=DistilOptions)
    """What a teacher counts."""
    prune: PruneOptions = field(default_factory=PruneOptions)
    """How pruning is learned; where the network prunes is `model.prune`."""

    def __post_init__(self) -> None:
        check_ranges(self)
        augment, model = self.augment, self.model
        if augment.cutmix_prob + augment.mixup_prob > 1:
            raise ValueError("augment.cutmix_prob and augment.mixup_prob must not exceed 1 together")
        if augment.crop_pad >= min(as_pair(model.img_size)):
            raise ValueError(f"augment.crop_pad must be less than model.img_size, got {augment.crop_pad}")
        if self.network == "resnet9":
            check_teacher(self)
        elif self.objective != "classify" and isinstance(model, ViTConfig) and model.prune is None:
            raise ValueError(f"objective={self.objective} needs model.prune: predictors that can learn")

    @property
    def place(self) -> Path:
        """Where `out` puts a copy of it."""
        return Path(self.out) / self.name


def check_teacher(config: TrainConfig) -> None:
    """Raise ValueError where a network that is only ever a teacher has an option of a transformer."""
    for key, value, only in (
        ("objective", config.objective, "classify"),
        ("init_from", config.init_from, ""),
        ("maps", config.maps, 0),
        ("augment.token_keep", config.augment.token_keep, ((1.0, 1.0),)),
    ):
        if value != only:
            raise ValueError(f"{key} must be {only!r} with network=resnet9, got {value!r}")


def list_settings(config: TrainConfig) -> dict[str, Any]:
    """Return every value of a run by its dotted name (`optim.lr`, `model.depth`), as plain JSON values."""
    return flatten(to_json(config))


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested groups by dotted names."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= (
            flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
        )
    return found
