"""The page as it is first sent is what gradio makes, made once an address, and compressed."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import httpx
import pytest
from gradio.routes import templates

from tests.serving.visitors import PATIENCE

PLAIN = {"accept-encoding": "identity"}
QUERIES = ("?page=nothing", "?deep_link=nothing", "?all_endpoints=1", "?model=vit_cifar10&tab=tokens")


def read_page_config(page: str) -> dict[str, object]:
    """Return what gradio's script is told of the page."""
    found = re.search(r"window\.gradio_config = (\{.*?\});\s*</script>", page, re.DOTALL)
    assert found
    return json.loads(found[1].partition(";\n")[0].rstrip(";"))


def test_the_page_is_what_gradio_says_it_is(url: str) -> None:
    own = httpx.get(f"{url}config", timeout=PATIENCE).json()
    for _ in range(2):
        told = read_page_config(httpx.get(url, timeout=PATIENCE).text)
        assert told["root"] == url.rstrip("/")
        assert {key: told[key] for key in own if key in told} == own


def test_it_is_made_once_an_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = templates.TemplateResponse
    monkeypatch.setattr(templates, "TemplateResponse", lambda **given: made.append(1) or make(**given))
    other = f"http://localhost:{urlsplit(url).port}/"
    pages = {
        address: {httpx.get(address, timeout=PATIENCE).text for _ in range(3)} for address in (url, other)
    }
    assert len(made) <= 2
    for address, (page,) in pages.items():
        assert read_page_config(page)["root"] == address.rstrip("/")
        assert f'property="og:url" content="{address}"' in page


def test_who_can_read_it_gets_it_compressed(url: str) -> None:
    plain, packed = (
        httpx.get(url, headers={"accept-encoding": one}, timeout=PATIENCE) for one in ("identity", "gzip, br")
    )
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.text == packed.text
    assert int(packed.headers["content-length"]) < len(plain.content) / 4


def test_the_address_is_for_the_browser_to_read(url: str) -> None:
    page = httpx.get(url, timeout=PATIENCE).text
    for query in QUERIES:
        answer = httpx.get(f"{url}{query}", timeout=PATIENCE)
        assert (answer.status_code, answer.text) == (200, page), query
    head = httpx.head(url, headers=PLAIN, timeout=PATIENCE)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(page.encode())
    assert httpx.post(url, timeout=PATIENCE).status_code == 405
