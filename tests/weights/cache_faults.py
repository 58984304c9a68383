"""Faults of the Hub's client, of its cache and its network, injected into the process that loads."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LARGE = 2**17  # bytes: weights have more


@contextmanager
def fill_disk() -> Iterator[None]:
    """Let the file that the client writes to take no more after 100,000 bytes."""
    from huggingface_hub import file_download

    real: Any = file_download.http_get

    def http_get(url: str, temp_file: Any, **rest: Any) -> None:
        write = temp_file.write

        class Full:
            def __getattr__(self, name: str) -> Any:
                return getattr(temp_file, name)

            def write(self, data: bytes) -> int:
                if temp_file.tell() + len(data) > 100_000:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/secret/path")
                return write(data)

        real(url, Full(), **rest)  # type: ignore[arg-type]

    file_download.http_get = http_get
    yield
    file_download.http_get = real


@contextmanager
def forbid_cache() -> Iterator[None]:
    """Let the client's cache lie where nobody can write, root included: below a file."""
    from huggingface_hub import constants

    real = constants.HF_HUB_CACHE
    constants.HF_HUB_CACHE = f"{__file__}/cache"
    yield
    constants.HF_HUB_CACHE = real


@contextmanager
def flip_bit() -> Iterator[None]:
    """In every large file of the cache; it stays so."""
    from huggingface_hub import constants

    for path in Path(constants.HF_HUB_CACHE).glob("models--*/blobs/*"):
        content = bytearray(path.read_bytes())
        if len(content) > LARGE:
            content[-4] ^= 1
            path.write_bytes(content)
    yield


@contextmanager
def lose_name() -> Iterator[None]:
    """Let no name server know the Hub."""
    from huggingface_hub import constants

    real = constants.HUGGINGFACE_CO_URL_TEMPLATE
    constants.HUGGINGFACE_CO_URL_TEMPLATE = real.replace(constants.ENDPOINT, "http://hub.invalid")
    yield
    constants.HUGGINGFACE_CO_URL_TEMPLATE = real


FAULTS = {"no name": lose_name, "full disk": fill_disk, "no cache": forbid_cache, "bit flipped": flip_bit}
