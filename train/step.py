"""One run: model, optimisers and moving average, and what one batch does to them."""

from __future__ import annotations

import hashlib
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from train import checkpoint
from train.batches import Batch, Batches
from train.config import TrainConfig, config_to_json
from train.data import Resident, epoch_order
from train.evaluate import accuracy
from train.losses import Losses, classify, elastic
from train.optim import build_optimizers, ema_of, lr_factor, set_lr
from train.resnet import ResNet9, ResNetConfig
from train.teacher import ANSWERS, Cached, Live, Teacher, load_teacher
from vitdemo.config import ViTConfig
from vitdemo.datasets import DATASETS
from vitdemo.models import DynamicViT, VisionTransformer, build_model
from vitdemo.weights import load_model

LOG_EVERY = 10  # steps between reads of the loss, each of which waits for the device


def device_of(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def precision_of(config: TrainConfig, device: torch.device) -> torch.dtype:
    """The autocast type; `auto` is bf16 where the processor has it, else fp16 on CUDA and fp32 on the CPU."""
    if config.precision != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[config.precision]
    if device.type != "cuda":
        return torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def build_network(config: ViTConfig | ResNetConfig) -> VisionTransformer | ResNet9:
    """The network of a run, randomly initialised."""
    if isinstance(config, ResNetConfig):
        return ResNet9(config).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return build_model(config)


class Run:
    """A training run. Its random numbers are a function of (seed, step) alone, so it resumes exactly."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.device = device_of(config.device)
        self.dtype = precision_of(config, self.device)
        spec = DATASETS[config.dataset]
        if spec.load is None:
            raise ValueError(f"dataset {config.dataset!r} cannot be trained on")
        self.splits = {
            split: Resident.of(spec.load(Path(config.data), split), data=spec.data, device=self.device)
            for split in ("train", "val", "test")
        }
        torch.manual_seed(config.seed)
        self.model = build_network(config.model).to(self.device)
        self.dense = self.start_from(config.init_from) if config.init_from else None
        self.teacher = self.find_teacher()
        self.batches = Batches(config, self.splits["train"], self.teacher)
        self.optimizers = build_optimizers(self.model, config)
        self.ema = ema_of(self.model, config.ema)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)
        self.steps_per_epoch = len(self.splits["train"]) // config.batch_size
        self.total = config.max_steps or config.epochs * self.steps_per_epoch
        self.step, self.seconds, self.skipped = 0, 0.0, 0
        self.history: list[dict[str, Any]] = []
        self.stopping = False

    def start_from(self, source: str) -> VisionTransformer:
        """Takes the weights of a dense checkpoint, and returns that network."""
        dense = load_model(source, device=str(self.device)).model
        missing, unexpected = self.model.load_state_dict(dense.state_dict(), strict=False)
        foreign = [key for key in missing if not key.startswith("score_predictor")] + unexpected
        if foreign:
            raise ValueError(f"init_from {source!r} does not fit the model: {foreign[0]}")
        return dense.requires_grad_(False).eval()

    def find_teacher(self) -> Teacher | None:
        """Who distils: the named run's ResNet, else the network that the run started from."""
        config = self.config
        if not config.distill:
            return None
        if not config.teacher:
            return Live(self.dense, temperature=config.temperature) if self.dense else None
        folder = config.runs_dir / config.teacher
        network = load_teacher(folder)[0].to(self.device)
        if config.teacher_cache:
            file = folder / ANSWERS
            return Cached(network, self.splits["train"], temperature=config.temperature, file=file)
        return Live(network, temperature=config.temperature)

    def loss(self, batch: Batch) -> Losses:
        config, done = self.config, self.step / self.total
        if config.objective == "elastic":
            assert isinstance(self.model, DynamicViT)
            if self.dense is None:
                raise ValueError("objective 'elastic' needs init_from: the network whose attention it learns")
            return elastic(self.model, batch, config=config, dense=self.dense)
        keep = next((keep for until, keep in config.token_keep if done < until), 1.0)
        return classify(self.model, batch, config=config, token_keep=keep)

    def train_step(self, rows: Int[Tensor, "b"]) -> Losses:
        """Forward, backward, clip, step, moving average. A step without finite gradients is skipped."""
        torch.manual_seed(self.config.seed * 1_000_003 + self.step)
        set_lr(self.optimizers, lr_factor((self.step + 1) / self.total, self.config))
        batch = self.batches.augmented(rows, done=self.step / self.total)
        with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            if self.teacher and batch.soft is None:
                batch = replace(batch, soft=self.teacher.seen(batch.x))
            losses = self.loss(batch)
        self.scaler.scale(torch.stack(list(losses.values())).sum()).backward()
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if bool(norm.isfinite()):
            for optimizer in self.optimizers:
                self.scaler.step(optimizer)
            self.ema.update_parameters(self.model)
        else:
            self.skipped += 1
        self.scaler.update()
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        return losses

    def fit(self) -> None:
        """All remaining steps, with a progress bar; the state is saved after every epoch and at a stop."""
        self.model.train()
        with tqdm(total=self.total, initial=self.step, unit="step", dynamic_ncols=True) as bar:
            while self.step < self.total:
                self.epoch(bar)

    def stop(self) -> None:
        """Asks `fit` to save and exit after the step in progress; a signal may call it at any time."""
        self.stopping = True

    def epoch(self, bar: tqdm) -> None:
        """The rest of the epoch, then validation. Exits with a message when asked to stop."""
        epoch, first = divmod(self.step, self.steps_per_epoch)
        order = epoch_order(len(self.splits["train"]), seed=self.config.seed, epoch=epoch).to(self.device)
        size, start = self.config.batch_size, time.perf_counter()
        end = min(self.steps_per_epoch, first + self.total - self.step)
        logged: list[dict[str, float]] = []
        for number in range(first, end):
            begin = time.perf_counter()
            losses = self.train_step(order[number * size : (number + 1) * size])
            self.step += 1
            bar.update()
            if self.step % LOG_EVERY == 0 or number == end - 1:
                logged.append({key: value.item() for key, value in losses.items()})
                shown = {key: f"{value:.3f}" for key, value in logged[-1].items()}
                bar.set_postfix(shown | {"images/s": f"{size / (time.perf_counter() - begin):.0f}"})
            if self.stopping:
                break
        self.seconds += time.perf_counter() - start
        if self.stopping:
            self.save()
            raise SystemExit(f"stopped at step {self.step}; --resume goes on")
        correct = accuracy(self.averaged, self.splits["val"])
        row = {
            "epoch": epoch + 1,
            "step": self.step,
            "val": round(correct, 2),
            "seconds": round(self.seconds),
        }
        for key in logged[0]:
            row[key] = round(statistics.fmean(losses[key] for losses in logged), 4)
        self.history.append(row)
        bar.write(str(row))
        self.save()

    @property
    def averaged(self) -> VisionTransformer | ResNet9:
        """The moving average of the network: what is evaluated and shipped."""
        assert isinstance(self.ema.module, VisionTransformer | ResNet9)
        return self.ema.module

    def fingerprint(self) -> str:
        """A run may only be resumed under the config it was begun with."""
        return hashlib.sha256(repr(config_to_json(self.config)).encode()).hexdigest()[:16]

    def save(self) -> None:
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        tensors |= {f"ema.{key}": value for key, value in self.ema.state_dict().items()}
        tensors |= checkpoint.optimizer_tensors(self.optimizers)
        progress = {"step": self.step, "seconds": self.seconds, "skipped": self.skipped}
        progress |= {
            "history": self.history,
            "config": self.fingerprint(),
            "scaler": self.scaler.state_dict(),
        }
        checkpoint.save_state(self.config.run_dir, tensors=tensors, progress=progress)

    def resume(self) -> None:
        """Go on from the state saved last. Raises ValueError where there is none, or of another config."""
        saved = checkpoint.load_state(self.config.run_dir)
        if saved is None:
            raise ValueError(f"nothing to resume in {self.config.run_dir}")
        tensors, progress = saved
        if progress["config"] != self.fingerprint():
            raise ValueError(f"{self.config.run_dir} holds a run with another configuration")
        for prefix, module in (("model.", self.model), ("ema.", self.ema)):
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            module.load_state_dict(own)
        checkpoint.load_optimizers(self.optimizers, tensors)
        self.scaler.load_state_dict(progress["scaler"])
        self.step, self.seconds = progress["step"], progress["seconds"]
        self.skipped, self.history = progress["skipped"], progress["history"]
