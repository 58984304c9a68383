"""Files of pictures made byte by byte, where no library writes such a thing, or a test must not ask it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

Tag = tuple[int, int, int, int]  # number, type, count, value or place


def pack_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(
    size: tuple[int, int], depth: int, colour: int, rows: Sequence[bytes], **chunks: bytes
) -> bytes:
    """Return a PNG.

    `rows`: the packed samples. `colour`: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGB + alpha. `chunks`
    stand before the pixels, in their order.
    """
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b"\0" + row) for row in rows) + packer.flush()
    extra = b"".join(pack_chunk(kind.encode(), data) for kind, data in chunks.items())
    parts = pack_chunk(b"IHDR", header), extra, pack_chunk(b"IDAT", packed), pack_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def pack(values: Sequence[int], depth: int) -> bytes:
    """Return a row of samples of `depth` bits, filled up to whole bytes."""
    bits = "".join(f"{value:0{depth}b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def pack_directory(tags: Sequence[Tag], *, order: str = "<", last: int = 0) -> bytes:
    """Return a TIFF directory. `last`: the place of the next one."""
    entries = b"".join(
        struct.pack(f"{order}HHL", *tag[:3])
        + struct.pack(
            order + ("HH" if tag[1:3] == (3, 1) else "L"), *([tag[3], 0][: 1 + (tag[1:3] == (3, 1))])
        )
        for tag in tags
    )
    return struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}L", last)


def write_tiff(tags: Sequence[Tag], *, order: str = "<", body: bytes = b"") -> bytes:
    """Return the header, one directory at byte 8, and behind it `body`; see `locate_body`."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}L", 8) + pack_directory(tags, order=order) + body


def locate_body(tags: int) -> int:
    """Return where the body of a TIFF with so many tags begins."""
    return 8 + 2 + 12 * tags + 4


def write_strip(
    size: tuple[int, int],
    pixels: bytes,
    *,
    bits: int,
    kind: int = 1,
    colour: int = 1,
    more: Sequence[Tag] = (),
) -> bytes:
    """A TIFF of one deflated strip, one sample a pixel. `kind`: 1 unsigned, 2 signed, 3 floating point."""
    packed_pixels, count = zlib.compress(pixels, 1), 9 + len(more)
    tags = [
        (256, 4, 1, size[0]), (257, 4, 1, size[1]), (258, 3, 1, bits), (259, 3, 1, 8), (262, 3, 1, colour),
        (273, 4, 1, locate_body(count)), (278, 4, 1, size[1]), (279, 4, 1, len(packed_pixels)), *more,
        (339, 3, 1, kind),
    ]  # fmt: skip
    return write_tiff(tags, body=packed_pixels)


def write_exif(orientation: int) -> bytes:
    return write_tiff([(274, 3, 1, orientation)])


def write_overlapping(entries: int, size: int) -> bytes:
    """Return a TIFF structure whose entries all point to the same `size` bytes."""
    tags = [(1000 + number, 7, size, 8) for number in range(entries)]
    return write_tiff(tags).ljust(8 + size, b"\0")


def cut_segments(data: bytes, *, kind: bytes = b"\xff\xe1", head: bytes = b"Exif\0\0") -> bytes:
    """Return `data` as segments of a JPEG, of 60,000 bytes each."""
    parts = [head + data[start : start + 60_000] for start in range(0, len(data), 60_000)]
    return b"".join(kind + struct.pack(">H", 2 + len(part)) + part for part in parts)


def write_profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Return an ICC profile, version 2, of a display; `tags` hold what is in its table."""
    place, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = place + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, b"mntr", space, b"XYZ ")
    head = (head + bytes(12) + b"acsp").ljust(68, b"\0") + pack_xyz(0.9642, 1.0, 0.8249)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def pack_xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def write_linear_profile(space: bytes) -> bytes:
    """Light itself, without a gamma: sRGB's primaries (adapted to D50), or grey."""
    curve, name = b"curv" + bytes(8), b"desc" + bytes(4) + struct.pack(">I", 7) + b"linear\0" + bytes(79)
    white = {b"desc": name, b"wtpt": pack_xyz(0.9642, 1.0, 0.8249)}
    if space == b"GRAY":
        return write_profile(space, {**white, b"kTRC": curve})
    primaries = {
        b"rXYZ": pack_xyz(0.4360, 0.2225, 0.0139),
        b"gXYZ": pack_xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": pack_xyz(0.1431, 0.0606, 0.7139),
    }
    return write_profile(space, {**white, **primaries, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)})


def run_length_bmp(size: tuple[int, int], index: int, palette: Sequence[tuple[int, int, int]]) -> bytes:
    """Return a BMP of 8 bits whose rows are runs of the colour number `index`."""
    colours = b"".join(bytes((blue, green, red, 0)) for red, green, blue in palette)
    full, rest = divmod(size[0], 255)
    row = bytes((255, index)) * full + bytes((rest, index)) * bool(rest) + b"\0\0"
    runs = row * size[1] + b"\0\1"
    place = 14 + 40 + len(colours)
    info = struct.pack("<IiiHHIIiiII", 40, *size, 1, 8, 1, len(runs), 0, 0, len(palette), 0)
    return b"BM" + struct.pack("<IHHI", place + len(runs), 0, 0, place) + info + colours + runs
