"""What of a checkpoint goes to the Hub, and whether it may: each file is looked at as a user of it would."""

from __future__ import annotations

import math
import re
from pathlib import Path

from vitdemo.weights import load_model
from vitdemo.weights.familiarity import FILE as FAMILIARITY
from vitdemo.weights.metrics import METRICS, read_metrics
from vitdemo.weights.reading import CONFIG, WEIGHTS, hash_file

NEEDED = (CONFIG, METRICS, WEIGHTS, "README.md")
FIGURE = re.compile(r"!\[.*?\]\((\w[\w.-]*\.png)\)")  # as a card names it: beside itself
PNG = b"\x89PNG\r\n\x1a\n"


def list_files(folder: Path) -> list[Path]:
    """Return the files of a checkpoint that go to the Hub, in sorted order.

    Of pictures they are those that the card shows. Raise ValueError naming what is missing, empty or wrong:
    a link, a figure that is no PNG, weights that do not load (strictly, finite, with their checksum), metrics
    of other weights or without an accuracy, a card without its front matter or with another accuracy.
    """
    listed = sorted(folder.iterdir())
    for path in listed:
        refuse_link(path)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{folder} has no {missing[0]}")
    figures = FIGURE.findall((folder / "README.md").read_text(encoding="utf-8"))
    found = [path for path in listed if path.name in (*NEEDED, FAMILIARITY, *figures) and path.is_file()]
    for path in found:
        if not path.stat().st_size:
            raise ValueError(f"{path} is empty")
        if path.name in figures:
            check_figure(path)
    load_model(str(folder))
    metrics = read_metrics(folder)
    accuracy = metrics.get("accuracy", math.nan)
    if not 0 <= accuracy <= 100 or "sha256" not in metrics:
        raise ValueError(f"{folder / METRICS} does not state an accuracy from 0 to 100 and its sha256")
    if metrics["sha256"] != hash_file(folder / WEIGHTS):
        raise ValueError(f"{folder / METRICS} was measured with other weights than {WEIGHTS}")
    check_card(folder / "README.md", accuracy=accuracy)
    return found


def refuse_link(path: Path) -> None:
    """Raise ValueError naming `path` where it is a link, for it may point to anything."""
    if path.is_symlink():
        raise ValueError(f"{path} is a link, and what it points to is not sent")


def check_figure(path: Path) -> None:
    """Raise ValueError where the file does not begin as a PNG."""
    with path.open("rb") as file:
        if file.read(len(PNG)) != PNG:
            raise ValueError(f"{path} is not a PNG")


def check_card(path: Path, *, accuracy: float) -> None:
    """Raise ValueError where the card has no front matter with a license, or does not state `accuracy`."""
    text = path.read_text(encoding="utf-8")
    if not text.startswith("---\nlicense:"):
        raise ValueError(f"{path} is not a model card: it lacks the front matter with a license")
    if f"{accuracy:.2f} %" not in text:
        raise ValueError(f"{path} does not state the accuracy of metrics.json, {accuracy:.2f} %")
