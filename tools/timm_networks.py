"""Write what timm's code builds for each of its plain Vision Transformers, as our configs.

`python -m tools.timm_networks vitdemo/weights/timm_networks.json` asks timm's factory for its arguments;
nothing is built and no weights are fetched.
"""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import timm
from timm.models import deit, eva, vision_transformer
from timm.models._registry import _deprecated_models, _model_pretrained_cfgs, _model_to_module

from vitdemo.config import ViTConfig
from vitdemo.files import write_atomically
from vitdemo.rope import RopeConfig

MODULES = {"vision_transformer": vision_transformer, "deit": deit, "eva": eva}
OTHERS = {  # modules of other networks that are called Vision Transformers too
    "beit": "relative position biases",
    "naflexvit": "a size that changes with the picture",
    "vision_transformer_hybrid": "a convolutional stem",
    "vision_transformer_relpos": "relative position biases",
    "vision_transformer_sam": "attention in windows",
}
SAME = {"img_size", "patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias", "qk_norm"}
SAME |= {"proj_bias", "class_token", "reg_tokens", "no_embed_class", "global_pool", "fc_norm", "init_values"}
SAME |= {
    "pre_norm",
    "final_norm",
    "scale_attn_norm",
    "scale_mlp_norm",
    "gated_mlp",
    "use_abs_pos_emb",
    "rope",
}
OF_THE_FACTORY = {"pretrained_cfg", "pretrained_cfg_overlay", "cache_dir", "feature_cfg", "dynamic_img_size"}
OF_THE_FACTORY |= {"pretrained_filter_fn", "pretrained_strict"}
REASONS = {
    "ResPostBlock": "blocks that normalise after each branch",
    "ParallelScalingBlock": "blocks whose two branches run side by side",
    "ParallelThingsBlock": "blocks with several branches side by side",
    "DiffParallelScalingBlock": "differential attention",
    "diff": "differential attention",
    "pool_include_prefix": "pooling that reads the prefix tokens too",
}
EVA = {  # what its options are called in ours
    "num_reg_tokens": "reg_tokens",
    "scale_attn_inner": "scale_attn_norm",
    "scale_mlp": "scale_mlp_norm",
    "swiglu_mlp": "gated_mlp",
    "use_abs_pos_emb": "use_abs_pos_emb",
    "use_fc_norm": "fc_norm",
    "use_post_transformer_norm": "final_norm",
    "use_pre_transformer_norm": "pre_norm",
}
ROPE = {
    "ref_feat_shape": "reference",
    "rope_grid_offset": "offset",
    "rope_rotate_half": "halves",
    "rope_temperature": "temperature",
}
EVA_REASONS = {
    "attn_only_layer_scale": "LayerScale in one of the two branches",
    "attn_pool_num_heads": "attention pooling with heads of its own",
    "num_kv_heads": "keys and values that several heads share",
    "use_post_norm": "blocks that normalise after each branch",
}
TUNED = ("in1k", "in12k", "in21k", "in22k", "inat")  # tags of heads that were trained to name classes


class Captured(Exception):  # noqa: N818 - nothing is wrong
    """Ends timm's factory once it has told what it would build."""


def name_of(layer: Any) -> str:
    """Return timm's name of a layer that is given as a class, a partial or a name."""
    found = layer.func if isinstance(layer, partial) else layer
    return found if isinstance(found, str) else found.__name__


def told_by_timm(architecture: str) -> tuple[type, dict[str, Any]]:
    """Return the class that timm would build for `architecture`, and its arguments."""

    def capture(cls: type, variant: str, pretrained: bool, **values: Any) -> None:
        raise Captured(cls, values)

    module = MODULES[_model_to_module[architecture]]
    with mock.patch.object(module, "build_model_with_cfg", capture):
        try:
            timm.create_model(architecture)
        except Captured as caught:
            return caught.args
    raise AssertionError(architecture)


def translate(architecture: str) -> dict[str, Any] | str:
    """Return what our config of `architecture` has beside its defaults, or why there is none."""
    cls, given = told_by_timm(architecture)
    values: dict[str, Any] = {"embed_dim": 768, "num_heads": 12}
    values |= {"dist_token": True} if cls.__name__ == "VisionTransformerDistilled" else {}
    if cls is eva.Eva:
        if reason := next((reason for key, reason in EVA_REASONS.items() if given.get(key)), None):
            return reason
        if given.get("rope_type") == "mixed":
            return "rotary positions with learned speeds"
        given, values = rename_eva(given), values | {"global_pool": "avg"}
    for key, value in given.items():
        if key in SAME:
            values[key] = value
        elif key == "act_layer":
            values[key] = name_of(value).lower()
        elif key == "norm_layer":
            values[key] = name_of(value).lower()
            values |= {"norm_eps": value.keywords["eps"]} if isinstance(value, partial) else {}
        elif key == "embed_norm_layer":
            values["embed_norm"] = True
        elif key == "mlp_layer":
            packed = name_of(value) == "GluMlp"  # both halves count as hidden there
            values |= {"gated_mlp": True, "mlp_ratio": given["mlp_ratio"] / (2 if packed else 1)}
        elif key not in OF_THE_FACTORY:
            return REASONS[key if key == "pool_include_prefix" else name_of(value)]
    return without_defaults(ViTConfig, values)


