"""A Hub that stalls, dies, lies or is left, and a cache that fails: by the real client, in bounded time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from inspect import signature
from itertools import pairwise
from typing import Any

import pytest
import torch

from tests.weights.hub import COMMIT
from tests.weights.samples import compute_logits, write_own
from vitdemo.weights import load_model, look_up

DEADLINE, BOUND = 1.2, 6.0  # seconds; the client waits for itself, too
# Repository: what it does, and the sentence that is told.
BROKEN = {
    "stalls": "The Hub sent less than 16 kB of me/stalls in 1.2 seconds",
    "drip": "The Hub sent less than 16 kB of me/drip in 1.2 seconds",
    "dies": "The Hub broke model.safetensors of me/dies off 3 times; 0.3 of 0.4 MB came the last time",
    "short": "model.safetensors of me/short arrived with another size than the Hub had announced",
    "huge": "model.safetensors of me/huge has 3,000 MB, and at most 1,074 MB are fetched unless "
    "download_megabytes asks for more",
    "altered": "model.safetensors of me/altered arrived damaged: its sha256 is not the Hub's",
}
LOADS: list[dict[str, Any]] = [
    *({"name": mode, "source": f"hf-hub:me/{mode}"} for mode in BROKEN if mode != "drip"),
    {"name": "asked for", "source": "hf-hub:me/huge", "megabytes": 4000, "cancel_at": 0.0},
    {"name": "dies once", "source": "hf-hub:me/dies-once"},
    {"name": "left at once", "source": "hf-hub:me/hang", "cancel_at": -1.0},
    {"name": "left half-way", "source": "hf-hub:me/slow", "cancel_at": 0.2},
    {"name": "left, then stays", "source": "hf-hub:me/slow"},
    {"name": "full disk", "source": "hf-hub:me/good", "fault": "full disk"},
    {"name": "no cache", "source": "hf-hub:me/good", "fault": "no cache"},
    {"name": "good", "source": "hf-hub:me/good"},
    {"name": "full disk, cached", "source": "hf-hub:me/good", "fault": "full disk"},
    {"name": "corrupted", "source": "hf-hub:me/good", "fault": "bit flipped"},
    {"name": "corrupted, pinned", "source": f"hf-hub:me/good@{COMMIT}", "fault": "bit flipped"},
    {"name": "drip", "source": "hf-hub:me/drip"},  # its thread ends with the next 16 kB, too late
    {"name": "corrupted, down", "source": "hf-hub:me/good", "fault": "bit flipped", "stop": True},
]
MODES = {mode: mode for mode in (*BROKEN, "hang", "slow")} | {"dies-once": "dies once", "good": "good"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of every load, done one after the other by the real client in one fresh process."""
    folder = tmp_path_factory.mktemp("hub")
    root = folder / "repos" / "me"
    model = write_own(root / "good")
    for name in MODES:
        if name != "good":
            shutil.copytree(root / "good", root / name)
    modes = {f"me/{name}": mode for name, mode in MODES.items()}
    always = {"modes": modes, "deadline": DEADLINE}
    loads = [always | {"ends": load["name"] != "drip"} | load for load in LOADS]
    scenario = {"root": str(root.parent), "home": str(folder / "home"), "loads": loads}
    (folder / "scenario.json").write_text(json.dumps(scenario))
    files = [str(folder / "scenario.json"), str(folder / "out.json")]
    subprocess.run([sys.executable, "-m", "tests.weights.hub", *files], check=True, timeout=120)
    return json.loads((folder / "out.json").read_text()) | {"wanted": compute_logits(model, 16)}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_download_is_one_sentence_in_bounded_time(hub: dict[str, Any], name: str) -> None:
    assert hub[name]["error"].startswith(BROKEN[name])
    assert hub[name]["template"], "a Message, which has its Chinese"
    assert hub[name]["seconds"] < BOUND
    assert (
        sum(request.startswith("GET") and "safetensors" in request for request in hub[name]["requests"]) <= 3
    )
    assert hub[name]["threads"] == 0 or name == "drip"


def test_nobody_waits_longer_than_ten_seconds_unless_asked() -> None:
    for asks in (load_model, look_up):
        assert signature(asks).parameters["deadline"].default <= 10


def test_a_large_file_is_fetched_only_when_asked_for(hub: dict[str, Any]) -> None:
    assert hub["huge"]["seconds"] < 1.5
    assert [words for _, words in hub["huge"]["progress"] if "safetensors" in words] == []
    assert hub["asked for"]["error"] == "the visitor left"
    assert hub["asked for"]["progress"][-1][1].endswith(" of 3000.0 MB")


def test_a_download_that_dies_once_goes_on(hub: dict[str, Any]) -> None:
    torch.testing.assert_close(torch.tensor(hub["dies once"]["logits"]), hub["wanted"], rtol=0, atol=0)


def test_progress_comes_from_the_first_second_to_the_last(hub: dict[str, Any]) -> None:
    heard, progress = hub["stalls"]["heard"], hub["stalls"]["progress"]
    assert progress[0] == [0.0, "Asking the Hub for me/stalls"]
    assert heard[0] < 1
    assert max(later - sooner for sooner, later in pairwise(heard)) < 1


@pytest.mark.parametrize("name", ["left at once", "left half-way"])
def test_who_is_told_of_progress_may_end_the_download(hub: dict[str, Any], name: str) -> None:
    left = hub[name]
    assert left["error"] == "the visitor left"
    assert left["seconds"] < 3
    assert left["threads"] == 0
    assert hub["left, then stays"]["revision"] == COMMIT


def test_a_cache_that_cannot_be_written_is_named_without_its_path(hub: dict[str, Any]) -> None:
    full, none = hub["full disk"]["error"], hub["no cache"]["error"]
    assert full == "The disk is full: model.safetensors of me/good does not fit into the Hub client's cache"
    assert none.startswith("The Hub client's cache cannot be written (Not a directory) for ")
    assert "/secret" not in full
    assert "/cache" not in none
    assert hub["full disk, cached"]["logits"] == hub["good"]["logits"]


@pytest.mark.parametrize("name", ["corrupted", "corrupted, pinned"])
def test_a_cached_file_that_was_damaged_is_fetched_again(hub: dict[str, Any], name: str) -> None:
    assert any(request.startswith("GET") for request in hub[name]["requests"])
    torch.testing.assert_close(torch.tensor(hub[name]["logits"]), hub["wanted"], rtol=0, atol=0)


def test_a_damaged_file_is_not_used_when_the_hub_is_down(hub: dict[str, Any]) -> None:
    assert hub["corrupted, down"]["error"].startswith("The Hub could not be reached")
