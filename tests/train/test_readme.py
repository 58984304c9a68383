"""Every command that README shows is run: as it stands, or made small by the words given here."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.train.conftest import overrides

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]


def words_for(command: str, *, data: Path, dense: Path, folder: Path) -> list[str]:
    """The command as words, with this machine's python, a tiny data set, and all output below `folder`."""
    words = shlex.split(command)
    if words[0] == "make":
        return ["make", "-n", "-C", str(ROOT), *words[1:]]
    words = [{"python": sys.executable, "maps": str(folder / "maps")}.get(word, word) for word in words]
    if words[0] == "torchrun":
        words = [sys.executable, "-m", "torch.distributed.run", *words[1:]]
    if "--dry-run" in words or "train.report" in words:
        return words
    if "train.bench" in words:
        return [*words, "--steps", "1", "--rounds", "1", "--batch-size", "8"]
    if "train.evaluate" in words:
        return [str(data) if word == "data" else word for word in words] + ["--limit", "20"]
    if "train" in words:
        small = [*overrides(data, folder), "epochs=1", "max_steps=2"]
        if "cifar10_resnet" in words:
            small = [word for word in small if not word.startswith("model.")]
        elif "cifar10_vit" not in words:  # another one starts from the dense network
            small.append(f"init_from={dense}")
        if "cifar10_dynamicvit" in words:
            small.append("model.prune={'prune_loc': [1, 2, 3]}")
        return [*words, *small]
    return words


def test_readme_shows_commands_for_each_use() -> None:
    for start in (
        "make demo",
        "make test",
        "python -m train ",
        "python -m train.evaluate",
        "python -m vitdemo",
    ):
        assert any(command.startswith(start) for command in COMMANDS), start


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_readme_works(command: str, data: Path, dense: Path, tmp_path: Path) -> None:
    words = words_for(command, data=data, dense=dense, folder=tmp_path)
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    if "--json" in words:
        assert json.loads(result.stdout)
    if words[0] == "make":
        assert ("app.py" if "demo" in words else "pytest") in result.stdout
