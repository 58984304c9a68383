"""Whether the TIFF directories in a file, EXIF among them, can be read at a cost in proportion to its size.

Pillow copies what each entry points to while it opens a file, and makes an object of each number: thousands
of entries that point to the same bytes, in a file of 100 KB, would take gigabytes.
"""

import re
from collections.abc import Iterator
from struct import error, unpack_from

from vitdemo.decode.frames import walk_contents
from vitdemo.decode.parts import walk_segments

_ALLOWANCE = 16 * 2**20  # bytes, beside twice the size of the file
_OBJECT = 300  # bytes of one number with all that Pillow makes of it
_TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}  # -> bytes
_TEXTS = (1, 2, 7)  # types that stay bytes
_POINTERS = (0x8769, 0x8825, 0xA005)  # tags of the directories of EXIF, GPS and interoperability
_MOST = 8  # directories of a block that are looked at
_ENTRIES = 65_535  # of a directory; only a BigTIFF could have more
_ENDLESS = 2**40
_HEAD = re.compile(rb"II(?:[*+]\0|\0\*)|MM(?:\0[*+]|\*\0)")
_JPEG = b"\xff\xd8"


def are_overgrown(data: bytes) -> bool:
    """Return whether the directories of a file, or of an EXIF block, take far more memory than its size.

    Raise ValueError for an AVIF whose parts never end.
    """
    return any(_count_cost(block) > 2 * len(block) + _ALLOWANCE for block in _walk_directories(data))


def _walk_directories(data: bytes) -> Iterator[memoryview]:
    """Yield what Pillow reads as TIFF when it opens a file: the file, or blocks in a JPEG or an AVIF."""
    if data.startswith(_JPEG):
        exif = b"".join(content[6:] for _, content in walk_segments(data) if content.startswith(b"Exif\0\0"))
        indices = [content[4:] for _, content in walk_segments(data) if content.startswith(b"MPF\0")]
        blocks = [exif, *indices]
    elif data[4:8] == b"ftyp":
        blocks = walk_contents(data)
    else:
        blocks = [data] if _HEAD.match(data) else []
    for block in blocks:
        if head := _HEAD.search(block):
            yield memoryview(block)[head.start() :]


def _count_cost(block: memoryview) -> int:
    """Return the bytes that Pillow takes for the directories of a TIFF structure."""
    order, big = "<" if block[:1] == b"I" else ">", block[2] == 43
    wide, cost = "Q" if big else "L", 0
    try:
        directories = [unpack_from(order + wide, block, 8 if big else 4)[0]]
        for place in directories:
            (count,) = unpack_from(order + ("Q" if big else "H"), block, place)
            if count > _ENTRIES:
                return _ENDLESS
            first, step = (place + 8, 20) if big else (place + 2, 12)
            for entry in range(first, min(first + count * step, len(block) - step + 1), step):
                tag, kind, number, value = unpack_from(f"{order}HH{wide}{wide}", block, entry)
                size = number * _TYPES.get(kind, 0)
                if size <= len(block):
                    cost += size if kind in _TEXTS else number * _OBJECT
                if tag in _POINTERS and len(directories) < _MOST:
                    directories.append(value)
    except (error, OverflowError):  # it ends here, for Pillow too
        pass
    return cost
