"""Pictures as files that gradio serves."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from gradio.processing_utils import save_file_to_cache
from PIL import Image

from vitdemo.png import encode_png


def serve_picture(picture: Image.Image | str | Path | None, cache: str) -> str | None:
    """Return the path of the picture as a PNG in gradio's `cache`; a path is left as it is.

    Equal pictures share a file there. gradio itself would write it anew each time, in place: cut short for
    whoever is just reading it for another visitor, or for the same one's former click.
    """
    if not isinstance(picture, Image.Image):
        return picture if picture is None else str(picture)
    with TemporaryDirectory() as folder:
        path = Path(folder, "image.png")
        path.write_bytes(encode_png(picture))
        kept = save_file_to_cache(path, cache)
        os.utime(kept)  # in use again: its time on the disk begins anew
        return kept
