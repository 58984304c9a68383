"""The laboratory's tables and charts, worked by hand; names from outside stay text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from PIL import Image

from vitdemo.engine import (
    Adaptive,
    Analysis,
    Budget,
    Outcome,
    SmallestSet,
    Surgery,
    Sweep,
    SweepCurve,
    SweepPoint,
    Timing,
)
from vitdemo.ui.kit.svg import Frame
from vitdemo.ui.tabs.tokens import sweep as sweep_text
from vitdemo.ui.tabs.tokens import words as lab_text
from vitdemo.ui.tabs.tokens.stages import write_stages

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}{{value}}"
TIME = Timing(1.25, 1.125, 1.375, 3)
POINTS = tuple(
    SweepPoint(share, tokens, cost)
    for share, tokens, cost in ((0.0, (64,), 2_000_000), (0.5, (64, 32), 1_000_000))
)


def make_sweep(answers: tuple[str, str], name: str = "cat") -> Sweep:
    kept = tuple(tuple(range(point.tokens[-1])) for point in POINTS)
    curve = SweepCurve("learned", 1, ((0.9, 0.1), (0.25, 0.75)), answers, (1.0, 0.0), kept, (TIME, None))
    random = SweepCurve(
        "random", 5, ((0.9, 0.1), (0.6, 0.4)), (name, name), (1.0, 0.8), (kept[0], (7,)), (TIME, TIME)
    )
    return Sweep((name, "dog"), POINTS, (curve, random))


def test_sweep_by_hand() -> None:
    shown = sweep_text.write_sweep(make_sweep(("cat", "dog")))
    assert "<b>Learned predictor</b>: the answer flips to dog at 50 %." in shown
    assert "<b>Random</b> (mean of 5 seeds): the answer stays at every ratio." in shown
    assert "flips to dog</text>" in shown
    head = re.findall(r'<th scope="col">(.*?)</th>', shown)
    assert head == ["Pruning", "Patches", "Multiply-adds", "Learned predictor", "Random", "Answer", "P(cat)"]
    assert ">64 → 32</td><td>1.0 M</td><td>busy, not measured</td><td>1.2 ms, 1.1 to 1.4, n = 3</td>" in shown
    assert "<td>dog</td><td>25.0 %</td>" in shown
    assert "are those of: Learned predictor. Times are medians of n single passes" in shown
    steady = sweep_text.write_sweep(make_sweep(("cat", "cat")))
    assert 'class="mark"' not in steady


def test_the_film_strip_says_whose_it_is() -> None:
    found = make_sweep(("cat", "dog"))
    learned, random = found.curves
    rest = ": what is left after the last stage, at each ratio"
    assert sweep_text.write_kept_title(learned) == "Learned predictor" + rest
    assert sweep_text.write_kept_title(random) == "Random (the first of 5 seeds)" + rest
    assert sweep_text.write_kept_captions(found, learned) == ["0 %: 64 left, cat", "50 %: 32 left, dog"]
    assert sweep_text.write_kept_captions(found, random) == ["0 %: 64 left, cat", "50 %: 1 left, cat"]


def test_the_chart_puts_probabilities_where_they_belong() -> None:
    svg, frame = sweep_text.draw_chart("t", {"a": (1.0, 0.0)}, (0.0, 0.5), flip=(0.5, "here")), Frame()
    last = frame.width - frame.right
    path = re.search(r'points="([^"]+)"', svg)
    assert path
    assert path[1] == f"{frame.left:.1f},{frame.top:.1f} {last:.1f},{frame.height - frame.bottom:.1f}"
    assert f'<line class="mark" x1="{last:.1f}"' in svg
    assert "a, 50 % pruned: 0.0 %" in svg


@pytest.mark.parametrize(
    ("minimal", "kept", "words"),
    [
        (True, (3, 4), lab_text.GUARANTEE),
        (True, (3,), lab_text.LAST_PATCH),
        (False, (3,), lab_text.CUT_SHORT),
    ],
)
def test_what_the_smallest_set_guarantees(minimal: bool, kept: tuple[int, ...], words: str) -> None:
    shown = lab_text.write_smallest(SmallestSet("cat", 0.5, kept, 0.5, 0.9, minimal, 12), 64)
    assert words in shown
    assert f"<b>{len(kept)}</b> of 64" in shown
    assert "12 sets of patches were run." in shown


def test_surgery_and_budget_by_hand() -> None:
    result = Surgery((("dog", 0.2), ("cat", 0.7)), (("dog", 0.5), ("cat", 0.4)), (60, 20), 5_000_000)
    shown = lab_text.write_surgery(result)
    assert "The answer is now dog." in shown
    assert "<td>20.0 %</td><td><b>50.0 %</b></td><td>+30.0</td>" in shown
    assert "<td>−30.0</td>" in shown
    assert "60 → 20 patches, 5.0 M" in shown
    own, fixed = (
        Budget((64, 9), (1,), 10**6, (("cat", 0.5),)),
        Budget((64, 8), (2, 3), 2 * 10**6, (("dog", 0.4),)),
    )
    table = lab_text.write_adaptive(Adaptive("learned", 0.8, own, 0.37, fixed))
    for cell in ("Threshold 0.8", "Fixed 37 %", "64 → 9", "64 → 8", "2.0 M", "dog", "40.0 %"):
        assert f">{cell}</t" in table


def test_stages_stand_beside_the_usual_ones() -> None:
    dense, few = Outcome((("cat", 0.5),), (64,), 3 * 10**6), Outcome((("dog", 0.4),), (64, 9), 10**6)
    usual = Analysis("", "", "", "random", 0.3, Image.new("RGB", (8, 8)), dense, few, ((1,),), "")
    chosen = replace(usual, selector="class-attention", stages="2:0.15")
    for shown, columns in ((usual, 3), (replace(usual, pruned=None), 2)):
        table = write_stages(shown, "3:0.15", chosen)
        assert table.count('<th scope="col">') == columns
        assert ("<td>3:0.15</td><td>2:0.15</td>" in table) == (columns == 3)
        assert "<td>cat</td>" in table
        assert "<td>1.0 M</td></tr>" in table
        assert "By: Class attention." in table
    wordless = replace(dense, top=())
    assert write_stages(usual, "", replace(chosen, dense=wordless)).count("<tr>") == 4


def test_names_from_outside_stay_text() -> None:
    top = ((HOSTILE, 0.5),)
    budget = Budget((64,), (1,), 1, top)
    pages = (
        sweep_text.write_sweep(make_sweep((HOSTILE, HOSTILE + "2"), HOSTILE)),
        lab_text.write_surgery(Surgery(top, top, (64,), 1)),
        lab_text.write_surgery(None, HOSTILE),
        lab_text.write_smallest(SmallestSet(HOSTILE, 0, (1,), 0.5, 0.5, True, 1), 64),
        lab_text.write_adaptive(Adaptive("learned", 1.0, budget, 0.1, budget)),
    )
    for page in pages:
        assert "<img" not in page
        assert "${" not in page
        assert "{{" not in page
