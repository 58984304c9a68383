"""What is annotated is checked while the tests run: the first calls of each test, and some of the rest."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from tests.checked import EVERY, FIRST, calls
from vitdemo.familiarity import Familiarity
from vitdemo.maps.attention import fuse

WRONG = torch.zeros(2, 3, 4)  # of as many queries as keys it should be


def count_wrong(times: int) -> int:
    """Return how many of the calls with a wrong shape are found out."""
    found = 0
    for _ in range(times):
        try:
            fuse(WRONG, "mean")
        except TypeCheckError:
            found += 1
    return found


def test_each_of_the_first_calls_is_checked_and_every_so_many_later_ones() -> None:
    assert count_wrong(FIRST) == FIRST
    assert count_wrong(3 * EVERY) == 3
    assert set(calls.values()) == {FIRST + 3 * EVERY}


def test_another_test_begins_anew() -> None:
    assert not calls
    assert count_wrong(1) == 1


def test_fields_are_checked() -> None:
    d = torch.zeros(3)
    with pytest.raises(TypeCheckError, match="axes"):
        Familiarity(centre=d, axes=torch.zeros(4, 2), scale=d[0], limit=d[0])
