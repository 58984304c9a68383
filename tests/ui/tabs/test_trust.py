"""The words of Trust: every map has some, and the sentence says plainly what the numbers say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vitdemo.engine import Candidate, Trust
from vitdemo.ui.tabs.trust import tab
from vitdemo.ui.tabs.trust.words import write_sentence

SOME = ("chefer", "keep-score", "raw-attention")


def trust(*gaps: float, label: str = "cat") -> Trust:
    maps = tuple(
        Candidate(method, (0.1, 0.2, 0.9), (0.1, 0.8, 0.9), 0.4, 0.4 + gap, gap, 5 * gap, 0.3, 0.7)
        for method, gap in zip(SOME, gaps, strict=True)
    )
    curve = (0.1, 0.5, 0.9)
    return Trust(label, 4, (0, 2, 4), 16, maps, 24, curve, curve, curve, 0.5, 0.2)


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ((0.2, 0.1, -0.3), ["<b>no map is better than random order</b>"]),
        ((0.3, 0.1, -0.3), ["trust <b>Chefer et al.</b> most.", "The other 2 are no better than random"]),
        ((0.4, 0.3, 0.1), ["Keep score also passes the test.", "The other one is no better than random"]),
        ((0.5, 0.4, 0.3), ["Keep score and Raw attention also pass the test."]),
    ],
)
def test_the_sentence_says_which_map_to_trust(gaps: tuple[float, ...], words: list[str]) -> None:
    said = write_sentence(trust(*gaps))
    for part in words:
        assert part in said
    assert ("no better" in said) == ("no better" in " ".join(words))


def test_the_report_holds_the_curves_where_they_belong() -> None:
    page = tab.write_trust(trust(0.3, 0.1, -0.3))
    deletion, insertion = page.split("<figure>")[1:]
    # The plot spans x 44 to 368, y 206 (0 %) to 10 (100 %). Deletion begins with all patches, at x 44.
    assert 'data-curve="0" points="368.0,186.4 206.0,166.8 44.0,29.6"' in deletion
    assert 'data-curve="0" points="44.0,186.4 206.0,49.2 368.0,29.6"' in insertion
    assert (
        page.index("Chefer et al.</th>") < page.index("Random order</th>") < page.index("Raw attention</th>")
    )
    assert page.count('class="passes"') == 1
    others = page.split("<details>")[1]
    for cell in ("+1.50", "−1.50", "30.0 %", "70.0 %"):
        assert f"<td>{cell}</td>" in others
    assert "−0.30" in page


def test_a_chart_ends_at_all_patches_where_its_curves_do_not() -> None:
    page = tab.write_trust(replace(trust(0.3, 0.1, -0.3), kept=(1, 2, 4)))
    deletion, insertion = page.split("<figure>")[1:]
    assert 'data-curve="0" points="287.0,186.4 206.0,166.8 44.0,29.6"' in deletion
    assert 'data-curve="0" points="125.0,186.4 206.0,49.2 368.0,29.6"' in insertion
    for chart in (deletion, insertion):
        assert '<text x="368.0" y="222" text-anchor="middle">100</text>' in chart


def test_the_number_of_points_stands_beside_the_charts() -> None:
    many = tab.write_trust(trust(0.3, 0.1, -0.3))
    assert (
        many.index("</figure>")
        < many.index("Each order was tried at 3 numbers of patches.")
        < many.index("<table")
    )
    few = tab.write_trust(replace(trust(0.3, 0.1, -0.3), steps=6))
    assert "tried at 3 numbers of patches, not at 17 as with a small network" in few


def test_names_from_outside_stay_text() -> None:
    page = tab.write_trust(trust(0.1, 0.1, 0.0, label='<i onload="x">${a}'))
    assert "<i onload" not in page
    assert "${" not in page
