"""`make versions`: the tests that need no browser, with the oldest or the newest versions that are let in.

What requirements.txt names is installed in its oldest version, or its newest, into an empty environment; what
only the tests need comes in any version that fits. It needs the network, 7 GB of disk and an hour or more.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
RESOLUTIONS = {"oldest": "lowest-direct", "newest": "highest"}
TESTS = ["--ignore", "tests/browser", "-m", "not timing and not long", "-p", "no:cacheprovider"]


def install(python: Path, *words: str) -> None:
    """Install packages into the environment of `python`."""
    run_uv("pip", "install", "--python", str(python), *words)


def run_uv(*words: str) -> str:
    """Return what `uv` prints. Raise CalledProcessError if it fails."""
    print("$ uv", *words, flush=True)
    uv = [Path(sys.executable).with_name("uv"), *words]
    return subprocess.run(uv, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def list_direct(frozen: str) -> list[str]:
    """Return the lines of `frozen` that are of a package that requirements.txt names."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    names = re.findall(r"^[\w-]+", text, re.MULTILINE)
    return [line for line in frozen.splitlines() if line.partition("==")[0] in names]


def main() -> None:
    parser = argparse.ArgumentParser(description="Test with the oldest or the newest versions.")
    parser.add_argument("which", choices=RESOLUTIONS)
    parser.add_argument("--python", default="3.10", help="its version, or its path")
    parser.add_argument("tests", nargs="*", default=["tests"], help="files or folders; all by default")
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        home = Path(name)
        run_uv("venv", "--python", given.python, str(home / "venv"))
        python = home / "venv" / "bin" / "python"
        install(python, "--resolution", RESOLUTIONS[given.which], "-r", "requirements.txt")
        direct = list_direct(run_uv("pip", "freeze", "--python", str(python)))
        (home / "direct.txt").write_text("\n".join(direct), encoding="utf-8")
        install(python, "-r", "requirements-dev.txt", "-c", str(home / "direct.txt"))
        print(*direct, sep="\n", flush=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        words = [python, "-m", "pytest", *TESTS, *given.tests]
        sys.exit(subprocess.run(words, cwd=ROOT, env=environment).returncode)


if __name__ == "__main__":
    main()
