"""The words of the page, and that nothing from outside becomes HTML in them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from vitdemo.engine import Analysis, Outcome, Timing, Timings
from vitdemo.ui import words as answer
from vitdemo.ui.kit.html import Html, join, note, row, say_html, table, tag
from vitdemo.ui.tabs.prediction import words as prediction

DENSE = Outcome((("cat", 0.9), ("dog", 0.1)), (64,), 1_000_000_000)
TIMES = (Timing(10.0, 9.9, 10.2, 9), Timing(12.0, 11.8, 12.5, 9))


def make_analysis(pruned: Outcome | None) -> Analysis:
    return Analysis(
        key="k",
        model="m",
        title="A <model>",
        selector="learned",
        pruning_ratio=0.3,
        view=Image.new("RGB", (8, 8)),
        dense=DENSE,
        pruned=pruned,
        kept=(),
        source="bundled",
    )


def test_comparison_worked_by_hand() -> None:
    pruned = Outcome((("cat", 0.885),), (64, 44, 31, 16), 650_000_000)
    shown = prediction.write_comparison(make_analysis(pruned), TIMES)
    for cell in ("1.00 G", "650.0 M", "88.5 %", "12.0 ms, 11.8 to 12.5, n = 9"):
        assert f">{cell}</td>" in shown
    for gain in ("35 %", "75 %"):
        assert f'<span class="gain">{gain}</span></td>' in shown
    assert "<span>slower by 20 %</span></td>" in shown
    assert "moves by −1.5 points" in shown


@pytest.mark.parametrize(
    ("label", "share", "words"),
    [
        ("dog", 0.6, "changes the answer from <b>cat</b> to <b>dog</b>"),
        ("cat", 0.93, "moves by +3.0 points"),
        ("cat", 0.9001, "stay the same"),
    ],
)
def test_the_sentence_on_pruning(label: str, share: float, words: str) -> None:
    assert words in prediction.write_sentence(DENSE, Outcome(((label, share),), (64, 44), 1))


def test_without_pruning_there_is_nothing_to_compare() -> None:
    shown = prediction.write_comparison(make_analysis(None), TIMES[:1])
    assert prediction.NO_PRUNING in shown
    assert "<td>10.0 ms, 9.9 to 10.2, n = 9</td><td>–</td><td>–</td>" in shown


@pytest.mark.parametrize(
    ("times", "cells"),
    [
        (None, "<td>measuring</td><td>measuring</td><td>–</td>"),
        ((None, TIMES[1]), "<td>busy, not measured</td><td>12.0 ms, 11.8 to 12.5, n = 9</td>"),
        ((None, TIMES[1]), "<span>not measured</span>"),
        ((TIMES[1], TIMES[0]), '<span class="gain">faster by 17 %</span>'),
        ((TIMES[0], Timing(9.6, 9.5, 9.7, 5)), "<span>about equal</span>"),
    ],
)
def test_a_time_is_said_with_its_spread_or_not_at_all(times: Timings | None, cells: str) -> None:
    pruned = Outcome((("cat", 0.885),), (64, 44, 31, 16), 650_000_000)
    assert cells in prediction.write_comparison(make_analysis(pruned), times)


def test_names_from_outside_stay_text() -> None:
    label = "<img src=x onerror=alert(1)>${alert(2)}{{value}}"
    hostile = Outcome(((label, 0.5),), (64,), 1)
    pages = (
        answer.write_headline(make_analysis(hostile)),
        prediction.write_comparison(make_analysis(hostile), TIMES),
        answer.write_problem(label),
        note(label),
    )
    for page in pages:
        assert "<img" not in page
        assert "${" not in page
        assert "{{" not in page
    assert "A &lt;model&gt;" in answer.write_headline(make_analysis(None))


def test_the_words_that_a_network_knows_are_on_one_line_and_all_of_them_beside_it() -> None:
    few = replace(make_analysis(None), classes=("cat", "<b>dog</b>"))
    assert few.vocabulary == "Knows 2 words: cat, <b>dog</b>"
    assert "Knows 2 words: cat, &lt;b&gt;dog&lt;/b&gt;</button>" in answer.write_headline(few)
    many = replace(few, classes=tuple(f"word {number}" for number in range(1000)))
    assert many.vocabulary.startswith("Knows 1,000 words: word 0, word 1, ")
    assert many.vocabulary.endswith(", word 11, ...")
    shown = answer.write_headline(many)
    assert shown.count("<li>") == 1000
    assert shown.index("</div>") < shown.index("<li>"), "no reader is told all of them with each answer"
    assert "vocabulary" not in answer.write_headline(make_analysis(None)), "nothing is known of its words"


def test_what_is_no_html_is_text() -> None:
    assert tag("p", "<b>", tag("b", 1), class_="a", aria_label='"x"', id=None) == (
        '<p class="a" aria-label="&quot;x&quot;">&lt;b&gt;<b>1</b></p>'
    )
    assert join("${a}", Html("<i>")) == "&#36;&#123;a&#125;<i>"
    assert say_html("<b>{name}</b>", name="`{{<") == "<b>&#96;&#123;&#123;&lt;</b>"
    assert tag("img", src="a") == '<img src="a">'


def test_a_table_has_headings_where_there_are_words() -> None:
    shown = table(("", "A"), [row("x", "<", class_="odd")], caption="t")
    assert shown == (
        '<table><caption>t</caption><thead><tr><td></td><th scope="col">A</th></tr></thead>'
        '<tbody><tr class="odd"><th scope="row">x</th><td>&lt;</td></tr></tbody></table>'
    )
