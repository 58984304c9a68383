"""Own names always win; ImageNet's are for networks that their source tells to be ImageNet's."""

from __future__ import annotations

from typing import Any

import pytest
from timm.data import CustomDatasetInfo

from tests.weights.test_odd_values import INPUTS, TIMM
from tests.weights.test_pixels import VIT
from vitdemo.datasets import list_imagenet_classes
from vitdemo.weights.formats import describe

SYNSETS = {"n01": "tench, Tinca tinca", "n02": "goldfish", "n03": "great white shark"}
FISH = list(SYNSETS)
NAMED: dict[str, dict[str, Any]] = {
    "a list": {"label_names": FISH},
    "by index": {"label_names": {"2": "n03", "0": "n01", "1": "n02"}},
    "with descriptions": {"label_names": FISH, "label_descriptions": SYNSETS},
    "both by index": {"label_names": {"1": "n02", "0": "n01", "2": "n03"}, "label_descriptions": SYNSETS},
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("inside", [False, True])
def test_timms_names_are_what_timm_shows(name: str, inside: bool) -> None:
    """Beside the pretrained_cfg and within it."""
    given = NAMED[name]
    theirs = CustomDatasetInfo(given["label_names"], given.get("label_descriptions"))
    config = TIMM | {"num_classes": 3}
    config |= {"pretrained_cfg": INPUTS | given} if inside else given
    wanted = tuple(theirs.index_to_description(index) for index in range(3))
    assert describe(config, {}).classes == wanted


def test_gaps_old_keys_and_no_names() -> None:
    config = TIMM | {"num_classes": 3}
    assert describe(config | {"label_names": {"1": "b"}}, {}).classes == ("class 0", "b", "class 2")
    assert describe(config | {"labels": ["a", "b", "c"]}, {}).classes == ("a", "b", "c")
    assert describe(config | {"pretrained_cfg": INPUTS | {"labels": ["a", "b", "c"]}}, {}).classes[2] == "c"
    assert describe(config | {"label_names": []}, {}).classes == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize("official", [False, True])
def test_a_thousand_own_names_are_not_imagenets(official: bool) -> None:
    """Timm writes the tag of the origin into what was fine-tuned from it."""
    own = [f"butterfly {index}" for index in range(1000)]
    inputs = INPUTS | {"tag": "augreg_in21k_ft_in1k"}
    config = TIMM | {"num_classes": 1000, "pretrained_cfg": inputs}
    for place in (config | {"label_names": own}, config | {"pretrained_cfg": inputs | {"label_names": own}}):
        described = describe(place, {}, official=official)
        assert described.classes == tuple(own)
        assert described.data.dataset == ""
    described = describe(
        VIT | {"id2label": {str(i): name for i, name in enumerate(own)}}, {}, official=official
    )
    assert (described.classes, described.data.dataset) == (tuple(own), "")


@pytest.mark.parametrize(
    ("official", "tag", "count", "known"),
    [
        (True, "augreg_in21k_ft_in1k", 1000, True),
        (True, "fb_in1k", 1000, True),
        (False, "fb_in1k", 1000, False),
        (True, "inat21", 1000, False),
        (True, None, 1000, False),
        (True, "fb_in1k", 21843, False),
    ],
)
def test_imagenets_names_need_a_source_that_is_known(
    official: bool, tag: str | None, count: int, known: bool
) -> None:
    config = TIMM | {"num_classes": count, "pretrained_cfg": INPUTS | {"tag": tag}}
    described = describe(config, {}, official=official)
    numbered = tuple(f"class {index}" for index in range(count))
    assert described.classes == (list_imagenet_classes() if known else numbered)
    assert described.data.dataset == ("imagenet" if known else "")


def test_a_head_of_several_labels_is_known() -> None:
    several = VIT | {"problem_type": "multi_label_classification"}
    assert describe(several, {}).config.multi_label
    assert not describe(VIT | {"problem_type": None}, {}).config.multi_label
    assert not describe(several | {"architectures": ["ViTModel"]}, {}).config.multi_label
