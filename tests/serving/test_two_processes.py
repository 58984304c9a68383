"""Two processes behind nginx, as docs/ has it: the visitors of both keep what is theirs, and one may die."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from gradio_client import Client, handle_file

from tests.api.networks import PICTURE, PLAIN
from tests.serving.test_foreign_files import find_sentence
from tests.serving.test_lost_results import call, upload
from tests.serving.two_processes import CONFIG, Served, serve_two
from tests.serving.visitor import API, Visitor
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.serving.gate import TOO_LARGE
from vitdemo.ui.kit.words import FOREIGN

NGINX = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
LIMIT = Limits().request_megabytes


@pytest.fixture
def served(models: Path, tmp_path: Path) -> Iterator[Served]:
    with serve_two("--models-dir", str(models), home=tmp_path) as found:
        yield found


def test_the_configuration_has_the_limit_of_a_request() -> None:
    found = re.findall(r"client_max_body_size (\d+)m|limit is (\d+) MB", CONFIG.read_text(encoding="utf-8"))
    assert {int(number) for pair in found for number in pair if number} == {LIMIT}


@NGINX
def test_visitors_keep_what_is_theirs_and_one_process_may_die(served: Served) -> None:
    visitors = [Visitor(served.url) for _ in range(4)]  # behind one address
    homes = [find_home(visitor) for visitor in visitors]
    assert sorted(homes) == ["a", "a", "b", "b"], "each process has its share"
    pictures = [upload(visitor) for visitor in visitors]
    for visitor, home, picture in zip(visitors, homes, pictures, strict=True):
        assert visitor.http.get(f"{API}/file={picture['path']}").content == PICTURE.read_bytes()
        (answer,) = visitor.ask(call(visitor, visitor.find_event("answer"), picture))
        assert find_sentence(answer) is None
        assert "headline" in answer
        assert save_numbers(visitor, picture) == "dynamicvit_cifar10"
        assert find_home(visitor) == home
    assert {open_link(served) for _ in homes} == {"a", "b"}
    check_others(served)

    died, stays = homes[0], homes[1]
    served.apps[died].ended(signal.SIGKILL)
    for visitor, home, picture in zip(visitors, homes, pictures, strict=True):
        known = home == stays
        (answer,) = visitor.ask(call(visitor, visitor.find_event("answer"), picture))
        assert find_sentence(answer) == (None if known else FOREIGN)
        assert find_home(visitor) == stays
        if known:
            assert save_numbers(visitor, picture) == "dynamicvit_cifar10"
    assert open_link(served) == stays
    check_others(served)

    served.apps[stays].ended(signal.SIGKILL)
    nobody = visitors[0].http.get("")
    assert (nobody.status_code, nobody.headers["retry-after"]) == (503, "5"), "the page asks again by itself"
    assert nobody.json()["detail"].startswith("The app is starting;")


def find_home(visitor: Visitor) -> str:
    """Return which process has served the visitor last."""
    return visitor.http.cookies["vitdemo"]


def save_numbers(visitor: Visitor, picture: dict[str, object]) -> str:
    """Return the network that the saved file of numbers names; the shown result is not analysed again."""
    asked = call(visitor, visitor.find_started("export"), picture)
    (answer,) = visitor.ask(replace(asked, click={"turn": 1, "kind": "json", "look": None}))
    place = re.search(r'gradio_api/file=[^"\\]+', answer)
    assert place, answer
    return visitor.http.get(place[0]).json()["model"].split("@")[0]


def open_link(served: Served) -> str:
    """Return which process has filled a page that was opened by a link."""
    visitor = Visitor(served.url)
    (number,) = [one for one, event in visitor.events.items() if event["targets"][0][1] == "load"]
    joined = visitor.post(f"queue/join?example=cat&model={PLAIN}", call(visitor, number, {}))
    answer = visitor.read_stream({joined.json()["event_id"]: 0})[0]
    assert 'data-example=\\"cat\\"' in answer, answer
    return find_home(visitor)


def check_others(served: Served) -> None:
    """Programs keep no cookies, streams come at once, nobody renames the server, what is large is refused."""
    for _ in range(2):
        client = Client(served.url, verbose=False)
        answer = client.predict(handle_file(PICTURE), PLAIN, 0.3, "random", api_name="/analyse")
        assert answer["model"] == PLAIN
    with httpx.stream("GET", f"{served.url}{API}/heartbeat/mine", timeout=10) as stream:
        assert next(stream.iter_lines()) == "data: ALIVE"
    asked = httpx.get(f"{served.url}config", headers={"X-Forwarded-Host": "evil.example"}, timeout=60)
    assert asked.json()["root"] == served.url.rstrip("/")
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc)
    connection.putrequest("POST", f"/{API}/upload")
    connection.putheader("Content-Length", str(LIMIT * MEGABYTE + 1))
    connection.endheaders()
    refused = connection.getresponse()
    told = json.loads(refused.read())
    assert (refused.status, told) == (413, {"detail": TOO_LARGE.format(megabytes=LIMIT)})
    connection.close()
