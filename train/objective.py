"""A run's objective: the loss that its recipe names, in one module with the network."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from train.batches import Batch
from train.config import TrainConfig
from train.losses import Outcome, classify_loss, elastic_loss
from train.official import official_loss
from vitdemo.models import DynamicViT, VisionTransformer

Loss = Callable[[nn.Module, Batch, float], Outcome]


def choose_loss(config: TrainConfig, dense: VisionTransformer | None) -> Loss:
    """Return the loss of the run's objective: of a network, a batch, and the share of the patches it keeps.

    `dense` is the network that the objectives "elastic" and "official" learn from.
    """

    def loss(network: nn.Module, batch: Batch, keep: float) -> Outcome:
        if config.objective == "classify":
            return classify_loss(network, batch, config=config, token_keep=keep)
        assert isinstance(network, DynamicViT)
        assert dense is not None
        if config.objective == "official":
            return official_loss(network, batch, config=config, dense=dense)
        return elastic_loss(network, batch, config=config, dense=dense, keep_ratio=keep)

    return loss


class Objective(nn.Module):
    """Network and loss in one module.

    DistributedDataParallel averages the gradients of what its forward uses, and a loss may call any method of
    the network.
    """

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, batch: Batch, keep: float) -> Outcome:
        return self.loss(self.network, batch, keep)
