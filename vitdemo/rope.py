"""What rotary positions are: a part of a network's config."""

from __future__ import annotations

from dataclasses import dataclass

from vitdemo.kinds import check_range


@dataclass(frozen=True)
class RopeConfig:
    """Rotary positions in two axes (Su et al. 2021; Fang et al. 2023): angles that turn queries and keys.

    Half of a head's pairs of numbers are turned by the patch's row, half by its column, each at its own
    speed, from 1 down towards `1 / temperature`. Rows and columns are counted from `offset`, stretched as if
    the grid were `reference` (rows, columns); or, if `centered`, run from -1 to 1, in full turns (DINOv3).
    `x_first`: columns turn the first half of the pairs. `halves`: a pair is a number of a head's first half
    and one of its second half, else two neighbours.
    """

    temperature: float = 10000.0
    offset: float = 0.0
    reference: tuple[int, int] | None = None
    centered: bool = False
    x_first: bool = False
    halves: bool = False

    def __post_init__(self) -> None:
        check_range("temperature", self.temperature, 1, 1e9)
        check_range("offset", self.offset, 0, 2**14)
        check_range("reference", self.reference or (1, 1), 1, 2**14)
