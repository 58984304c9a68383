"""`python -m tools.letters FONT`: the letters of pictures in Chinese, taken out of Noto Sans CJK.

FONT is NotoSansCJK-Regular.ttc (Debian: fonts-noto-cjk), of which the simplified Chinese face is read. Kept
are Latin letters, signs, the common characters of GB 2312 (level 1), and whatever else the page says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fontTools import subset

from vitdemo.render.text import CHINESE

PAGE = Path(__file__).parents[1] / "vitdemo" / "ui"
FACE = 2  # of the collection: simplified Chinese
LATIN = "".join(map(chr, range(0x20, 0x7F))) + "°±²³·×÷éèüöäß–—‘’“”…→←↑↓≥≤−≈ρ"
WIDE = "".join(map(chr, (*range(0x3000, 0x3020), *range(0xFF01, 0xFF5F))))  # Chinese punctuation
LEFT_OUT = ["GSUB", "GPOS", "BASE", "VORG", "vhea", "vmtx"]  # what sets type in columns, and variants


def list_common() -> str:
    """Return level 1 of GB 2312, the 3,755 common characters."""
    table = bytes(half for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF) for half in (row, cell))
    return table.decode("gb2312", errors="ignore")


def read_spoken() -> str:
    """Return all that the page says in Chinese."""
    files = sorted(PAGE.rglob("*.json"))
    return "".join("".join(json.loads(file.read_text(encoding="utf-8")).values()) for file in files)


def reduce(font: Path, kept: str) -> None:
    """Write the characters `kept` of `font` where pictures find them."""
    options = subset.Options(layout_features=[], hinting=False, drop_tables=LEFT_OUT, font_number=FACE)
    face = subset.load_font(str(font), options)
    chooser = subset.Subsetter(options)
    chooser.populate(text=kept)
    chooser.subset(face)
    subset.save_font(face, str(CHINESE), options)


if __name__ == "__main__":
    reduce(Path(sys.argv[1]), LATIN + WIDE + list_common() + read_spoken())
