"""Small files of large pictures, in every mode and layout, as large as the limits let them be, or larger."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tests import handmade
from tests.corpus_entry import HEAVY, store
from tests.handmade import write_png

EDGE = 8000  # 64 megapixels


def write_bombs(folder: Path) -> dict[str, str]:
    """Name -> the sentence that is right, as a regular expression; empty where it is a picture."""
    right: dict[str, str] = {}
    for group in (write_pngs, write_tiffs, write_others):
        for name, data, says in group():
            assert len(data) < 20 * 2**20, "no upload"
            (folder / name).write_bytes(data)
            right[name] = says
    return right


def write_pngs() -> Iterator[tuple[str, bytes, str]]:
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
        row = bytes(EDGE * depth * samples // 8)
        file = write_png((EDGE, EDGE), depth, colour, [row] * EDGE, **chunks.get(colour, {}))
        yield f"png-{depth}-bit-{colour}.png", file, ""
    text = handmade.pack_chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\xff" * 1_000_000))
    file = write_png((EDGE, EDGE // 2), 8, 2, [bytes(3 * EDGE)] * (EDGE // 2))
    yield "png-texts.png", file[:33] + 60 * text + file[33:], ""


def write_tiffs() -> Iterator[tuple[str, bytes, str]]:
    for mode, edge, says in (("F", EDGE, HEAVY), ("F", 5600, ""), ("CMYK", 5600, ""), ("I;16", 6600, "")):
        image = Image.new(mode, (edge, edge), 1 if mode != "CMYK" else (9, 9, 9, 9))
        file = store(image, "TIFF", compression="tiff_adobe_deflate", tiffinfo={278: edge})
        yield f"tiff-{mode.replace(';', '')}-{edge}.tif", file, says
    image = Image.new("F", (EDGE, EDGE))
    yield "tiff-strips.tif", store(image, "TIFF", compression="tiff_adobe_deflate", tiffinfo={278: 8}), ""
    image = Image.new("LAB", (5000, 4000))
    yield "tiff-lab.tif", store(image, "TIFF", compression="tiff_adobe_deflate", tiffinfo={274: 6}), ""
    size = [(256, 4, 1, 64), (257, 4, 1, 64), (322, 4, 1, 20480), (323, 4, 1, 20480)]
    kind = [(258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)]
    place = [(324, 4, 1, handmade.locate_body(9)), (325, 4, 1, 100)]
    tile = zlib.compress(bytes(20480))
    yield "tiff-tile.tif", handmade.write_tiff(sorted(size + kind + place), body=tile), HEAVY


def write_others() -> Iterator[tuple[str, bytes, str]]:
    plain = Image.new("RGB", (4000, 4000), (120, 130, 140))
    yield "webp.webp", store(plain, "WEBP"), ""
    yield "avif.avif", store(plain, "AVIF", speed=10, subsampling="4:4:4"), ""
    moving = store(plain.resize((64, 64)), "WEBP", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    canvas = (EDGE - 1).to_bytes(3, "little")
    yield "webp-canvas.webp", moving[:24] + canvas + canvas + moving[30:], HEAVY
    small = store(plain.resize((64, 64)), "AVIF")
    place = small.index(b"ispe") + 8
    yield "avif-size.avif", small[:place] + struct.pack(">II", EDGE, EDGE) + small[place + 8 :], HEAVY
    coded = store(plain, "AVIF", speed=10)
    place = coded.index(b"ispe") + 8
    yield "avif-frame.avif", coded[:place] + struct.pack(">II", 64, 64) + coded[place + 8 :], ""
    yield "gif.gif", store(Image.new("P", (EDGE, EDGE)), "GIF"), ""
    yield "bmp.bmp", handmade.run_length_bmp((EDGE, EDGE), 0, [(0, 0, 0)]), "limit is 16 megapixels"
    flat = Image.new("RGB", (EDGE, EDGE), (99, 99, 99))
    yield "jpeg-4-2-0.jpg", store(flat, "JPEG", progressive=True), ""
    fine = store(plain.resize((64, 64)), "JPEG", progressive=True, subsampling=0)
    place = fine.index(b"\xff\xc2") + 5
    yield "jpeg-4-4-4.jpg", fine[:place] + struct.pack(">HH", EDGE, EDGE) + fine[place + 4 :], HEAVY
    yield "jpeg-wide.jpg", store(Image.new("RGB", (27_000, 2300)), "JPEG"), ""
    yield "jpeg-inks.jpg", store(Image.new("CMYK", (5000, 5000)), "JPEG", progressive=True), ""
