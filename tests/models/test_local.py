"""Values nearby mixed into attention, and focused features, against their formulas entry by entry."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.models.nets import SMALL, make_small, shake
from vitdemo.config import ViTConfig
from vitdemo.kinds import from_json, to_json
from vitdemo.models.attention import Attention
from vitdemo.models.feature_maps import FOCUS, RELU_FLOOR, focus
from vitdemo.models.local import LocalMix

GRID, PREFIX = (3, 5), 2
CONFIG = replace(SMALL, img_size=(12, 20), local_kernel=3, reg_tokens=1)
PRESENT = {"all": list(range(17)), "some": [0, 1, 2, 4, 5, 8, 12, 13, 16], "alone": [0, 1, 9]}


def mix_by_hand(mix: LocalMix, attn: Tensor, ids: list[int], shares: Tensor) -> Tensor:
    """Return M = (1 - g) A + g C, one weight after the other, of the first picture."""
    result = attn[0].clone()
    for head, (kernel, gate) in enumerate(zip(mix.kernel.exp(), mix.gate.sigmoid(), strict=True)):
        for i, query in enumerate(ids[PREFIX:], PREFIX):
            row, total = torch.zeros(len(ids), dtype=torch.float64), 0.0
            for j, key in enumerate(ids[PREFIX:], PREFIX):
                down = (key - PREFIX) // GRID[1] - (query - PREFIX) // GRID[1]
                across = (key - PREFIX) % GRID[1] - (query - PREFIX) % GRID[1]
                if abs(down) <= 1 and abs(across) <= 1:
                    row[j] = float(kernel[1 + down, 1 + across]) * (1.0 if i == j else float(shares[j]))
                    total += float(row[j])
            result[head, i] = (1 - gate) * attn[0, head, i] + gate * row / total
    return result


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("present", PRESENT)
@torch.no_grad()
def test_the_matrix_is_the_formula_and_the_fast_path_its_product(present: str, masked: bool) -> None:
    mix, places = shake(LocalMix(CONFIG)).double(), PRESENT[present]
    n = len(places)
    ids = torch.tensor([places, places])
    shares = (torch.rand(2, n) < 0.5).double() if masked else torch.ones(2, n, dtype=torch.float64)
    attn, v = torch.rand(2, 3, n, n).double().softmax(dim=-1), torch.randn(2, 3, n, 8).double()
    given = shares if masked else None
    matrix = mix.matrix(attn, ids, counts=given)
    torch.testing.assert_close(matrix[0], mix_by_hand(mix, attn, places, shares[0]), atol=1e-12, rtol=0)
    torch.testing.assert_close(mix(attn @ v, v, ids, counts=given), matrix @ v, atol=1e-12, rtol=0)
    torch.testing.assert_close(matrix.sum(-1), torch.ones(2, 3, n).double(), atol=1e-12, rtol=0)
    assert (matrix >= 0).all()


@pytest.mark.parametrize("attention", ["linear", "softmax"])
@torch.no_grad()
def test_no_square_matrix_is_needed_for_what_the_recorded_one_gives(attention: str) -> None:
    """In float64, the whole layer: the fast path, and the recorded matrix times the values."""
    config = replace(CONFIG, attention=attention, feature_map="focused")  # type: ignore[arg-type]
    layer = shake(Attention(config)).double()
    x, ids = torch.randn(2, 9, 24).double(), torch.tensor([PRESENT["some"]] * 2)
    q, k, v = layer.project(x, None)
    mixed = layer.matrix(q, k, None, None, ids) @ v
    by_matrix = layer.proj(mixed.transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(x, ids=ids), by_matrix, atol=1e-12, rtol=0)


def test_all_of_it_can_be_learned() -> None:
    net = make_small(
        attention="linear", local_kernel=3, feature_map="focused", global_pool="token_avg"
    ).train()
    net(torch.randn(2, 3, 16, 16)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e25])
def test_focused_features_are_the_formula_at_any_size(size: float) -> None:
    x = size * (torch.rand(2, 3, 9, 8) + RELU_FLOOR)
    found, exact = focus(x), x.double()
    power = exact**FOCUS
    wanted = exact.norm(dim=-1, keepdim=True) * power / power.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(found.double(), wanted, atol=0, rtol=1e-4)
    torch.testing.assert_close(found.double().norm(dim=-1), exact.norm(dim=-1), atol=0, rtol=1e-5)


def test_a_config_tells_of_it_and_an_old_one_has_none() -> None:
    told = to_json(CONFIG)
    assert from_json(ViTConfig, told) == CONFIG
    old = {key: value for key, value in told.items() if key != "local_kernel"}
    assert from_json(ViTConfig, old).local_kernel == 0
    with pytest.raises(ValueError, match="local_kernel must be odd, or 0 for none, got 4"):
        replace(SMALL, local_kernel=4)
    with pytest.raises(ValueError, match="local_kernel must be from 0 to 31"):
        replace(SMALL, local_kernel=33)
