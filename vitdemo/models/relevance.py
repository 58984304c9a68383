"""AttnLRP (Achtibat et al., ICML 2024) and ResLRP: relevance as `x * gradient`, by other rules on the way.

The network itself is not written twice: `RelevanceRules` catches the functions that it calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Call = Callable[..., Any]
TOKENS_NDIM = 3  # pictures, tokens, channels: rotary halves have four axes, what a head reads has two


class RelevanceRules(TorchFunctionMode):
    """Within it every number stays what it is, but gradients go back by the rules of AttnLRP, in its thread.

    A norm's denominator counts as a constant (prop. 3.4), an activation as a product with a constant (the
    identity rule), and each factor of a product gets half (the uniform rule, prop. 3.2 and 3.3). Linear
    layers and softmax keep their gradients, which times the input are the epsilon rule with epsilon 0 and
    Taylor's decomposition (prop. 3.1). Parameters count as constants.
    The paper goes through the linear layers of a ViT by the gamma rule instead, which has numbers to choose.
    Linear attention is not in the paper: its feature map goes as an activation, its division as it is.
    `residual`: sums of two branches share by the rule of ResLRP, see `pass_residual`.
    """

    def __init__(self, *, residual: bool = False) -> None:
        super().__init__()
        self.rules = {**RULES, "add": pass_residual} if residual else RULES

    def __torch_function__(
        self, func: Call, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        args, kwargs = [make_constant(one) for one in args], dict(kwargs or {})
        rule = self.rules.get(getattr(func, "__name__", ""), call)
        return rule(func, *args, **{name: make_constant(one) for name, one in kwargs.items()})


def make_constant(value: Any) -> Any:
    """Return a parameter as a tensor that needs no gradient, anything else as it is."""
    return value.detach() if isinstance(value, nn.Parameter) else value


def call(func: Call, *args: Any, **options: Any) -> Any:
    return func(*args, **options)


def pass_layer_norm(func: Call, x: Tensor, shape: Any, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    return pass_rms_norm(func, x - x.mean(dim=-1, keepdim=True), shape, weight, eps) + bias


def pass_rms_norm(func: Call, x: Tensor, shape: Any, weight: Tensor, eps: float) -> Tensor:
    """Return the norm over the last axis, which is that of all norms here, by a constant."""
    return x * (x.square().mean(dim=-1, keepdim=True) + eps).rsqrt().detach() * weight


def pass_activation(func: Call, x: Tensor, *args: Any, **options: Any) -> Tensor:
    """Return the activation as `x` times a constant, entry by entry."""
    return x * (func(x, *args, **options) / x.masked_fill(x == 0, 1.0)).detach()


def pass_gate(func: Call, x: Tensor) -> Tensor:
    """Return a gate (QuickGELU has a sigmoid) as a constant: it and its factor are one activation."""
    return func(x).detach()


def pass_product(func: Call, a: Any, b: Any) -> Tensor:
    """Return the product; where both factors come from the picture, half of its gradient goes to each."""
    product = func(a, b)
    if all(isinstance(one, Tensor) and one.requires_grad for one in (a, b)):
        return product / 2 + (product / 2).detach()
    return product


def pass_residual(func: Call, a: Any, b: Any, **options: Any) -> Tensor:
    """Return the sum; where both are tokens of the picture, they share by the gamma rule with gamma 1.

    A branch that has the sign of the sum counts twice, entry by entry, so that two large numbers that nearly
    cancel do not both get many times what the sum had: `R_a = a (1 + [a s >= 0]) / d R`, `d` the sum of both
    so weighted, `|d| >= |s|`. No relevance is lost (ResLRP, arXiv 2609.17152, as read from a public
    implementation, the paper was not at hand; its gamma rule in the linear layers is left out, as above).
    """
    total = func(a, b, **options)
    if not all(isinstance(one, Tensor) and one.requires_grad and one.ndim == TOKENS_NDIM for one in (a, b)):
        return total
    left, right = 1.0 + (a * total >= 0), 1.0 + (b * total >= 0)
    weighted = a * left + b * right
    share = total / weighted.masked_fill(weighted == 0, 1.0)
    return a * (left * share).detach() + b * (right * share).detach()


RULES: dict[str, Callable[..., Any]] = {
    "layer_norm": pass_layer_norm,
    "rms_norm": pass_rms_norm,
    **dict.fromkeys(("gelu", "silu", "elu", "relu"), pass_activation),
    "sigmoid": pass_gate,
    **dict.fromkeys(("matmul", "mul"), pass_product),
}
