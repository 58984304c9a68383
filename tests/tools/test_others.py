"""Pictures that lie in a bundle are carved out whole."""

from __future__ import annotations

import io

from PIL import Image

from tools.others import carve


def test_webp_files_are_carved_and_other_chunks_passed_over() -> None:
    files = []
    for colour in ((200, 30, 30), (30, 200, 30)):
        file = io.BytesIO()
        Image.new("RGB", (9, 7), colour).save(file, "WEBP")
        files.append(file.getvalue())
    sound = b"RIFF" + (12).to_bytes(4, "little") + b"WAVEfmt RIFF"
    assert list(carve(b"qres" + files[0] + sound + b"\0\0" + files[1] + b"end")) == files
    assert list(carve(b"RIFX")) == []
