"""Any bytes, and any mutation of a sound file: a picture or one sentence, never another error."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import handmade
from tests.corpus import assert_told
from tests.corpus_entry import FORMATS, Entry, draw_picture, store
from vitdemo.decode import BadImage, decode

HEADS = (
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF89a",
    b"BM",
    b"II*\0\x08\0\0\0",
    b"RIFF\xff\0\0\0WEBPVP8 ",
)
SHARED_FOLDER = [HealthCheck.function_scoped_fixture]  # nothing is written there
FUZZ = settings(max_examples=200, database=None, suppress_health_check=SHARED_FOLDER)
pytestmark = pytest.mark.filterwarnings("ignore")
WITH_EXIF = ("AVIF", "JPEG", "PNG", "WEBP")
IMPOSSIBLE = (b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4))  # as a length or a size
SOUND = {
    kind: store(
        Image.fromarray(draw_picture()),
        kind,
        **({"exif": handmade.write_exif(6)} if kind in WITH_EXIF else {}),
    )
    for kind in FORMATS
}


def expect_sound(source: bytes | Path) -> None:
    try:
        found = decode(source)
    except BadImage as error:
        assert_told(Entry("", b"", says="."), str(error))
    else:
        assert found.mode == "RGB"
        assert min(found.size) > 0


@FUZZ
@given(st.sampled_from(HEADS), st.binary(max_size=300))
def test_any_bytes(head: bytes, rest: bytes) -> None:
    expect_sound(head + rest)


@FUZZ
@given(st.data(), st.sampled_from(FORMATS))
def test_any_mutation_of_a_sound_file(data: st.DataObject, kind: str) -> None:
    whole = bytearray(SOUND[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        change = data.draw(st.sampled_from(("set", "cut", "repeat", "number")))
        if change == "set":
            whole[place] = data.draw(st.integers(0, 255))
        elif change == "cut":
            del whole[place : place + data.draw(st.integers(1, 20))]
        elif change == "repeat":
            whole[place:place] = whole[place : place + 40]
        else:
            whole[place : place + 4] = data.draw(st.sampled_from(IMPOSSIBLE))
        if not whole:
            break
    expect_sound(bytes(whole))


@FUZZ
@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=40))
def test_any_name(tmp_path: Path, name: str) -> None:
    """Of a file that is not there, whatever the system says of such a name."""
    with pytest.raises(BadImage, match=r"^.+ is not a file that can be read\.$") as caught:
        decode(tmp_path / "folder" / f"{name}.png")
    assert str(caught.value).isprintable()


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for name in ("nul\0.png", "n" * 5000, str(tmp_path), str(pipe), "", "."):
        with pytest.raises(BadImage, match=r"is not a file that can be read\.$") as caught:
            decode(name)
        assert len(str(caught.value)) < 120
        assert str(tmp_path) not in str(caught.value)


def test_a_long_name_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 100 + "-end.png")
    path.write_bytes(np.zeros(9).tobytes())
    with pytest.raises(BadImage, match=r"^a{30}…a{21}-end\.png is not an image"):
        decode(path)
