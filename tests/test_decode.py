"""Every file of the corpus: the right picture, or one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus import assert_shown, assert_told, corpus
from vitdemo.decode import FORMATS, BadImage, decode

CORPUS = corpus()


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
