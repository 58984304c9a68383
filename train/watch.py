"""Watching a run: the progress bar, sums that wait on the device, MFU, TensorBoard and Weights & Biases."""

from __future__ import annotations

import importlib
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from train.config import TrainConfig, list_settings
from vitdemo.processes import World

BROKEN = 3  # steps in a row without finite gradients that stop a run

# Dense 16-bit peak in FLOP/s, from the makers' data sheets; the first name that a device's name holds counts.
PEAKS = {
    "B200": 2250e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "GH200": 989e12,
    "A100": 312e12,
    "A800": 312e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "A40": 150e12,
    "A10G": 70e12,
    "A10": 125e12,
    "A30": 165e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
    "V100": 125e12,
    "T4": 65e12,
}


def find_peak(device: str) -> float | None:
    """Return the dense 16-bit FLOP/s of the GPU named `device`, or None where it is not known."""
    return next((peak for name, peak in PEAKS.items() if re.search(rf"\b{name}\b", device)), None)


def mfu(images: float, *, macs: float, device: str, devices: int = 1) -> float | None:
    """Return model FLOPs utilisation in [0, 1] (Chowdhery et al. 2022, app. B).

    6 FLOP for each multiply-accumulate of the forward pass, at `images` a second, over the peak of `devices`
    GPUs. None where the peak is not known.
    """
    peak = find_peak(device)
    return None if peak is None else images * 6 * macs / (peak * devices)


class Tally:
    """Sums over the steps since the last reading, on the device: only a reading waits for it."""

    def __init__(self, device: torch.device) -> None:
        self.total = torch.zeros((), dtype=torch.long, device=device)
        self.row = torch.zeros((), device=device)  # skipped steps in a row
        self.begin()

    def begin(self) -> None:
        """Start the sums anew."""
        self.names: list[str] = []
        self.sums = self.total.new_zeros((), dtype=torch.double)
        self.worst, self.steps = torch.zeros_like(self.row), 0

    def add(self, values: dict[str, Tensor], *, finite: Bool[Tensor, ""], weight: Float[Tensor, ""]) -> None:
        """Add one step: what to average, whether it was taken, and what a skipped one counts (in a row)."""
        self.names = list(values)
        stacked = torch.stack([value.detach().double() for value in values.values()])
        good = stacked.isfinite().all()
        counted = torch.cat([stacked.new_ones(1), stacked]).masked_fill(~good, 0)
        self.sums = self.sums + counted
        self.steps += 1
        self.total = self.total + (~finite).long()
        self.row = (self.row + weight).masked_fill(finite, 0)
        self.worst = torch.maximum(self.worst, self.row)

    def read(self, world: World, *, stopping: bool) -> tuple[dict[str, float], bool, bool]:
        """Return means over steps and processes, whether any process was broken, whether any is to stop."""
        broken = (self.worst >= BROKEN).double()
        packed = torch.cat([self.sums, torch.stack([broken, broken.new_tensor(float(stopping))])])
        count, *values, broken, stop = world.sum(packed).tolist()
        names = self.names
        self.begin()
        means = {name: value / count for name, value in zip(names, values, strict=True)} if count else {}
        return means, broken > 0, stop > 0


class TensorBoard:
    """Event files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.inner = importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(folder))

    def write(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.inner.add_scalar(name, value, step)

    def show(self, step: int, pictures: dict[str, Image.Image]) -> None:
        for name, picture in pictures.items():
            self.inner.add_image(name, np.asarray(picture), step, dataformats="HWC")

    def close(self) -> None:
        self.inner.close()


class Wandb:
    """A Weights & Biases run kept in `folder`; nothing is sent (`wandb sync` does that when it is wanted)."""

    def __init__(self, folder: Path, config: TrainConfig) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.library = importlib.import_module("wandb")
        self.inner: Any = self.library.init(
            mode="offline",
            project="vitdemo",
            name=config.name,
            dir=str(folder),
            config=list_settings(config),
        )

    def write(self, step: int, values: dict[str, float]) -> None:
        self.inner.log(values, step=step)

    def show(self, step: int, pictures: dict[str, Image.Image]) -> None:
        images = {name: self.library.Image(picture) for name, picture in pictures.items()}
        self.inner.log(images, step=step)

    def close(self) -> None:
        self.inner.finish()


Writer = TensorBoard | Wandb  # where numbers go, beside the bar


def check_log(config: TrainConfig) -> None:
    """Raise ValueError where `log` asks for what is not installed."""
    modules = {"tensorboard": "torch.utils.tensorboard", "wandb": "wandb"}
    if config.log in modules:
        try:
            importlib.import_module(modules[config.log])
        except ImportError as error:
            raise ValueError(f"log={config.log} needs a package: pip install {config.log}") from error


def open_writers(config: TrainConfig) -> list[Writer]:
    """Return the writers that `log` asks for; `auto` is TensorBoard where it is installed."""
    if config.log == "wandb":
        return [Wandb(config.run_dir, config)]
    if config.log == "none":
        return []
    try:
        return [TensorBoard(config.run_dir / "tensorboard")]
    except ImportError:
        return []


class Watch:
    """The bar and the writers of one run; silent in all processes but the first."""

    def __init__(self, config: TrainConfig, *, step: int, total: int, world: World) -> None:
        self.size, self.world, self.last, self.since = config.batch_size, world, step, time.perf_counter()
        self.bar = tqdm(total=total, initial=step, unit="step", dynamic_ncols=True, disable=not world.writes)
        self.writers = open_writers(config) if world.writes else []

    def begin(self) -> None:
        """Count time from here on: after an evaluation, say."""
        self.since = time.perf_counter()

    def log(self, step: int, values: dict[str, float], *, macs: float, device: torch.device) -> None:
        """Write `values` and the speed since the last log. `macs`: of one picture, 0 where not known."""
        now = time.perf_counter()
        speed = self.size * (step - self.last) / (now - self.since)
        self.last, self.since = step, now
        values = values | {"images/s": speed}
        if macs and device.type == "cuda":
            name = torch.cuda.get_device_name(device)
            share = mfu(speed, macs=macs, device=name, devices=self.world.size)
            values |= {} if share is None else {"MFU": share}
        shown = {name: f"{value:.0f}" if value >= 100 else f"{value:.3g}" for name, value in values.items()}
        self.bar.set_postfix(shown)
        self.write(step, values)

    def write_row(self, step: int, row: dict[str, Any]) -> None:
        """Write the row of a finished epoch."""
        self.bar.write(str(row))
        if "val" in row:
            self.write(step, {"val": row["val"]})

    def write(self, step: int, values: dict[str, float]) -> None:
        for writer in self.writers:
            writer.write(step, values)

    def show(self, step: int, pictures: dict[str, Image.Image]) -> None:
        """Write pictures, each by its name."""
        for writer in self.writers:
            writer.show(step, pictures)

    def close(self) -> None:
        self.bar.close()
        for writer in self.writers:
            writer.close()
