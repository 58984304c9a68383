"""`make image`: run the lines of the Dockerfile one by one, where no engine for containers is at hand.

In an empty folder that stands for the container's root, in an empty environment of a python that everybody
may run: RUN and COPY as they stand, then three times CMD by the user of USER, and HEALTHCHECK. It must be run
by root, with the network.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from tools.cold_start import TIMES, measure, report

ROOT = Path(__file__).parents[1]
FOLDERS = re.compile(r"(?<![\w/.:])/(app|cache|tmp)\b")  # of the container, in a line
JSON_LIST = re.compile(r"\[.*\]", re.DOTALL)


@dataclass
class Image:
    """What the lines have made so far. `root`: the folder that stands for the container's own."""

    root: Path
    folder: Path
    variables: dict[str, str]
    user: int = 0
    command: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)

    def move(self, words: str) -> str:
        """Return a line with the container's folders where they are here."""
        return FOLDERS.sub(lambda found: f"{self.root}{found[0]}", words)


def read_lines(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, each with what follows it."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    lines = kept.replace("\\\n", " ").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line.strip())]


def is_ignored(path: str, patterns: Sequence[str]) -> bool:
    """Return whether .dockerignore keeps a file out of the image: the last pattern that fits decides."""
    ignored = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        parts = (PurePosixPath(path), *PurePosixPath(path).parents)[:-1]
        if any(fits(part.as_posix(), wanted) for part in parts):
            ignored = not pattern.startswith("!")
    return ignored


def fits(path: str, pattern: str) -> bool:
    names = path.split("/")
    if pattern.startswith("**/"):
        return fnmatchcase(names[-1], pattern[3:])
    wanted = pattern.split("/")
    return len(names) == len(wanted) and all(map(fnmatchcase, names, wanted))


def list_copied(source: str) -> Iterator[str]:
    """Yield the files of this checkout that COPY takes of `source`."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    place = ROOT / source
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and not is_ignored(name, patterns):
            yield name


def run_line(image: Image, name: str, rest: str) -> None:
    """Do what a line says. Raise CalledProcessError for a RUN that fails."""
    if name == "WORKDIR":
        image.folder = Path(image.move(rest))
        image.folder.mkdir(parents=True)
    elif name == "COPY":
        *sources, _ = rest.split()
        for path in (path for source in sources for path in list_copied(source)):
            (image.folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, image.folder / path)
    elif name == "ARG":
        key, _, value = rest.partition("=")
        image.variables.setdefault(key, value)
    elif name == "ENV":
        image.variables |= dict(part.split("=", 1) for part in shlex.split(image.move(rest)))
    elif name == "RUN":
        subprocess.run(["sh", "-c", image.move(rest)], cwd=image.folder, env=image.variables, check=True)
    elif name == "USER":
        image.user = int(rest.partition(":")[0])
    elif name in ("CMD", "HEALTHCHECK"):
        found = JSON_LIST.search(rest)
        assert found, rest
        words = [image.move(word) for word in json.loads(found[0])]
        image.command, image.check = (words, image.check) if name == "CMD" else (image.command, words)


def try_image(image: Image) -> None:
    """Start what was made, `TIMES` times. Raise RuntimeError where it is silent, or writes elsewhere."""
    how = {
        "cwd": image.folder,
        "env": image.variables,
        "user": image.user,
        "group": image.user,
        "extra_groups": [],
    }

    def check() -> None:
        subprocess.run(image.check, check=True, **how)

    url = "http://127.0.0.1:7860/"
    report([measure(image.command, url=url, check=check, **how) for _ in range(TIMES)])
    written = [path for path in image.root.rglob("*") if path.lstat().st_uid == image.user]
    stray = [path for path in written if path.relative_to(image.root).parts[0] not in ("tmp", "cache")]
    if stray:
        raise RuntimeError(f"it writes {stray[0]}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the lines of the Dockerfile, without an engine.")
    parser.add_argument("--torch", default="cpu", help="the Dockerfile's TORCH: cpu or cuda")
    parser.add_argument("--python", default="/usr/bin/python3.11", help="of the version of FROM")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)
        subprocess.run([given.python, "-m", "venv", root / "python"], check=True)
        path = f"{root}/python/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        known = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        variables = {"PATH": path, "HOME": f"{root}/tmp", "TMPDIR": f"{root}/tmp", "TORCH": given.torch}  # nosec B108
        image = Image(root, root, known | variables)
        for line in read_lines((ROOT / "Dockerfile").read_text(encoding="utf-8")):
            print(*line, flush=True)
            run_line(image, *line)
        try_image(image)
    print("The lines of the Dockerfile work.")


if __name__ == "__main__":
    main()
