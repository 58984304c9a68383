"""Losses against their formulas, written out in float64."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from train import losses
from train.batches import Batch
from train.importance import importance
from train.losses import Noisy, classify_loss, distillation_loss, elastic_loss, score_loss
from train.recipe import load_recipe
from vitdemo.config import PruneConfig, ViTConfig
from vitdemo.models import DynamicViT, VisionTransformer
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import Learned
from vitdemo.recording import record
from vitdemo.trace import Recorder

CONFIG = ViTConfig(
    img_size=32, patch_size=8, num_classes=10, embed_dim=32, depth=4, num_heads=2, global_pool="token_avg"
)
X = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_distillation_is_the_scaled_divergence() -> None:
    student, teacher = torch.randn(4, 10), torch.randn(4, 10)
    p = (teacher.double() / 2).softmax(dim=-1)
    q = (student.double() / 2).softmax(dim=-1)
    wanted = 4 * (p * (p.log() - q.log())).sum(dim=-1).mean()
    found = distillation_loss(student, p.float(), 2.0)
    torch.testing.assert_close(found.double(), wanted, atol=1e-6, rtol=1e-5)


def test_importance_is_what_the_later_layers_look_at() -> None:
    teacher = VisionTransformer(CONFIG).eval()
    recorder = Recorder()
    teacher(X, recorder=recorder)
    found, logits = importance(teacher, X)
    torch.testing.assert_close(logits, teacher(X))  # the recorder takes the plain product, not the fused one
    wanted = torch.zeros(3, 16, dtype=torch.float64)
    for attn in recorder.attn[2:]:
        for head in range(2):
            matrix = attn[:, head].detach().double()
            wanted += (matrix[:, 0, 1:] + matrix[:, 1:, 1:].mean(dim=1)) / 4
    wanted /= wanted.sum(dim=1, keepdim=True)
    torch.testing.assert_close(found.double(), wanted, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("attention", ["softmax", "linear"])
def test_importance_for_a_class_is_the_attention_that_raises_its_logit(attention: str) -> None:
    """Each picture's, by the record that the page's maps are made from, from one logit at a time."""
    teacher = VisionTransformer(replace(CONFIG, attention=attention)).eval().double()
    x, y = X.double(), torch.tensor([1, 4, 9])
    found, logits = importance(teacher, x, torch.eye(10, dtype=torch.float64)[y])
    torch.testing.assert_close(logits, teacher(x))
    for picture, label, row in zip(x, y.tolist(), found, strict=True):
        trace = record(teacher, picture[None], target=label, grads=True)
        assert trace.attn_grad is not None
        wanted = torch.zeros(16, dtype=torch.float64)
        for attn, grad in zip(trace.attn[2:], trace.attn_grad[2:], strict=True):
            for head in range(2):
                for query in range(17):
                    wanted += (attn[head, query, 1:] * grad[head, query, 1:]).double().clamp_min(0)
        torch.testing.assert_close(row.double(), wanted / wanted.sum(), atol=1e-6, rtol=1e-5)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_importance_for_a_class_that_nothing_speaks_for_is_even() -> None:
    teacher = VisionTransformer(CONFIG).eval()
    assert isinstance(teacher.head, torch.nn.Linear)
    torch.nn.init.zeros_(teacher.head.weight)  # no logit depends on the picture
    found, _ = importance(teacher, X, torch.eye(10)[:3])
    torch.testing.assert_close(found, torch.full((3, 16), 1 / 16))


def test_importance_is_the_same_under_inference_mode() -> None:
    teacher, y = VisionTransformer(CONFIG).eval(), torch.eye(10)[:3]
    expected, plain = importance(teacher, X, y), importance(teacher, X)
    with torch.inference_mode():
        found, even = importance(teacher, X.clone(), y.clone()), importance(teacher, X.clone())
    for one, other in zip((*found, *even), (*expected, *plain), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("prune_loc", [(0, 2), (1, 2, 3)])
def test_scores_are_compared_with_the_importance_of_the_patches_that_were_scored(
    prune_loc: tuple[int, ...],
) -> None:
    """Also where the first predictor stands before the first block."""
    dense, y = VisionTransformer(CONFIG).eval(), torch.eye(10)[:3]
    model = DynamicViT(replace(CONFIG, prune=PruneConfig(prune_loc))).eval()
    config = load_recipe("cifar10_dynamicvit", ["prune.score_noise=0.0", "prune.score_weight=1.0"])
    found = elastic_loss(model, Batch(X, y, y), config=config, dense=dense, keep_ratio=0.5).losses["score"]
    target, recorder, terms = importance(dense, X)[0].double(), Recorder(attention=False), []
    model(X, pruning=Pruning(Learned(model), FixedRatio(0.5)), recorder=recorder)
    present = torch.arange(16).expand(3, -1)
    for layer, scores in zip(prune_loc, recorder.scores, strict=True):
        wanted = target.gather(1, present)
        wanted = wanted / wanted.sum(dim=1, keepdim=True)
        terms.append((wanted * (wanted.log() - scores.double().log_softmax(dim=1))).sum(dim=1).mean())
        present = recorder.token_ids[layer][:, 1:] - 1
    torch.testing.assert_close(found.double(), torch.stack(terms).mean(), atol=1e-6, rtol=1e-5)


def test_the_elastic_objective_asks_the_dense_network_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what it looks at and, where no teacher has answered, for its logits."""
    dense = VisionTransformer(CONFIG).eval()
    model = DynamicViT(replace(CONFIG, prune=PruneConfig(prune_loc=(1, 2, 3))))
    calls: list[int] = []
    dense.norm.register_forward_hook(lambda *_: calls.append(1))
    words = ["distil.weight=0.5", "distil.label_weight=0.0", "prune.score_weight=0.0"]
    config = load_recipe("cifar10_dynamicvit", words)
    asked: list[torch.Tensor] = []
    monkeypatch.setattr(
        losses, "distillation_loss", lambda logits, soft, _: (asked.append(soft), logits.sum())[1]
    )
    y = torch.eye(10)[:3]
    elastic_loss(model, Batch(X, y), config=config, dense=dense, keep_ratio=0.5)
    elastic_loss(model, Batch(X, y, y), config=config, dense=dense, keep_ratio=0.5)
    assert len(calls) == 2
    torch.testing.assert_close(asked[0], (dense(X) / config.distil.temperature).softmax(dim=-1))
    assert torch.equal(asked[1], y)


