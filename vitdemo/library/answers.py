"""What a program gets: a map of a picture, or what pruning leaves of it. Notebooks show both as pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vitdemo import render
from vitdemo.engine import CLASS_METHODS, Export, Look, Outcome, PatchMap, Result, Trust
from vitdemo.files import replace_file
from vitdemo.maps import Heatmap
from vitdemo.png import encode_png


class Shown:
    """Has an `image`, which notebooks show, and writes itself as a file of the kind that its name says."""

    image: Any
    result: Result

    def save(self, path: str | Path) -> None:
        """Write NAME.png, .csv, .json, .npz or .html, and of a map also .svg.

        The page of an .html needs no server: the picture, the answers, and every layer and head to explore.
        Raise ValueError naming the kinds, OSError naming a file that cannot be written.
        """
        path, kinds = Path(path), self._writers()
        if path.suffix not in kinds:
            raise ValueError(f"a file must end in {', '.join(kinds)}, got {path.name!r}")
        content = kinds[path.suffix]()
        with replace_file(path) as part:
            part.write_bytes(content if isinstance(content, bytes) else content.encode())

    def _writers(self) -> Mapping[str, Callable[[], str | bytes]]:
        return {
            ".png": self._repr_png_,
            ".csv": lambda: "".join(f"{','.join(map(str, row))}\n" for row in self._rows()),
            ".json": lambda: self._export().to_json(),
            ".npz": lambda: self._export().to_npz(),
            ".html": self._report,
        }

    def _rows(self) -> list[list[Any]]:
        """Return a heading and a row for each patch."""
        raise NotImplementedError

    def _export(self) -> Export:
        """Return all numbers of the result. Run the network for its times and the maps of its answer."""
        return self.result.export(Look())

    def _report(self, *, title: str = "", look: Look | None = None) -> str:
        from vitdemo.ui.tabs.attention.report import make_report  # gradio comes with it

        return make_report(self.result, image=self.image, title=title, look=look or Look())

    def _repr_png_(self) -> bytes:
        return encode_png(self.image, about=self.result.analysis.credit)


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Shown):
    """A map of one picture.

    `result`: all else that may be asked of the picture. `look`: how the attention was looked at. `map`: the
    map as plain numbers, with its method, title, unit, options and class.
    """

    result: Result
    look: Look
    map: PatchMap

    def __repr__(self) -> str:
        sure = "" if self.probability is None else f", {self.label} {self.probability:.1%}"
        return f"<Explanation by {self.method}{sure}>"

    @property
    def method(self) -> str:
        """The key of the method."""
        return self.map.method

    @cached_property
    def array(self) -> Heatmap:
        """The map, (rows, columns) of patches, in `map.unit`; NaN = the patch was already pruned."""
        return np.array(
            [[np.nan if value is None else value for value in row] for row in self.map.values], np.float32
        )

    @property
    def label(self) -> str:
        """The class that is explained, or of a map of attention the answer; "" for a network without any."""
        outcome = self.result.analysis.pruned or self.result.analysis.dense
        return self.map.label or (outcome.top[0][0] if outcome.top else "")

    @property
    def probability(self) -> float | None:
        """The probability of `label`; None for a network without classes."""
        return self.result.probability(self.label) if self.label else None

    @cached_property
    def drawing(self) -> render.Drawing:
        """The map over the crop that the network saw, ready to be drawn in another way than `image`."""
        if self.method in CLASS_METHODS:
            return self.result.class_drawing(self.label, method=self.method, against=self.map.against)
        return self.result.attention_drawing(self.look)

    @cached_property
    def image(self) -> Image.Image:
        """The map over the crop that the network saw, with its colour bar."""
        return self.drawing.to_image()

    def _writers(self) -> Mapping[str, Callable[[], str | bytes]]:
        about = self.result.analysis.credit
        return {**super()._writers(), ".svg": lambda: self.drawing.to_svg(about=about)}

    def _rows(self) -> list[list[Any]]:
        values = [value for row in self.map.values for value in row]
        columns = len(self.map.values[0])
        rows = [[patch, *divmod(patch, columns), "" if v is None else v] for patch, v in enumerate(values)]
        return [["patch", "row", "column", "value"], *rows]

    def _export(self) -> Export:
        """Return all numbers of the result, and those of the map: the array and the fact "map"."""
        found = self.result.export(self.look)
        told = {**asdict(self.map), "label": self.label, "probability": self.probability}
        return replace(found, arrays={"map": self.array, **found.arrays}, facts={"map": told, **found.facts})

    def _report(self, **_: Any) -> str:
        title = f"{self.map.title}: {self.label}" if self.map.label else self.map.title
        title += f" rather than {self.map.against}" if self.map.against else ""
        return super()._report(title=title, look=self.look)

    def faithfulness(self) -> Trust:
        """Judge the map against random order by really removing patches, in the dense network.

        Its only candidate is this map; `trusted` holds it where it is better than chance. Run the network for
        seconds. Raise ValueError for a network without classes.
        """
        return self.result.trust_map(self.method, self.array, label=self.label)


@dataclass(frozen=True, eq=False, repr=False)
class Pruned(Shown):
    """What pruning leaves of one picture. `result`: all else that may be asked of it."""

    result: Result

    def __repr__(self) -> str:
        before, after = (one.top[0][0] if one.top else "" for one in (self.before, self.after))
        counts = " -> ".join(map(str, self.after.tokens))
        return f"<Pruned {counts} patches: {before} before, {after} after>"

    @property
    def kept(self) -> tuple[tuple[int, ...], ...]:
        """The patches that each stage keeps, ascending; patches count row by row from 0."""
        return self.result.analysis.kept

    @property
    def before(self) -> Outcome:
        """What the network says with all patches, and what that costs."""
        return self.result.analysis.dense

    @property
    def after(self) -> Outcome:
        """What the network says with those that are kept, and what that costs."""
        pruned = self.result.analysis.pruned
        assert pruned is not None, "something was pruned"
        return pruned

    def _rows(self) -> list[list[Any]]:
        stages = render.stage_of_drop(self.kept, self.result.grid)
        rows = [[patch, *divmod(patch, stages.shape[1]), stage] for patch, stage in enumerate(stages.flat)]
        return [["patch", "row", "column", "dropped_at_stage"], *rows]  # 0 = never

    @cached_property
    def image(self) -> Image.Image:
        """The picture, and what each stage leaves of it."""
        return self.result.tokens.film_strip()
