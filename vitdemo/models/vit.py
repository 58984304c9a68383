"""The Vision Transformer (Dosovitskiy et al. 2021), with tokens that can be recorded and really removed."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vitdemo.config import ViTConfig
from vitdemo.models.attention import Angles
from vitdemo.models.layers import Block, PatchEmbed, init_weights
from vitdemo.models.merging import Present, place_columns
from vitdemo.models.norms import make_norm
from vitdemo.models.pooling import AttentionPool, mean_patch
from vitdemo.models.pruning import Begun, Explicit, Pruning, Stage
from vitdemo.models.rotary import token_angles
from vitdemo.models.stages import cut, find_explicit, find_prune_loc, run_stage
from vitdemo.trace import Recorder


class VisionTransformer(nn.Module):
    """Patches -> tokens -> blocks -> head; parameters are named as in timm, so Hub weights load strictly.

    Without pruning the network is dense. With `attention="linear"` it is the Lightweight ViT.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        dim, depth = config.embed_dim, config.depth
        positions = config.num_patches + (0 if config.no_embed_class else config.num_prefix_tokens)
        self.patch_embed = PatchEmbed(config)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim)) if config.class_token else None
        self.dist_token = nn.Parameter(torch.zeros(1, 1, dim)) if config.dist_token else None
        self.reg_token = nn.Parameter(torch.zeros(1, config.reg_tokens, dim)) if config.reg_tokens else None
        self.pos_embed = nn.Parameter(torch.zeros(1, positions, dim)) if config.use_abs_pos_emb else None
        self.pos_drop = nn.Dropout(config.drop_rate)
        self.norm_pre = make_norm(config) if config.pre_norm else nn.Identity()
        rates = [config.drop_path_rate * i / max(depth - 1, 1) for i in range(depth)]
        self.blocks = nn.ModuleList(Block(config, drop_path=rate) for rate in rates)
        last = config.normalises_last
        self.norm = make_norm(config) if config.final_norm and not last else nn.Identity()
        self.attn_pool = AttentionPool(config) if config.global_pool == "map" else None
        width, classes = config.num_features, config.num_classes
        self.fc_norm = make_norm(config, width) if config.final_norm and last else nn.Identity()
        self.head = nn.Linear(width, classes) if classes else nn.Identity()
        if config.dist_token:
            self.head_dist = nn.Linear(width, classes) if classes else nn.Identity()
        self.apply(init_weights)
        latent = None if self.attn_pool is None else self.attn_pool.latent
        for table in (self.cls_token, self.dist_token, self.reg_token, self.pos_embed, latent):
            if table is not None:
                nn.init.trunc_normal_(table, std=0.02)

    def forward(
        self,
        x: Float[Tensor, "b ch hh ww"] | Begun,
        *,
        pruning: Pruning | None = None,
        recorder: Recorder | None = None,
    ) -> Float[Tensor, "rows c"]:
        """Return the logits (or pooled features where there is no head) of normalised pixels.

        A row for each picture; for a single one as many as an explicit rule cuts it in ways. What `begin`
        gives stands for pixels where passes have their first blocks in common.
        Tokens are removed for real, or merged, before the blocks that the rule names, else those of
        `config.prune_loc`. Raise ValueError when the picture's size is not the config's, when the rule names
        a block that there is not, when an explicit id is not present, or when a threshold keeps
        different numbers of patches in the pictures of a batch.
        """
        tokens = self.encode(x, pruning=pruning, recorder=recorder)
        return self.classify(tokens.x, policy=tokens.patch_sizes(self.config.num_prefix_tokens))

    def encode(
        self,
        x: Float[Tensor, "b ch hh ww"] | Begun,
        *,
        pruning: Pruning | None = None,
        recorder: Recorder | None = None,
    ) -> Present:
        """Return the tokens after the last block, in rows as `forward` has them. Raise ValueError as that."""
        begun, rule = x if isinstance(x, Begun) else self.begin(x), None if pruning is None else pruning.rule
        if len(begun.tokens) == 1 and isinstance(rule, Explicit):
            begun = begun.repeat(rule.ways)
        tokens, prefix = Present(begun.tokens, begun.ids), self.config.num_prefix_tokens
        if not begun.layer and isinstance(rule, Explicit):
            keep, _ = find_explicit(rule, 0, tokens.ids, self.config)
            tokens = tokens if keep is None else cut(tokens, keep, prefix)
        prune_loc = () if rule is None else find_prune_loc(rule, self.config)
        assert all(layer >= begun.layer for layer in prune_loc), "a pass begins before its first stage"
        angles = self.angles(tokens.ids)
        for index in range(begun.layer, len(self.blocks)):
            before, mix = tokens.ids, None
            if pruning is not None and index in prune_loc:
                stage = self.stage(index, tokens.ids, prune_loc=prune_loc)
                tokens, mix = run_stage(tokens, stage, pruning, config=self.config, recorder=recorder)
                angles = self.angles(tokens.ids)
            if recorder is not None:
                total = prefix + self.config.num_patches
                recorder.token_ids.append(tokens.ids)
                recorder.sizes.append(tokens.sizes)
                recorder.mixes.append(None if mix is None else place_columns(mix, before, total))
            told = {"angles": angles, "sizes": tokens.sizes, "ids": tokens.ids, "recorder": recorder}
            through = self.blocks[index](tokens.x, **told)
            tokens = Present(through, tokens.ids, tokens.sizes)
            if recorder is not None and recorder.attention:
                recorder.features.append(through)
        return tokens

    def begin(self, x: Float[Tensor, "b ch hh ww"] | Begun, *, layer: int = 0) -> Begun:
        """Return what enters block `layer` where nothing is pruned before it.

        `x`: normalised pixels, or what enters a block before that one.
        """
        if not isinstance(x, Begun):
            tokens = self.embed(x)
            x = Begun(0, tokens, torch.arange(tokens.shape[1], device=tokens.device).expand(len(tokens), -1))
        tokens, angles = x.tokens, self.angles(x.ids)
        for block in self.blocks[x.layer : layer]:
            tokens = block(tokens, angles=angles, ids=x.ids)
        return Begun(layer, tokens, x.ids)

    def embed(self, x: Float[Tensor, "b ch hh ww"]) -> Float[Tensor, "b n d"]:
        """Return what enters the first block: patch tokens with positions, the prefix tokens in front."""
        x = self.patch_embed(x)
        tables = (self.cls_token, self.dist_token, self.reg_token)
        prefix = [table.expand(len(x), -1, -1) for table in tables if table is not None]
        if self.pos_embed is not None and self.config.no_embed_class:
            x = x + self.pos_embed
        x = torch.cat([*prefix, x], dim=1)
        if self.pos_embed is not None and not self.config.no_embed_class:
            x = x + self.pos_embed
        return self.norm_pre(self.pos_drop(x))

    def angles(self, ids: Int[Tensor, "b n"]) -> Angles | None:
        """Return by how much queries and keys of the tokens `ids` are turned, None where nothing is."""
        return None if self.config.rope is None else token_angles(self.config, ids.device)[ids]

    def positions(self) -> Float[Tensor, "n f"]:
        """Return what tells places apart: their learned vectors, else the cosines and sines of their angles.

        Rows of prefix tokens come first; learned vectors may have none.
        """
        if self.pos_embed is not None:
            return self.pos_embed[0]
        angles = token_angles(self.config, self.patch_embed.proj.weight.device)
        return torch.cat([angles.cos(), angles.sin()], dim=1)

    def stage(
        self, layer: int, ids: Int[Tensor, "b n"], *, prune_loc: tuple[int, ...] | None = None
    ) -> Stage:
        """Return the pruning stage that stands before block `layer`, which the tokens `ids` have reached.

        `prune_loc`: where all stages of the pass stand, None = the network's own.
        """
        block, config = self.blocks[layer], self.config
        assert isinstance(block, Block)
        number = (config.prune_loc if prune_loc is None else prune_loc).index(layer)
        angles = self.angles(ids)
        return Stage(number, layer, block, config.num_prefix_tokens, config.class_token, angles)

    def classify(
        self, x: Float[Tensor, "b n d"], policy: Float[Tensor, "b m"] | None = None
    ) -> Float[Tensor, "b c"]:
        """Return logits of the last block's tokens.

        `policy`: how often each patch counts where the head reads their mean; None = once.
        """
        if self.config.dist_token:
            x = self.norm(x)
            return (self.head(x[:, 0]) + self.head_dist(x[:, 1])) / 2
        return self.head(self.pool(x, policy))

    def pool(
        self, x: Float[Tensor, "b n d"], policy: Float[Tensor, "b m"] | None = None
    ) -> Float[Tensor, "b f"]:
        """Return what the head reads of the last block's tokens; of two heads, the mean of what they read."""
        x = self.norm(x)
        if self.config.dist_token:
            return x[:, :2].mean(dim=1)
        if self.config.global_pool == "token":
            return self.fc_norm(x[:, 0])
        patches = x[:, self.config.num_prefix_tokens :]
        if self.attn_pool is not None:
            return self.fc_norm(self.attn_pool(patches, policy))
        mean = mean_patch(patches, policy)
        if self.config.global_pool == "token_avg":
            mean = (x[:, 0] + mean) / 2
        elif self.config.global_pool == "token_cat_avg":
            mean = torch.cat([x[:, 0], mean], dim=-1)
        return self.fc_norm(mean)

    def readout(
        self, x: Float[Tensor, "b n d"], policy: Float[Tensor, "b m"] | None = None
    ) -> Float[Tensor, "b n"]:
        """Return the weights with which the head reads the last block's tokens; a row sums to 1.

        They are learned where it reads by attention, the mean over its heads; else they follow from the
        config.
        """
        weights, prefix = torch.zeros(x.shape[:2], device=x.device), self.config.num_prefix_tokens
        if self.attn_pool is not None:
            patches = self.norm(x)[:, prefix:]
            weights[:, prefix:] = self.attn_pool.attend(patches, policy)[0].mean(dim=1)[:, 0]
            return weights
        if self.config.global_pool != "token":
            counts = weights[:, prefix:] + 1 if policy is None else policy
            weights[:, prefix:] = counts / counts.sum(dim=1, keepdim=True)
        if self.config.global_pool != "avg":
            weights[:, 0] = 1.0
        if self.config.dist_token:
            weights[:, 1] = 1.0
        return weights / weights.sum(dim=1, keepdim=True)
