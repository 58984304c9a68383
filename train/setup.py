"""What a run starts from: pictures, the weights of another network, a teacher."""

from __future__ import annotations

import torch
from torch import nn

from train.config import TrainConfig
from train.data import Pictures
from train.teacher import ANSWERS, Cached, Live, Teacher, load_teacher
from vitdemo.models import VisionTransformer
from vitdemo.weights import load_model


def start_from(source: str, model: nn.Module, device: torch.device) -> VisionTransformer:
    """Gives `model` the weights of the dense checkpoint `source`, and returns that network."""
    dense = load_model(source, device=str(device)).model
    missing, unexpected = model.load_state_dict(dense.state_dict(), strict=False)
    foreign = [key for key in missing if not key.startswith("score_predictor")] + unexpected
    if foreign:
        raise ValueError(f"init_from {source!r} does not fit the model: {foreign[0]}")
    return dense.requires_grad_(False).eval()


def find_teacher(config: TrainConfig, split: Pictures, dense: VisionTransformer | None) -> Teacher | None:
    """Who distils: the named run's ResNet, else the network that the run started from, `dense`."""
    if not config.distill:
        return None
    if not config.teacher:
        if dense is None or config.objective == "official":  # which asks the dense network itself
            return None
        return Live(dense, temperature=config.temperature)
    folder = config.runs_dir / config.teacher
    network = load_teacher(folder)[0].to(split.labels.device)
    if config.teacher_cache:
        return Cached(network, split, temperature=config.temperature, file=folder / ANSWERS)
    return Live(network, temperature=config.temperature)
