"""Maps as numbers, for those who want to compute with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vitdemo.maps import Heatmap, Method


@dataclass(frozen=True)
class PatchMap:
    """One explanation over the original patches.

    `method`, `title`, `unit`: as in METHODS. `options`: those that the method has, as they were used; the
    layer counts from 0, a head of None is the fused heads, a query of None what the head reads. `values`: a
    row for each row of patches, in `unit`, 0 or more unless the method is signed: below 0 a patch speaks
    against the class; None = the patch has no value, because it was already pruned. `prefix_share`:
    the part, 0 to 1, of all that the query looks at which goes to class, distillation and register tokens;
    None where it looks at nothing, and for maps of a class. `label`: the class, or "". `against`: the class
    rather than which it is explained, or "".
    """

    method: str
    title: str
    unit: str
    options: dict[str, Any]
    values: tuple[tuple[float | None, ...], ...]
    prefix_share: float | None = None
    label: str = ""
    against: str = ""

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest number of `values`."""
        present = [value for row in self.values for value in row if value is not None]
        return min(present), max(present)


def patch_map(method: Method, heat: Heatmap, **rest: Any) -> PatchMap:
    """Return `heat` as plain numbers; `rest`: the other fields."""
    values = tuple(tuple(None if value != value else value for value in row) for row in heat.tolist())
    return PatchMap(method.key, method.title, method.unit, **{"options": {}, **rest}, values=values)
