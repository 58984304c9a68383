"""Who takes part in `train.bench`: this trainer, and a plain loop written as tutorials write it."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from train.config import TrainConfig
from train.network import choose_precision
from train.options import AugmentOptions, DataOptions, OptimOptions
from train.run import Run
from vitdemo.config import ViTConfig, as_pair
from vitdemo.datasets import CIFAR10_CLASSES, DATASETS, Images
from vitdemo.models import build_model

OURS, PLAIN, HALF = "this trainer", "plain loop", "this trainer, half of the patches"
PART = 64  # pictures whose activations stay in a processor's cache
PICTURES = 2048  # of a synthetic batch file; five of them, less the validation split
NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
TIMM_MISSING = "timm is not installed, so its ViT is left out: pip install timm"


@dataclass(frozen=True)
class Contestant:
    """`begin` starts a turn; each item of what it returns is one training step of `batch_size` pictures."""

    name: str
    begin: Callable[[], Iterator[None]]


class SlowPictures(Dataset[tuple[Tensor, int]]):
    """CIFAR as torchvision serves it: a PIL picture made and transformed at each access."""

    def __init__(self, images: Images, transform: Callable[[Image.Image], Tensor]) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images.pixels[index].transpose(1, 2, 0))
        return self.transform(picture), int(self.images.labels[index])


def write_synthetic(folder: Path) -> Path:
    """Write noise in CIFAR-10's own file format, below `folder`."""
    root = folder / "cifar-10-batches-py"
    root.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        pixels = random.integers(0, 256, size=(PICTURES, 3072), dtype=np.uint8)
        labels = random.integers(0, len(CIFAR10_CLASSES), size=PICTURES).tolist()
        (root / name).write_bytes(pickle.dumps({b"data": pixels, b"labels": labels}))
    return folder


def make_base_config(model: ViTConfig, *, data: Path, batch_size: int, device: str) -> TrainConfig:
    """Return a run that does what the plain loop does (crop, flip, cross-entropy, AdamW), and averages."""
    return TrainConfig(
        name="bench",
        model=model,
        batch_size=batch_size,
        device=device,
        max_steps=10**9,
        data=DataOptions(folder=str(data)),
        augment=AugmentOptions(cutmix_prob=0.0, label_smoothing=0.0),
        optim=OptimOptions(optimizer="adamw"),
    )


def make_trainer(config: TrainConfig) -> Callable[[], Iterator[None]]:
    """Return the steps of this repository's trainer."""
    run = Run(config)
    run.learner.model.train()
    per_epoch, size = len(run.splits["train"]) // config.batch_size, config.batch_size

    def begin() -> Iterator[None]:
        while True:
            order = torch.randperm(per_epoch * size).to(run.device).split(size)
            for rows in order:
                run.train_step(rows)
                run.step += 1
                yield

    return begin


def make_plain_loop(
    network: nn.Module, images: Images, config: TrainConfig, *, dtype: torch.dtype, workers: int
) -> Callable[[], Iterator[None]]:
    """Return the steps of a plain loop around `network`."""
    device, data = next(network.parameters()).device, DATASETS["cifar10"].data
    assert isinstance(config.model, ViTConfig)
    size = as_pair(config.model.img_size)
    resize = [] if size == images.pixels.shape[2:] else [transforms.Resize(size)]
    transform = transforms.Compose([
        *resize, transforms.RandomCrop(size, padding=4), transforms.RandomHorizontalFlip(),
        transforms.ToTensor(), transforms.Normalize(data.mean, data.std),
    ])  # fmt: skip
    loader = DataLoader(
        SlowPictures(images, transform), batch_size=config.batch_size, shuffle=True, drop_last=True,
        num_workers=workers, pin_memory=device.type == "cuda",
    )  # fmt: skip
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.optim.lr, weight_decay=config.optim.weight_decay
    )
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    network.train()

    def begin() -> Iterator[None]:
        total = 0.0
        while True:
            for pictures, labels in loader:
                x, y = pictures.to(device), labels.to(device)
                optimizer.zero_grad()
                with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
                    loss = F.cross_entropy(network(x), y)
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
                total += loss.item()
                yield

    return begin


def build_timm_network(model: ViTConfig) -> nn.Module | None:
    """Return timm's ViT of the same size, or None where timm is not installed."""
    try:
        from timm.models.vision_transformer import VisionTransformer
    except ImportError:
        return None
    return VisionTransformer(
        img_size=as_pair(model.img_size), patch_size=as_pair(model.patch_size), num_classes=model.num_classes,
        embed_dim=model.embed_dim, depth=model.depth, num_heads=model.num_heads, mlp_ratio=model.mlp_ratio,
    )  # fmt: skip


def list_contestants(config: TrainConfig, *, compiled: bool, workers: int) -> list[Contestant]:
    """Return everyone who takes part; this trainer first, the plain loop of the same network second.

    On a CPU this trainer also cuts each batch into parts of `PART` pictures, and the plain loop runs in the
    other precision too: in fp32 it is what a loop of `torch.cuda.amp` does there.
    """
    device = torch.device(config.device)
    model, dtype = config.model, choose_precision(config, device)
    assert isinstance(model, ViTConfig)
    images = DATASETS["cifar10"].load(Path(config.data.folder), "train")
    assert isinstance(images, Images)

    def loop(network: nn.Module, kind: torch.dtype = dtype) -> Callable[[], Iterator[None]]:
        return make_plain_loop(network.to(device), images, config, dtype=kind, workers=workers)

    found = [
        Contestant(OURS, make_trainer(config)),
        Contestant(PLAIN, loop(build_model(model))),
    ]
    best, in_parts = config, ""
    if device.type == "cpu":
        other = torch.bfloat16 if dtype == torch.float32 else torch.float32
        found.append(Contestant(f"{PLAIN}, {NAMES[other]}", loop(build_model(model), other)))
        if config.batch_size % PART == 0 and config.batch_size > PART:
            best, in_parts = replace(config, accumulate=config.batch_size // PART), f", parts of {PART}"
            found.append(Contestant(OURS + in_parts, make_trainer(best)))
    theirs = build_timm_network(model)
    if theirs is None:
        print(TIMM_MISSING, file=sys.stderr)
    else:
        found.append(Contestant(f"{PLAIN}, timm's ViT", loop(theirs)))
    if compiled:
        fast = replace(best, compile=True, cuda_graph=True)
        found.append(Contestant(f"{OURS}{in_parts}, compiled", make_trainer(fast)))
    seen = replace(config.augment, token_keep=((1.0, 0.5),))
    half = replace(config, augment=seen, compile=compiled, cuda_graph=compiled)
    found.append(Contestant(HALF, make_trainer(half)))
    return found
