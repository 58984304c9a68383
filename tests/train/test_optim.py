"""Who is optimised how, and the schedule."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch.optim import AdamW
from torch.optim import Muon as TorchMuon

from train.muon import Muon, orthogonalise
from train.network import build_network
from train.optim import build_optimizers, lr_factor
from train.options import OptimOptions
from train.recipe import load_recipe
from train.update import Average, Update


def test_muon_gets_the_block_matrices_and_decay_spares_vectors_and_embeddings() -> None:
    config = load_recipe("cifar10_dynamicvit", ["model.depth=4", "model.prune={'prune_loc': [1, 2, 3]}"])
    model = build_network(config.model)
    adamw, muon = build_optimizers(model, config.optim)
    assert isinstance(adamw, AdamW)
    assert isinstance(muon, Muon)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    matrices = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    assert matrices == {
        f"blocks.{i}.{layer}.weight"
        for i in range(4)
        for layer in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    }
    spared = {names[id(p)] for g in adamw.param_groups if g["weight_decay"] == 0 for p in g["params"]}
    assert {"pos_embed", "cls_token", "norm.weight", "blocks.0.norm1.weight", "head.bias"} <= spared
    everything = [id(p) for o in (adamw, muon) for group in o.param_groups for p in group["params"]]
    assert sorted(everything) == sorted(names)
    rates = {names[id(p)]: g["lr"] for o in (adamw, muon) for g in o.param_groups for p in g["params"]}
    options = config.optim
    assert rates["score_predictor.0.out_conv.0.weight"] == pytest.approx(options.lr)
    assert rates["head.weight"] == pytest.approx(options.lr * options.backbone_lr_scale)
    assert rates["blocks.0.mlp.fc1.weight"] == pytest.approx(options.muon_lr * options.backbone_lr_scale)


@pytest.mark.parametrize(("schedule", "middle"), [("linear", 0.5), ("cosine", 0.5)])
def test_the_rate_warms_up_and_decays_to_zero(schedule: str, middle: float) -> None:
    options = load_recipe("cifar10_vit", [f"optim.schedule={schedule}", "optim.warmup=0.2"]).optim
    assert lr_factor(0.1, options) == pytest.approx(0.5)
    assert lr_factor(0.2, options) == pytest.approx(1)
    assert lr_factor(0.6, options) == pytest.approx(middle)
    assert lr_factor(1.0, options) == pytest.approx(0)


def test_the_moving_average_is_the_written_out_one() -> None:
    """Its decay grows from 1/10 to the recipe's; a step that was not taken does not count."""
    layer = torch.nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(3.0)
    average = Average(layer, 0.26)
    assert list(average.state_dict()) == ["updates", "module.weight"]  # what a resumed run finds again
    wanted = 3.0
    for value, decay in ((1.0, 1 / 10), (2.0, 2 / 11), (5.0, 3 / 12), (7.0, 0.26), (4.0, 0.26)):
        layer.weight.data.fill_(value)
        average.update(layer, torch.tensor(True))
        wanted = decay * wanted + (1 - decay) * value
        layer.weight.data.fill_(99.0)
        average.update(layer, torch.tensor(False))
        assert average.module.get_parameter("weight").item() == pytest.approx(wanted)


@pytest.mark.parametrize("optimizer", ["muon", "adamw", "adam", "sgd"])
def test_a_broken_step_is_a_step_never_taken(optimizer: str) -> None:
    """Sound steps and broken ones in turn, against the sound ones alone; bit for bit."""
    small = ["model.depth=1", "model.embed_dim=32", "model.num_heads=2"]
    config = load_recipe("cifar10_vit", [*small, f"optim.optimizer={optimizer}", "optim.lr=0.01"])
    torch.manual_seed(0)
    first = build_network(config.model)
    check_skipped([first, copy.deepcopy(first)], config.optim)


def test_a_broken_step_moves_no_averaged_statistics() -> None:
    config = load_recipe("cifar10_resnet", ["model.widths=[4, 4, 4, 4]"])
    first = build_network(config.model)
    check_skipped([first, copy.deepcopy(first)], config.optim)


def check_skipped(networks: Sequence[torch.nn.Module], options: OptimOptions) -> None:
    """The first network is shown the sound steps only; the second all, and has to skip the broken ones."""
    updates = [Update(network, replace(options, ema=0.5)) for network in networks]
    for sound in (False, True, False, True, False, False, True):
        finite = torch.tensor(sound)
        for network in networks:
            torch.manual_seed(1)
            for parameter in network.parameters():
                parameter.grad = torch.randn_like(parameter) * (1.0 if sound else torch.nan)
            for buffer in network.buffers():  # a broken step's statistics are put back before
                buffer += int(sound)
        if sound:
            updates[0].step_where(finite)
        updates[1].step_where(finite)
    for one, two in (networks, [update.ema.module for update in updates]):
        for name, value in one.state_dict().items():
            assert torch.equal(value, two.state_dict()[name]), name


def test_muon_takes_the_steps_of_torchs() -> None:
    """Shape by shape instead of matrix by matrix.

    torch's is in bf16 also on the CPU: hence two percent of a step.
    """
    torch.manual_seed(0)
    mine = [torch.nn.Parameter(0.02 * torch.randn(shape)) for shape in [(24, 8), (8, 8), (8, 24), (24, 8)]]
    theirs = copy.deepcopy(mine)
    muon = Muon(mine, lr=0.01, weight_decay=0.1)
    reference = TorchMuon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        before = [parameter.detach().clone() for parameter in mine]
        for one, two in zip(mine, theirs, strict=True):
            two.data.copy_(one.data)
            one.grad = torch.randn_like(one)
            two.grad = one.grad.clone()
        muon.step()
        reference.step()
        for one, two, start in zip(mine, theirs, before, strict=True):
            torch.testing.assert_close(muon.state[one], reference.state[two])
            assert (one - two).norm() < 0.02 * (two - start).norm()


def test_newton_schulz_keeps_the_singular_vectors_and_evens_the_values() -> None:
    torch.manual_seed(0)
    for shape in ((2, 12, 40), (2, 40, 12)):
        x = torch.randn(shape)
        u, _, vh = torch.linalg.svd(x.double(), full_matrices=False)
        values = u.mT @ orthogonalise(x).double() @ vh.mT
        even = values.diagonal(dim1=1, dim2=2)
        assert even.min() > 0.6
        assert even.max() < 1.25
        assert (values - torch.diag_embed(even)).abs().max() < 1e-3


def test_muon_refuses_what_is_no_matrix() -> None:
    with pytest.raises(ValueError, match=r"Muon takes matrices, got a parameter of shape \(3,\)"):
        Muon([torch.nn.Parameter(torch.zeros(3))], lr=0.1, weight_decay=0.0)
