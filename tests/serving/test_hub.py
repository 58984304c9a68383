"""A slow Hub: who waits for it holds nobody up."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.server import start_app, stop
from tests.serving.visitors import SOON, Visitor, send, wait_until
from tests.weights.hub import Hub
from vitdemo.registry import MODELS

SLOW = ("deit_tiny", "deit_small")
BUNDLED = "dynamicvit_cifar10"
CONFIG = '{"architecture": "deit_tiny_patch16_224", "num_classes": 1000}'


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """It has large files under the names of two networks, and dribbles them for minutes."""
    hub = Hub(tmp_path / "hub")
    for key in SLOW:
        repo = MODELS[key].source.removeprefix("hf-hub:").split("@")[0]
        (hub.root / repo).mkdir(parents=True)
        (hub.root / repo / "config.json").write_text(CONFIG)
        (hub.root / repo / "model.safetensors").write_bytes(os.urandom(2**24))
        hub.modes[repo] = "slow"
    yield hub
    hub.stop()


@pytest.fixture
def url(hub: Hub, models: Path, tmp_path: Path) -> Iterator[str]:
    client = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    files = str(tmp_path / "files")
    app, url = start_app(files, "--models-dir", str(models), HF_HUB_OFFLINE="0", **client)
    yield url
    stop(app)


def test_two_visitors_who_wait_for_the_hub_hold_no_third_one_up(hub: Hub, url: str) -> None:
    waiting = [Visitor(url, session=key) for key in SLOW]
    third = Visitor(url, session="third")
    assert '"labels"' in third.analyse(BUNDLED), "it is in memory"
    with ExitStack() as listeners:
        for visitor, key in zip(waiting, SLOW, strict=True):
            event = visitor.begin("analyse", send(visitor), key, 0.0, "")
            listeners.enter_context(visitor.listen("analyse", event))
        wait_until(lambda: all(key in list_asked(hub) for key in SLOW))
        picture, start = send(third), time.monotonic()
        assert '"labels"' in third.answer("analyse", picture, BUNDLED, 0.5, "")
        assert time.monotonic() - start < 2 * SOON
        assert "deit_tiny" in third.answer("models")


def list_asked(hub: Hub) -> str:
    """Return the files that are being sent."""
    return " ".join(line for line in hub.requests if line.startswith("GET") and "safetensors" in line)
