"""timm's format: an architecture's name, what departs from it, the preprocessing and the names.

What each name stands for is in `timm_networks.json`, which `python -m tools.timm_networks` writes.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from vitdemo.config import DataConfig, Size, ViTConfig, simplify_size
from vitdemo.datasets import IMAGENET_MEAN, IMAGENET_STD, list_imagenet_classes
from vitdemo.kinds import check_value, from_json, take
from vitdemo.message import Message
from vitdemo.weights.crops import cover
from vitdemo.weights.records import Description, Json, KeyTable, fill_key_biases

RUNTIME_ARGS = {
    "dynamic_img_size",
    "dynamic_img_pad",
    "weight_init",
    "fix_init",
    "drop_rate",
    "drop_path_rate",
}
RUNTIME_ARGS |= {"pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate"}
DEFAULT_CROP_PCT = 0.875  # timm's, where a config says nothing
DEFAULT_EPS = 1e-6
TIMM_KEYS: KeyTable = (  # those of EVA and DINOv3
    (r"(blocks\.\d+\.mlp\.fc1)_([gx])\.(weight|bias)", r"\1.\2.\3"),
    (r"(blocks\.\d+\.attn)\.([qkv])_proj\.(weight|bias)", r"\1.qkv.\2.\3"),
    (r"(blocks\.\d+\.attn)\.([qv])_bias", r"\1.qkv.\2.bias"),
    (r"(blocks\.\d+)\.gamma_([12])", r"\1.ls\2.gamma"),
)
NO_HEAD: KeyTable = ((r"head\.(weight|bias)", ""),)


@cache
def read_networks() -> dict[str, Any]:
    """Return timm's architectures: `networks`, as our configs, and `refused`, with the reason.

    `projections`: the outputs of CLIP's towers whose head leads into the space that pictures share with
    texts. `tags`: of the default weights, where the Hub has a repository by that name. `renamed`: what older
    names are today.
    """
    return json.loads(Path(__file__).with_name("timm_networks.json").read_text(encoding="utf-8"))


def describe_timm(config: Json, *, official: bool) -> Description:
    """Describe what is in timm's format; a projection of CLIP is left out, since its outputs are no classes.

    `official`: it lies in one of timm's own repositories, so that its tag tells what it was trained on.
    """
    inputs = take(config, "pretrained_cfg", dict, config)  # before timm 0.9 they lay beside each other
    name = take(config, "architecture", str)
    name = read_networks()["renamed"].get(name, name).partition(".")[0]
    values = read_network(name)
    channels, height, width = take(inputs, "input_size", tuple[int, int, int], (3, 224, 224))
    values = {"img_size": (height, width), "in_chans": channels} | values
    values["num_classes"] = take(config, "num_classes", int)
    if "TimmWrapperModel" in take(config, "architectures", tuple[str, ...], ()):
        values["num_classes"] = 0  # transformers' wrapper of a backbone tells of its labels all the same
    values["global_pool"] = take(config, "global_pool", str, values["global_pool"])
    args = take(config, "model_args", dict, {})
    if "norm_layer" in args:
        values["norm_eps"] = DEFAULT_EPS
    values |= {key: value for key, value in args.items() if key not in RUNTIME_ARGS}
    for key in ("img_size", "patch_size"):
        check_value(key, values[key], Size)
        values[key] = simplify_size(values[key])
    crop_size = values["img_size"]
    values["img_size"] = cover(crop_size, values["patch_size"])
    keys = TIMM_KEYS
    if values["num_classes"] == read_networks()["projections"].get(name) and not find_labels(config, inputs):
        values["num_classes"], keys = 0, TIMM_KEYS + NO_HEAD
    model = from_json(ViTConfig, values)
    names = read_names(config, inputs, count=model.num_classes)
    if not names and official and model.num_classes == 1000 and "in1k" in take(inputs, "tag", str, ""):
        names = list_imagenet_classes()
    data = {
        "dataset": "imagenet" if names == list_imagenet_classes() else "",
        "img_size": model.img_size,
        "crop_size": None if crop_size == model.img_size else crop_size,
        "mean": take(inputs, "mean", tuple[float, ...], IMAGENET_MEAN),
        "std": take(inputs, "std", tuple[float, ...], IMAGENET_STD),
        "interpolation": take(inputs, "interpolation", str, "bicubic"),
        "crop_pct": take(inputs, "crop_pct", float, DEFAULT_CROP_PCT),
        "crop_mode": take(inputs, "crop_mode", str, "center"),
    }
    classes = names or tuple(f"class {index}" for index in range(model.num_classes))
    return Description(name, model, from_json(DataConfig, data), classes, keys, finish=fill_key_biases)


def read_network(name: str) -> dict[str, Any]:
    """Return the config of timm's architecture `name`. Raise ValueError telling why there is none."""
    tables = read_networks()
    if name in tables["refused"]:
        raise ValueError(
            Message(
                "{key} {name} is not followed: it has {reason}",
                key="architecture",
                name=repr(name),
                reason=tables["refused"][name],
            )
        )
    if name not in tables["networks"]:
        raise ValueError(Message("{key} {name} is not known", key="architecture", name=repr(name)))
    plain = {"patch_size": 16, "global_pool": "token"}
    return plain | tables["networks"][name]


def read_names(config: Json, inputs: Json, *, count: int) -> tuple[str, ...]:
    """Return the names that the config gives its `count` classes, () where it gives none.

    They lie under `label_names`, formerly `labels`, as a list or by index ("class 3" where an index has
    none), and may be ids that `label_descriptions` spells out. Raise ValueError for names of other classes.
    """
    source, key = find_labels(config, inputs) or (config, "label_names")
    labels = take(source, key, tuple[str, ...] | dict, ())
    told = take(config, "label_descriptions", dict, take(inputs, "label_descriptions", dict, {}))
    if not labels or not count:
        return ()
    if not isinstance(labels, dict):
        if len(labels) != count:
            raise ValueError(
                Message(
                    "{key} has {names} names, num_classes is {count}", key=key, names=len(labels), count=count
                )
            )
        labels = dict(enumerate(labels))
    indices = {str(index): name for index, name in labels.items()}
    if not indices.keys() <= {str(index) for index in range(count)}:
        raise ValueError(Message("{key} must be names by index, from 0 to {last}", key=key, last=count - 1))
    found = [indices.get(str(index), f"class {index}") for index in range(count)]
    shown = tuple(told.get(name, name) if isinstance(name, str) else name for name in found)
    check_value(key, shown, tuple[str, ...])
    return shown


def find_labels(config: Json, inputs: Json) -> tuple[Json, str] | None:
    """Return where names lie, and under which key; None where there are none."""
    places = [(source, key) for source in (config, inputs) for key in ("label_names", "labels")]
    return next((place for place in places if place[0].get(place[1])), None)
