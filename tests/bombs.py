"""Small files of large pictures, in every mode and layout, as large as the limits let them be, or larger."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Container, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image

from tests import handmade
from tests.corpus_entry import HEAVY, store
from tests.handmade import write_png

Bomb = tuple[str, Callable[[], bytes], str]  # name, what writes it, the sentence as a regular expression
EDGE = 8000  # 64 megapixels


def write_bombs(folder: Path, *, names: Container[str] | None = None) -> dict[str, str]:
    """Name -> the sentence that is right, as a regular expression; empty where it is a picture.

    `names`: those to write; all by default.
    """
    right: dict[str, str] = {}
    for name, make, says in chain(list_pngs(), list_tiffs(), list_others()):
        if names is None or name in names:
            data = make()
            assert len(data) < 20 * 2**20, "no upload"
            (folder / name).write_bytes(data)
            right[name] = says
    return right


def list_pngs() -> Iterator[Bomb]:
    chunks = {3: {"PLTE": bytes(range(48)), "tRNS": b"\x80\0"}, 0: {"tRNS": b"\0\x07"}}
    for depth, colour, samples in (
        (1, 0, 1),
        (16, 0, 1),
        (4, 3, 1),
        (8, 2, 3),
        (16, 2, 3),
        (8, 4, 2),
        (8, 6, 4),
    ):
        rows = [bytes(EDGE * depth * samples // 8)] * EDGE
        make = partial(write_png, (EDGE, EDGE), depth, colour, rows, **chunks.get(colour, {}))
        yield f"png-{depth}-bit-{colour}.png", make, ""
    yield "png-texts.png", write_texts, ""


def write_texts() -> bytes:
    text = handmade.pack_chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\xff" * 1_000_000))
    file = write_png((EDGE, EDGE // 2), 8, 2, [bytes(3 * EDGE)] * (EDGE // 2))
    return file[:33] + 60 * text + file[33:]


def list_tiffs() -> Iterator[Bomb]:
    for mode, edge, says in (("F", EDGE, HEAVY), ("F", 5600, ""), ("CMYK", 5600, ""), ("I;16", 6600, "")):
        colour = 1 if mode != "CMYK" else (9, 9, 9, 9)
        make = partial(write_plain_tiff, mode, (edge, edge), {278: edge}, colour=colour)
        yield f"tiff-{mode.replace(';', '')}-{edge}.tif", make, says
    yield "tiff-strips.tif", partial(write_plain_tiff, "F", (EDGE, EDGE), {278: 8}), ""
    yield "tiff-lab.tif", partial(write_plain_tiff, "LAB", (5000, 4000), {274: 6}), ""
    yield "tiff-tile.tif", write_tile, HEAVY


def write_plain_tiff(mode: str, size: tuple[int, int], tags: dict[int, int], *, colour: Any = 0) -> bytes:
    return store(Image.new(mode, size, colour), "TIFF", compression="tiff_adobe_deflate", tiffinfo=tags)


def write_tile() -> bytes:
    size = [(256, 4, 1, 64), (257, 4, 1, 64), (322, 4, 1, 20480), (323, 4, 1, 20480)]
    kind = [(258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)]
    place = [(324, 4, 1, handmade.locate_body(9)), (325, 4, 1, 100)]
    return handmade.write_tiff(sorted(size + kind + place), body=zlib.compress(bytes(20480)))


def list_others() -> Iterator[Bomb]:
    plain, small = (Image.new("RGB", (edge, edge), (120, 130, 140)) for edge in (4000, 64))
    yield "webp.webp", partial(store, plain, "WEBP"), ""
    yield "avif.avif", partial(store, plain, "AVIF", speed=10, subsampling="4:4:4"), ""
    moving = store(small, "WEBP", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    canvas = 2 * (EDGE - 1).to_bytes(3, "little")
    yield "webp-canvas.webp", lambda: moving[:24] + canvas + moving[30:], HEAVY
    yield "avif-size.avif", lambda: tell_size(store(small, "AVIF"), b"ispe", (EDGE, EDGE)), HEAVY
    yield "avif-frame.avif", lambda: tell_size(store(plain, "AVIF", speed=10), b"ispe", (64, 64)), ""
    yield "gif.gif", lambda: store(Image.new("P", (EDGE, EDGE)), "GIF"), ""
    yield (
        "bmp.bmp",
        partial(handmade.run_length_bmp, (EDGE, EDGE), 0, [(0, 0, 0)]),
        "limit is 16 megapixels",
    )
    yield from list_jpegs()


def list_jpegs() -> Iterator[Bomb]:
    for name, mode, size, options in (
        ("4-2-0", "RGB", (EDGE, EDGE), {"progressive": True}),
        ("wide", "RGB", (27_000, 2300), {}),
        ("inks", "CMYK", (5000, 5000), {"progressive": True}),
    ):
        yield f"jpeg-{name}.jpg", partial(write_jpeg, mode, size, **options), ""
    fine = write_jpeg("RGB", (64, 64), progressive=True, subsampling=0)
    yield "jpeg-4-4-4.jpg", lambda: tell_size(fine, b"\xff\xc2", (EDGE, EDGE)), HEAVY


def write_jpeg(mode: str, size: tuple[int, int], **options: Any) -> bytes:
    return store(Image.new(mode, size), "JPEG", **options)


def tell_size(file: bytes, mark: bytes, size: tuple[int, int]) -> bytes:
    """Return the file with another size behind `mark`: of a JPEG height and width, of an AVIF both ways."""
    if mark == b"ispe":
        place, packed = file.index(mark) + 8, struct.pack(">II", *size)
    else:
        place, packed = file.index(mark) + 5, struct.pack(">HH", *size)
    return file[:place] + packed + file[place + len(packed) :]
