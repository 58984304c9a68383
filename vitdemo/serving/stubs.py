"""gradio without the files that it writes for editors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

META, EVENTS = "ComponentMeta", "BlocksEvents"  # the class of gradio's components; what has a stub besides


@contextmanager
def without_stubs() -> Iterator[None]:
    """Keep gradio, as long as it is imported, from looking for a stub (.pyi) beside each of its components.

    It reads, parses and compares the source of each, which is nearly half of the import, and writes into the
    package. Of a component whose file it cannot find it makes none.
    """
    find = inspect.getfile

    def find_other(one: Any) -> str:
        if type(one).__name__ == META or getattr(one, "__name__", "") == EVENTS:
            raise OSError
        return find(one)

    inspect.getfile = find_other
    try:
        yield
    finally:
        inspect.getfile = find
