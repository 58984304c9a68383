"""Every file of the corpus: the right picture, or one sentence."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from tests.corpus import assert_shown, assert_told, make_corpus
from vitdemo.decode import FORMATS, BadImage, decode

CORPUS = make_corpus()


def test_the_corpus_has_files_of_every_kind() -> None:
    assert len(CORPUS) >= 120
    for kind in FORMATS:
        assert sum(name.endswith(kind.lower()) for name in CORPUS) >= 10 or kind == "TIFF"
    assert sum(bool(entry.says) for entry in CORPUS.values()) > 60
    assert sum(entry.pixels is not None for entry in CORPUS.values()) > 100


@pytest.mark.filterwarnings("ignore")  # Pillow's remarks on what is broken
@pytest.mark.parametrize("name", CORPUS, ids=ascii)
def test_a_file_gives_its_picture_or_one_sentence(name: str, tmp_path: Path) -> None:
    entry = CORPUS[name]
    path = tmp_path / name
    path.write_bytes(entry.data)
    for source in (entry.data, path):
        try:
            found = decode(source)
        except BadImage as error:
            assert_told(entry, str(error))
        else:
            assert_shown(entry, found)


def test_a_profile_with_a_pipeline_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of its steps over the same bytes took Little CMS minutes, at some hundred bytes a file."""
    asked: list[int] = []
    read = ImageCms.ImageCmsProfile

    def noted(file: io.BytesIO) -> ImageCms.ImageCmsProfile:
        asked.append(len(file.getvalue()))
        return read(file)

    profile = read(ImageCms.createProfile("sRGB")).tobytes()
    monkeypatch.setattr(ImageCms, "ImageCmsProfile", noted)
    for more in (b"", b"mpet", bytes(2**21)):
        file = io.BytesIO()
        Image.new("RGB", (4, 4), (200, 10, 30)).save(file, "WEBP", lossless=True, icc_profile=profile + more)
        assert decode(file.getvalue()).getpixel((0, 0)) == (200, 10, 30)
    assert asked == [len(profile)]