def rename_eva(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of timm's class for EVA and DINOv3 as those of its plain class, and our `rope`."""
    found = {EVA.get(key, key): value for key, value in given.items() if key in SAME | EVA.keys()}
    found |= {"norm_layer": given["norm_layer"]} if "norm_layer" in given else {}
    found |= {"act_layer": "silu"} if given.get("swiglu_mlp") else {}
    hidden = int(given["embed_dim"] * given.get("mlp_ratio", 4))
    assert hidden % (given.get("swiglu_align_to") or 1) == 0, "no width is rounded"
    if given.get("use_rot_pos_emb"):
        rope = {ROPE[key]: value for key, value in given.items() if key in ROPE}
        rope |= {"centered": given.get("rope_type") == "dinov3"}
        rope |= {"x_first": given.get("rope_grid_indexing") == "xy"}
        found["rope"] = without_defaults(RopeConfig, rope)
    return found


def without_defaults(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    """Return what of `values` is not what a config of this `kind` has anyway, by name."""
    plain = {key: field.default for key, field in inspect.signature(kind).parameters.items()}
    return {key: value for key, value in sorted(values.items()) if value != plain[key]}


def list_architectures(*modules: str) -> list[str]:
    """Return timm's architectures of `modules`, default: MODULES, without deprecated names."""
    modules = modules or tuple(MODULES)
    return sorted(
        name
        for name, module in _model_to_module.items()
        if module in modules and name not in _deprecated_models
    )


def entries_of(architecture: str) -> Iterator[str]:
    """Give the pretrained entries of `architecture`, such as "vit_tiny_patch16_224.augreg_in21k"."""
    for entry, cfg in _model_pretrained_cfgs.items():
        if entry.startswith(f"{architecture}.") and cfg.has_weights:
            yield entry


def projection_of(architecture: str) -> int | None:
    """Return the width of the space that CLIP's images and texts share, where a head leads into it."""
    if "clip" not in architecture:
        return None
    pure = [entry for entry in entries_of(architecture) if not any(tag in entry for tag in TUNED)]
    widths = {_model_pretrained_cfgs[entry].num_classes for entry in pure}
    assert len(widths) <= 1, architecture
    return widths.pop() if widths else None


def tag_of(architecture: str) -> str | None:
    """Return the tag of timm's default weights, where each of its entries has a repository of its name."""
    entries = list(entries_of(architecture))
    repos = [_model_pretrained_cfgs[entry].hf_hub_id for entry in entries]
    if not entries or any(
        repo not in ("timm/", f"timm/{entry}") for entry, repo in zip(entries, repos, strict=True)
    ):
        return None
    return entries[0].partition(".")[2]


def read_networks() -> dict[str, Any]:
    """Return the table that the reader of timm's format looks networks up in."""
    found = {name: translate(name) for name in list_architectures()}
    tags = {name: tag_of(name) for name in found}
    projections = {name: projection_of(name) for name in found}
    others = {name: reason for key, reason in OTHERS.items() for name in list_architectures(key)}
    return {
        "timm": timm.__version__,
        "networks": {name: values for name, values in found.items() if isinstance(values, dict)},
        "refused": {name: values for name, values in found.items() if isinstance(values, str)} | others,
        "projections": {name: width for name, width in projections.items() if width},
        "tags": {name: tag for name, tag in tags.items() if tag},
        "renamed": {
            old: new for old, new in sorted(_deprecated_models.items()) if new and new.split(".")[0] in found
        },
    }


def format_networks(tables: dict[str, Any]) -> str:
    """Return the tables as JSON, an architecture a line."""
    parts = [f' "timm": "{tables["timm"]}"']
    for key in ("networks", "refused", "projections", "tags", "renamed"):
        table = tables[key]
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in table.items()]
        parts.append(f" {json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.timm_networks", description=__doc__)
    parser.add_argument("out", type=Path, metavar="JSON")
    write_atomically(parser.parse_args(arguments).out, format_networks(read_networks()))


if __name__ == "__main__":
    main()
