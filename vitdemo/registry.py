"""The menu of models and the size presets: one entry a variant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vitdemo.config import DataConfig, PruneConfig, ViTConfig
from vitdemo.datasets import DATASETS, IMAGENET_MEAN, IMAGENET_STD
from vitdemo.message import Message


@dataclass(frozen=True)
class ModelSpec:
    """A model that the demo offers. `source`: "bundled", a folder, or `hf-hub:owner/repo[@revision]`.

    `config` and `data` are what the weights are expected to be; the config.json beside them decides
    (`vitdemo.weights.read_spec`). `optional`: offered only where its folder is bundled. `dense_of`: the
    bundled DynamicViT whose file serves this one too, read without its predictors.
    """

    key: str
    title: str
    summary: str
    config: ViTConfig
    data: DataConfig
    source: str = "bundled"
    optional: bool = False
    dense_of: str = ""

    @property
    def on_hub(self) -> bool:
        """Whether its weights come from the Hugging Face Hub."""
        return self.source.startswith("hf-hub:")

    @property
    def folder(self) -> str:
        """The name of the folder of a bundled model."""
        return self.dense_of or self.key


def make_preset(dim: int, depth: int, heads: int, **rest: object) -> ViTConfig:
    return ViTConfig(embed_dim=dim, depth=depth, num_heads=heads, **rest)  # type: ignore[arg-type]


PRESETS: dict[str, ViTConfig] = {
    "tiny": make_preset(192, 12, 3),
    "small": make_preset(384, 12, 6),
    "base": make_preset(768, 12, 12),
    "large": make_preset(1024, 24, 16),
    "huge": make_preset(1280, 32, 16, patch_size=14),
    "compact": make_preset(512, 6, 8, img_size=32, patch_size=4, num_classes=10),
    "compact-mlp2": make_preset(512, 6, 8, img_size=32, patch_size=4, num_classes=10, mlp_ratio=2.0),
    "report": make_preset(768, 8, 12, num_classes=10, mlp_ratio=2048 / 768),
    "cifar-gpu": make_preset(192, 10, 3, img_size=32, patch_size=4, num_classes=10, global_pool="token_avg"),
    "cifar-cpu": make_preset(
        160, 8, 5, img_size=32, patch_size=4, num_classes=10, mlp_ratio=2.0, global_pool="token_avg"
    ),
    "cifar-deep": make_preset(192, 12, 3, img_size=32, patch_size=4, num_classes=10),
    "photo": make_preset(192, 10, 3, img_size=128, patch_size=8, num_classes=10, global_pool="token_avg"),
    "photo-14": make_preset(384, 12, 6, img_size=224, patch_size=14, num_classes=12, init_values=1e-5),
}

CIFAR = PRESETS["cifar-gpu"]
SMALL_PHOTO = PRESETS["photo"]
PHOTO = PRESETS["photo-14"]
DEIT_DATA = DataConfig("imagenet", 224, IMAGENET_MEAN, IMAGENET_STD, crop_pct=0.9)
AUGREG_DATA = DataConfig("imagenet", 224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), crop_pct=0.9)


def make_bundled_spec(
    key: str, dataset: str, config: ViTConfig, *, optional: bool = False, dense_of: str = ""
) -> ModelSpec:
    """Return a network trained by this repository."""
    data = replace(DATASETS[dataset].data, img_size=config.img_size)
    title, summary = entitle(config, find_title(dataset))
    return ModelSpec(key, title, summary, config, data, optional=optional, dense_of=dense_of)


def entitle(config: ViTConfig, what: str) -> tuple[Message, Message]:
    """Return the title of a network, its family and `what` it is one of, and its summary."""
    family = "dynamicvit" if config.prune else "lightvit" if config.attention == "linear" else "vit"
    title, summary = FAMILIES[family]
    return Message("{network} · {data}", network=title, data=what), summary


def find_title(dataset: str) -> str:
    """Return what a data set is called, one that is not known by its own name."""
    return DATASETS[dataset].title if dataset in DATASETS else dataset


def add_predictors(config: ViTConfig, *prune_loc: int) -> ViTConfig:
    """Return `config` with learned predictors before those blocks; default: where other selectors prune."""
    return replace(config, prune=PruneConfig(prune_loc=prune_loc or config.prune_loc))


FAMILIES = {
    "dynamicvit": (
        "DynamicViT",
        Message("Learned predictors decide which patches go on; one network for every pruning ratio."),
    ),
    "vit": ("Standard ViT", Message("The plain Vision Transformer.")),
    "lightvit": (
        "Lightweight ViT",
        Message("Linear attention: cost grows with the number of tokens, not with its square."),
    ),
}


def make_hub_spec(key: str, title: str, repo: str, config: ViTConfig, data: DataConfig) -> ModelSpec:
    summary = Message("ImageNet-1k weights, fetched from the Hugging Face Hub ({repo}).", repo=repo)
    return ModelSpec(key, title, summary, config, data, f"hf-hub:{repo}")


MODELS: dict[str, ModelSpec] = {
    spec.key: spec
    for spec in (
        make_bundled_spec("dynamicvit_cifar10", "cifar10", add_predictors(CIFAR, 3, 6, 8)),
        make_bundled_spec("vit_cifar10", "cifar10", CIFAR),
        make_bundled_spec("lightvit_cifar10", "cifar10", replace(CIFAR, attention="linear")),
        make_bundled_spec("dynamicvit_photo", "photos", add_predictors(PHOTO), optional=True),
        make_bundled_spec("vit_photo", "photos", PHOTO, optional=True, dense_of="dynamicvit_photo"),
        make_bundled_spec("dynamicvit_imagenette", "imagenette", add_predictors(SMALL_PHOTO), optional=True),
        make_bundled_spec("vit_imagenette", "imagenette", SMALL_PHOTO, optional=True),
        make_bundled_spec(
            "lightvit_imagenette", "imagenette", replace(SMALL_PHOTO, attention="linear"), optional=True
        ),
        make_hub_spec(
            "deit_tiny",
            "DeiT-Tiny · ImageNet",
            "timm/deit_tiny_patch16_224.fb_in1k",
            PRESETS["tiny"],
            DEIT_DATA,
        ),
        make_hub_spec(
            "deit_small",
            "DeiT-Small · ImageNet",
            "timm/deit_small_patch16_224.fb_in1k",
            PRESETS["small"],
            DEIT_DATA,
        ),
        make_hub_spec(
            "vit_small_augreg",
            "ViT-Small AugReg · ImageNet",
            "timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
            PRESETS["small"],
            AUGREG_DATA,
        ),
        make_hub_spec(
            "vit_base_augreg2",
            "ViT-Base AugReg2 · ImageNet",
            "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k",
            PRESETS["base"],
            AUGREG_DATA,
        ),
    )
}
# What a page opens with, and what answers where none is named: the first of these that is bundled.
PREFERRED = ("dynamicvit_photo", "dynamicvit_cifar10")
