"""The table of explanations. A new one is a function `Trace -> Heatmap` and one entry here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from vitdemo.explain.attention import raw_attention, raw_attention_heads
from vitdemo.explain.gradient import attention_gradcam, chefer, gradient_rollout, token_gradcam
from vitdemo.explain.heatmap import Heatmap
from vitdemo.explain.keep_score import keep_score
from vitdemo.explain.options import (
    DISCARD_RATIO,
    FUSION,
    HEAD,
    LAYER,
    QUERY,
    STAGE,
    START_LAYER,
    Option,
)
from vitdemo.explain.rollout import attention_rollout, head_rollout, head_rollout_heads
from vitdemo.trace import Trace


@dataclass(frozen=True)
class Method:
    """An explanation as the page offers it.

    `summary`: one sentence. `unit`: what the colour bar says. `needs_pruning`: only for traces with pruning
    stages. `needs_grad`: of one class, only for traces with gradients. `all_heads`: the maps of every head
    of a layer at once, with `all_heads_options`; or None.
    """

    key: str
    title: str
    summary: str
    fn: Callable[..., Heatmap]
    unit: str
    options: tuple[Option, ...] = ()
    needs_pruning: bool = False
    needs_grad: bool = False
    all_heads: Callable[..., Float[np.ndarray, "h gh gw"]] | None = None
    all_heads_options: tuple[Option, ...] = ()


METHODS: dict[str, Method] = {
    method.key: method
    for method in (
        Method(
            key="raw-attention",
            title="Raw attention",
            summary="What one token looks at in one layer, by one head or by all heads together.",
            fn=raw_attention,
            unit="attention weight",
            options=(LAYER, HEAD, QUERY, FUSION),
            all_heads=raw_attention_heads,
            all_heads_options=(LAYER, QUERY),
        ),
        Method(
            key="attention-rollout",
            title="Attention rollout",
            summary="How much of each input patch reaches the output when attention is followed through all "
            "layers, residual connections included.",
            fn=attention_rollout,
            unit="rollout share",
            options=(FUSION, DISCARD_RATIO, START_LAYER, QUERY),
        ),
        Method(
            key="head-rollout",
            title="Per-head rollout",
            summary="What one head of one layer gathers, followed back to the input patches through the "
            "fused heads of the layers below.",
            fn=head_rollout,
            unit="rollout share",
            options=(LAYER, HEAD, QUERY, FUSION, DISCARD_RATIO),
            all_heads=head_rollout_heads,
            all_heads_options=(LAYER, QUERY, FUSION, DISCARD_RATIO),
        ),
        Method(
            key="keep-score",
            title="Keep score",
            summary="The score by which the pruning stage decided which patches to keep; larger means keep.",
            fn=keep_score,
            unit="selector score",
            options=(STAGE,),
            needs_pruning=True,
        ),
        Method(
            key="gradient-rollout",
            title="Gradient rollout",
            summary="Attention rollout that follows only the attention which speaks for the class.",
            fn=gradient_rollout,
            unit="rollout share",
            options=(DISCARD_RATIO, START_LAYER),
            needs_grad=True,
        ),
        Method(
            key="chefer",
            title="Chefer et al.",
            summary="Adds up, layer by layer, how much the attention to each patch raises the class.",
            fn=chefer,
            unit="relevance",
            options=(START_LAYER,),
            needs_grad=True,
        ),
        Method(
            key="attention-gradcam",
            title="Attention Grad-CAM",
            summary="The last layer's attention, each head weighted by how much it speaks for the class.",
            fn=attention_gradcam,
            unit="attention times gradient",
            needs_grad=True,
        ),
        Method(
            key="token-gradcam",
            title="Token Grad-CAM",
            summary="Which patches hold, before the last layer, the features that speak for the class.",
            fn=token_gradcam,
            unit="feature times gradient",
            needs_grad=True,
        ),
    )
}


def explain(trace: Trace, method_key: str, **options: Any) -> Heatmap:
    """The map of method `method_key` for `trace`; options left out take their defaults.

    Raises ValueError naming an unknown method or option or a value out of range, or when the method needs
    pruning or gradients and `trace` has none; PatchDropped (a ValueError) when the query patch is already
    pruned.
    """
    method = find(method_key)
    if method.needs_pruning and not trace.scores:
        raise ValueError(
            f"{method.key} needs a pass in which a selector scored patches; this one has no pruning stage"
        )
    if method.needs_grad and trace.target is None:
        raise ValueError(f"{method.key} explains one class: record the pass with gradients of that class")
    return method.fn(trace, **checked(trace, method.options, options))


def explain_heads(trace: Trace, method_key: str, **options: Any) -> Float[np.ndarray, "h gh gw"]:
    """The maps of all heads of one layer, sharing the work; takes `all_heads_options`.

    `explain_heads(...)[k]` equals `explain(..., head=k)`. Raises as `explain`, and ValueError for a method
    without heads.
    """
    method = find(method_key)
    if method.all_heads is None:
        raise ValueError(f"{method.key} has no maps of single heads")
    return method.all_heads(trace, **checked(trace, method.all_heads_options, options))


def find(method_key: str) -> Method:
    """The entry of METHODS. Raises ValueError listing the known keys."""
    if method_key not in METHODS:
        raise ValueError(f"unknown method {method_key!r}; known methods: {', '.join(METHODS)}")
    return METHODS[method_key]


def checked(trace: Trace, allowed: Iterable[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of `allowed`, checked or defaulted. Raises ValueError naming the option."""
    known = {option.key: option for option in allowed}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known options: {', '.join(known)}"
            raise ValueError(f"unknown option {key!r}; {hint}")
    return {key: option.check(trace, values.get(key, option.default)) for key, option in known.items()}
