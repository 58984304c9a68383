"""The Attention tab's scripts and markup say what Python says."""

from __future__ import annotations

import re

from vitdemo.engine.look import RATIOS
from vitdemo.maps import ATTENTION_METHODS
from vitdemo.ui.kit.assets import ROOMS, locate_module, read
from vitdemo.ui.tabs.attention.words import OPTIONS

ROOM = ROOMS / "tabs" / "attention"
CODE = "".join(path.read_text(encoding="utf-8") for path in sorted(ROOM.glob("*.js")))
MARKUP = read("tabs/attention/attention.html")


def test_the_scripts_compute_the_methods_that_they_are_said_to() -> None:
    """And know of each whether it is of one layer, and whether it goes through the layers below."""
    found = re.findall(r'"([\w-]+)": \{ single: (\w+), followed: (\w+), map', CODE)
    assert {key for key, _, _ in found} == set(OPTIONS) <= set(ATTENTION_METHODS)
    for key, single, followed in found:
        assert single == str("layer" in OPTIONS[key]).lower(), key
        assert followed == str("discard_ratio" in OPTIONS[key]).lower(), key


def test_other_code_has_another_address() -> None:
    address = locate_module("tabs/attention/attention")
    assert re.fullmatch(r"module/[0-9a-f]{12}/tabs/attention/attention\.js", address)


def test_no_module_is_longer_than_250_lines() -> None:
    for path in ROOM.glob("*.*"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 250, path.name


def test_the_cut_offs_are_those_of_the_slider() -> None:
    first, last, step = map(
        int, re.findall(r'min="(\d+)" max="(\d+)" step="(\d+)" data-control="discard_ratio"', MARKUP)[0]
    )
    assert [percent / 100 for percent in range(first, last + 1, step)] == [0, *RATIOS]
