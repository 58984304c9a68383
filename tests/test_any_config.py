"""Any value in any place of a config: the network and the pixels that it describes, or its key by name."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from typing import Any

import numpy as np
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from vitdemo.config import DataConfig, PruneConfig, ViTConfig, as_pair
from vitdemo.data import preprocess
from vitdemo.kinds import from_json, to_json
from vitdemo.models import build_model

SMALL: dict[str, Any] = {
    "img_size": 16, "patch_size": 4, "embed_dim": 24, "depth": 3, "num_heads": 3, "num_classes": 5,
    "mlp_ratio": 2.0,
}  # fmt: skip
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 47, 3), dtype=np.uint8))
ALLIED = {"prune": ("prune", "prune_loc", "keep_ratio", "PruneConfig")}
numbers = (
    st.integers(-2, 40)
    | st.sampled_from([2**14, 2**31, 10**30, 10**400, 0.5, 1e-7, 1e300, 5e-324])
    | st.sampled_from([math.nan, math.inf, -math.inf, -0.0, sys.float_info.max])
    | st.floats(-1, 3)
)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.sampled_from(["", "16", "avg", "token_avg", "relu", "linear"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "prune_loc"]), inner),
    max_leaves=5,
)
prunes = st.fixed_dictionaries(
    {"prune_loc": st.lists(st.integers(-1, 4), max_size=4)}, optional={"keep_ratio": numbers}
)
special = {"prune": prunes, "img_size": st.lists(st.integers(0, 24), min_size=1, max_size=3)}


def draw_changes(cls: type) -> st.SearchStrategy[dict[str, Any]]:
    """Up to three fields with values of any kind; half of them of about the right kind."""
    names = [field.name for field in dataclasses.fields(cls)]
    pairs = st.sampled_from(names).flatmap(
        lambda name: st.tuples(st.just(name), numbers | anything | special.get(name, st.booleans()))
    )
    return st.lists(pairs, min_size=1, max_size=3).map(dict)


def read(cls: type, values: dict[str, Any], changed: dict[str, Any]) -> Any:
    """Return the config, whose JSON is read as the same one again; or None where one sentence named a key."""
    try:
        config = from_json(cls, values | changed)
    except ValueError as error:
        said = str(error)
        assert "\n" not in said
        assert len(said) < 300
        assert any(key in said for name in changed for key in ALLIED.get(name, (name,))), said
        return None
    assert from_json(cls, json.loads(json.dumps(to_json(config), allow_nan=False))) == config
    return config


@settings(max_examples=60)
@given(changed=draw_changes(ViTConfig))
@example(changed={"init_values": 0})  # torch makes whole numbers of it
@example(changed={"init_values": 1e300})
@example(changed={"img_size": 10**400})
def test_a_network_can_be_built_of_what_is_not_refused(changed: dict[str, Any]) -> None:
    config = read(ViTConfig, SMALL, changed)
    if config is None or config.depth > 20:
        return
    with torch.device("meta"):
        net = build_model(config).eval()
        height, width = as_pair(config.img_size)
        logits = net(torch.empty(2, config.in_chans, height, width))
        tokens = torch.empty(2, config.num_prefix_tokens + config.num_patches, config.embed_dim)
        assert net.readout(tokens).shape == tokens.shape[:2]
    assert logits.shape == (2, config.num_classes or config.num_features)
    assert all(0 <= layer < config.depth for layer in config.prune_loc)


@settings(max_examples=60)
@given(changed=draw_changes(DataConfig))
def test_a_picture_becomes_pixels_of_what_is_not_refused(changed: dict[str, Any]) -> None:
    config = read(DataConfig, {"img_size": 16}, changed)
    if config is None or max(as_pair(config.img_size)) > 64:
        return
    prepared = preprocess(PICTURE, config=config)
    assert prepared.pixels.shape == (1, len(config.mean), *as_pair(config.img_size))
    assert prepared.pixels.isfinite().all()


@settings(max_examples=40)
@given(changed=draw_changes(PruneConfig))
def test_stages_ascend_and_keep_a_share(changed: dict[str, Any]) -> None:
    config = read(PruneConfig, {"prune_loc": [1]}, changed)
    if config is not None:
        assert 0 < config.keep_ratio <= 1
        assert all(isinstance(layer, int) and not isinstance(layer, bool) for layer in config.prune_loc)
        assert config.prune_loc == tuple(sorted(set(config.prune_loc))) != ()
