"""Photographs of other things than a photo network knows: `python -m tools.others DEB DATA OUT`.

DEB is Debian's package gcompris-qt-data 3.1-2, whose bundles hold WebP photographs; DATA holds CIFAR-10
unpacked. OUT gets a folder each kind, for `python -m train.familiarity NAME --others OUT/*`. Left out is
whatever shows one of the twelve words (a kitten, a cat, a dog; monuments, many of which are churches), as
are drawings and paintings; of CIFAR-10 cats and dogs, and the two kinds of vehicle that come near to a
garbage truck. Fish are a kind of their own, since one of the words is a fish.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vitdemo.datasets import CIFAR10_CLASSES, load_cifar10

# Of each bundle, the numbers of the pictures taken, in the order in which they lie in it.
PHOTOGRAPHS = {
    "categorization": {*range(69), *range(124, 142)},
    "erase": {*range(32)},
    "explore_world_animals": {*range(15)},
    "explore_farm_animals": {*range(9)} - {4, 7},
}
FISH = {"categorization": {*range(69, 97)}}
KINDS, EACH = ("airplane", "bird", "deer", "frog", "horse", "ship"), 34


def carve(content: bytes) -> Iterator[bytes]:
    """Yield the WebP files that lie whole in `content`."""
    place = 0
    while (place := content.find(b"RIFF", place)) >= 0:
        size = struct.unpack("<I", content[place + 4 : place + 8])[0] + 8
        if content[place + 8 : place + 12] == b"WEBP":
            yield content[place : place + size]
            place += size
        else:
            place += 4


def write_photographs(unpacked: Path, out: Path) -> None:
    """Write what the bundles below `unpacked` hold of PHOTOGRAPHS and FISH."""
    for folder, wanted in (("photographs", PHOTOGRAPHS), ("fish", FISH)):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for name, numbers in wanted.items():
            (bundle,) = unpacked.rglob(f"{name}.rcc")
            for number, picture in enumerate(carve(bundle.read_bytes())):
                if number in numbers:
                    (out / folder / f"{name}_{number:03}.webp").write_bytes(picture)


def write_kinds(data: Path, out: Path) -> None:
    """Write the first test pictures of each of KINDS, 32 x 32 pixels as they are."""
    images, folder = load_cifar10(data, "test"), out / "cifar10"
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        rows = np.flatnonzero(images.labels == CIFAR10_CLASSES.index(kind))[:EACH]
        for number, row in enumerate(rows):
            Image.fromarray(images.pixels[row].transpose(1, 2, 0)).save(folder / f"{number:03}_{kind}.png")


if __name__ == "__main__":
    package, data, out = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", str(package), folder], check=True)
        write_photographs(Path(folder), out)
    write_kinds(data, out)
