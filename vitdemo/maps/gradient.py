"""Maps of one class, from the gradients of its logit: exact through pruning and linear attention.

Layer l's attention is always paired with the gradient of layer l. Everywhere but in the maps of AttnLRP
and ResLRP relu keeps what speaks for the class, so that no number is negative.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.maps.heatmap import Heatmap, descend, hand_out, lay_out, query_row, step, to_grid
from vitdemo.maps.rollout import discard, push_through
from vitdemo.trace import Trace


def weight_by_gradient(trace: Trace, layer: int) -> Float[Tensor, "h n n"]:
    """Return `A_l * d logit / d A_l`, entry by entry: what each weight adds to the logit, to first order.

    The row of a merged token is that of one of the tokens that it stands for, which are all alike.
    """
    assert trace.attn_grad is not None
    return trace.attn[layer] * trace.attn_grad[layer] / trace.sizes(layer).unsqueeze(1)


def gradient_rollout(trace: Trace, *, discard_ratio: float = 0.0, start_layer: int = 0) -> Heatmap:
    """Return attention rollout over `relu(mean_h(A_l * dA_l))` instead of fused heads (vit-explain's form).

    In [0, 1]; with the prefix tokens' part the row sums to 1. NaN only where a patch is already gone at
    `start_layer`. `discard_ratio` as in `attention_rollout`. Under mean pooling each patch that is read keeps
    its own share of the readout besides, by the residual connection.
    """
    row = query_row(trace, None, layer=len(trace.attn) - 1)
    for layer in reversed(range(start_layer, len(trace.attn))):
        fused = weight_by_gradient(trace, layer).mean(0).clamp(min=0)
        fused = discard(fused, discard_ratio, num_prefix_tokens=trace.num_prefix_tokens)
        row = push_through(trace, row, fused, layer=layer)
    return to_grid(trace, row, layer=start_layer)


def chefer(trace: Trace, *, start_layer: int = 0) -> Heatmap:
    """Return the relevance of Chefer et al., ICCV 2021: `R <- R + mean_h(relu(A_l * dA_l)) R`.

    `R = I` before `start_layer`. The row of the head's readout in `R - I`, in units of the logit, 0 or more;
    NaN only where a patch is already gone at `start_layer`. At each cut the rows of the tokens that stay are
    selected. With a class token the identity does not touch the patches and this is the paper's map; under
    mean pooling it would only add the readout's own weights, the same for every picture.
    """
    row = query_row(trace, None, layer=len(trace.attn) - 1)
    for layer in reversed(range(start_layer, len(trace.attn))):
        row = descend(trace, row, layer=layer)
        row = row + step(trace, row, weight_by_gradient(trace, layer).clamp(min=0).mean(0), layer=layer)
    return to_grid(trace, row - query_row(trace, None, layer=start_layer), layer=start_layer)


def legrad(trace: Trace) -> Heatmap:
    """Return LeGrad (Bousselham et al., ICCV 2025): `mean_l mean_h mean_q relu(d s_l / d A_l)`.

    `s_l` is the logit that the head gives when it reads layer l's tokens as it reads the last layer's; its
    gradient goes through layer l alone. Of a class token only its own row has one, of a mean every row.
    0 or more, NaN only where a patch never entered; a layer in which a patch is gone gives it nothing.
    Departures from the authors' code, which reads the mean of all tokens whatever the head reads, and where
    it reads by attention takes the gradient of the pooling's weights in place of the layers'.
    """
    assert trace.early_grad is not None
    row = torch.zeros(trace.num_prefix_tokens + trace.num_patches)
    for layer, gradient in enumerate(trace.early_grad):
        row += hand_out(trace, gradient.mean(0), layer=layer) / len(trace.early_grad)
    return lay_out(trace, row, layer=0)


def attnlrp(trace: Trace) -> Heatmap:
    """Return the relevance of each patch by AttnLRP (Achtibat et al., ICML 2024), in units of the logit.

    It is that of the patch's token as it enters the first layer, its position with it. Of either sign: below
    0 a patch speaks against the class. NaN only where a patch never entered. With what biases and softmax
    take up, the relevance of all tokens of a layer is the logit.
    Raise ValueError where the trace has no relevance.
    """
    return place_relevance(trace, trace.relevance)


def reslrp(trace: Trace) -> Heatmap:
    """Return the same as `attnlrp` with the residual branches of ResLRP (`vitdemo.models.relevance`).

    Raise ValueError where the trace has no relevance.
    """
    return place_relevance(trace, trace.residual_relevance)


def occlusion(trace: Trace) -> Heatmap:
    """Return how far the score falls without each patch, in units of the logit, of either sign.

    NaN where a patch never entered. Raise ValueError where the trace has no occlusion.
    """
    if trace.occlusion is None:
        raise ValueError("the trace has no occlusion: add it by vitdemo.occlusion.add_occlusion")
    return to_grid(trace, torch.cat([torch.zeros(trace.num_prefix_tokens), trace.occlusion]), layer=0)


def place_relevance(trace: Trace, relevance: tuple[Float[Tensor, "_"], ...] | None) -> Heatmap:
    """Return the relevance of the patches that enter the first layer."""
    if relevance is None:
        raise ValueError("the trace has no relevance: add it by vitdemo.recording.add_relevance")
    row = torch.zeros(trace.num_prefix_tokens + trace.num_patches)
    row[trace.token_ids[0]] = relevance[0]
    return to_grid(trace, row, layer=0)


def attention_gradcam(trace: Trace) -> Heatmap:
    """Return `relu(sum_h mean(dA_h) * A_h)` in the last layer (Chefer et al. 2021).

    The mean is over the patches. The published form takes the class token's row. Here all rows are summed:
    those that the head does not read have no gradient, so the class token's map is the same, and every other
    readout has one too.
    0 or more; NaN where a patch is gone at the last layer.
    """
    assert trace.attn_grad is not None
    last, prefix = len(trace.attn) - 1, trace.num_prefix_tokens
    sizes = trace.sizes(last)[prefix:]
    weights = (trace.attn_grad[-1][..., prefix:] * sizes).sum(-1, keepdim=True) / sizes.sum()
    row = torch.zeros(prefix + trace.num_patches)
    row[trace.token_ids[-1]] = (weights * trace.attn[-1]).sum((0, 1)).clamp(min=0)
    return to_grid(trace, row, layer=last)


def token_gradcam(trace: Trace) -> Heatmap:
    """Return Grad-CAM (Selvaraju et al. 2017, eq. 1-2) on the patch tokens that enter the last block.

    `relu(sum_k alpha_k x_k)`, `alpha_k` the mean over the patches of channel k's gradient. Not the last
    block's output, where a class token's head leaves the patches no gradient.
    0 or more; NaN where a patch is gone at the last layer.
    """
    assert trace.tokens is not None
    assert trace.token_grad is not None
    last, prefix = len(trace.attn) - 1, trace.num_prefix_tokens
    alpha = trace.token_grad[prefix:].sum(0) / trace.sizes(last)[prefix:].sum()
    return lay_out(trace, hand_out(trace, (trace.tokens @ alpha).clamp(min=0), layer=last), layer=last)
