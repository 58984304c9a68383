"""Moving pictures: captioned frames that replace each other."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from vitdemo.render.palette import PAPER
from vitdemo.render.text import draw_caption, stack

HOLD, LAST = 900, 1800  # milliseconds a frame, and the last one, before it begins anew
EDGE = 448
SAMPLE = 160


def encode_gif(frames: Sequence[tuple[str, Image.Image]], *, below: str = "", edge: int = EDGE) -> bytes:
    """Return a GIF of the captioned pictures that loops for ever; `below` stands under each.

    Pictures are reduced to `edge` pixels on their long side; all frames are as large as the largest. Each
    frame has its own 256 colours.

    Raise ValueError without frames.
    """
    if not frames:
        raise ValueError("frames: at least one picture is needed.")
    cells = [
        stack([small, *(draw_caption(text, small.width) for text in (words, below) if text)])
        for words, small in reduce_frames(frames, edge)
    ]
    size = max(cell.width for cell in cells), max(cell.height for cell in cells)
    sheets = []
    for cell in cells:
        sheet = Image.new("RGB", size, PAPER)
        sheet.paste(cell, (0, 0))
        # Median cut is slow, and a sample of the pixels gives nearly the same palette.
        # Without dithering flat areas stay flat and the file small.
        sample = sheet.resize((SAMPLE, SAMPLE), Image.Resampling.NEAREST).quantize(256)
        sheets.append(sheet.quantize(palette=sample, dither=Image.Dither.NONE))
    file = io.BytesIO()
    sheets[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=sheets[1:],
        duration=[*[HOLD] * (len(sheets) - 1), LAST],
        loop=0,
        disposal=1,
    )
    return file.getvalue()


def reduce_frames(frames: Sequence[tuple[str, Image.Image]], edge: int) -> list[tuple[str, Image.Image]]:
    """Return the pictures as RGB, none larger than `edge` pixels on its long side."""
    small = []
    for words, image in frames:
        factor = min(1.0, edge / max(image.size))
        width, height = (max(1, round(length * factor)) for length in image.size)
        small.append((words, image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)))
    return small
