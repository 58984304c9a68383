"""One run: its pictures, its network, and how far it is."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from train.batches import Batches
from train.config import TrainConfig
from train.data import Resident
from train.keep import draw_keep
from train.losses import Losses
from train.parallel import Division
from train.splits import AnySplit, count_steps, load_splits
from train.step import Learner
from train.watch import Tally, check_log
from vitdemo.config import ViTConfig
from vitdemo.cost import macs
from vitdemo.processes import World, take_device


class Run:
    """A training run. Its random numbers are a function of (seed, step) alone, so it resumes exactly."""

    def __init__(self, config: TrainConfig, *, splits: dict[str, AnySplit] | None = None) -> None:
        """Load what the recipe names; `splits` replaces what the config's data set would load."""
        check_log(config)
        self.config = config
        self.device, self.world = take_device(config.device), World.current()
        self.splits = splits or load_splits(config, self.device)
        pictures, division = self.splits["train"], Division.of(config, self.world)
        self.steps_per_epoch = count_steps(config, len(pictures))
        self.total = config.max_steps or config.epochs * self.steps_per_epoch
        # Shapes are fixed then, and nobody else must be waited for.
        alone = division.parts == 1 and isinstance(pictures, Resident)
        captured = config.cuda_graph and self.device.type == "cuda" and alone
        torch.manual_seed(config.seed)
        self.learner = Learner(config, pictures, device=self.device, division=division, captured=captured)
        self.batches = Batches(config, pictures, self.learner.teacher, division=division, captured=captured)
        self.step, self.seconds, self.tally = 0, 0.0, Tally(self.device)
        self.history: list[dict[str, Any]] = []
        self.stopping = False

    def train_step(self, rows: Int[Tensor, "b"]) -> Losses:
        """Learn from one batch, which is skipped where its gradients are not finite.

        Return the loss terms and the accuracy in percent on the augmented batch, of this process's parts.
        """
        done, seed = self.step / self.total, self.config.seed * 1_000_003 + self.step
        torch.manual_seed(seed)
        keep = draw_keep(self.config, done)
        self.learner.update.set_rates((self.step + 1) / self.total)
        seen = self.learner.step(self.batches.cut(rows, done=done, seed=seed), keep)
        finite, searching = seen.pop("finite"), seen.pop("searching")
        # fp16 looks for the loss scale in steps that fail with a sound loss: many of them in a row are one.
        self.tally.add(seen, finite=finite, weight=torch.where(searching, 1 / 8, 1.0))
        return seen

    def stop(self) -> None:
        """Ask `fit` to save and exit; a signal may call it at any time.

        That is after the step in progress, or at the next log step where several processes must agree.
        """
        self.stopping = True

    @cached_property
    def contents(self) -> str:
        """What tells the pictures that it learns from from others."""
        return self.splits["train"].fingerprint()

    @property
    def draws(self) -> bool:
        """Whether this process draws maps after each epoch (`train.maps`)."""
        return bool(self.config.maps) and self.world.writes

    @property
    def macs(self) -> float:
        """Multiply-accumulates of one training picture's forward pass now; 0 where a draw decides."""
        model, config = self.config.model, self.config
        if not isinstance(model, ViTConfig) or config.objective != "classify":
            return 0
        share = config.augment.tokens_at(self.step / self.total)
        return macs(model, tokens=(max(1, round(model.num_patches * share)),))

    @property
    def skipped(self) -> int:
        """Steps without finite gradients; reading it waits for the device."""
        return int(self.tally.total)
