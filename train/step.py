"""One run: model, optimisers and moving average, and what one batch does to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from math import lcm
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from train.batches import Batch, Batches
from train.config import TrainConfig
from train.data import Resident
from train.graphs import Recorded, Tensors
from train.losses import Losses, classify, draw_ratio, elastic
from train.network import build_network, compile_network, precision_of
from train.official import official
from train.optim import Average, build_optimizers, set_lr, step_where
from train.parallel import Objective, World, device_of, share, unsynced
from train.resnet import ResNet9
from train.setup import find_teacher, start_from
from train.splits import AnySplit, load_splits
from train.watch import Tally, check_log
from vitdemo.config import ViTConfig
from vitdemo.cost import macs
from vitdemo.models import DynamicViT, VisionTransformer


class Run:
    """A training run. Its random numbers are a function of (seed, step) alone, so it resumes exactly."""

    def __init__(self, config: TrainConfig, *, splits: dict[str, AnySplit] | None = None) -> None:
        """`splits` replaces what the config's data set would load."""
        self.config = config
        self.device, self.world = device_of(config.device), World.current()
        check_log(config)
        self.dtype = precision_of(config, self.device)
        self.splits = splits or load_splits(config, self.device)
        torch.manual_seed(config.seed)
        self.model = build_network(config.model).to(self.device)
        self.dense = self.start()
        with self.world.one_first():  # a teacher keeps its answers in a file
            self.teacher = find_teacher(config, self.splits["train"], self.dense)
        self.optimizers = build_optimizers(self.model, config.optim)
        self.ema = Average(self.model, config.optim.ema)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)
        self.steps_per_epoch = len(self.splits["train"]) // config.batch_size
        self.total = config.max_steps or config.epochs * self.steps_per_epoch
        self.num_parts = self.count_parts()
        recorded = self.recorded
        self.batches = Batches(config, self.splits["train"], self.teacher, recorded=recorded)
        self.graphs = Recorded(lambda tensors: self.learn([Batch(**tensors)])) if recorded else None
        self.prepare()
        self.step, self.seconds, self.tally = 0, 0.0, Tally(self.device)
        self.history: list[dict[str, Any]] = []
        self.stopping = False

    def start(self) -> VisionTransformer | None:
        """The network that this one goes on from, if the recipe names one."""
        if not self.config.init_from:
            return None
        assert isinstance(self.model, VisionTransformer)
        return start_from(self.config, self.model, self.device)

    def count_parts(self) -> int:
        """How many small batches make one batch: `accumulate`, and each process has as many."""
        config = self.config
        parts = lcm(config.accumulate, self.world.size)
        if config.batch_size % parts:
            raise ValueError(f"batch_size={config.batch_size} cannot be cut into {parts} parts of one size")
        if not self.steps_per_epoch:
            raise ValueError(f"batch_size={config.batch_size} is more than the training pictures there are")
        return parts

    def prepare(self) -> None:
        """What training alone needs of the network: a look at its logits, speed, shared gradients."""
        self.logits: Tensor | None = None
        self.model.register_forward_hook(self.see)
        torch.backends.cudnn.benchmark = True  # a run meets few shapes, and many times
        if self.config.compile:
            compile_network(self.model, self.config)
        self.objective = share(Objective(self.model, self.loss), self.world)

    def see(self, network: nn.Module, inputs: Any, output: Any) -> None:
        self.logits = output.detach()

    def loss(self, batch: Batch) -> Losses:
        config = self.config
        if config.objective in ("elastic", "official"):
            assert isinstance(self.model, DynamicViT)
            assert self.dense is not None
            if config.objective == "official":
                return official(self.model, batch, config=config, dense=self.dense)
            return elastic(self.model, batch, config=config, dense=self.dense, keep_ratio=self.keep)
        return classify(self.model, batch, config=config, token_keep=self.keep)

    def draw_keep(self) -> float:
        """The share of the patches that this step trains on: of all, or in the elastic objective at each
        stage."""
        return draw_ratio(self.config.prune) if self.config.objective == "elastic" else self.token_keep

    @property
    def token_keep(self) -> float:
        """The share of the patches that `token_keep` says now."""
        done = self.step / self.total
        return next((keep for until, keep in self.config.augment.token_keep if done < until), 1.0)

    @property
    def recorded(self) -> bool:
        """Whether steps run as CUDA graphs: shapes are fixed, and nobody else must be waited for."""
        on_gpu = self.config.cuda_graph and self.device.type == "cuda"
        return on_gpu and self.num_parts == 1 and isinstance(self.splits["train"], Resident)

    def own(self, rows: Int[Tensor, "b"]) -> list[tuple[int, slice]]:
        """The parts of a batch that this process learns from: their numbers, and their places in it."""
        size, each = len(rows) // self.num_parts, self.num_parts // self.world.size
        first = self.world.rank * each
        return [(number, slice(number * size, (number + 1) * size)) for number in range(first, first + each)]

    def announce(self, batches: list[Int[Tensor, "b"]]) -> None:
        """The rows of the epoch's batches to come, so that a folder's pictures can be decoded ahead."""
        parts = [rows[place] for rows in batches for _, place in self.own(rows)]
        self.batches.begin(parts, epoch=self.step // self.steps_per_epoch)

    def parts(self, rows: Int[Tensor, "b"]) -> Iterator[Batch]:
        """This process's parts of the batch.

        What augments a resident split is drawn for the whole batch, alike in all processes, whatever the
        number of parts. What the network draws (tokens, stochastic depth), and what augments the pictures of
        a folder, which no process decodes for another, is drawn for each part by itself.
        """
        done = self.step / self.total
        resident = isinstance(self.splits["train"], Resident)
        whole = self.batches.augmented(rows, done=done) if resident else None
        for number, place in self.own(rows):
            if number:
                torch.manual_seed(self.seed + (number << 40))
            yield whole.part(place) if whole else self.batches.augmented(rows[place], done=done)

    @cached_property
    def pictures(self) -> str:
        """What tells the pictures that it learns from from others."""
        return self.splits["train"].fingerprint()

    @property
    def seed(self) -> int:
        """Where this step's random numbers begin."""
        return self.config.seed * 1_000_003 + self.step

    def backward(self, batch: Batch, *, last: bool) -> Losses:
        """Adds the gradients of one part to those there are; the `last` part averages all processes'."""
        each = self.num_parts // self.world.size
        with unsynced(self.objective, last):
            with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
                if self.teacher and batch.soft is None:
                    batch = replace(batch, soft=self.teacher.seen(batch.x))
                losses = self.objective(batch)
            self.scaler.scale(torch.stack(list(losses.values())).sum() / each).backward()
        seen = {key: value.detach() for key, value in losses.items()}
        if self.logits is not None:
            hits = self.logits.argmax(dim=-1) == batch.y.argmax(dim=-1)
            seen["accuracy"], self.logits = 100 * hits.float().mean(), None
        return seen

    def train_step(self, rows: Int[Tensor, "b"]) -> Losses:
        """Forward, backward, clip, step, moving average. A step without finite gradients is skipped.

        Returns the loss terms and the accuracy in percent on the augmented batch, of this process's parts.
        """
        set_lr(self.optimizers, (self.step + 1) / self.total, self.config.optim)
        torch.manual_seed(self.seed)
        self.keep = self.draw_keep()
        if self.graphs:
            (batch,) = self.parts(rows)
            seen = dict(self.graphs(batch.tensors, key=self.keep))
        else:
            seen = self.learn(self.parts(rows))
        finite, searching = seen.pop("finite"), seen.pop("searching")
        # fp16 looks for the loss scale in steps that fail with a sound loss: many of them in a row are one.
        self.tally.add(seen, finite=finite, weight=torch.where(searching, 1 / 8, 1.0))
        return seen

    def learn(self, parts: Iterable[Batch]) -> Tensors:
        """What `train_step` does once its pictures are there. Beside what that returns: `finite`, whether the
        step was taken, and `searching`, whether it failed for the loss scale alone."""
        each = self.num_parts // self.world.size
        before = [buffer.clone() for buffer in self.model.buffers()]
        terms = [self.backward(part, last=n == each - 1) for n, part in enumerate(parts)]
        seen = {key: torch.stack([term[key] for term in terms]).mean() for key in terms[0]}
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optim.clip)
        finite = norm.isfinite()
        for buffer, value in zip(self.model.buffers(), before, strict=True):  # batch norm's statistics
            buffer.copy_(torch.where(finite, buffer, value))
        step_where(finite, self.optimizers, model=self.model, ema=self.ema)
        self.scaler.update()
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        searching = torch.stack(list(seen.values())).sum().isfinite() & self.scaler.is_enabled()
        return {"finite": finite, "searching": searching, **seen}

    def stop(self) -> None:
        """Asks `fit` to save and exit; a signal may call it at any time.

        That is after the step in progress, or at the next log step where several processes must agree.
        """
        self.stopping = True

    @property
    def macs(self) -> float:
        """Multiply-accumulates of one training picture's forward pass now; 0 where a draw decides."""
        model, config = self.config.model, self.config
        if not isinstance(model, ViTConfig) or config.objective != "classify":
            return 0
        return macs(model, tokens=(max(1, round(model.num_patches * self.token_keep)),))

    @property
    def skipped(self) -> int:
        """Steps without finite gradients; reading it waits for the device."""
        return int(self.tally.total)

    @property
    def averaged(self) -> VisionTransformer | ResNet9:
        """The moving average of the network: what is evaluated and shipped."""
        assert isinstance(self.ema.module, VisionTransformer | ResNet9)
        return self.ema.module
