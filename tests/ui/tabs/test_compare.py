"""The words of Compare: the sentence says what the numbers say, and every word has its Chinese."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, get_args

import pytest
from PIL import Image

from vitdemo.engine import Analysis, Comparison, Outcome, Side, Timing
from vitdemo.engine.answers.compare import Obstacle
from vitdemo.ui.kit.language import read_chinese
from vitdemo.ui.tabs.compare import words

PICTURE = Image.new("RGB", (8, 8))


def make_side(label: str, share: float, *, macs: int, ratio: float = 0.3) -> Side:
    outcome = Outcome(((label, share),), (16, 8) if ratio else (16,), macs)
    pruned = outcome if ratio else None
    selector = "random" if ratio else ""
    analysis = Analysis("key", "m", "Net <1>", selector, ratio, PICTURE, outcome, pruned, (), "bundled")
    return Side(analysis, outcome, Timing(1.5, 1.4, 1.7, 9), (share, None), (4, 4), PICTURE, PICTURE)


def make_comparison(a: Side, b: Side, **changes: Any) -> Comparison:
    found = Comparison(a, b, ("cat", "kite"), "attention-rollout", 2.5, PICTURE, -0.5, 16, "")
    return replace(found, **changes)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (
            make_side("cat", 0.9, macs=80_000_000),
            make_side("cat", 0.75, macs=100_000_000),
            "Both answer <b>cat</b>; A is surer (90.0 % against 75.0 %); "
            "A needs 20.0 % fewer multiply-adds (80.0 M against 100.0 M).",
        ),
        (
            make_side("cat", 0.5, macs=2_000_000_000),
            make_side("dog", 0.75, macs=1_500_000_000),
            "A answers <b>cat</b>, B answers <b>dog</b>; B is surer (75.0 % against 50.0 %); "
            "B needs 25.0 % fewer multiply-adds (1.50 G against 2.00 G).",
        ),
        (
            make_side("cat", 0.90001, macs=100_000_000),
            make_side("cat", 0.90002, macs=100_000_000),
            "Both answer <b>cat</b>; both are equally sure (90.0 %); both need 100.0 M multiply-adds.",
        ),
    ],
)
def test_the_sentence_says_what_the_numbers_say(a: Side, b: Side, sentence: str) -> None:
    assert words.write_sentence(make_comparison(a, b)) == sentence


def test_the_tables_name_the_settings_and_dash_what_is_not_known() -> None:
    page = words.write_result(
        make_comparison(make_side("cat", 0.9, macs=8), make_side("cat", 0.65, macs=8, ratio=0.0))
    )
    assert "Net &lt;1&gt;<small>30 % pruned · Random</small>" in page
    assert "<small>not pruned</small>" in page
    assert "<td>16 → 8</td><td>16</td>" in page
    assert '<i style="width: 65.0%"></i></span>65.0 %</td><td>−25.0</td>' in page
    assert '<th scope="row">kite</th><td>–</td><td>–</td><td>–</td>' in page
    assert words.UNKNOWN in page
    assert page.count("<td>1.5 ms, 1.4 to 1.7, n = 9</td>") == 2
    assert words.write_difference(0.5, 0.50001) == "0.0"


def test_a_size_that_is_not_the_network_s_own_is_told() -> None:
    small, large = make_side("cat", 0.9, macs=8), make_side("cat", 0.9, macs=8, ratio=0.0)
    larger = replace(large, analysis=replace(large.analysis, input_size=(448, 224), resized="Read at ..."))
    assert words.write_setting(larger.analysis) == "not pruned · 224 × 448"
    page = words.write_result(make_comparison(small, larger))
    assert "<small>30 % pruned · Random</small>" in page
    assert "<small>not pruned · 224 × 448</small>" in page


def test_names_from_outside_stay_text() -> None:
    hostile = make_side('<i onload="x">${a}', 0.9, macs=8)
    page = words.write_result(make_comparison(hostile, hostile, labels=('<i onload="x">', "${b}")))
    assert "<i onload" not in page
    assert "${" not in page


def test_the_agreement_or_why_there_is_none() -> None:
    a, b = make_side("cat", 0.9, macs=8), replace(make_side("cat", 0.9, macs=8), grid=(14, 7))
    assert "correlation of <b>−0.50</b>" in words.write_agreement(make_comparison(a, b))
    for obstacle in set(get_args(Obstacle)) - {""}:
        said = words.write_agreement(make_comparison(a, b, agreement=None, obstacle=obstacle))
        assert "no rank correlation" in said
        assert ("(4 × 4 and 14 × 7)" in said) == (obstacle == "grid")


def list_texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in list_texts(one)]
    return list(value) if isinstance(value, tuple) else [value]


def test_every_word_has_its_chinese_with_the_same_gaps() -> None:
    constants = {name: value for name, value in vars(words).items() if re.fullmatch("[A-Z_]+", name)}
    for records in ("REDUCTIONS", "SELECTORS"):
        constants.pop(records)
    assert len(constants) > 30
    for text in (text for value in constants.values() for text in list_texts(value)):
        gaps, translated = (sorted(re.findall(r"\{\w+\}", t)) for t in (text, read_chinese()[text]))
        assert gaps == translated, text