def test_scores_that_are_the_targets_logarithm_cost_nothing_and_pull_nowhere() -> None:
    target = torch.rand(2, 6)
    target = target / target.sum(dim=1, keepdim=True)
    present = torch.tensor([[0, 2, 3], [1, 4, 5]])
    score = target.gather(1, present).log().requires_grad_()
    loss = score_loss([score], [present], target)
    loss.backward()
    assert abs(loss.item()) < 1e-6
    assert score.grad is not None
    assert score.grad.abs().max() < 1e-6
    worse = score_loss([score.detach().flip(1)], [present], target)
    assert worse > 0.01


def test_noise_chooses_but_the_recorded_scores_stay_clean() -> None:
    model = DynamicViT(replace(CONFIG, prune=PruneConfig((1, 2, 3)))).eval()
    clean = Recorder(attention=False)
    model(X, pruning=Pruning(Learned(model), FixedRatio(1.0)), recorder=clean)
    noisy = Noisy(model, scale=5.0)
    seen = Recorder(attention=False)
    model(X, pruning=Pruning(noisy, FixedRatio(1.0)), recorder=seen)
    torch.testing.assert_close(noisy.clean[0], clean.scores[0])
    assert not torch.allclose(seen.scores[0], clean.scores[0])
    quiet = Noisy(model, scale=0.0)
    model(X, pruning=Pruning(quiet, FixedRatio(0.5)), recorder=Recorder(attention=False))
    assert [score.shape[1] for score in quiet.clean] == [16, 8, 4]


def test_token_dropping_trains_on_fewer_tokens() -> None:
    config = load_recipe("cifar10_vit")
    model, lengths = VisionTransformer(CONFIG), []
    model.blocks[0].register_forward_hook(lambda module, args, out: lengths.append(out.shape[1]))
    y = torch.eye(10)[:3]
    for keep in (1.0, 0.5, 0.25):
        classify_loss(model, Batch(X, y), config=config, token_keep=keep)
    assert lengths == [17, 9, 5]
