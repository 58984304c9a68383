"""The model card of weights that come as a folder, and how sure a pass is beside their validation."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from vitdemo.engine.core.cache import Entry
from vitdemo.models.head import to_probabilities
from vitdemo.weights import LoadedModel
from vitdemo.weights.metrics import read_metrics

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
FIGURE = re.compile(r"^!\[([^\]]*)\]\(([^)\s]+)\)[ \t]*$\n?", re.MULTILINE)
UNUSUAL = 5  # percent: below this percentile of the validation pictures a picture is worth a notice


@dataclass(frozen=True)
class ModelCard:
    """The card beside the weights.

    `markdown`: without its front matter and its figures, "" where there is no card. `figures`: the pictures
    that it names, with their captions. `source`: which weights it is about.
    """

    markdown: str
    figures: tuple[tuple[Image.Image, str], ...]
    source: str


@dataclass(frozen=True)
class Confidence:
    """How sure the dense pass is against the pictures that the model was validated on.

    `confidence`: its largest probability; `surer`: the percentage of those pictures on which the model was
    surer, 0 to 100; `unusual`: fewer than 5 % were less sure.
    """

    confidence: float
    surer: int
    unusual: bool


def read_card(loaded: LoadedModel) -> ModelCard:
    """Return the card beside the weights: README.md, its figures read from the same folder alone."""
    folder, source = loaded.folder, loaded.origin.source
    path = folder / "README.md" if folder is not None else None
    if folder is None or path is None or not path.is_file():
        return ModelCard("", (), source)
    text = FRONT_MATTER.sub("", path.read_text(encoding="utf-8"))
    figures = []
    for caption, file in FIGURE.findall(text):
        picture = read_figure(folder, file)
        if picture is not None:
            figures.append((picture, caption[:1].upper() + caption[1:]))
    return ModelCard(FIGURE.sub("", text).strip(), tuple(figures), source)


def read_figure(folder: Path, file: str) -> Image.Image | None:
    """Return a picture of `folder`; None where it is missing, damaged, or would lie anywhere else."""
    if Path(file).name != file:
        return None
    try:
        with Image.open(folder / file) as picture:
            return picture.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def read_confidence(folder: Path | None) -> tuple[float, ...]:
    """Return the percentiles 0 to 100 of the largest probability over the validation split.

    They stand in metrics.json; empty where they were not measured.
    """
    try:
        percentiles = tuple(float(value) for value in read_metrics(folder).get("validation_confidence", ()))
    except (ValueError, TypeError):
        return ()
    return percentiles if len(percentiles) == 101 and list(percentiles) == sorted(percentiles) else ()


def rank_confidence(entry: Entry, loaded: LoadedModel) -> Confidence | None:
    """Return where the confidence of the dense pass lies among the validation pictures'.

    The baseline of Hendrycks and Gimpel 2017. None where they were not measured or there are no classes. A
    low one tells of a picture unlike those. A high one proves nothing: networks are often sure of pictures
    of things that they have never seen.
    """
    percentiles = read_confidence(loaded.measured)
    if not percentiles or entry.dense.logits is None:
        return None
    confidence = float(to_probabilities(entry.dense.logits, entry.config).max())
    below = max(0, bisect_right(percentiles, confidence) - 1)  # percent of them, rounded down
    return Confidence(confidence, 100 - below, below < UNUSUAL)
