"""The network of a run: built, put into a precision, compiled."""

from __future__ import annotations

import torch
from torch import nn

from train.config import TrainConfig
from train.resnet import ResNet9, ResNetConfig
from vitdemo.config import ViTConfig
from vitdemo.models import VisionTransformer, build_model

SHAPES = 64  # numbers of tokens that a compiled forward may meet before it falls back to eager


def build_network(config: ViTConfig | ResNetConfig) -> VisionTransformer | ResNet9:
    """Return the network of a run, randomly initialised."""
    if isinstance(config, ResNetConfig):
        return ResNet9(config).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return build_model(config)


def choose_precision(config: TrainConfig, device: torch.device) -> torch.dtype:
    """Return autocast's type; `auto` is bf16 where the device has it, else fp16 on CUDA, fp32 elsewhere."""
    if config.precision != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[config.precision]
    if device.type != "cuda":
        return torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def compile_network(network: nn.Module, config: TrainConfig, *, backend: str = "inductor") -> None:
    """Compile the forward passes of `network` in place; names of modules and parameters stay.

    The whole network with fixed shapes, compiled anew for each of the few token counts of `token_keep`. The
    elastic objective draws a token count for each stage and step: there each block is compiled by itself, for
    any count.
    """
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, SHAPES)
    anywhere = config.objective == "elastic"
    modules = list(network.blocks) if anywhere and isinstance(network, VisionTransformer) else [network]
    for module in modules:
        for verb in ("forward", "forward_masked"):
            if hasattr(module, verb):
                plain = getattr(module, verb)
                fast = torch.compile(plain, dynamic=anywhere, backend=backend)
                setattr(module, verb, fast)
