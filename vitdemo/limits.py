"""What one visitor, and all of them together, may take of the machine: the only place that says so."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

MEGABYTE = 2**20
DAY = 86400.0  # seconds
MAY_BE_0 = ("upload_megabytes", "hub_megabytes")


def limit(default: float, words: str) -> Any:
    """Return a field of `Limits`; `words` say what of, for --help, and its name the unit."""
    return dataclasses.field(default=default, metadata={"words": words})


@dataclass(frozen=True)
class Limits:
    """The limits of a running app.

    Raise ValueError naming one that is no number above 0; only the sizes of uploads and of networks that
    visitors name may be 0: then there are none.
    """

    upload_megabytes: int = limit(20, "of one uploaded file; 0 for a page without uploads")
    request_pictures: int = limit(100, "files that one event may be handed")
    request_megabytes: int = limit(128, "of one request, all its files together")
    megapixels: int = limit(64, "of one picture, seen in its header before anything is decoded")
    slow_megapixels: int = limit(16, "of one BMP in run-length encoding, or JPEG of jpeg_scans passes")
    aspect: int = limit(50, "times that the long edge of a picture may have the short one")
    picture_megabytes: int = limit(300, "of memory that decoding one picture may take")
    picture_parts: int = limit(10_000, "chunks, segments or blocks of one picture's file")
    jpeg_scans: int = limit(100, "passes over one picture that a JPEG may ask for; most have up to 12")
    request_seconds: float = limit(60.0, "that one request may run, once it is its turn")
    drain_seconds: float = limit(6.0, "that requests in flight have once the app is told to stop")
    arrival_seconds: float = limit(300.0, "that a request may take to come whole")
    connections: int = limit(800, "open at once, of all clients")
    client_connections: int = limit(500, "that one client may hold open, streams among them")
    client_requests: int = limit(8, "that one client may have waiting or running")
    queue_length: int = limit(64, "requests waiting, of all clients")
    login_tries: int = limit(10, "wrong passwords that one client may send in a minute")
    result_megabytes: float = limit(256.0, "of results in memory")
    trace_megabytes: float = limit(1536.0, "of the record of one picture: it bounds how large it is read")
    input_pixels: int = limit(2048, "on the long side of what a network reads; larger ones read less")
    resize_megapixels: int = limit(64, "of a picture that is resized for a network, before its crop")
    sessions: int = limit(1000, "visitors whose settings are kept in memory")
    download_megabytes: int = limit(1024, "of one file fetched from the Hugging Face Hub")
    hub_megabytes: int = limit(
        8192, "of networks on the disk that visitors have named; 0 for a page where they name none"
    )
    network_megabytes: float = limit(1024.0, "of networks in memory; those of the menu take about 600")
    temporary_megabytes: int = limit(512, "of files in the temporary folder")
    temporary_files: int = limit(5000, "in the temporary folder")
    kept_seconds: float = limit(3600.0, "that an upload or a result stays after it was last used")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in MAY_BE_0 else math.ulp(0.0)
            if not least <= value < math.inf:
                raise ValueError(f"{field.name} must be a number above 0, got {value}")

    @property
    def read_only(self) -> bool:
        """Whether visitors may only look at the examples and samples."""
        return self.upload_megabytes == 0


DEFAULTS = Limits()
ALONE = Limits(request_seconds=DAY, trace_megabytes=2**15)  # of a program in which nobody else waits
