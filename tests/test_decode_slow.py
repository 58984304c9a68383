"""What Pillow reads in a loop of Python takes a bounded time, whatever a file's few bytes say."""

from __future__ import annotations

import io
import struct
import time

import numpy as np
import pytest
from PIL import Image

from vitdemo.decode import BadImage, decode
from vitdemo.limits import Limits

ROWS_4, ROWS_8, ENDS, STEPS = b"\xfa\x12" * 20 + b"\0\0", b"\xfa\x01" * 20 + b"\0\0", b"\1\1\0\0", b"\1\1"


def run_length_bmp(size: tuple[int, int], body: bytes, *, bits: int = 8) -> bytes:
    """Return a BMP with the run-length encoding of that depth; colour n of its palette is (n, 0, 0)."""
    palette = b"".join(bytes((0, 0, number, 0)) for number in range(1 << bits))
    start = 54 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
    kind = 1 if bits == 8 else 2
    head += struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, kind, len(body), 1, 1, 1 << bits, 0)
    return head + palette + body


def test_a_small_one_is_read() -> None:
    picture = decode(run_length_bmp((4, 2), b"\4\7\0\0\2\1\2\2\0\1"))
    assert np.asarray(picture)[..., 0].tolist() == [[1, 1, 2, 2], [7, 7, 7, 7]], "from the bottom up"


@pytest.mark.parametrize(
    ("size", "body", "bits"),
    [
        ((5000, 4000), ROWS_4 * 4000, 4),
        ((5000, 4000), ROWS_8 * 4000, 8),
        ((8000, 8000), ENDS * 8000, 8),
        ((1000, 1000), STEPS * 3_000_000, 8),
    ],
)
def test_one_that_takes_seconds_is_refused_at_once(size: tuple[int, int], body: bytes, bits: int) -> None:
    file, start = run_length_bmp(size, body, bits=bits), time.process_time()
    with pytest.raises(BadImage, match=r"^The image is too large: the limit is 16 megapixels\.$"):
        decode(file)
    assert time.process_time() - start < 0.5


def test_the_limit_is_an_option() -> None:
    file = run_length_bmp((400, 300), ENDS * 300)
    assert decode(file).size == (400, 300)
    with pytest.raises(BadImage, match="the limit is 1 megapixels"):
        decode(run_length_bmp((1500, 1000), ENDS * 1000), limits=Limits(slow_megapixels=1))


def write_scans(size: tuple[int, int], scans: int) -> bytes:
    """Return a progressive JPEG in grey whose last scan, of a few bytes, is there over and over again."""
    file = io.BytesIO()
    Image.new("L", size, 77).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (scans - data.count(b"\xff\xda")) + data[-2:]


@pytest.mark.parametrize(("scans", "most"), [(99, 16), (40, 40)])
def test_a_jpeg_of_many_scans_is_refused_where_it_would_take_seconds(scans: int, most: int) -> None:
    """100 passes over 64 megapixels took 3.9 s, from a file of 0.4 MB."""
    file, start = write_scans((8000, 8000), scans), time.process_time()
    with pytest.raises(BadImage, match=rf"^The image is too large: the limit is {most} megapixels\.$"):
        decode(file)
    assert time.process_time() - start < 0.5


def test_what_scans_and_pixels_allow_together_is_read_in_time() -> None:
    assert decode(write_scans((400, 300), 100)).size == (400, 300)
    file, start = write_scans((4000, 4000), 99), time.process_time()
    assert decode(file).size == (4000, 4000)
    assert time.process_time() - start < 4
