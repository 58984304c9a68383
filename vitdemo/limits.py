"""What one visitor, and all of them together, may take of the machine: the only place that says so."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """The limits of a running app. Each field is one limit; the comment beside it gives its unit."""

    upload_megabytes: int = 20  # of one uploaded file
    megapixels: int = 64  # of one picture, seen in its header before anything is decoded
    aspect: int = 50  # times that the long edge of a picture may have the short one
    picture_megabytes: int = 300  # of memory that decoding one picture may take
    jpeg_scans: int = 100  # passes over one picture that a JPEG may ask for; ordinary ones have up to 12
    request_seconds: float = 60.0  # that one request may run, once it is its turn
    client_requests: int = 4  # that one client may have waiting or running
    queue_length: int = 64  # requests waiting, of all clients
    result_megabytes: int = 256  # of results in memory
    sessions: int = 50  # visitors whose settings are kept in memory
    temporary_megabytes: int = 512  # of files in the temporary folder
    kept_seconds: float = 3600.0  # that an upload or a picture of a result stays on the disk
