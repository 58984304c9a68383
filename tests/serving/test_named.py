"""`--model NAME` while the Hub is down: the app starts, and has the network once the Hub is back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.engine.core.conftest import hub  # noqa: F401 - a fixture
from tests.engine.core.test_networks import NAME
from tests.serving.visitors import wait_until
from tests.weights.hub import Hub
from vitdemo.engine import Engine
from vitdemo.serving.named import add_networks, await_hub


@pytest.mark.parametrize("mode", ["broken", "busy"])
def test_a_network_is_in_the_menu_once_the_hub_is_back(
    mode: str,
    hub: Hub,  # noqa: F811
    models: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    networks, stop = Engine(device="cpu", models_dir=models).networks, threading.Event()
    before = networks.menu()
    hub.modes["me/mine"] = mode
    waiting = add_networks(networks, ["me/mine", "vit_cifar10"])
    assert waiting == ["me/mine"]
    assert caplog.messages[0].startswith("me/mine is not in the menu yet, and is asked for again: The Hub ")
    assert networks.menu() == before
    thread = threading.Thread(target=await_hub, args=(networks, waiting, stop), kwargs={"pause": 0.05})
    thread.start()
    try:
        asked = len(hub.requests)
        wait_until(lambda: len(hub.requests) > asked)
        assert thread.is_alive(), "it asks as long as it takes"
        hub.modes["me/mine"] = "good"
        thread.join(60)
        assert not thread.is_alive()
    finally:
        stop.set()
    assert [key for _, key in networks.menu()] == [*(key for _, key in before), NAME]


def test_what_the_hub_then_does_not_have_is_given_up(
    hub: Hub,  # noqa: F811
    models: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    networks = Engine(device="cpu", models_dir=models).networks
    await_hub(networks, ["me/other"], threading.Event(), pause=0.0)
    assert caplog.messages == [
        "me/other cannot be in the menu: There is no repository me/other on the Hub, or it is private"
    ]


def test_a_wrong_name_is_told_though_the_hub_is_down(
    hub: Hub,  # noqa: F811
    models: Path,
) -> None:
    networks = Engine(device="cpu", models_dir=models).networks
    with pytest.raises(ValueError, match="There is no repository me/other on the Hub"):
        add_networks(networks, ["me/other"])
    hub.stop()
    with pytest.raises(ValueError, match="vit_tiny_patch16_225' is not known; did you mean"):
        add_networks(networks, ["vit_tiny_patch16_225"])
