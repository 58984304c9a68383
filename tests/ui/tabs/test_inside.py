"""The words of the tab Inside: sentences from numbers worked by hand; no name from outside becomes HTML."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from vitdemo.engine.answers.anatomy import Norms
from vitdemo.engine.answers.card import Confidence, ModelCard
from vitdemo.engine.answers.inside import Ablation
from vitdemo.engine.answers.sanity import Check, SanityChecks
from vitdemo.engine.answers.speed import Size, SpeedCard, Variant
from vitdemo.timing import Timing
from vitdemo.ui.familiarity import write_confidence
from vitdemo.ui.tabs.inside import costs
from vitdemo.ui.tabs.inside import words as inside_text
from vitdemo.ui.tabs.trust import checks

BLANK = Image.new("RGB", (4, 4))
HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}{{value}}"


def make_variant(name: str, macs: int, low: float, middle: float, high: float) -> Variant:
    return Variant(name, macs, 10, Timing(middle, low, high, 5))


def make_card(*pruned: float, pruning_from: int | None = None) -> SpeedCard:
    low, middle, high = pruned
    variants = (
        make_variant("dense", 100, 9.0, 10.0, 11.0),
        make_variant("learned", 67, low, middle, high),
        make_variant("linear", 95, 9.5, 10.5, 11.5),
    )
    sizes = (
        Size(64, (Timing(10.0, 9.0, 11.0, 9), Timing(12.0, 11.5, 12.5, 9), None)),
        Size(1024, tried=False),
    )
    return SpeedCard(0.3, "cpu", 2, (32, 48), variants, sizes, pruning_from, None)


@pytest.mark.parametrize(
    ("pruned", "words"),
    [
        ((7.0, 8.0, 8.5), "33 % fewer multiply-adds and is 20 % faster here."),
        ((12.0, 13.0, 14.0), "33 % fewer multiply-adds, but is 30 % slower here than the dense pass."),
        (
            (8.0, 9.0, 10.0),
            "33 % fewer multiply-adds; its time here is about equal to that of the dense pass.",
        ),
    ],
)
def test_slower_is_called_slower(pruned: tuple[float, float, float], words: str) -> None:
    shown = costs.write_speed(make_card(*pruned))
    assert f"Pruning by learned predictor needs {words}" in shown
    assert "Linear attention needs 5 % fewer multiply-adds; its time here is about equal" in shown


def test_break_even_is_said_plainly() -> None:
    lost = costs.write_speed(make_card(12.0, 13.0, 14.0))
    assert "Pruning did not pay here at up to 64 patches." in lost
    assert "A dash: it would have taken too long." in lost
    assert '<th scope="row">1,024</th><td>–</td><td>–</td><td>–</td>' in lost
    assert "<td>12.0 ms, 11.5 to 12.5, n = 9</td><td>busy, not measured</td>" in lost
    assert "Time on 2 CPU threads" in lost
    won = costs.write_speed(make_card(7.0, 8.0, 8.5, pruning_from=64))
    assert "Pruning paid here from 64 patches on" in won


def test_a_busy_machine_is_named() -> None:
    found = make_card(7.0, 8.0, 8.5)
    shown = costs.write_speed(
        replace(found, variants=(replace(found.variants[0], time=None), *found.variants[1:]), sizes=())
    )
    assert "33 % fewer multiply-adds; the machine was too busy to measure its time." in shown
    assert "The machine was too busy to measure; please try again later." in shown
    assert "pay here" not in shown


def test_a_failed_check_is_seen() -> None:
    made = (
        Check("rows", 3e-7, 1e-4),
        Check("recorded", 0.5, 1e-3),
        Check("randomised", 0.2, 0.5, "raw-attention"),
    )
    shown = checks.write_checks(SanityChecks(made, {}, ()))
    assert "2 of 3 checks passed." in shown
    assert 'class="problem"' in shown
    assert "<td>FAIL</td><td>0.50</td><td>1.0e-03</td>" in shown
    assert "<td>pass</td><td>3.0e-07</td><td>1.0e-04</td>" in shown
    assert "Raw attention depends on the weights" in shown
    sound = checks.write_checks(SanityChecks(made[:1], {}, ()))
    assert "problem" not in sound


def test_the_strongest_heads_are_named() -> None:
    found = Ablation(HOSTILE, 4.0, ((0.1, -0.5), (0.75, 0.0)), True, BLANK)
    shown = inside_text.write_ablation(found)
    assert (
        "is 4.00. It falls most, by 0.50, without head 1 of layer 0. It rises most, by 0.75, without head 0"
        in shown
    )
    for sign in ("<img", "${", "{{"):
        assert sign not in shown
    assert "rises" not in inside_text.write_ablation(Ablation("cat", 4.0, ((-0.1, -0.5),), False, BLANK))


@pytest.mark.parametrize(
    ("artefacts", "words"),
    [((), "there is none"), ((5,), "patch 5."), ((5, 9), "there are 2, framed: patches 5, 9.")],
)
def test_artefacts_are_counted(artefacts: tuple[int, ...], words: str) -> None:
    shown = inside_text.write_norms(Norms(BLANK, 41.77, 6.0, artefacts, (45.0,)))
    assert words in shown
    assert "the median plus 6 times the median absolute deviation, here 41.8." in shown


def test_the_notice_about_unfamiliar_pictures() -> None:
    assert write_confidence(None) == ""
    strange = write_confidence(Confidence(0.31, 97, True))
    assert "of 100 pictures that it was validated on, 97 made it surer" in strange
    assert 'role="note"' in strange
    usual = write_confidence(Confidence(0.8, 40, False))
    assert "does not prove" in usual
    assert "Less sure" not in usual


def test_no_card_names_the_source() -> None:
    assert "hf-hub:a/b@1" in inside_text.write_no_card(ModelCard("", (), "hf-hub:a/b@1"))
