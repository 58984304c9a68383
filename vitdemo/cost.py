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
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.registry import PRESETS


def patch_pixels(config: ViTConfig) -> int:
    """Return the numbers in one patch."""
    height, width = as_pair(config.patch_size)
    return config.in_chans * height * width


def norm_parameters(config: ViTConfig, width: int) -> int:
    """Return what a normalisation of so many numbers has learned: factors, and LayerNorm's offsets."""
    return width if config.norm_layer == "rmsnorm" else 2 * width


def mlp_weights(config: ViTConfig) -> int:
    """Return the weights of an MLP's layers, which are also its multiply-accumulates for one token."""
    return config.embed_dim * config.hidden_width * (3 if config.gated_mlp else 2)


def mlp_parameters(config: ViTConfig) -> int:
    """Return how many numbers an MLP has learned."""
    hidden = config.hidden_width
    biases = hidden * (2 if config.gated_mlp else 1) + config.embed_dim if config.proj_bias else 0
    return mlp_weights(config) + biases + config.scale_mlp_norm * norm_parameters(config, hidden)


def block_parameters(config: ViTConfig) -> int:
    """Return how many numbers a block has learned."""
    d, head = config.embed_dim, config.embed_dim // config.num_heads
    attention = 4 * d * d + 3 * d * config.qkv_bias + d * config.proj_bias
    attention += 2 * config.qk_norm * norm_parameters(config, head)
    if config.local_kernel:
        attention += config.num_heads * (config.local_kernel**2 + 1)
    norms = (2 + config.scale_attn_norm) * norm_parameters(config, d)
    scales = 2 * d if config.init_values is not None else 0
    return attention + mlp_parameters(config) + norms + scales


def pool_parameters(config: ViTConfig) -> int:
    """Return how many numbers attention pooling has learned: its query, four layers, a norm and an MLP."""
    d = config.embed_dim
    return d + 4 * (d * d + d) + norm_parameters(config, d) + mlp_parameters(config)


def parameters(config: ViTConfig) -> int:
    """Return how many numbers the network has learned, token predictors included."""
    d, features = config.embed_dim, config.num_features
    positions = config.num_patches + (0 if config.no_embed_class else config.num_prefix_tokens)
    positions = positions if config.use_abs_pos_emb else 0
    embedding = patch_pixels(config) * d + (config.num_prefix_tokens + positions) * d
    embedding += 0 if config.pre_norm else d
    norms = (config.embed_norm + config.pre_norm) * norm_parameters(config, d)
    norms += config.final_norm * norm_parameters(config, features if config.normalises_last else d)
    heads = (2 if config.dist_token else 1) * (features + 1) * config.num_classes
    pool = pool_parameters(config) if config.global_pool == "map" else 0
    predictors = 0
    if config.prune is not None:
        half, quarter = d // 2, d // 4
        each = 2 * d + d * d + d + d * half + half + half * quarter + quarter + 2 * quarter + 2
        predictors = len(config.prune.prune_loc) * each
    return embedding + config.depth * block_parameters(config) + norms + pool + heads + predictors


def trace_bytes(config: ViTConfig) -> int:
    """Return the bytes of what is recorded of one picture.

    Attention of all layers in 32 bits and features in 16, twice: of the dense pass, and of the pruned one or
    the one that goes back from a class; then the gradients of attention, where there are classes. Linear
    attention is recorded as the matrix that it stands for.
    """
    n = config.num_prefix_tokens + config.num_patches
    attention = 4 * config.num_heads * n * n
    features = n * (2 * config.embed_dim + 4)
    return config.depth * ((3 if config.num_classes else 2) * attention + 2 * features)


def reduction_macs(config: ViTConfig, reduction: str, *, before: int, after: int) -> int:
    """Return what it takes at a stage to fuse or merge `before` patches into `after`, the choice aside.

    The keys that are compared, or what class attention asks; the comparison; the means.
    """
    if reduction == "drop" or before == after:
        return 0
    d, prefix = config.embed_dim, config.num_prefix_tokens
    n, head = prefix + before, d // config.num_heads
    means = (prefix + after) * n * (d + 1)
    if reduction == "fuse":
        asking = 1 if config.class_token else n
        return (n + asking) * d * d + n * d + means
    if reduction == "merge":
        return n * d * d + before * after * head + means
    left = max(after, before - (before + 1 - prefix % 2) // 2)  # one half can leave at once
    half, again = before // 2, reduction_macs(config, reduction, before=left, after=after)
    return n * d * d + half * (before - half) * head + (prefix + left) * n * (d + 1) + again


def macs(
    config: ViTConfig,
    *,
    keep_ratio: float | None = None,
    tokens: Sequence[int] | None = None,
    prune_loc: Sequence[int] | None = None,
    reduction: str = "drop",
) -> int:
    """Return the multiply-accumulates of one picture: dense, pruned by `keep_ratio`, or for given counts.

    `keep_ratio`: at each stage.
    `tokens`: the patches at the input and after each stage, as (64, 44, 31, 21). At the input fewer may go on
    than the picture has (an explicit cut there); without stages no predictor is asked.
    `prune_loc`: the blocks before which the stages of `tokens` are, None = the network's own.
    `reduction`: what becomes of the patches that leave, see `vitdemo.models.pruning.Pruning`.

    Counted: linear layers, the patch projection, attention's two products (of linear attention: keys with
    values, queries with that, queries with the normaliser), a local mix at all places of the picture,
    DynamicViT's predictors where they stand, and what fusing or merging takes. Not counted: norms,
    activations, softmax, and what a training-free selector asks.
    """
    d, prefix, loc = config.embed_dim, config.num_prefix_tokens, tuple(prune_loc or config.prune_loc)
    total = config.num_patches * patch_pixels(config) * d
    if tokens is None:
        dense = keep_ratio is None
        tokens = (config.num_patches,) if dense else token_counts(config.num_patches, keep_ratio, len(loc))
    patches, *counts = tokens
    assert len(counts) in (0, len(loc)), "one count a stage"
    asked = REDUCTIONS[reduction].asks_selector
    predictors = config.prune.prune_loc if config.prune is not None and asked else ()
    for index in range(config.depth):
        if counts and index in loc:
            if index in predictors:
                total += patches * (d * d + d * (d // 2) + (d // 2) * (d // 4) + (d // 4) * 2)
            after = counts[loc.index(index)]
            total += reduction_macs(config, reduction, before=patches, after=after)
            patches = after
        n = prefix + patches
        linear = config.attention == "linear"
        attention = n * d * (2 * (d // config.num_heads) + 1) if linear else 2 * n * n * d
        attention += config.num_patches * (d + config.num_heads) * config.local_kernel**2
        total += n * (4 * d * d + mlp_weights(config)) + attention
    if config.global_pool == "map":
        total += 2 * (patches + 1) * d * d + 2 * patches * d + mlp_weights(config)
    return total + (2 if config.dist_token else 1) * config.num_features * config.num_classes


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
            f"| {name} | {config.embed_dim} / {config.depth} / {config.num_heads} | {config.hidden_width} "
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
