"""Configs: the JSON round trip, and one clear sentence for every wrong value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitdemo.config import DataConfig, PruneConfig, ViTConfig, as_pair
from vitdemo.kinds import from_json, to_json
from vitdemo.registry import MODELS, PREFERRED, PRESETS


@given(
    grid=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    patch=st.tuples(st.integers(1, 16), st.integers(1, 16)),
    heads=st.integers(1, 4),
    depth=st.integers(2, 40),
    prune=st.booleans(),
    rest=st.fixed_dictionaries(
        {
            "reg_tokens": st.integers(0, 4),
            "init_values": st.none() | st.floats(1e-6, 1),
            "attention": st.sampled_from(["softmax", "linear"]),
            "fc_norm": st.none() | st.booleans(),
        }
    ),
)
def test_json_round_trip(
    grid: tuple[int, int],
    patch: tuple[int, int],
    heads: int,
    depth: int,
    prune: bool,
    rest: dict[str, Any],
) -> None:
    config = ViTConfig(
        img_size=(grid[0] * patch[0], grid[1] * patch[1]),
        patch_size=patch,
        embed_dim=8 * heads,
        num_heads=heads,
        depth=depth,
        prune=PruneConfig((1, depth - 1), 0.5) if prune and depth > 2 else None,
        **rest,
    )
    assert config.grid == grid
    assert from_json(ViTConfig, json.loads(json.dumps(to_json(config)))) == config


@pytest.mark.parametrize("config", [*PRESETS.values(), *(spec.config for spec in MODELS.values())])
def test_every_shipped_config_survives_json(config: ViTConfig) -> None:
    assert from_json(ViTConfig, json.loads(json.dumps(to_json(config)))) == config


@pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)
def test_every_model_takes_the_pictures_that_its_data_makes(spec: Any) -> None:
    assert MODELS[spec.key] is spec
    assert as_pair(spec.data.img_size) == as_pair(spec.config.img_size)
    assert from_json(DataConfig, json.loads(json.dumps(to_json(spec.data)))) == spec.data
    assert spec.source == "bundled" or spec.source.startswith("hf-hub:timm/")


def test_the_default_model_is_bundled() -> None:
    assert {MODELS[key].source for key in PREFERRED} == {"bundled"}
    assert not MODELS[PREFERRED[-1]].optional


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"embed_dims": 3}, "ViTConfig: unknown key 'embed_dims'; did you mean 'embed_dim'?"),
        ({"zzz": 3}, "ViTConfig: unknown key 'zzz'$"),
        ({"prune": {"prune_lok": [1]}}, "PruneConfig: unknown key 'prune_lok'; did you mean 'prune_loc'?"),
    ],
)
def test_an_unknown_key_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        from_json(ViTConfig, values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"img_size": 30}, "img_size 30 x 30 .* patch_size 16 x 16"),
        ({"img_size": (32, 40)}, "img_size 32 x 40"),
        ({"embed_dim": 100}, "embed_dim 100 .* num_heads 3"),
        ({"class_token": False}, "'token' needs class_token"),
        ({"class_token": False, "global_pool": "token_avg"}, "'token_avg' needs class_token"),
        ({"dist_token": True, "global_pool": "avg"}, "dist_token needs"),
        ({"global_pool": "max"}, "global_pool must be one of token, avg, token_avg"),
        ({"attention": "cosine"}, "attention must be one of softmax, linear"),
        ({"feature_map": "gelu"}, "feature_map must be one of elu, relu"),
        ({"prune": PruneConfig((3, 12))}, "prune_loc .* depth 12"),
    ],
)
def test_a_wrong_value_is_named(values: dict[str, Any], words: str) -> None:
    config = ViTConfig()
    for name, value in values.items():  # past the tests' type checker, which does not run for users
        object.__setattr__(config, name, value)
    with pytest.raises(ValueError, match=words):
        config.__post_init__()


@pytest.mark.parametrize("prune_loc", [(), (3, 3), (6, 3), (-1, 3)])
def test_prune_loc_must_ascend(prune_loc: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="prune_loc"):
        PruneConfig(prune_loc)


@pytest.mark.parametrize("ratio", [0, -0.1, 1.1])
def test_keep_ratio_is_a_share(ratio: float) -> None:
    with pytest.raises(ValueError, match="keep_ratio"):
        PruneConfig((1,), ratio)


@pytest.mark.parametrize(
    ("depth", "expected"), [(12, (3, 6, 9)), (8, (2, 4, 6)), (6, (1, 3, 4)), (2, (0, 1)), (1, (0,))]
)
def test_pruning_stands_at_the_quarters(depth: int, expected: tuple[int, ...]) -> None:
    assert ViTConfig(depth=depth).prune_loc == expected


def test_the_configs_own_places_come_first() -> None:
    config = ViTConfig(prune=PruneConfig((2, 5)), dist_token=True, reg_tokens=3)
    assert config.prune_loc == (2, 5)
    assert config.num_prefix_tokens == 5
