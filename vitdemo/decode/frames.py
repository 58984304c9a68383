"""How many pixels an AVIF really decodes: its frames may be far larger than the picture that it declares.

Boxes: ISO/IEC 14496-12; coded frames: AV1 bitstream specification, 5.3 (OBU) and 5.5.1 (sequence header).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

_INSIDE = {
    b"meta": 4,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
}  # -> bytes before the boxes
_TOLD = (b"iloc", b"idat", b"stco", b"co64")  # where what is coded lies
_MOST = 1000  # boxes of these kinds
_ENDLESS = 2**40  # pixels of a sequence header with times, which no picture has
_SEQUENCE_HEADER = 1


def count_coded_pixels(data: bytes) -> int:
    """Return the pixels of all that is coded in an AVIF: tiles, alpha, thumbnails; of a film, the first.

    Raise ValueError where it is laid out as no encoder does, and would never end.
    """
    return sum(_count_frame(content) for content in walk_contents(data))


def walk_contents(data: bytes) -> Iterator[bytes]:
    """Yield the items of an AVIF, pictures and others, and the first frame of a film.

    Raise ValueError where it is laid out as no encoder does, and would never end.
    """
    relevant = (box for box in _walk_boxes(data, 0, len(data)) if box[0] in _TOLD)
    boxes, seen = list(islice(relevant, _MOST)), 0
    stored = next((start for kind, start, _ in boxes if kind == b"idat"), 0)
    for kind, start, end in boxes:
        if kind == b"iloc":
            items = _locate_items(data, start, end, stored)
        elif kind in (b"stco", b"co64"):
            items = iter([[(_read_number(data, start + 8, 4 if kind == b"stco" else 8), len(data))]])
        else:
            continue  # an idat box, of which iloc tells
        for extents in items:
            content = b"".join(data[place : place + length] for place, length in extents)
            seen += len(content)
            if seen > 4 * len(data) or len(boxes) == _MOST:
                raise ValueError("an AVIF with endless parts")
            yield content


def _read_number(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "big")


def _walk_boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, first byte of the content, end) of all boxes that matter here."""
    while start + 8 <= end:
        size, kind, head = _read_number(data, start, 4), data[start + 4 : start + 8], 8
        if size == 1:
            size, head = _read_number(data, start + 8, 8), 16
        stop = start + size if size else end
        if stop < start + head:
            return
        yield kind, start + head, min(stop, end)
        if kind in _INSIDE:
            yield from _walk_boxes(data, start + head + _INSIDE[kind], min(stop, end))
        start = stop


def _locate_items(data: bytes, start: int, end: int, stored: int) -> Iterator[list[tuple[int, int]]]:
    """Yield where each item of an `iloc` box lies: (place, length) of its parts."""
    version, place = data[start], start + 6
    (offset_size, length_size), (base_size, index_size) = (
        divmod(data[start + 4], 16),
        divmod(data[start + 5], 16),
    )

    def take(size: int) -> int:
        nonlocal place
        place += size
        return _read_number(data, place - size, size)

    wide = 4 if version == 2 else 2
    for _ in range(take(wide)):
        take(wide)  # the item's number
        method = take(2) & 15 if version else 0
        take(2)
        base, parts = take(base_size) + stored * (method == 1), []
        for _ in range(take(2)):
            take(index_size if version else 0)
            offset, length = take(offset_size), take(length_size)
            parts.append((base + offset, length or len(data)))
            if place > end:
                return
        if place > end:
            return
        yield parts


def _count_frame(coded: bytes) -> int:
    """Return the pixels of the frames that the first sequence header announces; 0 where there is none."""
    place = 0
    while place + 2 <= len(coded):
        head, size, shift = coded[place], 0, 0
        place += 2 if head & 4 else 1
        if head & 0x80 or not head & 2:  # not an OBU, or one without a size, which is the last
            size = len(coded) - place
        else:
            for byte in coded[place : place + 8]:
                size, shift, place = size | (byte & 127) << shift, shift + 7, place + 1
                if byte < 128:
                    break
        if head & 0x80:
            return 0
        if head >> 3 == _SEQUENCE_HEADER:
            return _count_announced(coded[place : place + 80])
        place += size
    return 0


def _count_announced(header: bytes) -> int:
    """Return the pixels of the largest frame that a sequence header allows."""
    bits, place = "".join(f"{byte:08b}" for byte in header), 0

    def take(count: int) -> int:
        nonlocal place
        place += count
        return int(bits[place - count : place] or "0", 2)

    take(4)  # profile, still picture
    if take(1):
        take(5)
    elif take(1):
        return _ENDLESS
    else:
        delays = take(1)
        for _ in range(take(5) + 1):
            take(12)
            take(take(5) > 7)
            take(4 * (delays and take(1)))
    across, down = take(4) + 1, take(4) + 1
    return (take(across) + 1) * (take(down) + 1)
