"""Nobody sees a file that was not uploaded: every event of the page is handed what no browser would send."""

from __future__ import annotations

import base64
import json
import math
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from tests.browser.server import ROOT, serve_page
from tests.serving.slots import list_slots, put_value, walk_events
from tests.serving.visitor import API, BATCH, Call, Visitor
from vitdemo.engine import Engine
from vitdemo.limits import Limits
from vitdemo.ui import build
from vitdemo.ui.kit.assets import locate_module
from vitdemo.ui.kit.words import FOREIGN, MISTAKEN

META = {"meta": {"_type": "gradio.FileData"}}
TRACES = ["Traceback", 'File \\"', "site-packages", str(ROOT), sys.prefix, "Error:", "errno"]
Hostile = dict[str, Any]


@pytest.fixture(scope="module")
def own(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of the owner's, which is in the menu by `--model FOLDER`."""
    folder = tmp_path_factory.mktemp("theirs") / "own"
    shutil.copytree(models / "vit_cifar10", folder)
    return folder


@pytest.fixture(scope="module")
def url(engine: Engine, own: Path) -> Iterator[str]:
    """A page whose queue takes a whole batch of one visitor."""
    engine.networks.add(str(own))
    TRACES.append(str(own.parent))
    with serve_page(engine, limits=Limits(client_requests=BATCH)) as address:
        yield address


@pytest.fixture(scope="module")
def cache() -> Path:
    return Path(os.environ["GRADIO_TEMP_DIR"])


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of the server's owner."""
    path = tmp_path_factory.mktemp("private") / "secret.png"
    Image.new("RGB", (40, 40), (201, 3, 77)).save(path)
    return path


@pytest.fixture(scope="module")
def files(url: str, cache: Path, foreign: Path) -> Iterator[Hostile]:
    """Ways to ask for that picture, and for one that does not exist."""
    link = cache / "link.png"
    link.symlink_to(foreign)
    folder = cache / "folder"
    folder.symlink_to(foreign.parent)
    data = "data:image/png;base64," + base64.b64encode(foreign.read_bytes()).decode("ascii")
    yield {
        "without meta": {"path": str(foreign)},
        "with meta": {"path": str(foreign), **META},
        "stream": {"path": str(foreign), "is_stream": True, **META},
        "traversal": {"path": f"{cache}/{'../' * 20}{foreign}"},
        "relative": {"path": os.path.relpath(foreign), **META},
        "link": {"path": str(link), **META},
        "through a link": {"path": str(folder / foreign.name)},
        "of the program": {"path": str(ROOT / "docs" / "screenshot.png")},
        "file url": {"path": foreign.as_uri()},
        "url": {"path": f"{url}static/img/logo.svg", "url": f"{url}static/img/logo.svg", **META},
        "data url": {"path": data},
        "nested": [[{"image": {"path": str(foreign)}}]],
        "missing": {"path": str(foreign.with_name("nothing.png"))},
        "missing with meta": {"path": str(foreign.with_name("nothing.png")), **META},
        "missing upload": {"path": str(cache / ("0" * 64) / "nothing.png")},
        "no name": {"path": f"{cache}/a\0b"},
        "number": {"path": 7},
    }
    link.unlink()
    folder.unlink()


OFTEN = ("without meta", "with meta", "traversal", "link", "url", "file url", "data url", "missing")
ALWAYS = ("without meta", "traversal", "link", "url")
ODD = {
    "NaN": math.nan,
    "infinite": math.inf,
    "minus infinite": -math.inf,
    "huge": 10**400,
    "text": "../../etc/passwd",
    "list": [[{}], None],
    "dict": {"a": math.nan},
    "truth": True,
    "no path": {"url": "http://127.0.0.1:1/a.png", **META},
    "nothing": None,
}


def find_sentence(answer: str) -> str | None:
    """Return the error in an answer, None in one without."""
    for line in answer.splitlines():
        message = json.loads(line)
        output = message.get("output") or message
        if output.get("error") or message.get("success") is False:
            return output["error"]
    return None


@pytest.fixture(params=[True, pytest.param(False, marks=pytest.mark.long)], ids=["some", "all"])
def sparse(request: pytest.FixtureRequest) -> bool:
    """Whether one input of each kind of an event is enough, and less is tried on it."""
    return request.param


def scan(answer: str) -> None:
    found = [trace for trace in TRACES if trace.lower() in answer.lower()]
    assert not found, answer


def test_the_configuration_has_every_event_and_kind_of_input(visitor: Visitor, models: Path) -> None:
    page = build(Engine(device="cpu", models_dir=models))
    assert len(visitor.events) == sum(event.fn is not None for event in page.fns.values())
    kinds = {kind for *_, kind in list_slots(visitor)}
    assert kinds >= {"image", "uploadbutton", "slider", "dropdown", "radio", "number", "textbox"}


def test_no_event_takes_a_file_that_was_not_uploaded(visitor: Visitor, files: Hostile, sparse: bool) -> None:
    every, often, step = list(files.values()), [files[name] for name in OFTEN], 4 if sparse else 1
    slots, calls = list_slots(visitor, sparse=sparse), []
    for index, (event, place, kind) in enumerate(slots):
        takes_files = kind in ("image", "uploadbutton")
        handed = [every[index % len(every)], *(often[index % step :: step] if takes_files else [])]
        wrapped = [[value] if kind == "uploadbutton" else value for value in handed]
        calls += [put_value(visitor, event, place, value) for value in wrapped]
    walk = walk_events(slots, [files[name] for name in ALWAYS[::step]])
    calls += [
        put_value(visitor, event, place, [value] if kind == "uploadbutton" else value)
        for event, place, kind, value in walk
    ]
    assert len(calls) > (400 if sparse else 1000)
    for call, answer in zip(calls, visitor.ask(*calls), strict=True):
        assert find_sentence(answer) == FOREIGN, (visitor.events[call.event]["api_name"], call.data, answer)
        scan(answer)


def test_a_path_as_plain_text_is_no_file(visitor: Visitor, foreign: Path) -> None:
    slots = list_slots(visitor)
    places = [(event, place) for event, place, kind in slots if kind in ("image", "uploadbutton")]
    for path in (str(foreign), str(foreign.with_name("nothing.png"))):
        answers = visitor.ask(*(put_value(visitor, event, place, path) for event, place in places))
        assert {find_sentence(answer) for answer in answers} == {MISTAKEN}


def test_no_address_gives_out_such_a_file(visitor: Visitor, files: Hostile) -> None:
    paths = [str(value["path"]) for value in files.values() if isinstance(value, dict)]
    answers = [visitor.http.get(f"{API}/file={quote(path)}") for path in paths]
    assert {(answer.status_code, answer.text) for answer in answers} <= {
        (404, '{"detail":"There is no such file."}'),
        (404, '{"detail":"There is nothing at this address."}'),  # a name that no file can have
    }
    assert len(answers) > 12


def test_the_page_itself_names_no_path_of_the_program(visitor: Visitor, own: Path) -> None:
    """Nor of a folder that is in its menu; that has a name by which a program may ask."""
    (menu,) = visitor.ask(Call(visitor.find_event("models"), []))
    assert '"key":"own"' in menu.replace(" ", "")
    assert str(own.parent) not in menu
    shown = visitor.list_inputs(visitor.find_event("answer"))[:1]
    (said,) = visitor.ask(Call(visitor.find_event("analyse"), [shown[0], "own"]))
    assert find_sentence(said) is None
    scan(said)
    for address in ("", "config", f"{API}/info", f"{API}/openapi.json", locate_module("sidebar/link")):
        answer = visitor.http.get(address)
        assert answer.is_success
        assert not [
            path for path in (str(ROOT), sys.prefix, str(Path.home()), str(own.parent)) if path in answer.text
        ]


def test_no_event_takes_any_number_of_files(visitor: Visitor) -> None:
    several = [{"path": f"/nowhere/{number}.png", **META} for number in range(101)]
    (answer,) = visitor.ask(Call(visitor.find_event("show_uploads"), [several]))
    assert find_sentence(answer) == "These are too many files at once: the limit is 100."


def test_an_upload_itself_is_taken(visitor: Visitor, foreign: Path) -> None:
    """So that the tests above do not hold because nothing is."""
    sent = visitor.http.post(f"{API}/upload", files={"files": ("mine.png", foreign.read_bytes())})
    given = [{"path": sent.json()[0], **META}, "vit_cifar10", 0.0, ""]
    (answer,) = visitor.ask(Call(visitor.find_event("analyse"), given))
    assert find_sentence(answer) is None
    assert "process_completed" in answer
    assert '"labels"' in answer


def test_odd_values_are_told_in_one_sentence_and_the_server_goes_on(visitor: Visitor, sparse: bool) -> None:
    values, slots = list(ODD.values()), list_slots(visitor, sparse=sparse)
    calls = [
        put_value(visitor, event, place, values[(2 * index + more) % len(values)])
        for index, (event, place, _) in enumerate(slots)
        for more in range(1 if sparse else 2)
    ]
    walk = walk_events(slots, [math.nan] if sparse else [math.nan, math.inf])
    calls += [put_value(visitor, event, place, value) for event, place, _, value in walk]
    told = 0
    for call, answer in zip(calls, visitor.ask(*calls), strict=True):
        scan(answer)
        words = find_sentence(answer)
        told += words is not None
        assert words is None or (len(words) > 10 and "\n" not in words), (call, answer)
    assert told > len(calls) / 3
    assert visitor.http.get("health").status_code == 200


def test_what_is_told_of_a_click_is_checked_as_well(visitor: Visitor) -> None:
    odd = {"index": math.nan, "value": 10**400, "look": {"head": math.inf}, "kind": "npz", "turn": 1}
    clicked = [Call(event, visitor.list_inputs(event), odd) for event in visitor.events]
    for call, answer in zip(clicked, visitor.ask(*clicked), strict=True):
        assert find_sentence(answer) == MISTAKEN, (call, answer)
