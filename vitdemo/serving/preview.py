"""What others show beside a link to the page: one set of tags and a picture of ours in place of gradio's.

tools/preview.py makes the picture.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from vitdemo.ui.words import LEAD, PICTURED, TITLE

PICTURE = Path(__file__).with_name("preview.jpg")
SIZE = (1200, 630)
ADDRESS = "/preview.jpg"
FOREIGN = re.compile(rb'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')
HEAD = b"<head>"


def picture(request: Request) -> Response:
    """Return the picture."""
    return FileResponse(PICTURE)


def tags(root: str) -> bytes:
    """Return the tags of a page that is reached at `root`."""
    width, height = SIZE
    facts = {
        "og:type": "website",
        "og:url": f"{root}/",
        "og:title": TITLE,
        "og:description": LEAD,
        "og:image": f"{root}{ADDRESS}",
        "og:image:type": "image/jpeg",
        "og:image:width": width,
        "og:image:height": height,
        "og:image:alt": PICTURED,
        "twitter:card": "summary_large_image",
        "twitter:title": TITLE,
        "twitter:description": LEAD,
        "twitter:image": f"{root}{ADDRESS}",
        "twitter:image:alt": PICTURED,
    }
    lines = [
        f'<meta {"name" if name.startswith("twitter:") else "property"}="{name}" '
        f'content="{html.escape(str(fact))}" />'
        for name, fact in facts.items()
    ]
    return "\n".join(["", *lines]).encode()


def add_tags(page: bytes, root: str) -> bytes:
    """Return a page that is reached at `root` with these tags in place of gradio's."""
    return FOREIGN.sub(b"", page).replace(HEAD, HEAD + tags(root), 1)
