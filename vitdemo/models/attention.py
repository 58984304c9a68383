"""Multi-head self-attention, softmax or linear: the only file that knows the fused kernel (SDPA)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vitdemo.config import FeatureMap, ViTConfig
from vitdemo.models.feature_maps import make_features
from vitdemo.models.local import Ids, LocalMix
from vitdemo.models.norms import make_norm
from vitdemo.models.precision import without_autocast
from vitdemo.models.rotary import turn
from vitdemo.trace import Recorder

LEAST_SHARE = 1e-20  # keeps the policy's gradient finite at a key that counts for next to nothing
EXPONENT_LIMIT = 20.0  # keeps the policy's gradient finite at dropped keys far above every kept one

Tokens = Float[Tensor, "b n d"]
Heads = Float[Tensor, "b h n e"]  # e = d / h, the width of one head
Angles = Float[Tensor, "b n pairs"]  # of each token, e / 2 of them
Sizes = Float[Tensor, "b n"]  # how many tokens each stands for
Policy = Float[Tensor, "b n"] | None


class Attention(nn.Module):
    """Self-attention over `(b, n, d)` tokens; one forward for both kinds.

    `policy` `(b, n)` is 1 for tokens that count as keys and 0 for dropped ones; every query sees itself
    (Rao et al. 2021, eq. 10-11). `angles` turn queries and keys, where positions are rotary. `sizes` `(b, n)`
    are how many tokens each stands for: a key counts that many times (Bolya et al. 2023, eq. 1). `ids` are
    their original positions, which a local mix of the values asks for. Attention goes to `recorder` if there
    is one that asks for it.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.kind = config.attention
        self.feature_map: FeatureMap = config.feature_map
        self.local = LocalMix(config) if config.local_kernel else None
        self.halves = config.rope is not None and config.rope.halves
        self.qkv = nn.Linear(config.embed_dim, 3 * config.embed_dim, bias=config.qkv_bias)
        head_dim = config.embed_dim // config.num_heads
        self.q_norm = make_norm(config, head_dim) if config.qk_norm else nn.Identity()
        self.k_norm = make_norm(config, head_dim) if config.qk_norm else nn.Identity()
        self.norm = make_norm(config) if config.scale_attn_norm else nn.Identity()
        self.proj = nn.Linear(config.embed_dim, config.embed_dim, bias=config.proj_bias)
        self.proj_drop = nn.Dropout(config.drop_rate)

    def forward(
        self,
        x: Tokens,
        *,
        policy: Float[Tensor, "b n"] | None = None,
        angles: Angles | None = None,
        sizes: Sizes | None = None,
        ids: Ids | None = None,
        recorder: Recorder | None = None,
    ) -> Tokens:
        q, k, v = self.project(x, angles)
        attn, exact = None, False
        if recorder is not None and recorder.attention:
            attn, exact = self.matrix(q, k, policy, sizes, ids), recorder.grads
            recorder.attn.append(attn)
        if self.kind == "linear" and not exact:
            out = linear_attention(self.phi(q), multiply(self.phi(k), sizes), v, policy=policy)
            out = self.mix(out, v, policy, sizes, ids)
        elif attn is None and policy is None:
            out = self.mix(fused_attention(q, k, v, sizes), v, policy, sizes, ids)
        else:
            out = (self.matrix(q, k, policy, sizes, ids) if attn is None else attn).to(v.dtype) @ v
        return self.proj_drop(self.proj(self.norm(out.transpose(1, 2).flatten(2))))

    def project(self, x: Tokens, angles: Angles | None) -> tuple[Heads, Heads, Heads]:
        """Return the queries, keys and values of each head."""
        b, n, _ = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        if angles is not None:
            q, k = turn(q, angles, halves=self.halves), turn(k, angles, halves=self.halves)
        return q, k, v

    def project_part(self, x: Tokens, part: int, angles: Angles | None = None) -> Heads:
        """Return the queries (`part` 0) or the keys (1) of each head alone."""
        rows = slice(part * self.qkv.in_features, (part + 1) * self.qkv.in_features)
        bias = None if self.qkv.bias is None else self.qkv.bias[rows]
        heads = F.linear(x, self.qkv.weight[rows], bias).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        heads = self.k_norm(heads) if part else self.q_norm(heads)
        return heads if angles is None else turn(heads, angles, halves=self.halves)

    def keys(self, x: Tokens) -> Float[Tensor, "b n e"]:
        """Return what tells how alike tokens are: their keys, the mean over heads, whatever their places."""
        return self.project_part(x, 1).mean(dim=1)

    def mix(self, out: Heads, v: Heads, policy: Policy, sizes: Sizes | None, ids: Ids | None) -> Heads:
        """Return what attention made of the values with those nearby mixed in, where the config says so."""
        if self.local is None:
            return out
        assert ids is not None, "what is near depends on places"
        return self.local(out, v, ids, counts=sizes if policy is None else share(policy))

    def matrix(
        self, q: Heads, k: Heads, policy: Policy, sizes: Sizes | None, ids: Ids | None
    ) -> Float[Tensor, "b h n n"]:
        """Return the attention weights, written out, with those of what is nearby mixed in; rows sum to 1."""
        attn = self.weigh(q, k, policy, sizes)
        if self.local is None:
            return attn
        assert ids is not None, "what is near depends on places"
        return self.local.matrix(attn, ids, counts=sizes if policy is None else share(policy))

    def weigh(
        self, q: Float[Tensor, "b h m e"], k: Heads, policy: Policy, sizes: Sizes | None
    ) -> Float[Tensor, "b h m n"]:
        """Return the weights that queries and keys alone give, written out; rows sum to 1."""
        if self.kind == "linear":
            return implicit_matrix(self.phi(q), multiply(self.phi(k), sizes), policy=policy)
        logits = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        if sizes is not None:
            logits = logits + sizes.log()[:, None, None]
        return logits.softmax(dim=-1) if policy is None else policy_softmax(logits, policy)

    def phi(self, x: Heads) -> Heads:
        """Return the positive feature map of linear attention (Katharopoulos et al. 2020, eq. 7).

        It is never in half precision, where `elu(x) + 1` of a negative x has few digits.
        """
        return make_features(widen(x) * x.shape[-1] ** -0.25, self.feature_map)

    def query_row(
        self, x: Tokens, *, class_token: bool, angles: Angles | None = None, sizes: Sizes | None = None
    ) -> Float[Tensor, "b n"]:
        """Return how much the class token, or the mean query, attends to each token; the mean over heads.

        Neither has a place, so nothing is near it.
        """
        if class_token:
            q = self.project_part(x[:, :1], 0, None if angles is None else angles[:, :1])
        else:
            q = mean_token(self.project_part(x, 0, angles), sizes)
        return self.weigh(q, self.project_part(x, 1, angles), None, sizes).mean(dim=1)[:, 0]


