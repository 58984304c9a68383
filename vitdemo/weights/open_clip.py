"""OpenCLIP's tensors as ours: of its two towers that for pictures, its own or one of timm."""

from __future__ import annotations

from vitdemo.weights.records import KeyTable

PART = r"(weight|bias)"
BLOCK = r"visual\.transformer\.resblocks\.(\d+)\."
OPEN_CLIP_KEYS: KeyTable = (
    (r"visual\.trunk\.(blocks\.\d+\.mlp\.fc1)_([gx])\." + PART, r"\1.\2.\3"),
    (r"visual\.trunk\.(.+)", r"\1"),
    (r"visual\.class_embedding", "cls_token"),
    (r"visual\.positional_embedding", "pos_embed"),
    (r"visual\.conv1\." + PART, r"patch_embed.proj.\1"),
    (r"visual\.ln_pre\." + PART, r"norm_pre.\1"),
    (r"visual\.ln_post\." + PART, r"norm.\1"),
    (BLOCK + r"ln_([12])\." + PART, r"blocks.\1.norm\2.\3"),
    (BLOCK + r"ls_([12])\.gamma", r"blocks.\1.ls\2.gamma"),
    (BLOCK + r"attn\.in_proj_" + PART, r"blocks.\1.attn.qkv.\2"),
    (BLOCK + r"attn\.out_proj\." + PART, r"blocks.\1.attn.proj.\2"),
    (BLOCK + r"mlp\.c_fc\." + PART, r"blocks.\1.mlp.fc1.\2"),
    (BLOCK + r"mlp\.c_proj\." + PART, r"blocks.\1.mlp.fc2.\2"),
    (r"visual\.(?:proj|head\.proj\.weight)", ""),  # into the space that it shares with texts
    (r"(?!visual\.).*", ""),
)
