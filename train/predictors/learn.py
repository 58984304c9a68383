"""Predictors learn, stage by stage, which of the patches still present matter to the frozen network."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from train.data import epoch_order
from train.keep import draw_ratio
from train.losses import Noisy, score_loss
from train.options import PruneOptions
from train.predictors.config import PredictorsConfig
from train.predictors.features import Features
from train.update import Update
from vitdemo.config import PruneConfig
from vitdemo.models import DynamicViT, VisionTransformer, build_model
from vitdemo.models.pruning import add_prefix, gather_tokens, keep_counts, top_ids
from vitdemo.weights.records import PREDICTOR

Scores = list[Float[Tensor, "b _"]]
Places = list[Int[Tensor, "b _"]]


def add_fresh(model: VisionTransformer, prune: PruneConfig) -> DynamicViT:
    """Return a network that shares the weights of `model`, with new predictors, which alone can learn."""
    network = build_model(replace(model.config, prune=prune))
    assert isinstance(network, DynamicViT)
    network.to(next(model.parameters()).device)
    shared = {key: value for key, value in model.state_dict().items() if not key.startswith(PREDICTOR)}
    network.load_state_dict(shared, strict=False, assign=True)
    network.requires_grad_(False).eval().score_predictor.requires_grad_(True)
    return network


def score_stages(
    network: DynamicViT, tokens: Float[Tensor, "b n d"], *, keep_ratio: float, noise: float
) -> tuple[Scores, Places]:
    """Return each stage's scores, and the patches that were there to be scored.

    `tokens` enter the first stage. Patches are really removed; what comes after the last stage is not run.
    """
    config, selector = network.config, Noisy(network, noise)
    prefix, loc = config.num_prefix_tokens, config.prune_loc
    ids = torch.arange(tokens.shape[1], device=tokens.device).expand(len(tokens), -1)
    counts, places = keep_counts(config.num_patches, keep_ratio, len(loc)), []
    for number, index in enumerate(loc):
        places.append(ids[:, prefix:] - prefix)
        chosen = selector(tokens, None, network.stage(index, ids))
        if number + 1 == len(loc):
            break
        rows = add_prefix(top_ids(chosen, counts[number]), prefix)
        tokens, ids = gather_tokens(tokens, rows), ids.gather(1, rows)
        angles = network.angles(ids)
        for block in network.blocks[index : loc[number + 1]]:
            tokens = block(tokens, angles=angles, ids=ids)
    return selector.clean, places


def learn(network: DynamicViT, features: Features, config: PredictorsConfig) -> list[float]:
    """Train the predictors of `network`, and return the mean loss of each epoch.

    What they are then is their moving average. Raise ValueError where no step had finite gradients.
    """
    size = min(config.batch_size, len(features))
    total = config.epochs * (len(features) // size)
    update, device = Update(network.score_predictor, config.optim), next(network.parameters()).device
    ratios = PruneOptions(keep_ratio_range=config.keep_ratio_range, dense_share=0.0)
    losses: list[float] = []
    with tqdm(total=total, desc="predictors", unit="step", leave=False) as bar:
        for epoch in range(config.epochs):
            order, seen = epoch_order(len(features), seed=config.seed, epoch=epoch), list[float]()
            for rows in order[: total // config.epochs * size].split(size):
                torch.manual_seed(config.seed * 1_000_003 + bar.n)
                update.set_rates((bar.n + 1) / total)
                scores, places = score_stages(
                    network,
                    features.tokens[rows].to(device).float(),
                    keep_ratio=draw_ratio(ratios),
                    noise=config.score_noise,
                )
                loss = score_loss(scores, places, features.importance[rows].to(device))
                loss.backward()
                if update.step([]):
                    seen.append(loss.item())
                bar.update()
            if not seen:
                raise ValueError("no step of an epoch had finite gradients: try a lower lr")
            losses.append(round(fmean(seen), 4))
            bar.write(f"epoch {epoch + 1}: loss {losses[-1]}")
    network.score_predictor.load_state_dict(update.ema.module.state_dict())
    network.requires_grad_(False)
    return losses
