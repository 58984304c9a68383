"""The words of the page, and that nothing from outside becomes HTML in them."""

from __future__ import annotations

import pytest
from PIL import Image

from vitdemo.engine import Analysis, Outcome
from vitdemo.ui.kit import html as text

DENSE = Outcome((("cat", 0.9), ("dog", 0.1)), (64,), 1_000_000_000, 10.0)


def analysis(pruned: Outcome | None) -> Analysis:
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
    pruned = Outcome((("cat", 0.885),), (64, 44, 31, 16), 650_000_000, 12.0)
    shown = text.comparison(analysis(pruned))
    for cell in ("1.00 G", "650.0 M", "35 %", "75 %", "−20 %", "88.5 %", "12.0 ms"):
        assert f">{cell}</td>" in shown
    assert "moves by −1.5 points" in shown


@pytest.mark.parametrize(
    ("label", "share", "words"),
    [
        ("dog", 0.6, "changes the answer from <b>cat</b> to <b>dog</b>"),
        ("cat", 0.93, "moves by +3.0 points"),
        ("cat", 0.9001, "stay the same"),
    ],
)
def test_verdict(label: str, share: float, words: str) -> None:
    assert words in text.verdict(DENSE, Outcome(((label, share),), (64, 44), 1, 1.0))


def test_without_pruning_there_is_nothing_to_compare() -> None:
    assert text.NO_PRUNING in text.comparison(analysis(None))


def test_names_from_outside_stay_text() -> None:
    label = "<img src=x onerror=alert(1)>${alert(2)}{{value}}"
    hostile = Outcome(((label, 0.5),), (64,), 1, 1.0)
    pages = (
        text.headline(analysis(hostile)),
        text.comparison(analysis(hostile)),
        text.problem(label),
        text.note(label),
    )
    for page in pages:
        assert "<img" not in page
        assert "${" not in page
        assert "{{" not in page
    assert "A &lt;model&gt;" in text.headline(analysis(None))


def test_counts_line() -> None:
    assert text.counts((64, 44)).count("→") == 1
    assert "none pruned" in text.counts((64,))
