"""Every file of the corpus through the engine: it sees the picture that the file shows, or tells why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.corpus import assert_told, make_corpus
from tests.small_bundle import write_small_models
from vitdemo.decode import BadImage
from vitdemo.engine import Engine, Request


@pytest.fixture(scope="module")
def small_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(device="cpu", models_dir=write_small_models(tmp_path_factory.mktemp("small")))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", make_corpus(), ids=ascii)
def test_the_engine_sees_what_the_file_shows(small_engine: Engine, tmp_path: Path, name: str) -> None:
    entry, path = make_corpus()[name], tmp_path / name
    path.write_bytes(entry.data)
    passes = small_engine.forwards
    try:
        result = small_engine.open(Request(path))
    except BadImage as error:
        assert_told(entry, str(error))
        assert small_engine.forwards == passes, "nothing runs for a file that is refused"
        return
    assert entry.pixels is not None or entry.size is not None
    if entry.pixels is not None and not entry.off:  # equal pictures have equal keys
        same = small_engine.open(Request(Image.fromarray(entry.pixels.astype("uint8")))).analysis
        assert same.key == result.key
