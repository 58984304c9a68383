"""What others show beside a link: one set of tags, ours, and a picture that is where they say."""

from __future__ import annotations

import io
import re

import httpx2
import pytest
from PIL import Image

from tests.serving.visitors import PATIENCE
from vitdemo.serving.preview import SIZE
from vitdemo.ui.words import TITLE

TAG = re.compile(r'<meta\s+(?:property|name)="((?:og|twitter):[\w:]+)"\s+content="([^"]*)"\s*/?>')


@pytest.fixture(scope="module")
def tags(url: str) -> list[tuple[str, str]]:
    page = httpx2.get(url, timeout=PATIENCE)
    assert page.status_code == 200
    assert "</html>" in page.text
    return TAG.findall(page.text)


def test_there_is_one_set_of_tags_and_it_is_ours(tags: list[tuple[str, str]], url: str) -> None:
    names = [name for name, _ in tags]
    assert len(names) == len(set(names)), "each once"
    found = dict(tags)
    assert found["og:title"] == found["twitter:title"] == TITLE
    assert found["twitter:card"] == "summary_large_image"
    assert found["og:url"] == url
    assert not [value for _, value in tags if "gradio" in value.lower()]


def test_the_picture_is_there_and_as_large_as_the_tags_say(tags: list[tuple[str, str]]) -> None:
    found = dict(tags)
    assert found["og:image"] == found["twitter:image"]
    answer = httpx2.get(found["og:image"], timeout=PATIENCE)
    assert answer.headers["content-type"] == found["og:image:type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == SIZE == (1200, 630)
        assert (int(found["og:image:width"]), int(found["og:image:height"])) == picture.size
    assert len(answer.content) < 300_000  # some messengers take no larger ones