def fused_attention(q: Heads, k: Heads, v: Heads, sizes: Sizes | None = None) -> Heads:
    """Return softmax attention by the fused kernel; in fp32 under the CPU's autocast, where bf16 is slow."""
    if q.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        with without_autocast(q.device):
            return fused_attention(q.float(), k.float(), v.float(), sizes)
    if sizes is None:
        return F.scaled_dot_product_attention(q, k, v)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=sizes.log()[:, None, None].to(q.dtype))


def policy_softmax(
    logits: Float[Tensor, "b h n n"], policy: Float[Tensor, "b n"]
) -> Float[Tensor, "b h n n"]:
    """Return softmax over the kept keys and the query itself (Rao et al. 2021, eq. 10-11), in fp32.

    `A_ij = exp(l_ij - m_i) G_ij / sum_j exp(l_ij - m_i) G_ij` with `G_ij = p_j + (1 - p_j) [i = j]`.
    Departures from the official code: the maximum `m_i` runs over the keys that count, so a large dropped
    logit cannot make the kept ones underflow, and there is no epsilon, since the query always counts.
    """
    n = logits.shape[-1]
    eye = torch.eye(n, device=logits.device)
    gate = share(policy.float())[:, None, None, :]
    gate = gate + (1 - gate) * eye
    logits = logits.float()
    top = logits.masked_fill(gate == 0, -torch.inf).amax(dim=-1, keepdim=True).detach()
    weights = (logits - top).clamp(max=EXPONENT_LIMIT).exp() * gate
    return weights / weights.sum(dim=-1, keepdim=True)


def linear_attention(q: Heads, k: Heads, v: Heads, *, policy: Float[Tensor, "b n"] | None = None) -> Heads:
    """Return `phi(q_i) sum_j phi(k_j) v_j^T / phi(q_i) sum_j phi(k_j)` (Katharopoulos et al. 2020, eq. 5).

    O(n e^2); `q` and `k` are features already. Under a policy a dropped key counts for its own query only.
    In fp32 at least, whatever autocast says, because sums over keys pass the largest number of fp16; the
    result has the type of `v`. A query whose weights are all 0 takes nothing: its row is 0.
    """
    kind = v.dtype
    q, k, v = widen(q), widen(k), widen(v)
    with without_autocast(v.device):
        kept = k if policy is None else k * share(policy.to(k.dtype))[:, None, :, None]
        out = q @ (kept.transpose(-2, -1) @ v)
        norm = q @ kept.sum(dim=-2).unsqueeze(-1)
        if policy is not None:
            own = ((k - kept) * q).sum(dim=-1, keepdim=True)
            out, norm = out + own * v, norm + own
        return (out / divisor(norm)).to(kind)


def implicit_matrix(
    q: Float[Tensor, "b h m e"], k: Heads, *, policy: Float[Tensor, "b n"] | None = None
) -> Float[Tensor, "b h m n"]:
    """Return the n x n matrix that `linear_attention` applies without forming it; rows sum to 1, or to 0."""
    with without_autocast(q.device):
        weights = widen(q) @ widen(k).transpose(-2, -1)
        if policy is not None:
            gate = share(policy.to(weights.dtype))[:, None, None, :]
            weights = weights * (gate + (1 - gate) * torch.eye(k.shape[-2], device=k.device))
        return weights / divisor(weights.sum(dim=-1, keepdim=True))


def share(policy: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    """Return the share of each key that counts: 0 as it is, anything above it as at least LEAST_SHARE."""
    return torch.where(policy > 0, policy.clamp_min(LEAST_SHARE), policy)


def multiply(x: Heads, sizes: Sizes | None) -> Heads:
    """Return each token's numbers times its size."""
    return x if sizes is None else x * sizes[:, None, :, None]


def mean_token(x: Heads, sizes: Sizes | None) -> Float[Tensor, "b h 1 e"]:
    """Return the mean of the tokens, each counted as often as its size says."""
    if sizes is None:
        return x.mean(dim=2, keepdim=True)
    return multiply(x, sizes).sum(dim=2, keepdim=True) / sizes.sum(dim=1)[:, None, None, None]


def widen(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return `x` in fp32, or as it is where that is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def divisor(total: Float[Tensor, "b h n 1"]) -> Float[Tensor, "b h n 1"]:
    """Return what to divide a row by whose weights, none negative, add up to `total`.

    An empty row is divided by infinity, so that it stays 0 and no gradient comes from it; a small floor would
    let the gradient overflow, and change the rows beneath it.
    """
    return total.masked_fill(total == 0, torch.inf)
