"""Networks that somebody names: what is asked of the Hub, what is fetched, and what nobody may have."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engine.bundle import draw_picture
from tests.weights.hub import COMMIT, Hub, list_fetched
from tests.weights.samples import write_own
from vitdemo.engine import Engine, Look, Request
from vitdemo.engine.answers import share
from vitdemo.limits import Limits
from vitdemo.weights import is_cached

NAME = "hf-hub:me/mine"
TOKEN = "hf_" + 34 * "x"


def test_what_is_named_is_looked_at_before_it_is_fetched(hub: Hub, models: Path) -> None:
    engine = Engine(device="cpu", models_dir=models)
    networks = engine.networks
    before = networks.menu()
    with pytest.raises(ValueError, match="me/mine is not known here"):
        engine.info(NAME)
    assert networks.look_up(" https://huggingface.co/me/mine/tree/main ") == NAME
    size = (hub.root / "me" / "mine" / "model.safetensors").stat().st_size
    assert networks.measure_download(NAME) == pytest.approx(size / 1e6)
    assert not networks.is_at_hand(NAME)
    assert list_fetched(hub) == []
    assert (engine.info(NAME).title, engine.info(NAME).grid) == ("me/mine", (4, 4))
    assert networks.menu() == before, "it is in the menu of those who have named it"
    assert networks.menu([NAME])[-1] == (f"me/mine · ↓ {size / 1e6:.0f} MB", NAME)
    result = engine.open(Request(draw_picture(), NAME))
    assert result.analysis.source == f"hf-hub:me/mine@{COMMIT}"
    assert f" · me/mine@{COMMIT[:12]} · " in share.line(result._subject.entry, "example.org")
    facts = result.export(Look()).facts
    assert (facts["source"], facts["model"]) == (f"hf-hub:me/mine@{COMMIT}", f"{NAME}@{COMMIT}")
    assert networks.menu([NAME])[-1] == ("me/mine", NAME), "and no restart was needed"
    asked = len(hub.requests)
    assert networks.look_up("hf_hub:me/mine") == NAME
    assert len(hub.requests) == asked


def test_a_menus_network_has_its_mark_until_it_is_cached(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = Engine(device="cpu", models_dir=models).networks
    monkeypatch.setattr("vitdemo.engine.core.networks.is_cached", lambda source: "deit_tiny" in source)
    titles = {key: title for title, key in networks.menu()}
    assert titles["deit_tiny"] == "DeiT-Tiny · ImageNet"
    assert titles["deit_small"].endswith(" · ↓ 88 MB")
    assert networks.look_up("timm/deit_tiny_patch16_224.fb_in1k") == "deit_tiny", "it has a name already"


def test_two_visitors_make_one_download(hub: Hub, models: Path) -> None:
    engine = Engine(device="cpu", models_dir=models)
    hub.modes["me/mine"] = "slow"
    with ThreadPoolExecutor(2) as visitors:
        list(visitors.map(engine.networks.look_up, [NAME, "me/mine"]))
        answers = list(
            visitors.map(lambda seed: engine.open(Request(draw_picture(seed), NAME)).analysis, range(2))
        )
    assert len({answer.key for answer in answers}) == 2
    assert len(list_fetched(hub)) == 1


def test_visitors_get_nothing_by_the_token_or_from_the_cache_of_the_owner(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.modes["me/mine"] = "private"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    theirs = Engine(device="cpu", models_dir=models)
    with pytest.raises(ValueError, match="There is no repository me/mine on the Hub, or it is private"):
        theirs.networks.look_up(NAME)
    own = Engine(device="cpu", models_dir=models, alone=True)
    assert own.open(Request(draw_picture(), own.networks.look_up(NAME))).analysis.source.endswith(COMMIT)
    assert is_cached(NAME)
    for name in (NAME, f"{NAME}@{COMMIT}"):
        with pytest.raises(ValueError, match="There is no repository me/mine"):
            theirs.networks.look_up(name)
    theirs.networks.add(NAME)
    assert theirs.networks.look_up(NAME) == NAME, "the owner has put it into the menu"


def test_folders_are_opened_for_their_owner_alone(models: Path, tmp_path: Path) -> None:
    folder = write_own_folder(tmp_path)
    theirs = Engine(device="cpu", models_dir=models)
    for name in (str(folder), f"local-dir:{folder}", f"local-dir:{tmp_path / 'nothing'}", "~", "./tests"):
        with pytest.raises(ValueError, match=r"^This page opens no folders"):
            theirs.networks.look_up(name)
    own = Engine(device="cpu", models_dir=models, alone=True)
    assert own.open(Request(draw_picture(), own.networks.look_up(f"local-dir:{folder}"))).analysis.dense.top
    with pytest.raises(ValueError, match="There is no folder"):
        own.networks.look_up(str(tmp_path / "nothing"))
    for place in (folder, tmp_path / "again" / "own"):
        write_own(place)
        theirs.networks.add(str(place))
    menu = {key: title for title, key in theirs.networks.menu()}
    assert menu.keys() >= {"own", "own-2"}
    assert not [key for key in menu if str(tmp_path) in key], "the page names no path"
    assert theirs.open(Request(draw_picture(), "own-2")).analysis.source == "folder own-2"
    assert theirs.info("own-2").title == menu["own-2"]
    theirs.networks.add(str(folder))
    assert len(theirs._pool.offers.named) == 2


def write_own_folder(tmp_path: Path) -> Path:
    write_own(tmp_path / "own")
    return tmp_path / "own"


def test_what_is_too_large_is_refused_before_it_is_fetched(hub: Hub, models: Path) -> None:
    def look_up(limits: Limits) -> Engine:
        engine = Engine(device="cpu", models_dir=models, limits=limits)
        engine.networks.look_up(NAME)
        return engine

    size = (hub.root / "me" / "mine" / "model.safetensors").stat().st_size
    with pytest.raises(
        ValueError, match=r"^me/mine takes 0 MB of memory, and networks get at most 0 MB here$"
    ):
        look_up(Limits(network_megabytes=size / 2**21))
    hub.modes["me/mine"] = "huge"
    with pytest.raises(ValueError, match=r"model.safetensors of me/mine has 3,000 MB, and at most 1,074 MB"):
        look_up(Limits())
    hub.modes["me/mine"] = "good"
    hub.requests.clear()
    with pytest.raises(ValueError, match="This page takes no other networks"):
        look_up(Limits(hub_megabytes=0))
    assert hub.requests == []


def test_no_network_reads_more_than_there_is_room_for(hub: Hub, models: Path) -> None:
    """One row of patches cannot be had shorter."""
    engine = Engine(device="cpu", models_dir=models, limits=Limits(trace_megabytes=4))
    write_own(hub.root / "me" / "mine", img_size=(4, 1600), patch_size=4)
    with pytest.raises(ValueError, match=r"^Even the smallest picture that this network can read is larger"):
        engine.networks.look_up(NAME)


def test_a_menu_leaves_out_what_was_dropped(hub: Hub, models: Path) -> None:
    engine = Engine(device="cpu", models_dir=models)
    engine.networks.look_up(NAME)
    assert engine.networks.menu([NAME])[-1][1] == NAME
    assert engine.networks.menu([NAME, "hf-hub:me/dropped"]) == engine.networks.menu([NAME])


def test_a_description_that_is_too_large_is_told_so(hub: Hub, models: Path) -> None:
    """No option has more of it read."""
    (hub.root / "me" / "mine" / "config.json").write_text('{"a": "' + "x" * 2**21 + '"}')
    told = r"^config.json of me/mine is larger than 2 MB: no more is read of what describes a network$"
    with pytest.raises(ValueError, match=told):
        Engine(device="cpu", models_dir=models).networks.look_up(NAME)
