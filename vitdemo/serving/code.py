"""The code of this very page as one ZIP, for who wants to read it, wherever the page runs."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

ADDRESS = "/code.zip"
PACKAGE = Path(__file__).parents[1]
TEXTS = (".py", ".js", ".html", ".css", ".json")  # neither weights nor pictures
WEIGHTS = PACKAGE / "checkpoints"  # a wheel has them inside the package


@cache
def pack_code() -> bytes:
    """Return the texts of the package, and the licence where it lies beside it.

    Nothing hidden, and no link, which may lead anywhere.
    """
    found = [path for path in PACKAGE.rglob("*") if path.suffix in TEXTS and is_public(path)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in sorted([*found, *PACKAGE.parent.glob("LICENSE")]):
            archive.write(path, path.relative_to(PACKAGE.parent))
    return file.getvalue()


def is_public(path: Path) -> bool:
    """Return whether a file of the package is its own, and no weights."""
    parts = path.relative_to(PACKAGE).parts
    return WEIGHTS not in path.parents and not path.is_symlink() and not any(p.startswith(".") for p in parts)


def send_code(request: Request) -> Response:
    """Return the ZIP as a download."""
    headers = {"content-disposition": 'attachment; filename="vitdemo.zip"'}
    return Response(pack_code(), media_type="application/zip", headers=headers)
