"""What decoding takes of the machine, measured in a process that does nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bombs import write_bombs
from vitdemo.limits import Limits

ROOT = Path(__file__).parents[1]
# Peak and present size of the process in kB; 5 resets the peak (Linux: man 5 proc).
CHILD = """
import json, re, sys
from pathlib import Path
from vitdemo.decode import BadImage, decode

def kilobytes(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

idle = kilobytes("VmRSS")
for path in sorted(Path(sys.argv[1]).iterdir()):
    Path("/proc/self/clear_refs").write_text("5")
    try:
        said, size = "", decode(path).size
    except BadImage as error:
        said, size = str(error), None
    print(json.dumps([path.name, said, size, (kilobytes("VmHWM") - idle) / 1024]), flush=True)
assert not {"torch", "gradio", "torchvision", "vitdemo.data"} & set(sys.modules)
"""


# Those of each format that take the most of it, and all that are refused for what they say of themselves.
DEAREST = {
    *("png-8-bit-6.png", "png-texts.png", "tiff-CMYK-5600.tif", "tiff-tile.tif", "webp.webp"),
    *("webp-canvas.webp", "avif.avif", "avif-size.avif", "gif.gif", "bmp.bmp", "jpeg-inks.jpg"),
    "jpeg-4-4-4.jpg",
}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured the Linux way")
@pytest.mark.parametrize("names", [DEAREST, pytest.param(None, marks=pytest.mark.long)], ids=["dear", "all"])
def test_no_file_takes_more_memory_than_the_limit(tmp_path: Path, names: set[str] | None) -> None:
    right, limit = write_bombs(tmp_path, names=names), Limits().picture_megabytes
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    measured = [json.loads(line) for line in done.stdout.splitlines()]
    assert {name for name, *_ in measured} == set(right)
    assert names is None or set(right) == names
    for name, said, _, peak in measured:
        assert bool(right[name]) == bool(said), f"{name}: {said}"
        assert re.search(right[name], said), said
        assert peak <= (32 if said else limit), f"{name} took {peak:.0f} MB"
    assert max(peak for *_, peak in measured) > limit / 2, "the files do not come near the limit"
