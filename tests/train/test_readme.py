"""All that README and docs/ show is run: commands as they stand or made small, and Python."""

from __future__ import annotations

import ast
import inspect
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vitdemo
from tests.browser.server import serve_page
from tests.forked import Forked
from tests.small_bundle import write_small_models
from tests.train.conftest import list_overrides
from tests.train.short import torchrun_short
from train import times
from train.evaluate import COMPARED
from train.options import SWEEP
from train.report import CONTROLS
from vitdemo.datasets import IMAGENETTE, PHOTO_WORDS
from vitdemo.engine import Engine
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.serving.options import parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = README + "".join(
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("numbers.md", "serving.md", "training.md")
)
LIBRARY, PYTHON = (
    "".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    for text in (README, PAGES.removeprefix(README))
)


def find_commands(text: str) -> list[str]:
    """Return the commands of the text's bash blocks, each once, without its comment."""
    lines = "".join(re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)).splitlines()
    return list(dict.fromkeys(line.partition("#")[0].strip() for line in lines))


COMMANDS = find_commands(PAGES)


def write_photos(folder: Path, *, name: str = "imagenette", classes: Iterable[str] = IMAGENETTE) -> Path:
    """Write a data set of photos in small, below `folder`: five training photos a class, one other."""
    random = np.random.default_rng(0)
    for split, kind in product(("train", "val"), classes):
        home = folder / name / split / kind
        home.mkdir(parents=True)
        for number in range(5 if split == "train" else 1):
            pixels = random.integers(0, 256, size=(40, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / f"{number}.jpg")
    return folder


def split_command(command: str, *, data: Path, dense: Path, folder: Path) -> list[str]:
    """The command as words, with this machine's python, a tiny data set, and all output below `folder`."""
    words = shlex.split(command)
    if words[0] == "make":
        return ["make", "-n", "-C", str(ROOT), *words[1:]]
    places = {"python": sys.executable, **{name: str(folder / name) for name in ("maps", "table.csv")}}
    places["my_vit"] = str(dense)
    words = [places.get(word, word) for word in words]
    if "predictors" in words:
        pictures = write_photos(folder) / "imagenette"
        return [*words[:-2], f"init={dense}", f"data={pictures}", f"runs={folder}", "epochs=1", "judged=1"]
    if any(word.startswith(("imagenette_dynamicvit", "imagenette_lightvit")) for word in words):
        # These start from a network for photos.
        small = ["model.img_size=32", "model.embed_dim=40", "batch_size=40"]
        return [*words, "--dry-run", f"data.folder={write_photos(folder)}", *small]
    if "--dry-run" in words and "--recipe" in words:
        return [*words, f"data.folder={data}", "model.depth=4", "model.embed_dim=48", "batch_size=40"]
    if "--dry-run" in words or "train.report" in words:
        return words
    if "train.bench" in words:
        return [
            *words,
            "--steps",
            "1",
            "--rounds",
            "1",
            "--batch-size",
            "2",
            "--compile",
            "no",
            "--workers",
            "0",
        ]
    if "train.evaluate" in words and "imagenette" in command:
        data = write_photos(folder)
    if "train.evaluate" in words and "photo" in command:
        data = write_photos(folder, name="photos", classes=PHOTO_WORDS)
    if "train.evaluate" in words:
        return [str(data) if word == "data" else word for word in words] + ["--limit", "5"]
    if "train" in words:
        small = [*list_overrides(data, folder), "epochs=1", "max_steps=2"]
        if "imagenette" in command:
            small += [f"data.folder={write_photos(folder)}", "distil.weight=0.0"]
        if "gpu_" in command:
            small += ["compile=false", "model.mlp_ratio=2.0"]
        if "_resnet" in command:
            small = [word for word in small if not word.startswith("model.")] + ["model.widths=[4, 8, 8, 8]"]
        elif words[-1].endswith(("_taught", "_dynamicvit", "_lightvit", "imagenette_vit")):
            small.append(f"init_from={dense}")  # in place of the network that they start from
        if "cifar10_dynamicvit" in command:
            small.append("model.prune={'prune_loc': [1, 2, 3]}")
        return [*words, *small]
    return words


def test_readme_shows_commands_for_each_use() -> None:
    for start in (
        "make demo",
        "make test",
        "python -m train ",
        "python -m train.publish vit_cifar10",
        "python -m train.publish --space",
        "python -m vitdemo",
    ):
        assert any(command.startswith(start) for command in find_commands(README)), start
    assert any(command.startswith("python -m train.evaluate") for command in COMMANDS)


CALL = "if __name__ == '__main__':\n    main()"


def run_here(words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what `python -m MODULE ...` prints, by its `main` in this process, which has torch already.

    Not by runpy: it would keep the byte code of checked functions, which no other process can run. That
    python calls `main`, too, is read in the source.
    """
    printed, module = io.StringIO(), import_module(words[2])
    if hasattr(module, "__path__"):
        module = import_module(f"{words[2]}.__main__")
    last = ast.parse(inspect.getsource(module)).body[-1]
    assert ast.unparse(last).replace("sys.exit(main())", "main()") == CALL
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [words[2], *words[3:]])
    monkeypatch.setattr(times, "BATCHES", (1, 2))
    monkeypatch.setattr(times, "ROUNDS", (1, 1))
    with redirect_stdout(printed):
        code: object = 0
        try:
            code = module.main()
        except SystemExit as end:
            code = end.code
    assert not code
    return printed.getvalue()


def run_apart(words: list[str]) -> str:
    """Return what the command prints, run in a process of its own."""
    if words[0] == "torchrun":
        forked = Forked(torchrun_short, words[1:])
        assert forked.wait() == 0, forked.read("stderr")
        return forked.read("stdout")
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works(
    command: str, data: Path, dense: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = split_command(command, data=data, dense=dense, folder=tmp_path)
    out = run_here(words, monkeypatch) if command.startswith("python -m ") else run_apart(words)
    if "--json" in words:
        printed = json.loads(out)
        assert printed
        if "--sweep" in words:
            found = [(row["keep_ratio"], row["selector"]) for row in printed["sweep"]]
            assert found == [(1.0, "learned"), *product(SWEEP[1:], ("learned", *CONTROLS))]
            work = {
                row["keep_ratio"]: row["macs"] for row in printed["sweep"] if row["selector"] == "learned"
            }
            for row in printed["reductions"][1:]:  # a percent of the patches is little work
                assert row["macs"] == pytest.approx(work[row["as_dropping"]], rel=0.04), row
            found = [(row["as_dropping"], row["reduction"]) for row in printed["reductions"]]
            assert found == [(1.0, "drop"), *product(COMPARED, REDUCTIONS)]
            dropped = {
                row["keep_ratio"]: row["accuracy"] for row in printed["sweep"] if row["selector"] == "learned"
            }
            for row in printed["reductions"]:
                if row["reduction"] == "drop" and row["selector"]:
                    assert row["accuracy"] == dropped[row["as_dropping"]]
                assert list(row["milliseconds"]) == ["1", "2"]
                assert bool(row["selector"]) == (row["reduction"] != "tome" and row["as_dropping"] < 1)
            assert all(0 <= row["accuracy"] <= 100 < row["macs"] for row in printed["sweep"])
    if words[0] == "make":
        assert ("app.py" if "demo" in words else "pytest") in out
        given = shlex.split(words[-1].removeprefix("ARGS=") if "ARGS=" in words[-1] else "")
        assert parse([word for word in given if word != "--help"])


def test_the_library_does_what_readme_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "vitdemo" / "examples" / "cat.webp", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vitdemo.library.network.find_default_model", lambda folder: "dynamicvit_cifar10")
    names: dict[str, Any] = {"vitdemo": vitdemo}
    exec(compile(LIBRARY, "README.md", "exec"), names)
    assert names["found"].label == "cat"
    for name in re.findall(r'save\("(.+?)"\)', LIBRARY):
        assert (tmp_path / name).stat().st_size > 0


def test_the_python_asks_every_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    answers: list[dict[str, Any]] = []
    with serve_page(Engine(device="cpu", models_dir=write_small_models(tmp_path))) as url:
        names: dict[str, Any] = {}
        for line in ast.parse(PYTHON.replace("http://127.0.0.1:7860", url)).body:
            if isinstance(line, ast.Expr):
                answers.append(eval(compile(ast.Expression(line.value), "serving.md", "eval"), names))
            else:
                exec(compile(ast.Module([line], []), "serving.md", "exec"), names)
        api = names["client"].view_api(return_format="dict", print_info=False)
    asked = re.findall(r'api_name="(/\w+)"', PYTHON)
    assert sorted(asked) == sorted(api["named_endpoints"])
    assert all(re.search(rf"^\| `{name}` \| \w", PAGES, re.MULTILINE) for name in asked)
    assert len(answers) == len(asked)
    assert all(answers)
