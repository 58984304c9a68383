"""Parameters against the built network, multiply-accumulates against torch's own counter."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.models.nets import SMALL, VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo import cost
from vitdemo.config import PruneConfig, ViTConfig, as_pair
from vitdemo.markdown import read_block, write_block
from vitdemo.models import DynamicViT, build_model
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning, Threshold
from vitdemo.models.selectors import Learned, make_random
from vitdemo.registry import MODELS, PRESETS
from vitdemo.trace import Recorder

CONFIGS = {
    **PRESETS,
    **{key: spec.config for key, spec in MODELS.items() if spec.config not in PRESETS.values()},
    **{name: dataclasses.replace(SMALL, **changes) for name, changes in VARIANTS.items()},
    "odd": dataclasses.replace(
        SMALL, embed_dim=30, mlp_ratio=2.55, qkv_bias=False, prune=PruneConfig((1, 2))
    ),
    "headless": dataclasses.replace(SMALL, num_classes=0, in_chans=1),
    "dinov2": ViTConfig(
        518,
        14,
        num_classes=0,
        embed_dim=384,
        num_heads=6,
        reg_tokens=4,
        no_embed_class=True,
        init_values=1e-5,
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_those_of_the_built_network(name: str) -> None:
    with torch.device("meta"):
        net = build_model(CONFIGS[name])
    assert cost.parameters(CONFIGS[name]) == sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (PRESETS["compact"], 18_979_338),
        (PRESETS["tiny"], 5_717_416),
        (PRESETS["base"], 86_567_656),
        (PRESETS["large"], 304_326_632),
        (PRESETS["huge"], 632_045_800),
    ],
)
def test_published_parameter_counts(config: ViTConfig, expected: int) -> None:
    assert cost.parameters(config) == expected


def count_macs(config: ViTConfig, *, keep_ratio: float | None) -> int:
    """Count multiply-accumulates by torch's counter, which sees shapes only; two operations each."""
    with torch.device("meta"):
        net = build_model(config).eval()
        x = torch.zeros(1, config.in_chans, *as_pair(config.img_size))
    pruning = None
    if keep_ratio is not None:
        selector = Learned(net) if isinstance(net, DynamicViT) else make_random(torch.zeros(1, 1, 1, 1))
        pruning = Pruning(selector, FixedRatio(keep_ratio))
    softmax = config.attention == "softmax"  # with a recorder its two products are plain matrix products
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(x, pruning=pruning, recorder=Recorder() if softmax else None)
    assert counter.get_total_flops() % 2 == 0
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("keep_ratio", [None, 0.7])
@pytest.mark.parametrize("name", CONFIGS)
def test_macs_are_those_that_torch_counts(name: str, keep_ratio: float | None) -> None:
    assert cost.macs(CONFIGS[name], keep_ratio=keep_ratio) == count_macs(CONFIGS[name], keep_ratio=keep_ratio)


@pytest.mark.parametrize("name", ["square", "non-square", "distilled", "mean, no class token", "linear"])
def test_macs_of_given_counts_are_those_that_torch_counts(name: str) -> None:
    """A cut at the input and uneven stages; then whatever a threshold keeps, with its predictors."""
    plain, dynamic = make_small(**VARIANTS[name]), make_small_dynamic(**VARIANTS[name])
    x = make_pictures(plain.config, 1)
    sets = tuple(torch.arange(count) for count in (13, 11, 5, 4))
    learned = Pruning(Learned(dynamic), Threshold(1.0))
    for net, pruning in ((plain, Pruning(None, Explicit(sets))), (dynamic, learned)):
        softmax = net.config.attention == "softmax"
        recorder = Recorder(attention=softmax)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            net(x, pruning=pruning, recorder=recorder)
        prefix, places = net.config.num_prefix_tokens, (0, *net.config.prune_loc)
        tokens = tuple(recorder.token_ids[place].shape[1] - prefix for place in places)
        assert len(set(tokens)) >= 3
        assert 2 * cost.macs(net.config, tokens=tokens) == counter.get_total_flops()
    assert cost.macs(plain.config, tokens=(plain.config.num_patches,)) == cost.macs(plain.config)


def test_linear_attention_is_dearer_for_few_tokens_and_cheaper_for_many() -> None:
    def ratio(img_size: int) -> float:
        linear = dataclasses.replace(SMALL, img_size=img_size, attention="linear")
        return cost.macs(linear) / cost.macs(dataclasses.replace(SMALL, img_size=img_size))

    assert ratio(4) > 1 > ratio(64)


def test_the_table_of_sizes_is_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    cost.main([])
    printed = capsys.readouterr().out.strip()
    page = Path(__file__).parents[1] / "docs" / "numbers.md"
    assert read_block(page, name="cost") == printed
    assert all(f"| {name} |" in printed for name in PRESETS)


def test_a_table_is_written_between_its_comments(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before <!-- cost:begin -->old<!-- cost:end --> after", encoding="utf-8")
    cost.main(["--write", str(page)])
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before <!-- cost:begin -->\n| preset |")
    assert text.endswith("|\n<!-- cost:end --> after")
    assert "18,979,338" in text
    with pytest.raises(ValueError, match="no place for the table 'models'"):
        write_block(page, name="models", text="")
