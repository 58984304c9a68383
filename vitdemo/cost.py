"""What a network costs: exact parameters and multiply-accumulates; `timing` measures.

`python -m vitdemo.cost --write docs/numbers.md` writes the table of the size presets there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from vitdemo.config import ViTConfig, as_pair
from vitdemo.markdown import write_block
from vitdemo.models.pruning import token_counts
from vitdemo.registry import PRESETS


def hidden_width(config: ViTConfig) -> int:
    """Return the width of the MLP's hidden layer."""
    return int(config.embed_dim * config.mlp_ratio)


def patch_pixels(config: ViTConfig) -> int:
    """Return the numbers in one patch."""
    height, width = as_pair(config.patch_size)
    return config.in_chans * height * width


def parameters(config: ViTConfig) -> int:
    """Return how many numbers the network has learned, token predictors included."""
    d, hidden = config.embed_dim, hidden_width(config)
    block = 4 * d * d + d + 2 * d * hidden + hidden + d + 4 * d  # weights, biases, two LayerNorms
    block += 3 * d if config.qkv_bias else 0
    block += 2 * d if config.init_values is not None else 0
    positions = config.num_patches + (0 if config.no_embed_class else config.num_prefix_tokens)
    embedding = patch_pixels(config) * d + d + (config.num_prefix_tokens + positions) * d
    heads = (2 if config.dist_token else 1) * (d + 1) * config.num_classes
    predictors = 0
    if config.prune is not None:
        half, quarter = d // 2, d // 4
        each = 2 * d + d * d + d + d * half + half + half * quarter + quarter + 2 * quarter + 2
        predictors = len(config.prune.prune_loc) * each
    return embedding + config.depth * block + 2 * d + heads + predictors


def macs(config: ViTConfig, *, keep_ratio: float | None = None, tokens: Sequence[int] | None = None) -> int:
    """Return the multiply-accumulates of one picture: dense, pruned by `keep_ratio`, or for given counts.

    `keep_ratio`: at each stage.
    `tokens`: the patches at the input and after each stage, as (64, 44, 31, 21). At the input fewer may go on
    than the picture has (an explicit cut there); without stages no predictor is asked.

    Counted: linear layers, the patch projection, attention's two products (of linear attention: keys with
    values, queries with that, queries with the normaliser), and DynamicViT's predictors. Not counted:
    norms, activations, softmax, and what a training-free selector asks.
    """
    d, prefix, stages = config.embed_dim, config.num_prefix_tokens, len(config.prune_loc)
    total = config.num_patches * patch_pixels(config) * d
    if tokens is None:
        dense = keep_ratio is None
        tokens = (config.num_patches,) if dense else token_counts(config.num_patches, keep_ratio, stages)
    patches, *counts = tokens
    assert len(counts) in (0, stages), "one count a stage"
    for index in range(config.depth):
        if counts and index in config.prune_loc:
            if config.prune is not None:
                total += patches * (d * d + d * (d // 2) + (d // 2) * (d // 4) + (d // 4) * 2)
            patches = counts[config.prune_loc.index(index)]
        n = prefix + patches
        linear = config.attention == "linear"
        attention = n * d * (2 * (d // config.num_heads) + 1) if linear else 2 * n * n * d
        total += n * (4 * d * d + 2 * d * hidden_width(config)) + attention
    return total + (2 if config.dist_token else 1) * d * config.num_classes


def format_presets() -> str:
    """Return the size presets as a Markdown table."""
    lines = [
        "| preset | width / depth / heads | MLP | picture / patch | tokens | parameters | MMAC |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, config in PRESETS.items():
        size, patch = as_pair(config.img_size)[0], as_pair(config.patch_size)[0]
        tokens = config.num_patches + config.num_prefix_tokens
        lines.append(
            f"| {name} | {config.embed_dim} / {config.depth} / {config.num_heads} | {hidden_width(config)} "
            f"| {size} / {patch} | {tokens} | {parameters(config):,} | {macs(config) / 1e6:,.1f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m vitdemo.cost", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the table in this file")
    options = parser.parse_args(arguments)
    if options.write:
        write_block(options.write, name="cost", text=format_presets())
    else:
        print(format_presets())


if __name__ == "__main__":
    main()
