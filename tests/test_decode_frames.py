"""What is coded in an AVIF, however it is laid out."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from tests.corpus_entry import store
from vitdemo.decode.frames import count_coded_pixels

SIZE, PIXELS = (300, 201), 300 * 201


def pack_box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def lay_out(coded: bytes, *, method: int, cut: int) -> bytes:
    """An AVIF whose one item is in two parts, in an `mdat` box (method 0) or an `idat` box (method 1)."""

    def head(start: int) -> bytes:
        parts = struct.pack(">IIII", start, cut, start + cut, len(coded) - cut)
        item = struct.pack(">HHHH", 1, method, 0, 2) + parts
        iloc = pack_box(b"iloc", bytes((1, 0, 0, 0, 0x44, 0)) + struct.pack(">H", 1) + item)
        return pack_box(b"meta", bytes(4) + iloc + (pack_box(b"idat", coded) if method else b""))

    brand = pack_box(b"ftyp", b"avif\0\0\0\0mif1")
    if method:
        return brand + head(0)
    start = len(brand) + len(head(0)) + 8
    return brand + head(start) + pack_box(b"mdat", coded)


@pytest.mark.parametrize(("mode", "parts"), [("RGB", 1), ("RGBA", 2)])
def test_a_picture_and_its_alpha_are_counted(mode: str, parts: int) -> None:
    assert count_coded_pixels(store(Image.new(mode, SIZE), "AVIF")) == parts * PIXELS


def test_of_a_film_the_first_frame_is_counted() -> None:
    frames = [Image.new("RGB", SIZE, shade) for shade in ("red", "blue", "green")]
    film = store(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert count_coded_pixels(film) == 2 * PIXELS  # as a still, and as a film


@pytest.mark.parametrize("method", [0, 1])
@pytest.mark.parametrize("cut", [1, 3, 7, 40])
def test_parts_are_joined(method: int, cut: int) -> None:
    whole = store(Image.new("RGB", SIZE), "AVIF")
    coded = whole[whole.index(b"mdat") + 4 :]
    assert count_coded_pixels(lay_out(coded, method=method, cut=cut)) == PIXELS
    padded = b"\x7a\x90\x03" + bytes(400) + coded  # an OBU of padding first, its size in two bytes
    assert count_coded_pixels(lay_out(padded, method=method, cut=cut)) == PIXELS


def test_what_no_encoder_lays_out() -> None:
    offsets = pack_box(b"stco", bytes(4) + struct.pack(">II", 1, 0))
    for endless in (offsets * 2000, offsets * 50):
        with pytest.raises(ValueError, match="endless"):
            count_coded_pixels(endless)
    assert count_coded_pixels(pack_box(b"iloc", bytes((0, 0, 0, 0, 0x44, 0)) + b"\xff\xff" + bytes(900))) == 0
    assert count_coded_pixels(b"") == count_coded_pixels(bytes(64)) == count_coded_pixels(b"\xff" * 64) == 0
