"""How long the app takes: to say what its options are, to be there, and to answer somebody's own picture."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from time import perf_counter

from tests.bench.race import Row, Setting, summarise
from tools.cold_start import ROOT, free_port
from tools.cold_start import measure as start_app

NAME = "start"
TIMES = 3
HELP, PAGE, ANSWER = 1500.0, 8000.0, 1000.0  # milliseconds; the answer after the page


def measure(setting: Setting) -> Iterator[Row]:
    """Measure processes of their own, one after the other."""
    times = 1 if setting.tiny else TIMES
    helps = [time_help() for _ in range(times)]
    yield Row(NAME, "`app.py --help`", summarise(helps), bar=HELP)
    if setting.tiny:
        return
    starts = []
    for _ in range(times):
        port = free_port()
        words = [sys.executable, "app.py", "--port", str(port), "--device", "cpu"]
        starts.append(start_app(words, url=f"http://127.0.0.1:{port}/", cwd=ROOT))
    yield Row(NAME, "server ready", summarise([1000 * start.page for start in starts]), bar=PAGE)
    later = [1000 * (start.answer - start.page) for start in starts]
    yield Row(NAME, "first answer to an upload, after that", summarise(later), bar=ANSWER)


def time_help() -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "app.py", "--help"], cwd=ROOT, check=True, capture_output=True)
    return 1000 * (perf_counter() - begin)
