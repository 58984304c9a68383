"""Files that are broken, are something else, have an odd shape or name, or ask for more than their share."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests import handmade
from tests.corpus_entry import DAMAGED, FORMATS, GREEDY, LARGE, LONG, UNKNOWN, Entry, draw_picture, store
from tests.handmade import pack_chunk, write_png

ODD_NAMES = (
    *("two\nlines", "tab\tand\rreturn", "left\u202egnp", "joined\u200d", "bell\x07", "escape\x1b[31m"),
    *("<img src=x onerror=alert(1)>", "<b>bold", "&amp;", "'quotes'", '"double"', "-leading", "--help"),
    *("100 %s %d {0} {name}", "图片", "صورة", "\U0001f600\U0001f3f3\ufe0f", " spaces ", "back\\slash"),
    *("#hash?query=1", "long" + 200 * "n", "..dots..", "byte\udcff"),
)


def damage_all() -> Iterator[Entry]:
    """Each format cut short, and with bits turned over: a sound size or a sentence, never another error."""
    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    for kind in FORMATS:
        whole, ending = store(image, kind), kind.lower()
        for part in (0.1, 0.5, 0.9):
            short = whole[: int(part * len(whole))]
            yield Entry(f"cut-{part}.{ending}", short, says=f"{UNKNOWN}|{DAMAGED}")
        for seed in range(6):
            draw, flipped = random.Random(f"{kind}{seed}"), bytearray(whole)
            for _ in range(1 + seed):
                flipped[draw.randrange(8, len(flipped))] ^= 1 << draw.randrange(8)
            yield Entry(f"flipped-{seed}.{ending}", bytes(flipped), size=(0, 0), says=".")


def make_other_things() -> Iterator[Entry]:
    things = {
        "empty": b"",
        "one-byte": b"\x89",
        "text": b"just words\n",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n%%EOF",
        "html": b"<!doctype html><img src=x onerror=alert(1)>",
        "zip": b"PK\3\4" + bytes(60),
        "pickle": b"\x80\4cos\nsystem\n(S'true'\ntR.",
        "ico": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(60),
        "psd": b"8BPS\0\1" + bytes(60),
        "jpeg2000": bytes.fromhex("0000000c6a5020200d0a870a") + bytes(60),
        "svgz": zlib.compress(b"<svg/>"),
        "png-head": b"\x89PNG\r\n\x1a\n",
        "jpeg-head": b"\xff\xd8\xff\xe0",
        "gif-head": b"GIF89a",
        "webp-head": b"RIFF\x20\0\0\0WEBPVP8L",
        "tiff-head": b"II*\0\x08\0\0\0",
        "bmp-head": b"BM" + bytes(12),
        "zeros": bytes(4096),
        "ones": b"\xff" * 4096,
    }
    for name, data in things.items():
        yield Entry(f"{name}.png", data, says=r"is empty \(0 bytes\)" if not data else UNKNOWN)


def make_shapes() -> Iterator[Entry]:
    dot = Image.new("RGB", (1, 1), (40, 80, 120))
    for kind in FORMATS:
        yield Entry(f"dot.{kind.lower()}", store(dot, kind), np.array([[[40, 80, 120]]]), off=3)
    for width, height in ((1, 50), (50, 1), (20_000, 400)):
        rows = [bytes(width)] * height
        yield Entry(f"{width}x{height}.png", write_png((width, height), 8, 0, rows), size=(width, height))
    for width, height in ((1, 51), (1, 60_000), (60_000, 1), (60_000, 1000)):
        yield Entry(
            f"{width}x{height}.png", write_png((width, height), 8, 0, [bytes(width)] * height), says=LONG
        )
    for width, height in ((0, 9), (9, 0)):
        yield Entry(
            f"{width}x{height}.png", write_png((width, height), 8, 0, [b"0"]), says=f"{UNKNOWN}|no pixels"
        )
    for width, height in ((8001, 8000), (2**31 - 1, 2**31 - 1)):
        yield Entry(
            f"{width}x{height}.png", write_png((width, height), 8, 0, [b"0"]), says=f"{LARGE}|{UNKNOWN}"
        )


def make_greedy() -> Iterator[Entry]:
    """Yield a few KB that make a reader copy, unpack or repeat without end."""
    once, whole = handmade.write_overlapping(4000, 60_000), store(Image.new("RGB", (64, 64), "red"), "JPEG")
    start, rest = whole[:2], whole[2:]
    segment = handmade.cut_segments(once[:60_000])
    index = handmade.cut_segments(once[:60_000], kind=b"\xff\xe2", head=b"MPF\0")
    decoy = handmade.cut_segments(b"\xff\xe1\xff\xffExif\0\0", kind=b"\xff\xfe", head=b"")  # a comment
    film = store(Image.new("P", (8, 8)), "GIF")
    head = 13 + (3 << (film[10] & 7) + 1)  # its palette is before the first block
    files = {
        "exif.jpg": start + segment + rest,
        "exif-joined.jpg": start + handmade.cut_segments(handmade.write_overlapping(8000, 90_000)) + rest,
        "exif-behind.jpg": start + decoy + segment + rest,
        "exif.avif": store(Image.new("RGB", (8, 8)), "AVIF", exif=once),
        "index.jpg": start + index + rest,
        "directory.tif": once,
        "comments.jpg": start + b"\xff\xfe\0\3a" * 20_000 + rest,
        "comments.gif": film[:head] + b"!\xfe\1a\0" * 20_000 + film[head:],
        "comment.gif": film[:head] + b"!\xfe" + (b"\xff" + bytes(255)) * 20_000 + b"\0" + film[head:],
        "chunks.png": write_png((2, 1), 8, 0, [b"ab"])[:33] + pack_chunk(b"teSt", b"") * 20_000,
    }
    for name, data in files.items():
        yield Entry(f"greedy-{name}", data, says=GREEDY)
    webp = store(Image.new("RGB", (64, 64)), "WEBP", exif=once)
    yield Entry("greedy-exif.webp", webp, size=(64, 64))  # which would only have told how it lies
    yield Entry("greedy-exif.png", write_png((8, 1), 8, 2, [bytes(24)], eXIf=once), size=(8, 1))
    scans = store(Image.new("RGB", (800, 800), "red"), "JPEG", progressive=True)
    last = [match.start() for match in re.finditer(rb"\xff\xda", scans)][-2:]
    again = scans[: last[1]] + scans[last[0] : last[1]] * 5000 + scans[-2:]
    yield Entry("greedy-scans.jpg", again, says=GREEDY)
    bomb = zlib.compress(bytes(2**24))
    for kind in ("zTXt", "iCCP"):
        file = write_png((2, 1), 8, 0, [b"ab"], **{kind: b"a\0\0" + bomb})
        yield Entry(f"greedy-{kind}.png", file, says=f"{UNKNOWN}|{DAMAGED}", size=(2, 1))
    texts = b"".join(pack_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000))) for _ in range(90))
    file = write_png((2, 1), 8, 0, [b"ab"])
    yield Entry("greedy-texts.png", file[:33] + texts + file[33:], says=f"{UNKNOWN}|{DAMAGED}")


def make_names() -> Iterator[Entry]:
    """Sound pictures, and broken ones whose sentence must still be one."""
    pixels = draw_picture()
    for name in ODD_NAMES:
        yield Entry(f"{name}.png", store(Image.fromarray(pixels), "PNG"), pixels)
        yield Entry(f"{name}!.png", b"no picture", says=UNKNOWN)
