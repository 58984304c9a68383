"""transformers' tensors as ours: their names in all its families, and the few that are cut or resampled."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vitdemo.config import ViTConfig
from vitdemo.weights.records import KeyTable, Tensors

BASE = r"(?:\w+\.)?"
EMBEDDING = BASE + r"embeddings\."
LAYER = BASE + r"(?:encoder\.)?layers?\.(\d+)\."
PART = r"\.(weight|bias)"
# The first pattern counts: those of the text tower, a decoder and SigLIP's head would fit later ones too.
KEYS: KeyTable = (
    (r"(?:text_model|text_projection|visual_projection|decoder)\..*", ""),
    (r"logit_scale|logit_bias", ""),
    (BASE + r"pooler\.dense" + PART, ""),
    (EMBEDDING + r"(?:mask_token|position_ids)", ""),
    (BASE + r"head\.probe", "attn_pool.latent"),
    (BASE + r"head\.attention\.in_proj_(weight|bias)", r"attn_pool.qkv.\1"),
    (BASE + r"head\.attention\.out_proj" + PART, r"attn_pool.proj.\1"),
    (BASE + r"head\.layernorm" + PART, r"attn_pool.norm.\1"),
    (BASE + r"head\.mlp\.(fc[12])" + PART, r"attn_pool.mlp.\1.\2"),
    (EMBEDDING + r"(?:cls_token|class_embedding)", "cls_token"),
    (EMBEDDING + r"(?:register_tokens|distillation_token)", "reg_token"),
    (EMBEDDING + r"(?:position_embeddings|position_embedding\.weight)", "pos_embed"),
    (EMBEDDING + r"(?:patch_embeddings\.projection|patch_embeddings?)" + PART, r"patch_embed.proj.\1"),
    (LAYER + r"(?:layernorm_before|layer_norm1|norm1)" + PART, r"blocks.\1.norm1.\2"),
    (LAYER + r"(?:layernorm_after|layer_norm2|norm2)" + PART, r"blocks.\1.norm2.\2"),
    (LAYER + r"layer_scale([12])\.lambda1", r"blocks.\1.ls\2.gamma"),
    (
        LAYER + r"(?:attention\.(?:attention\.)?|self_attn\.)([qkv])(?:uery|ey|alue|_proj)" + PART,
        r"blocks.\1.attn.qkv.\2.\3",
    ),
    (
        LAYER + r"(?:attention\.output\.dense|attention\.o_proj|self_attn\.out_proj)" + PART,
        r"blocks.\1.attn.proj.\2",
    ),
    (LAYER + r"(?:intermediate\.dense|mlp\.fc1|mlp\.weights_in)" + PART, r"blocks.\1.mlp.fc1.\2"),
    (LAYER + r"mlp\.gate_proj" + PART, r"blocks.\1.mlp.fc1.g.\2"),
    (LAYER + r"mlp\.up_proj" + PART, r"blocks.\1.mlp.fc1.x.\2"),
    (LAYER + r"(?:output\.dense|mlp\.fc2|mlp\.weights_out|mlp\.down_proj)" + PART, r"blocks.\1.mlp.fc2.\2"),
    (BASE + r"pre_layrnorm" + PART, r"norm_pre.\1"),  # so it is spelled there
    (BASE + r"(?:post_)?layernorm" + PART, r"norm.\1"),
    (r"classifier" + PART, r"head.\1"),
)
TEACHER_KEYS: KeyTable = (
    (EMBEDDING + r"distillation_token", "dist_token"),
    (r"cls_classifier" + PART, r"head.\1"),
    (r"distillation_classifier" + PART, r"head_dist.\1"),
)
NO_LAST_NORM: KeyTable = ((BASE + r"post_layernorm" + PART, ""),)
NO_POOLING: KeyTable = ((BASE + r"head\..*", ""),)


def shape_tables(tensors: Tensors, config: ViTConfig) -> Tensors:
    """Return CLIP's and SigLIP's `tensors` with tables as ours, and the query apart from keys and values."""
    found = dict(tensors)
    for name in ("cls_token", "pos_embed"):
        if name in found and found[name].ndim in (1, 2):
            found[name] = found[name].reshape(1, -1, found[name].shape[-1])
    for part in ("weight", "bias"):
        whole = found.pop(f"attn_pool.qkv.{part}", None)
        if whole is not None and whole.ndim:
            found[f"attn_pool.q.{part}"] = whole[: config.embed_dim]
            found[f"attn_pool.kv.{part}"] = whole[config.embed_dim :]
    return found


def fit_positions(tensors: Tensors, config: ViTConfig) -> Tensors:
    """Return DINOv2's `tensors` with positions resampled to the grid of `config`, as transformers does."""
    table = tensors.get("pos_embed")
    if table is None or table.ndim != 3:
        return tensors  # which is told where all are checked
    patches = resample(table[:, 1:], config.grid, antialias=False)
    return {**tensors, "pos_embed": torch.cat([table[:, :1], patches], dim=1)}


def fit_positions_of_patches(tensors: Tensors, config: ViTConfig) -> Tensors:
    """Return DINOv2's `tensors` with positions for patches alone, since register tokens have none.

    That of the class token is added to it; the others are resampled as transformers does here.
    """
    table, token = tensors.get("pos_embed"), tensors.get("cls_token")
    if table is None or token is None or table.ndim != 3 or token.shape != table[:, :1].shape:
        return tensors
    patches = resample(table[:, 1:], config.grid, antialias=True)
    return {**tensors, "cls_token": token + table[:, :1], "pos_embed": patches}


def resample(
    table: Float[Tensor, "b n d"], grid: tuple[int, int], *, antialias: bool
) -> Float[Tensor, "b m d"]:
    """Return the positions of a square grid on another one; as they are where they do not form a square."""
    side = math.isqrt(table.shape[1])
    if side * side != table.shape[1] or grid == (side, side) or not side:
        return table
    plane = table.unflatten(1, (side, side)).permute(0, 3, 1, 2)
    plane = F.interpolate(plane, size=grid, mode="bicubic", align_corners=False, antialias=antialias)
    return plane.permute(0, 2, 3, 1).flatten(1, 2)
