"""gradio is imported without a look at its stubs, which take nearly half of that time."""

from __future__ import annotations

import subprocess
import sys

from tests.browser.server import ROOT

PROGRAM = """
import inspect, sys
seen = []
sys.addaudithook(lambda event, values: seen.append(str(values[0])) if event == "open" else None)
from vitdemo.serving.stubs import without_stubs
find = inspect.getfile
with without_stubs():
    import gradio
    from vitdemo.ui.kit.pictures import Figure
assert inspect.getfile is find
stubs = [path for path in seen if path.endswith(".pyi")]
assert not stubs, stubs
assert Figure.change and inspect.getfile(Figure).endswith("pictures.py")
"""


def test_no_stub_is_opened_and_all_is_as_before_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
