"""Whether the TIFF directories in a file, EXIF among them, can be read at a cost in proportion to its size.

Pillow copies what each entry points to while it opens a file, and makes an object of each number: thousands
of entries that point to the same bytes, in a file of 100 KB, would take gigabytes.
"""

import re
from collections.abc import Iterator
from itertools import islice
from struct import error, unpack_from

_ALLOWANCE = 16 * 2**20  # bytes, beside twice the size of the file
_OBJECT = 300  # bytes of one number with all that Pillow makes of it
_TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}  # -> bytes
_TEXTS = (1, 2, 7)  # types that stay bytes
_POINTERS = (0x8769, 0x8825, 0xA005)  # tags of the directories of EXIF, GPS and interoperability
_MOST = 8  # directories of a file that are looked at
_HEAD = re.compile(rb"II(?:[*+]\0|\0\*)|MM(?:\0[*+]|\*\0)")
_JPEG = b"\xff\xd8"
_SEGMENT = re.compile(rb"\xff[\xe1\xe2](..)(?:Exif\0\0|MPF\0)", re.DOTALL)


def are_overgrown(data: bytes) -> bool:
    """Whether the directories of the file `data`, or of an EXIF block, take far more memory than its size."""
    blocks = _segments(data) if data.startswith(_JPEG) else _found(memoryview(data))
    return any(_cost(block) > 2 * len(block) + _ALLOWANCE for block in blocks)


def _found(data: memoryview) -> Iterator[memoryview]:
    """Yield what may be read as TIFF: the file itself, or the EXIF block in it."""
    whole = _HEAD.match(data)
    heads = [whole] if whole else islice(_HEAD.finditer(data), _MOST)
    yield from (data[head.start() :] for head in heads)


def _segments(data: bytes) -> Iterator[memoryview]:
    """Yield the EXIF block of a JPEG, whose segments Pillow joins, and the indices of further pictures."""
    exif, place = bytearray(), 0
    while segment := _SEGMENT.search(data, place):
        place = segment.start() + 2 + max(2, int.from_bytes(segment[1], "big"))
        if segment[0].endswith(b"MPF\0"):
            yield memoryview(data)[segment.end() : place]
        else:
            exif += data[segment.end() : place]
    if head := _HEAD.search(exif):
        yield memoryview(exif)[head.start() :]


def _cost(block: memoryview) -> int:
    """Return the bytes that Pillow takes for the directories of a TIFF structure."""
    order, big = "<" if block[:1] == b"I" else ">", block[2] == 43
    wide, cost = "Q" if big else "L", 0
    try:
        directories = [unpack_from(order + wide, block, 8 if big else 4)[0]]
        for place in directories:
            (count,) = unpack_from(order + ("Q" if big else "H"), block, place)
            first, step = (place + 8, 20) if big else (place + 2, 12)
            for entry in range(first, min(first + count * step, len(block) - step + 1), step):
                tag, kind, number, value = unpack_from(f"{order}HH{wide}{wide}", block, entry)
                size = number * _TYPES.get(kind, 0)
                if size <= len(block):
                    cost += size if kind in _TEXTS else number * _OBJECT
                if tag in _POINTERS and len(directories) < _MOST:
                    directories.append(value)
    except error:  # it ends here, for Pillow too
        pass
    return cost
