"""What is annotated is checked while the tests run: in ever fewer of the calls of each test."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from tests.checked import calls
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


def test_the_first_second_fourth_and_eighth_call_is_checked() -> None:
    assert count_wrong(2) == 2
    assert count_wrong(6) == 2
    assert count_wrong(7) == 0
    assert count_wrong(1) == 1
    assert set(calls.values()) == {16}


def test_another_test_begins_anew() -> None:
    assert not calls
    assert count_wrong(1) == 1


def test_fields_are_checked() -> None:
    d = torch.zeros(3)
    with pytest.raises(TypeCheckError, match="axes"):
        Familiarity(centre=d, axes=torch.zeros(4, 2), scale=d[0], limit=d[0])
