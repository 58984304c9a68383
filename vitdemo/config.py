"""What a network is: frozen records that travel beside the weights as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from vitdemo.kinds import check_range
from vitdemo.rope import RopeConfig

Size = int | tuple[int, int]
Pool = Literal["token", "avg", "token_avg", "token_cat_avg", "map"]
Activation = Literal["gelu", "gelu_tanh", "quick_gelu", "silu"]
Norm = Literal["layernorm", "rmsnorm"]
AttentionKind = Literal["softmax", "linear"]
FeatureMap = Literal["elu", "relu", "focused"]
CHOICES = {
    "global_pool": Pool,
    "act_layer": Activation,
    "norm_layer": Norm,
    "attention": AttentionKind,
    "feature_map": FeatureMap,
}
# What a network may be: beyond these a config is a mistake, and building it could take all memory.
RANGES: dict[str, tuple[float, float]] = {
    "img_size": (1, 2**14),
    "patch_size": (1, 2**14),
    "in_chans": (1, 2**10),
    "num_classes": (0, 2**17),
    "embed_dim": (1, 2**16),
    "depth": (1, 2**8),
    "num_heads": (1, 2**12),
    "mlp_ratio": (0.01, 2**7),
    "reg_tokens": (0, 2**10),
    "drop_rate": (0, 1),
    "drop_path_rate": (0, 1),
    "norm_eps": (0, 1),
    "init_values": (0, 2**7),
    "local_kernel": (0, 31),
}


def as_pair(size: Size) -> tuple[int, int]:
    """Return `size` as (height, width)."""
    return (size, size) if isinstance(size, int) else size


def simplify_size(size: int | Sequence[int]) -> Size:
    """Return a size as one int where both edges are equal."""
    if isinstance(size, int):
        return size
    height, width = size
    return height if height == width else (height, width)


@dataclass(frozen=True)
class PruneConfig:
    """Where DynamicViT's learned predictors stand, and the keep ratio shown first.

    `prune_loc`: indices of the blocks *before* which tokens are dropped, ascending.
    `keep_ratio`: share of patches kept at each stage, in (0, 1].
    """

    prune_loc: tuple[int, ...]
    keep_ratio: float = 0.7

    def __post_init__(self) -> None:
        ascending = list(self.prune_loc) == sorted(set(self.prune_loc))
        if not self.prune_loc or not ascending or self.prune_loc[0] < 0:
            raise ValueError(f"prune_loc must be ascending block indices, got {self.prune_loc}")
        if not 0 < self.keep_ratio <= 1:
            raise ValueError(f"keep_ratio must be in (0, 1], got {self.keep_ratio}")


@dataclass(frozen=True)
class ViTConfig:
    """A Vision Transformer (Dosovitskiy et al. 2021), in timm's words.

    `global_pool`: "token" (class token), "avg" (mean of the patch tokens), "token_avg" (the average of
    both), "token_cat_avg" (both, side by side) or "map" (attention by a learned query, as in SigLIP).
    `fc_norm`: normalise after pooling instead of before; None = as timm, only for "avg". `final_norm`: do so
    at all. `pre_norm`: also before the first block, and no bias in the patch projection (CLIP).
    `embed_norm`: normalise the projected patches (AIMv2). `scale_attn_norm`, `scale_mlp_norm`: normalise
    before the last layer of each branch (BEiT-3). `gated_mlp`: the first MLP layer gives gates and values,
    SwiGLU with "silu". `attention`: "softmax", or "linear" with the positive `feature_map` "elu" (ELU + 1),
    "relu" or "focused" (FLatten). `local_kernel`: the odd side, in patches, of the convolution over values
    mixed into attention (`vitdemo.models.local`), 0 = none. `use_abs_pos_emb`: a learned vector for each
    place is added to its token. `rope`: a patch's place turns its queries and keys. `prune`: set for
    DynamicViT. Sizes are pixels, int or (height, width).
    `multi_label`: a picture may be of several classes, each logit gives its class's probability by a sigmoid.
    """

    img_size: Size = 224
    patch_size: Size = 16
    in_chans: int = 3
    num_classes: int = 1000
    embed_dim: int = 192
    depth: int = 12
    num_heads: int = 3
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    qk_norm: bool = False
    proj_bias: bool = True
    act_layer: Activation = "gelu"
    gated_mlp: bool = False
    scale_attn_norm: bool = False
    scale_mlp_norm: bool = False
    norm_layer: Norm = "layernorm"
    embed_norm: bool = False
    pre_norm: bool = False
    final_norm: bool = True
    class_token: bool = True
    dist_token: bool = False
    reg_tokens: int = 0
    no_embed_class: bool = False
    use_abs_pos_emb: bool = True
    rope: RopeConfig | None = None
    global_pool: Pool = "token"
    fc_norm: bool | None = None
    init_values: float | None = None
    attention: AttentionKind = "softmax"
    feature_map: FeatureMap = "elu"
    local_kernel: int = 0
    drop_rate: float = 0.0
    drop_path_rate: float = 0.0
    norm_eps: float = 1e-6
    prune: PruneConfig | None = None
    multi_label: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if (value := getattr(self, name)) is not None:
                check_range(name, value, low, high)
        (height, width), (patch_h, patch_w) = as_pair(self.img_size), as_pair(self.patch_size)
        if height % patch_h or width % patch_w:
            raise ValueError(
                f"img_size {height} x {width} is not divisible by patch_size {patch_h} x {patch_w}"
            )
        if self.embed_dim % self.num_heads:
            raise ValueError(f"embed_dim {self.embed_dim} is not divisible by num_heads {self.num_heads}")
        if self.local_kernel and self.local_kernel % 2 == 0:
            raise ValueError(f"local_kernel must be odd, or 0 for none, got {self.local_kernel}")
        if self.rope is not None and self.embed_dim // self.num_heads % 4:
            raise ValueError(
                f"rope needs heads whose width 4 divides, got {self.embed_dim // self.num_heads}"
            )
        if self.global_pool not in ("avg", "map") and not self.class_token:
            raise ValueError(f"global_pool {self.global_pool!r} needs class_token")
        if self.dist_token and self.global_pool != "token":
            raise ValueError("dist_token needs global_pool 'token'")
        if self.dist_token and self.fc_norm:
            raise ValueError("dist_token and fc_norm exclude each other")
        for name, kind in CHOICES.items():
            if (value := getattr(self, name)) not in get_args(kind):
                raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, got {value!r}")
        if max(self.prune_loc, default=0) >= self.depth:
            raise ValueError(f"prune_loc {self.prune_loc} lies outside a network of depth {self.depth}")

    @property
    def grid(self) -> tuple[int, int]:
        """Patches (rows, columns)."""
        (height, width), (patch_h, patch_w) = as_pair(self.img_size), as_pair(self.patch_size)
        return height // patch_h, width // patch_w

    @property
    def num_patches(self) -> int:
        return self.grid[0] * self.grid[1]

    @property
    def num_prefix_tokens(self) -> int:
        """Class, distillation and register tokens; never pruned."""
        return int(self.class_token) + int(self.dist_token) + self.reg_tokens

    @property
    def normalises_last(self) -> bool:
        """Whether what was pooled is normalised, and not the tokens before."""
        return self.global_pool == "avg" if self.fc_norm is None else self.fc_norm

    @property
    def hidden_width(self) -> int:
        """The numbers that the last layer of an MLP reads."""
        return int(self.embed_dim * self.mlp_ratio)

    @property
    def num_features(self) -> int:
        """The numbers that the head reads."""
        return self.embed_dim * (2 if self.global_pool == "token_cat_avg" else 1)

    @property
    def prune_loc(self) -> tuple[int, ...]:
        """Blocks before which any selector prunes; DynamicViT's choice, or the quarters of the depth."""
        if self.prune is not None:
            return self.prune.prune_loc
        return tuple(sorted({self.depth // 4, self.depth // 2, 3 * self.depth // 4}))


Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
CropMode = Literal["center", "squash", "border"]


@dataclass(frozen=True)
class DataConfig:
    """How a picture becomes the model's input: the test-time transform, in timm's words, and the data set.

    `mean`, `std`: per channel, for pixels in [0, 1]; one channel is grey. `crop_pct`: share of the resized
    picture that the centre crop keeps. `crop_mode`: how it is resized before: "center" keeps its shape and
    covers, "squash" gives up its shape, "border" keeps its shape and adds borders of the mean colour.
    `rounding`: whose; where half a pixel is to be cut, timm and transformers differ by one. `exact`: resized
    pixels keep their fractions, else they are whole, from 0 to 255. `img_size`: pixels, int or (height,
    width). `crop_size`: of the crop whose top left corner of `img_size` the network sees; None = all of it.
    """

    dataset: str = "cifar10"
    img_size: Size = 32
    mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465)
    std: tuple[float, ...] = (0.2470, 0.2435, 0.2616)
    interpolation: Interpolation = "bicubic"
    crop_pct: float = 1.0
    crop_mode: CropMode = "center"
    rounding: Literal["timm", "transformers"] = "timm"
    crop_size: Size | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        if self.interpolation not in get_args(Interpolation):
            known = ", ".join(get_args(Interpolation))
            raise ValueError(f"interpolation must be one of {known}, got {self.interpolation!r}")
        if self.crop_mode not in get_args(CropMode):
            known = ", ".join(get_args(CropMode))
            raise ValueError(f"crop_mode must be one of {known}, got {self.crop_mode!r}")
        check_range("crop_pct", self.crop_pct, 0.1, 1)  # less would make a small network's pictures huge
        check_range("img_size", self.img_size, *RANGES["img_size"])
        crop = as_pair(self.crop_size or self.img_size)
        if not all(part <= full < 2 * part for full, part in zip(crop, as_pair(self.img_size), strict=True)):
            raise ValueError(f"crop_size must be from img_size to less than twice it, got {self.crop_size}")
        if len(self.mean) not in (1, 3):
            raise ValueError(f"mean must have 3 values, or 1 for grey pictures, got {len(self.mean)}")
        if len(self.std) != len(self.mean):
            raise ValueError(f"std must have as many values as mean, {len(self.mean)}, got {len(self.std)}")
        check_range("mean", self.mean, -1e6, 1e6)
        check_range("std", self.std, 1e-6, 1e6)
