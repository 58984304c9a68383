"""The official DynamicViT objective against its formulas in float64, and what it teaches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from train.batches import Batch
from train.config import TrainConfig
from train.official import official_loss, ratio_loss, token_loss
from train.optim import build_optimizers, set_lr
from train.recipe import load_recipe
from vitdemo.config import PruneConfig, ViTConfig
from vitdemo.models import DynamicViT, VisionTransformer, dynamic_vit

DENSE = ViTConfig(
    img_size=32, patch_size=8, num_classes=10, embed_dim=32, depth=4, num_heads=2, global_pool="token_avg"
)
CONFIG = replace(DENSE, prune=PruneConfig((1, 2, 3), keep_ratio=0.8))
X = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
Y = torch.eye(10)[:4]


def read_recipe(*words: str) -> TrainConfig:
    return load_recipe("cifar10_dynamicvit_official", list(words))


def make_pair(**changes: Any) -> tuple[VisionTransformer, DynamicViT]:
    """Return a dense network, and a student that starts from it, a little moved."""
    dense, student = (
        VisionTransformer(replace(DENSE, **changes)).eval(),
        DynamicViT(replace(CONFIG, **changes)),
    )
    student.load_state_dict(dense.state_dict(), strict=False)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return dense.requires_grad_(False), student


def test_the_ratio_term_by_hand() -> None:
    policies = [torch.tensor([[1.0, 1, 1, 0], [1, 1, 1, 1]]), torch.tensor([[1.0, 0, 0, 0], [1, 1, 0, 0]])]
    wanted = ((0.75 - 0.5) ** 2 + (1 - 0.5) ** 2 + (0.25 - 0.25) ** 2 + (0.5 - 0.25) ** 2) / 4
    assert ratio_loss(policies, 0.5).item() == pytest.approx(wanted)


def test_only_kept_tokens_are_compared_and_an_empty_draw_costs_nothing() -> None:
    student, teacher = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    policy = torch.tensor([[1.0, 0, 1], [0, 0, 1]])
    wanted = sum(
        ((student[b, i].double() - teacher[b, i].double()) ** 2).sum() for b, i in ((0, 0), (0, 2), (1, 2))
    )
    torch.testing.assert_close(token_loss(student, teacher, policy).double(), wanted / 15)
    assert token_loss(student, teacher, torch.zeros(2, 3)).item() == 0


def write_out(student: DynamicViT, dense: VisionTransformer, config: TrainConfig) -> dict[str, Tensor]:
    """Eq. 12-16 in float64, for the draws that the present random state gives."""
    output = student.forward_masked(X, dynamic_vit.Gumbel())
    answers = dense(X).double()
    final = dense.norm(dense.encode(X).x)[:, 1:].double()
    smooth = config.augment.label_smoothing
    log_q = output.logits.double().log_softmax(dim=1)
    p = answers.softmax(dim=1)
    ratio, squares, kept = torch.zeros(()).double(), torch.zeros(()).double(), 0
    for b in range(4):
        for stage, policy in enumerate(output.policies):
            ratio += (policy[b].double().sum() / 16 - 0.8 ** (stage + 1)) ** 2 / 12
        for i in range(16):
            if output.policies[-1][b, i] > 0.5:
                squares += ((output.patches[b, i].double() - final[b, i]) ** 2).mean()
                kept += 1
    return {
        "cross_entropy": -(((1 - smooth) * Y + smooth / 10) * log_q).sum(dim=1).mean(),
        "distill": 0.5 * (p * (p.log() - log_q)).sum(dim=1).mean(),
        "ratio": 2 * ratio,
        "tokens": 0.5 * squares / kept,
    }


@pytest.mark.parametrize("pool", ["token_avg", "avg"])
@torch.no_grad()
def test_the_objective_is_the_papers(pool: str) -> None:
    dense, student = make_pair(global_pool=pool)
    torch.manual_seed(3)
    found = official_loss(student, Batch(X, Y), config=read_recipe(), dense=dense).losses
    torch.manual_seed(3)
    wanted = write_out(student, dense, read_recipe())
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert value > 1e-4, name
        torch.testing.assert_close(found[name].double(), value, atol=1e-6, rtol=1e-4, msg=name)


def test_an_answer_that_is_there_is_not_asked_again() -> None:
    dense, student = make_pair()
    losses = []
    for soft in (torch.eye(10)[:4], torch.eye(10)[4:8]):
        torch.manual_seed(0)
        losses.append(
            official_loss(student, Batch(X, Y, soft), config=read_recipe(), dense=dense).losses["distill"]
        )
    assert losses[0] != losses[1]


@pytest.mark.parametrize("term", ["cross_entropy", "distill", "ratio", "tokens"])
def test_each_term_teaches_every_predictor_and_the_backbone(term: str) -> None:
    dense, student = make_pair()
    official_loss(student, Batch(X, Y), config=read_recipe(), dense=dense).losses[term].backward()
    pulls = {
        name: 0.0 if p.grad is None else float(p.grad.abs().max()) for name, p in student.named_parameters()
    }
    assert pulls["blocks.0.attn.qkv.weight"] > 1e-7
    for stage in range(3):
        pull = max(value for name, value in pulls.items() if name.startswith(f"score_predictor.{stage}."))
        assert pull > 1e-7, stage


def list_shares(model: DynamicViT) -> list[float]:
    with torch.no_grad():
        draws = [model.forward_masked(X, dynamic_vit.Gumbel()).policies for _ in range(50)]
    return [torch.stack([draw[stage] for draw in draws]).mean().item() for stage in range(3)]


def test_the_kept_share_comes_to_the_wanted_one_while_the_rest_rests() -> None:
    dense, student = make_pair()
    config = read_recipe("optim.freeze_backbone=1.0", "optim.lr=3e-3", "optim.warmup=0.01")
    optimizers = build_optimizers(student, config.optim)
    before = {name: value.clone() for name, value in student.state_dict().items()}
    wanted = [0.8, 0.64, 0.512]
    assert max(abs(a - b) for a, b in zip(list_shares(student), wanted, strict=True)) > 0.2
    for step in range(60):
        set_lr(optimizers, (step + 1) / 200, config.optim)
        losses = official_loss(student, Batch(X, Y), config=config, dense=dense).losses
        torch.stack(list(losses.values())).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    assert max(abs(a - b) for a, b in zip(list_shares(student), wanted, strict=True)) < 0.1
    for name, value in student.state_dict().items():
        rests = not name.startswith("score_predictor")
        assert torch.equal(value, before[name]) == rests, name


def test_frozen_names_never_learn_and_the_backbone_wakes_up() -> None:
    dense, student = make_pair()
    config = read_recipe("optim.freeze_backbone=0.5", "optim.optimizer=muon")
    optimizers = build_optimizers(student, config.optim)
    before = {name: value.clone() for name, value in student.state_dict().items()}
    set_lr(optimizers, 0.51, config.optim)
    losses = official_loss(student, Batch(X, Y), config=config, dense=dense).losses
    torch.stack(list(losses.values())).sum().backward()
    for optimizer in optimizers:
        optimizer.step()
    rested = {name for name, value in student.state_dict().items() if torch.equal(value, before[name])}
    assert rested == {"cls_token", "pos_embed"}
    with pytest.raises(ValueError, match="frozen names 'pos_embedding'"):
        build_optimizers(student, replace(config.optim, frozen=("pos_embedding",)))
