"""What compiled networks do, in a process of its own.

The tests check annotated functions when they are called, and a compiler would follow that, too: what it
compiled would be another network than users have.
"""

from __future__ import annotations

import json
import traceback
from functools import partial
from unittest.mock import patch

import torch
from torch import nn

from tests.train.alike import ALIKE, measure_distance, train_weights
from train.network import build_network, compile_network
from train.recipe import load_recipe
from vitdemo.models import VisionTransformer
from vitdemo.models.layers import Block
from vitdemo.models.pruning import Explicit, Pruning


def check_machine_code(tiny: list[str]) -> None:
    """Forward, backward and the moving average, whose keys must be the eager ones."""
    short = [*tiny, *ALIKE, "model.depth=1", "model.embed_dim=16"]
    eager = train_weights(short, steps=2)
    compiled = train_weights([*short, "compile=true"], steps=2)
    assert measure_distance(eager, compiled) < 1e-5


def check_training(tiny: list[str]) -> None:
    """The same of what the compiler traced, with its own backward, before it is machine code."""
    with patch("train.step.compile_network", wraps=partial(compile_network, backend="aot_eager")) as taken:
        check_machine_code(tiny)
    taken.assert_called_once()


def make_compiled(recipe: str, words: list[str], backend: str) -> nn.Module:
    """Return an untrained network, compiled without generating machine code."""
    config = load_recipe(recipe, [*words, "compile=true"])
    network = build_network(config.model).eval()
    names = list(network.state_dict())
    compile_network(network, config, backend=backend)
    assert list(network.state_dict()) == names
    return network


def check_tokens(tiny: list[str], backend: str = "eager") -> None:
    """What the compiler reads, and when it reads anew."""
    network = make_compiled("cifar10_vit", [*tiny, "model.depth=1"], backend)
    x = torch.randn(2, 3, 32, 32)
    for count in (64, 16):
        pruning = Pruning(None, Explicit((torch.arange(count),)))
        plain = VisionTransformer.forward(network, x, pruning=pruning)  # pyright: ignore[reportArgumentType]
        torch.testing.assert_close(network(x, pruning=pruning), plain)


def check_blocks(tiny: list[str], backend: str = "eager") -> None:
    words = [*tiny, "model.prune={'prune_loc': [1, 2, 3]}"]
    network = make_compiled("cifar10_dynamicvit", words, backend)
    assert "forward" not in vars(network)
    assert all("forward" in vars(network.get_submodule(f"blocks.{index}")) for index in range(4))
    block = network.get_submodule("blocks.1")
    for count in (65, 30, 7):
        tokens = torch.randn(2, count, 32)
        torch.testing.assert_close(block(tokens), Block.forward(block, tokens))  # pyright: ignore[reportArgumentType]


CHECKS = {
    "machine code": check_machine_code,
    "training": check_training,
    "tokens": check_tokens,
    "traced tokens": partial(check_tokens, backend="aot_eager"),
    "blocks": check_blocks,
    "traced blocks": partial(check_blocks, backend="aot_eager"),
}


def print_faults(tiny: list[str], names: list[str]) -> None:
    """Print as JSON what went wrong in each check of these names."""
    wrong = dict.fromkeys(names, "")
    for name in names:
        torch.manual_seed(0)
        try:
            CHECKS[name](tiny)
        except Exception:
            wrong[name] = traceback.format_exc()
    print(json.dumps(wrong))
