"""What one batch does to the network of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from train.batches import Batch
from train.config import TrainConfig
from train.data import Pictures
from train.graphs import Captured, Tensors
from train.losses import Losses
from train.network import build_network, choose_precision, compile_network
from train.objective import Objective, choose_loss
from train.parallel import Division, distribute, sync_gradients
from train.resnet import ResNet9
from train.setup import make_teacher, start_from
from train.update import Update
from vitdemo.models import VisionTransformer


class Learner:
    """A network, the networks that it learns from, and how its weights are updated."""

    def __init__(
        self,
        config: TrainConfig,
        pictures: Pictures,
        *,
        device: torch.device,
        division: Division,
        captured: bool,
    ) -> None:
        """Take the `pictures` of the training split; `captured`: take steps as CUDA graphs."""
        self.device, self.division = device, division
        self.dtype = choose_precision(config, device)
        self.model = build_network(config.model).to(device)
        self.dense = start_from(config, self.model, device)
        with division.world.let_one_go_first():  # a teacher keeps its answers in a file
            self.teacher = make_teacher(config, pictures, self.dense)
        self.update = Update(self.model, config.optim, scaled=self.dtype == torch.float16)
        torch.backends.cudnn.benchmark = True  # a run meets few shapes, and many times
        if config.compile:
            compile_network(self.model, config)
        self.objective = distribute(Objective(self.model, choose_loss(config, self.dense)), division.world)
        self.graphs = Captured(self.learn_tensors) if captured else None

    @property
    def averaged(self) -> VisionTransformer | ResNet9:
        """The moving average of the network: what is evaluated and shipped."""
        assert isinstance(self.update.ema.module, VisionTransformer | ResNet9)
        return self.update.ema.module

    def step(self, parts: Iterable[Batch], keep: float) -> Tensors:
        """Learn from this process's `parts` of a batch, and from the share `keep` of their patches.

        Return the loss terms and the accuracy in percent on them; `finite`, whether the step was taken; and
        `searching`, whether it failed for the loss scale alone.
        """
        if self.graphs is None:
            return self.learn(parts, keep)
        (batch,) = parts
        return dict(self.graphs(batch.tensors, keep))

    def learn_tensors(self, tensors: Tensors, keep: float) -> Tensors:
        """Learn from a batch in one part that is given as its tensors."""
        return self.learn([Batch(**tensors)], keep)

    def learn(self, parts: Iterable[Batch], keep: float) -> Tensors:
        """Take the step that `step` promises, kernel by kernel."""
        statistics = [buffer.clone() for buffer in self.model.buffers()]
        last = self.division.each - 1
        terms = [self.backward(part, keep, last=number == last) for number, part in enumerate(parts)]
        seen = {key: torch.stack([term[key] for term in terms]).mean() for key in terms[0]}
        finite = self.update.step(statistics)
        searching = add_up(seen).isfinite() & self.update.scaler.is_enabled()
        return {"finite": finite, "searching": searching, **seen}

    def backward(self, batch: Batch, keep: float, *, last: bool) -> Losses:
        """Add the gradients of one part to those there are; the `last` part averages all processes'."""
        with sync_gradients(self.objective, last):
            with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
                if self.teacher and batch.soft is None:
                    batch = replace(batch, soft=self.teacher.answer(batch.x))
                logits, losses = self.objective(batch, keep)
            self.update.scaler.scale(add_up(losses) / self.division.each).backward()
        hits = (logits.argmax(dim=-1) == batch.y.argmax(dim=-1)).float().mean()
        return {**{key: value.detach() for key, value in losses.items()}, "accuracy": 100 * hits}


def add_up(losses: Losses) -> Tensor:
    """Return the sum of the terms."""
    return torch.stack(list(losses.values())).sum()
