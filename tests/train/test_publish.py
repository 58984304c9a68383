"""Publishing by the Hub's real client to a local imitation of the Hub, and loading from there again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.train.uploads import Uploads
from tests.weights.hub import COMMIT, make_probe
from tests.weights.samples import CONFIG, compute_logits, write_own, write_tensors
from train.publish import check_address
from train.publish import main as publish
from vitdemo.models import VisionTransformer
from vitdemo.weights import load_model, read_spec

CARD = "---\nlicense: apache-2.0\n---\n# mine\n\n87.50 % of all pictures\n\n![curves](curves.png)\n"
FILES = ["README.md", "config.json", "curves.png", "metrics.json", "model.safetensors"]


def write_checkpoint(folder: Path) -> VisionTransformer:
    model = write_own(folder)
    (folder / "README.md").write_text(CARD)
    judged = json.loads((folder / "config.json").read_text())["sha256"]
    (folder / "metrics.json").write_text(json.dumps({"accuracy": 87.5, "sha256": judged}))
    (folder / "curves.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "notes.txt").write_text("not for the Hub")
    (folder / "desk.png").write_bytes((folder / "curves.png").read_bytes())
    return model


def test_what_is_published_loads_from_the_hub(
    hub: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_checkpoint(tmp_path / "mine")
    publish([str(tmp_path / "mine"), "--repo", "me/new"])
    assert hub.commits == [("me/new", "mine: weights, card and figures", FILES)]
    for name in FILES:
        assert (hub.root / "me" / "new" / name).read_bytes() == (tmp_path / "mine" / name).read_bytes()
    assert capsys.readouterr().out.splitlines()[-1] == f"{hub.url}/me/new/commit/{COMMIT}"
    torch.testing.assert_close(load_model("hf-hub:me/new").model(make_probe(16)), compute_logits(model, 16))
    publish([str(tmp_path / "mine"), "--repo", "me/space", "--subfolder", "vit_cifar10"])
    monkeypatch.setenv("VITDEMO_HUB_REPO", "me/space")
    loaded = load_model("vit_cifar10", models_dir=tmp_path / "nowhere")
    assert loaded.origin.source == f"hf-hub:me/space@{COMMIT}"
    torch.testing.assert_close(loaded.model(make_probe(16)), compute_logits(model, 16))
    hub.stop()  # what the cache has tells the menu what the network is, without a request
    assert read_spec("vit_cifar10", models_dir=tmp_path / "nowhere") == loaded.spec
    assert loaded.spec.config == CONFIG


def test_a_dry_run_lists_and_sends_nothing(
    hub: Uploads, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_checkpoint(tmp_path / "mine")
    publish([str(tmp_path / "mine"), "--repo", "me/new", "--subfolder", "a", "--dry-run"])
    printed = capsys.readouterr().out
    assert [name for name in FILES if f"{name} -> me/new/a (" in printed] == FILES
    assert "notes.txt" not in printed
    assert "desk.png" not in printed  # the card does not name it
    assert not hub.requests


def test_a_folder_may_be_a_link_but_hold_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_checkpoint(tmp_path / "mine")
    (tmp_path / "secret").write_bytes(b"\x89PNG\r\n\x1a\n and a secret")
    (tmp_path / "link").symlink_to("mine")
    words = [str(tmp_path / "link"), "--repo", "me/new", "--dry-run"]
    publish(words)
    assert "curves.png -> me/new (" in capsys.readouterr().out
    for name in ("curves.png", "notes.png", "familiarity.safetensors"):
        (tmp_path / "mine" / name).unlink(missing_ok=True)
        (tmp_path / "mine" / name).symlink_to(tmp_path / "secret")
        with pytest.raises(SystemExit, match=rf"^error: .*/{name} is a link, and what it points to is not"):
            publish(words)
        (tmp_path / "mine" / name).unlink()
    assert "secret" not in capsys.readouterr().out


def test_only_a_file_is_a_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_checkpoint(tmp_path)
    (tmp_path / "README.md").write_text(CARD + "![a folder](folder.png) ![far](https://there/desk.png)")
    (tmp_path / "folder.png").mkdir()
    publish([str(tmp_path), "--repo", "me/new", "--dry-run"])
    assert "\n5 files, " in capsys.readouterr().out


def test_a_refusal_is_one_sentence(hub: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path / "mine")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(SystemExit, match=r"error: the Hub refused me/new \(status 401\): log in first"):
        publish([str(tmp_path / "mine"), "--repo", "me/new"])
    hub.stop()
    with pytest.raises(SystemExit, match="error: me/new could not be published"):
        publish([str(tmp_path / "mine"), "--repo", "me/new"])
    assert not hub.commits


def lose(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def spoil(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["head.bias"][1] = torch.nan
    write_tensors(folder, tensors)


def flip(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-4] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def change_card(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    (folder / "README.md").write_text(card.replace("87.50", "96.01"))


DAMAGE = {
    "no card": (lose("README.md"), "has no README.md"),
    "no metrics": (lose("metrics.json"), "has no metrics.json"),
    "bare card": (lambda f: (f / "README.md").write_text("# mine"), "lacks the front matter with a license"),
    "no accuracy": (lambda f: (f / "metrics.json").write_text("{}"), "does not state an accuracy"),
    "empty": (lambda f: os.truncate(f / "curves.png", 0), r"curves.png is empty"),
    "no picture": (lambda f: (f / "curves.png").write_text("a secret"), r"curves.png is not a PNG"),
    "figures of others": (write_own, "metrics.json was measured with other weights than model.safetensors"),
    "card of others": (change_card, r"README.md does not state the accuracy of metrics.json, 87.50 %"),
    "not finite": (spoil, "head.bias has numbers that are not finite"),
    "one bit": (flip, "model.safetensors of .* is damaged: its sha256"),
    "other network": (lambda f: (f / "config.json").write_text("{}"), "config.json of .* the format is none"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_bad_checkpoint_is_not_published(kind: str, tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    harm, message = DAMAGE[kind]
    harm(tmp_path)
    with pytest.raises(SystemExit, match=message):
        publish([str(tmp_path), "--repo", "me/new", "--dry-run"])


def test_a_name_that_nothing_has_is_named() -> None:
    with pytest.raises(SystemExit, match="there is no folder vit_nothing"):
        publish(["vit_nothing", "--repo", "me/new"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--space", "me/app", "--subfolder", "a"], "--subfolder is a folder of --repo"),
        (["my_vit", "--space", "me/app"], "name a network for --repo, and none for --space"),
        (["--repo", "me/new"], "name a network for --repo, and none for --space"),
    ],
)
def test_words_that_do_not_go_together_are_named(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        publish([*words, "--dry-run"])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


NO_FOLDERS = (
    "../../etc",
    "/etc",
    ".",
    "a//b",
    "a/",
    "a/./b",
    "~",
    "a\n",
    "a b",
    ".git",
    "a/.git",
    "a\\b",
    "é",
)


@pytest.mark.parametrize(
    "words",
    [["--repo", "bad name!!"], ["--repo", "alone"], ["--space", "me/two/parts"],
     *(["--repo", "me/new", "--subfolder", folder] for folder in NO_FOLDERS)],
)  # fmt: skip
def test_an_address_that_the_hub_would_refuse_is_refused_by_a_dry_run(
    words: list[str], tmp_path: Path
) -> None:
    write_checkpoint(tmp_path)
    name = [] if "--space" in words else [str(tmp_path)]
    with pytest.raises(SystemExit, match=r"error: '.*' is no (name on the Hub|folder within a repository)"):
        publish([*name, *words, "--dry-run"])


@pytest.mark.parametrize("folder", ["", "vit_cifar10", "a/b-2/v1.0", "_a", "-"])
def test_a_folder_within_a_repository_is_accepted(folder: str) -> None:
    check_address("me/new", folder)


def test_a_run_is_published_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VITDEMO_RUNS", str(tmp_path))
    write_checkpoint(tmp_path / "my_vit" / "export")
    publish(["my_vit", "--repo", "me/new", "--dry-run"])
    assert "model.safetensors -> me/new (" in capsys.readouterr().out
