"""Data sets as people have them: a folder each, with what `load_folder` should make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SPLITS = {"train": 6, "val": 2, "test": 2}  # pictures a class


@dataclass(frozen=True)
class Awful:
    """A way to spoil a data set.

    `spoil(folder)` changes a sound one of the classes `names`. `words`: of the one sentence that it is
    refused with, or "" where it is sound still, with so many training pictures.
    """

    spoil: Callable[[Path], object]
    names: tuple[str, ...] = ("ant", "bee")
    words: str = ""
    pictures: int = 12
    mode: str = "RGB"


def write(folder: Path, awful: Awful) -> Path:
    random = np.random.default_rng(0)
    for split, count in SPLITS.items():
        for number, name in enumerate(awful.names):
            home = folder / split / name
            home.mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 128, size=(34, 30, 3)) + 60 * number
                Image.fromarray(pixels.astype(np.uint8)).convert(awful.mode).save(home / f"{index}.png")
    awful.spoil(folder)
    return folder


def nothing(folder: Path) -> None:
    """A sound one."""


def hide(folder: Path) -> None:
    home = folder / "train" / "bee"
    for name in ("._1.png", ".DS_Store", "Thumbs.db"):
        (home / name).write_bytes(b"\0\5\x16\7")
    (home / ".ipynb_checkpoints").mkdir()
    (home / ".ipynb_checkpoints" / "1.png").write_bytes(b"")
    (folder / "train" / ".git").mkdir()


def link(folder: Path) -> None:
    home, other = folder / "train" / "bee", folder / "elsewhere"
    home.rename(other)
    home.symlink_to(other, target_is_directory=True)
    (other / "again").symlink_to(other, target_is_directory=True)
    (other / "6.png").symlink_to(other / "1.png")


def old(folder: Path) -> None:
    (folder / "train" / "bee" / "old.jpg").mkdir()
    (folder / "train" / "readme.txt").write_text("not a class")


def empty(folder: Path) -> None:
    (folder / "train" / "wasp").mkdir()


def cut(folder: Path) -> None:
    path = folder / "train" / "bee" / "3.png"
    path.write_bytes(path.read_bytes()[:300])


def dangling(folder: Path) -> None:
    (folder / "train" / "bee" / "9.png").symlink_to(folder / "nowhere.png")


def duplicate(folder: Path) -> None:
    """Every picture of one class is the same file, also where it is judged."""
    first = (folder / "train" / "bee" / "0.png").read_bytes()
    for path in folder.glob("*/bee/*.png"):
        path.write_bytes(first)


def nine(folder: Path) -> None:
    for path in sorted((folder / "train").rglob("*.png"))[9:]:
        path.unlink()
    for path in (folder / "val").rglob("*.png"):
        path.unlink()
    for home in (folder / "val").iterdir():
        home.rmdir()
    (folder / "val").rmdir()


def strange(folder: Path) -> None:
    (folder / "test" / "wasp").mkdir()
    Image.new("RGB", (9, 9)).save(folder / "test" / "wasp" / "1.png")


KINDS = {
    "sound": Awful(nothing),
    "hidden files": Awful(hide),
    "links": Awful(link, pictures=13),
    "one class": Awful(nothing, names=("ant",), pictures=6),
    "grey": Awful(nothing, mode="L"),
    "alpha": Awful(nothing, mode="RGBA"),
    "palette": Awful(nothing, mode="P"),
    "duplicates": Awful(duplicate),
    "Chinese": Awful(nothing, names=("猫", "狗 与 鸟")),
    "10 before 2": Awful(nothing, names=("10", "2")),
    "a folder called old.jpg": Awful(old),
    "an empty class": Awful(empty, words=r"train/wasp holds no pictures"),
    "a corrupt file": Awful(cut, words=r"train/bee: 3\.png is damaged"),
    "a link to nothing": Awful(dangling, words=r"train/bee: 9\.png is not a file that can be read"),
    "nine pictures": Awful(nine, words=r"no picture for the split 'val'"),
    "a class of the test alone": Awful(
        strange, words=r"test/wasp is a class that the training pictures lack"
    ),
}
