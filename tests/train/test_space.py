"""The app as a Space: published by the Hub's real client to a local imitation, and run from what it holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from huggingface_hub import RepoCard, SpaceCardData

from tests.train.uploads import Uploads
from train import space
from train.publish import main as publish
from vitdemo.registry import MODELS

ROOT = Path(__file__).parents[2]
OPENS = """
from pathlib import Path
import vitdemo
assert Path(vitdemo.__file__).is_relative_to(Path.cwd()), vitdemo.__file__
import app
from vitdemo.engine import Engine, Request
from vitdemo.examples import example_paths
from vitdemo.ui import build
engine = Engine(device="cpu")
build(engine)
print(engine.default_model, engine.open(Request(example_paths()["cat"], "vit_cifar10")).analysis.source)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a dry run would send, laid out as in the Space."""
    stage = tmp_path_factory.mktemp("space")
    space.fill_space(stage, owner_name="me/look")
    return stage


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with hardly a file, from which a Space would be filled."""
    root = tmp_path / "checkout"
    (root / "vitdemo" / "ui").mkdir(parents=True)
    (root / "checkpoints").mkdir()
    for name in space.FILES:
        shutil.copy(ROOT / name, root / name)
    for name in ("__init__.py", "ui/page.js"):
        (root / "vitdemo" / name).touch()
    monkeypatch.setattr(space, "ROOT", root)
    monkeypatch.setattr(space, "BUNDLED", root / "checkpoints")
    (tmp_path / "stage").mkdir()
    return root


def list_files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_space_takes_the_place_of_the_one_before(
    hub: Uploads, capsys: pytest.CaptureFixture[str]
) -> None:
    old = hub.root / "me" / "look" / "vitdemo" / "gone.py"
    old.parent.mkdir(parents=True)
    old.write_text("# of a version before")
    publish(["--space", "me/look"])
    assert not old.exists()
    (made,) = hub.made
    assert (made["type"], made["sdk"]) == ("space", "gradio")
    ((repo, message, paths),) = hub.commits
    assert (repo, message) == ("me/look", "The app with its bundled networks")
    tops = {path.partition("/")[0] for path in paths}
    assert tops == {
        ".gitattributes",
        "LICENSE",
        "README.md",
        "app.py",
        "checkpoints",
        "requirements.txt",
        "vitdemo",
    }
    assert not [path for path in paths if path.endswith((".pyc", ".pyi"))]
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{hub.url}/me/look/commit/")


def test_the_package_is_sent_whole(tree: Path) -> None:
    left = (".pyc", ".pyi")  # what running it leaves: compiled files, and gradio's stubs
    whole = {name for name in list_files(ROOT / "vitdemo") if not name.endswith(left)}
    assert list_files(tree / "vitdemo") == whole


def test_what_is_no_part_of_the_package_is_not_sent(checkout: Path, tmp_path: Path) -> None:
    strange = (
        "token.txt",
        ".env",
        ".key.json",
        ".idea/x.json",
        "ui/.env.py",
        "ui/notes.md",
        "a.pyc",
        "a.pyi",
        "LOG",
    )
    for name in strange:
        (checkout / "vitdemo" / name).parent.mkdir(exist_ok=True)
        (checkout / "vitdemo" / name).write_text("secret")
    (checkout / "vitdemo" / ".#page.js").symlink_to("somebody@somewhere")  # an editor's lock
    space.fill_space(tmp_path / "stage", owner_name="me/look")
    assert list_files(tmp_path / "stage") == {
        *space.FILES,
        ".gitattributes",
        "vitdemo/__init__.py",
        "vitdemo/ui/page.js",
    }


@pytest.mark.parametrize(
    "name",
    ["LICENSE", "vitdemo/ui/zh.json", "vitdemo/token.txt", "vitdemo/keys", "checkpoints/mine/notes.png"],
)
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_is_refused_by_name(name: str, kind: str, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for secret in (tmp_path / "file", tmp_path / "folder" / "keys.json"):
        secret.write_text("secret")
    (checkout / "checkpoints" / "mine").mkdir()
    (checkout / "checkpoints" / "mine" / "metrics.json").touch()
    (checkout / name).unlink(missing_ok=True)
    (checkout / name).symlink_to(tmp_path / kind)
    with pytest.raises(ValueError, match=f"^{checkout / name} is a link, and what it points to is not sent$"):
        space.fill_space(tmp_path / "stage", owner_name="me/look")


def test_a_dry_run_sends_nothing(hub: Uploads, capsys: pytest.CaptureFixture[str]) -> None:
    publish(["--space", "me/look", "--dry-run"])
    assert not hub.requests
    assert capsys.readouterr().out.endswith("dry run: nothing was sent\n")


def test_the_page_opens_from_what_was_sent_alone(tree: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPENS],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["dynamicvit_photo", "bundled"]


def test_the_front_matter_is_a_spaces_card(tree: Path) -> None:
    text = (tree / "README.md").read_text(encoding="utf-8")
    data = RepoCard(text).data
    assert SpaceCardData(**data.to_dict()).to_dict() == data.to_dict()
    raw = yaml.safe_load(text.split("---")[1])
    served = {spec.source.removeprefix("hf-hub:") for spec in MODELS.values() if spec.source != "bundled"}
    assert set(raw["models"]) == served
    (preloaded,) = raw["preload_from_hub"]
    assert preloaded.split()[0] in served
    assert set(preloaded.split()[1].split(",")) == {"config.json", "model.safetensors"}
    place = raw["thumbnail"].removeprefix("https://huggingface.co/spaces/me/look/resolve/main/")
    assert (tree / place).is_file()
    assert len(raw["short_description"]) <= 60


def test_torch_comes_as_the_wheels_without_a_gpu(tree: Path) -> None:
    first, *rest = (tree / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert first == "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert rest == (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()


def test_large_files_go_by_lfs(tree: Path) -> None:
    patterns = [line.split()[0] for line in (tree / ".gitattributes").read_text().splitlines()]
    large = [path for path in tree.rglob("*") if path.is_file() and path.stat().st_size > 10 * 10**6]
    assert large
    assert all(any(path.match(pattern) for pattern in patterns) for path in large)


def test_a_readme_that_is_no_spaces_is_named(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text(re.sub(r"(?m)^sdk: .*\n", "", text), encoding="utf-8")
    with pytest.raises(ValueError, match=r"front matter of README\.md has no sdk"):
        space.write_card(tmp_path / "README.md", owner_name="me/look")
