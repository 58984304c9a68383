"""The parts of a picture's file as Pillow goes through them while it opens it: segments, chunks, blocks.

It copies what it has of a comment or of EXIF with each part that is added: a million parts take hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

_JPEG, _PNG, _GIF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
_BARE = {0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}  # markers of a JPEG without a length
_SCAN = 0xDA
_EXTENSION, _COMMENT, _APPLICATION = 0x21, 0xFE, 0xFF


def are_too_many(data: bytes, *, most: int) -> bool:
    """Return whether there are more than `most` parts before the picture, or in a PNG at all."""
    if data.startswith(_JPEG):
        found: Iterator[object] = walk_segments(data)
    elif data.startswith(_PNG):
        found = _walk_chunks(data)
    else:
        found = _walk_blocks(data) if data.startswith(_GIF) else iter(())
    return next(islice(found, most, None), None) is not None


def walk_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (marker, content) of the segments of a JPEG before its first scan."""
    place = 2
    while 0 <= (place := data.find(b"\xff", place)) < len(data) - 3:
        marker = data[place + 1]
        if marker in _BARE:
            place += 2
        elif marker == 0xFF:
            place += 1
        elif marker == _SCAN or marker < 0xC0:
            return
        else:
            start, place = place + 4, place + 2 + max(2, int.from_bytes(data[place + 2 : place + 4], "big"))
            yield marker, data[start:place]


def _walk_chunks(data: bytes) -> Iterator[int]:
    """Yield where each chunk of a PNG begins."""
    place = len(_PNG)
    while place + 12 <= len(data):
        yield place
        place += 12 + int.from_bytes(data[place : place + 4], "big")


def _walk_blocks(data: bytes) -> Iterator[int]:
    """Yield where each block of a GIF before its first frame begins, in Pillow's order of reading."""
    place = 13 + (3 << (data[10] & 7) + 1 if data[10:11] and data[10] & 128 else 0)
    while place + 2 < len(data) and data[place] not in b",;":
        if data[place] != _EXTENSION:
            place += 1
            continue
        kind, place = data[place + 1], place + 2
        spare = 0 if kind == _COMMENT else 1  # blocks that are taken even where they are empty
        if kind == _APPLICATION and data[place + 1 : place + 12] == b"NETSCAPE2.0":
            spare = 2
        while place < len(data):
            yield place
            size, place = data[place], place + 1 + data[place]
            if not spare and not size:
                break
            spare = max(0, spare - 1)
