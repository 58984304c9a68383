"""Errors, uploads and selectors, as every tab meets them."""

from __future__ import annotations

import logging
from pathlib import Path

import gradio as gr
import pytest
from gradio.data_classes import ImageData

from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.pictures import Upload
from vitdemo.ui.kit.received import choose_known
from vitdemo.ui.kit.words import CRASHED


def test_a_value_error_reaches_the_visitor_as_text() -> None:
    with pytest.raises(gr.Error) as caught, tell_errors():
        raise ValueError("the file <b>x</b> is empty")
    assert caught.value.message == "the file &lt;b&gt;x&lt;/b&gt; is empty."
    assert not caught.value.print_exception


def test_an_unforeseen_error_is_logged_and_gives_nothing_away(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error) as caught, tell_errors():
        raise RuntimeError("/secret/path")
    assert caught.value.message == CRASHED
    assert "/secret/path" in caplog.text


def test_an_upload_arrives_undecoded(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"not a picture")
    assert Upload().preprocess(ImageData(path=str(path), orig_name="broken.png")) == str(path)
    assert Upload().preprocess(None) is None


@pytest.mark.parametrize(
    ("wanted", "got"), [("random", "random"), ("learned", "class-attention"), (None, "class-attention")]
)
def test_a_selector_that_the_model_lacks_gives_way_to_its_best(wanted: str | None, got: str) -> None:
    assert choose_known(wanted, ("class-attention", "random", "inverted")) == got
