"""The table of explanations. A new one is a function `Trace -> Heatmap` and one entry here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from vitdemo.maps.attention import raw_attention, raw_attention_heads
from vitdemo.maps.gradient import (
    attention_gradcam,
    attnlrp,
    chefer,
    gradient_rollout,
    legrad,
    occlusion,
    reslrp,
    token_gradcam,
)
from vitdemo.maps.heatmap import Heatmap
from vitdemo.maps.inward import attention_rollout_inward, head_rollout_inward, raw_attention_inward
from vitdemo.maps.keep_score import keep_score
from vitdemo.maps.method import Method
from vitdemo.maps.options import (
    DISCARD_RATIO,
    FUSION,
    HEAD,
    LAYER,
    QUERY,
    STAGE,
    START_LAYER,
    Option,
)
from vitdemo.maps.rollout import attention_rollout, head_rollout, head_rollout_heads
from vitdemo.message import Message
from vitdemo.trace import Trace

METHODS: dict[str, Method] = {
    method.key: method
    for method in (
        Method(
            key="raw-attention",
            title=Message("Raw attention"),
            summary=Message("What one token looks at in one layer."),
            fn=raw_attention,
            inward=raw_attention_inward,
            in_browser=True,
            unit=Message("attention weight"),
            options=(LAYER, HEAD, QUERY, FUSION),
            all_heads=raw_attention_heads,
            all_heads_options=(LAYER, QUERY),
        ),
        Method(
            key="attention-rollout",
            title=Message("Attention rollout"),
            summary=Message("How much of each patch reaches the output through all layers."),
            fn=attention_rollout,
            inward=attention_rollout_inward,
            in_browser=True,
            unit=Message("rollout share"),
            options=(FUSION, DISCARD_RATIO, START_LAYER, QUERY),
        ),
        Method(
            key="head-rollout",
            title=Message("Per-head rollout"),
            summary=Message("What one layer or head gathers, followed back to the input."),
            fn=head_rollout,
            inward=head_rollout_inward,
            in_browser=True,
            unit=Message("rollout share"),
            options=(LAYER, HEAD, QUERY, FUSION, DISCARD_RATIO),
            all_heads=head_rollout_heads,
            all_heads_options=(LAYER, QUERY, FUSION, DISCARD_RATIO),
        ),
        Method(
            key="keep-score",
            title=Message("Keep score"),
            summary=Message("The score by which patches are dropped, the lowest first."),
            fn=keep_score,
            unit=Message("selector score"),
            options=(STAGE,),
            needs_pruning=True,
        ),
        Method(
            key="gradient-rollout",
            title=Message("Gradient rollout"),
            summary=Message("Follows, through all layers, only the attention that speaks for the class."),
            fn=gradient_rollout,
            unit=Message("rollout share"),
            options=(DISCARD_RATIO, START_LAYER),
            needs_grad=True,
        ),
        Method(
            key="chefer",
            title=Message("Chefer et al."),
            summary=Message("Adds up, layer by layer, how much attention to a patch raises the class."),
            fn=chefer,
            unit=Message("relevance"),
            options=(START_LAYER,),
            needs_grad=True,
        ),
        Method(
            key="legrad",
            title=Message("LeGrad"),
            summary=Message("In every layer, how much more attention to a patch would raise the class."),
            fn=legrad,
            unit=Message("gradient"),
            needs_grad=True,
        ),
        Method(
            key="attnlrp",
            title=Message("AttnLRP"),
            summary=Message("How much of the class's score comes from a patch, layer by layer back."),
            fn=attnlrp,
            unit=Message("relevance"),
            relevance="relevance",
            signed=True,
        ),
        Method(
            key="reslrp",
            title=Message("ResLRP"),
            summary=Message("As AttnLRP, but branches that cancel each other share what is left of them."),
            fn=reslrp,
            unit=Message("relevance"),
            relevance="residual_relevance",
            signed=True,
        ),
        Method(
            key="attention-gradcam",
            title=Message("Attention Grad-CAM"),
            summary=Message(
                "The last layer's attention, each head weighted by how much it speaks for the class."
            ),
            fn=attention_gradcam,
            unit=Message("attention times gradient"),
            needs_grad=True,
        ),
        Method(
            key="token-gradcam",
            title=Message("Token Grad-CAM"),
            summary=Message(
                "Which patches hold, before the last layer, the features that speak for the class."
            ),
            fn=token_gradcam,
            unit=Message("feature times gradient"),
            needs_grad=True,
        ),
        Method(
            key="occlusion",
            title=Message("Occlusion"),
            summary=Message("How far the class's score falls when a patch is really removed."),
            fn=occlusion,
            unit=Message("fall of the logit"),
            signed=True,
            needs_removal=True,
        ),
    )
}

ATTENTION_METHODS = {
    key: method for key, method in METHODS.items() if not (method.needs_pruning or method.of_class)
}
CLASS_METHODS = {
    key: method for key, method in METHODS.items() if method.of_class and not method.needs_removal
}


def explain(trace: Trace, method_key: str, **options: Any) -> Heatmap:
    """Return the map of method `method_key` for `trace`; options left out take their defaults.

    Raise ValueError naming an unknown method or option or a value out of range, or when the method needs
    pruning or gradients and `trace` has none; PatchDropped (a ValueError) when the query patch is already
    pruned.
    """
    method = get_method(method_key)
    if method.needs_pruning and not trace.scores:
        raise ValueError(
            f"{method.key} needs a pass in which a selector scored patches; this one has no pruning stage"
        )
    if method.of_class and (trace.target is None or (method.needs_grad and trace.attn_grad is None)):
        raise ValueError(f"{method.key} explains one class: record the pass with gradients of that class")
    return method.fn(trace, **check(trace, method.options, options))


def explain_inward(trace: Trace, method_key: str, **options: Any) -> Heatmap:
    """Return who looks at the query, by method `method_key`; options as those of `explain`.

    0 or more; NaN for the patches that are gone at the layer asked for, of attention rollout the last one. A
    patch that was dropped later still gave its share to others, so only raw attention needs it to be there.
    Raise as `explain`, and ValueError for a method that has no other direction.
    """
    method = get_method(method_key)
    if method.inward is None:
        having = ", ".join(key for key, other in METHODS.items() if other.inward is not None)
        raise ValueError(f"{method_key} has no other direction; these have one: {having}")
    return method.inward(trace, **check(trace, method.options, options))


def explain_heads(trace: Trace, method_key: str, **options: Any) -> Float[np.ndarray, "h gh gw"]:
    """Return the maps of all heads of one layer, sharing the work; take `all_heads_options`.

    `explain_heads(...)[k]` equals `explain(..., head=k)`. Raise as `explain`, and ValueError for a method
    without heads.
    """
    method = get_method(method_key)
    if method.all_heads is None:
        raise ValueError(f"{method.key} has no maps of single heads")
    return method.all_heads(trace, **check(trace, method.all_heads_options, options))


def get_method(method_key: str) -> Method:
    """Return the entry of METHODS. Raise ValueError listing the known keys."""
    if method_key not in METHODS:
        raise ValueError(f"unknown method {method_key!r}; known methods: {', '.join(METHODS)}")
    return METHODS[method_key]


def check(trace: Trace, allowed: Iterable[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of `allowed`, checked or defaulted. Raise ValueError naming the option."""
    known = {option.key: option for option in allowed}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known options: {', '.join(known)}"
            raise ValueError(f"unknown option {key!r}; {hint}")
    return {key: option.check(trace, values.get(key, option.default)) for key, option in known.items()}
