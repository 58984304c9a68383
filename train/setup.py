"""The networks that a run builds on: whose weights it starts from, and who teaches it."""

from __future__ import annotations

import torch
from torch import nn

from train.config import TrainConfig
from train.data import Pictures
from train.teacher import ANSWERS, Cached, Live, Teacher, load_teacher
from train.transfer import HEAD, transfer
from vitdemo.models import VisionTransformer
from vitdemo.weights import load_model
from vitdemo.weights.shelf import find_exports

LOCAL = ".attn.local."  # in the names of what mixes in the values nearby, which any network can begin with


def find_start(config: TrainConfig) -> str:
    """Return what `config.init_from` names: what a run has exported goes before a bundled network."""
    return str(find_exports(config.runs_dir).get(config.init_from, config.init_from))


def start_from(config: TrainConfig, model: nn.Module, device: torch.device) -> VisionTransformer | None:
    """Give `model` the weights of the dense network `config.init_from`, if it names one, and return that one.

    From another data set take all but the classifier; for another picture or patch size, resample.
    Raise ValueError where the checkpoint does not fit, or where a loss asks it about what it cannot take.
    """
    if not config.init_from:
        return None
    assert isinstance(model, VisionTransformer)
    loaded = load_model(find_start(config), device=str(device))
    dense, same_data = loaded.model, loaded.spec.data.dataset == config.data.dataset
    same_pictures = same_data and dense.config.img_size == model.config.img_size
    teaches = config.objective != "classify" or (config.distil.weight and not config.distil.teacher)
    if teaches and not (same_pictures and dense.config.grid == model.config.grid):
        raise ValueError(
            f"init_from {config.init_from!r} knows another data set, picture size or grid of patches, so it "
            "can start the model but not teach it: name distil.teacher, or choose distil.weight=0 and "
            "objective=classify"
        )
    given, own = transfer(dense, model, head=same_data), model.state_dict()
    new = ("score_predictor",) if same_data else ("score_predictor", HEAD)
    fresh = [key for key in own if key.startswith(new) or LOCAL in key]
    foreign = [key for key in own if key not in given and key not in fresh]
    foreign += [key for key, value in given.items() if key not in own or own[key].shape != value.shape]
    if foreign:
        raise ValueError(f"init_from {config.init_from!r} does not fit the model: {foreign[0]}")
    model.load_state_dict(given, strict=False)
    return dense.requires_grad_(False).eval()


def make_teacher(config: TrainConfig, split: Pictures, dense: VisionTransformer | None) -> Teacher | None:
    """Return who distils: the named run's ResNet, else the network that the run started from, `dense`.

    Return None where nobody does, or where the objective asks `dense` itself.
    """
    options = config.distil
    if not options.weight:
        return None
    network, file = dense, None
    if options.teacher:
        folder = config.runs_dir / options.teacher
        network, file = load_teacher(folder)[0].to(split.labels.device), folder / ANSWERS
    elif config.objective != "classify":
        return None
    if network is None:
        return None
    if options.teacher_cache:
        return Cached(network, split, temperature=options.temperature, file=file)
    return Live(network, temperature=options.temperature)
