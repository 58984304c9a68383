"""How the process keeps memory that it does not use."""

from __future__ import annotations

import ctypes
import platform

M_ARENA_MAX, ARENAS = -8, 2  # mallopt(3)


def share_heaps() -> None:
    """Lets all threads share two heaps, where the C library is glibc; to be called before any work.

    It would give each of the forty threads that answer visitors a heap of its own, and what one of them has
    freed serves no other: under load the process grew for minutes to twice the size of what it keeps.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
