"""Benchmarks against the peers: `python -m tests.bench [NAME ...]`, where nothing else runs.

Whoever is compared takes turns in one process. Printed are medians with quartiles and n; a ratio is ours to
the peer's time, so that less is better. All of it takes less than ten minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.bench.race import Row, Setting
from tests.bench.report import describe_row, find_worse, read_rows, to_json, write_table
from vitdemo.files import write_atomically

ROOT = Path(__file__).parents[2]
STORED = Path(__file__).with_name("stored.json")
BENCHMARKS = (
    "forward",
    "pruned",
    "linear",
    "pictures",
    "referee",
    "memory",
    "start",
    "visit",
    "page",
    "load",
)
PACKAGES = ("torch", "timm", "transformers", "vit-pytorch", "matplotlib", "gradio", "pillow")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 where a ratio got worse or a benchmark failed, 2 for what makes no sense."""
    options = make_parser().parse_args(arguments)
    setting = Setting((2, 2), 0.0, tiny=True) if options.tiny else Setting(seconds=options.seconds)
    try:
        check_names(options)
        stored = read_rows(options.compare) if options.compare else []
        known = read_rows(options.out) if options.out and options.out.exists() else []
        facts = describe_machine()
        for name, fact in facts.items():
            print(f"{name}: {fact}", flush=True)
        wrong = []
        for name in options.names or BENCHMARKS:
            rows = measure(name, setting)
            if rows is None:
                wrong.append(f"failed: {name}")
                continue
            wrong += find_worse(rows, stored)
            known = renew(known, rows)
            if options.out:
                write_atomically(options.out, to_json(known, facts))
        if options.write and not wrong:
            write_table(known, options.write)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS) + "; all without a name")
    add("--seconds", type=float, default=8.0, help="for each race, beyond the fewest rounds (default: 8)")
    add(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"write JSON there, beside what other benchmarks left; {STORED.name} is what is compared with",
    )
    add("--compare", type=Path, nargs="?", const=STORED, metavar="FILE", help="tell what got worse by 15 %%")
    add("--write", type=Path, nargs="?", const=ROOT, metavar="FOLDER", help="put the table into its READMEs")
    add("--tiny", action="store_true", help="only to see that it works")
    return parser


def check_names(options: argparse.Namespace) -> None:
    """Raise ValueError naming a benchmark that there is not, or options that do not go together."""
    for name in options.names:
        if name not in BENCHMARKS:
            raise ValueError(f"NAME must be one of {', '.join(BENCHMARKS)}, got {name!r}")
    if options.write and options.names and not (options.out and options.out.exists()):
        raise ValueError("--write needs all benchmarks: name none, or have the others in --out FILE")


def measure(name: str, setting: Setting) -> list[Row] | None:
    """Run a benchmark, and print each row as it comes. Return None if it fails, and print why."""
    begin, rows = perf_counter(), []
    run: Callable[[Setting], Iterator[Row]] = import_module(f"tests.bench.{name}").measure
    try:
        for row in run(setting):
            print(describe_row(row), flush=True)
            rows.append(row)
    except Exception:  # the others are measured all the same
        traceback.print_exc()
        return None
    print(f"[{name}: {perf_counter() - begin:.0f} s]", flush=True)
    return rows


def renew(known: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Return the known rows with `rows` in the place of those of the same benchmarks, or at the end."""
    names = {row.benchmark for row in rows}
    old = [place for place, row in enumerate(known) if row.benchmark in names]
    place = old[0] if old else len(known)
    return [*known[:place], *rows, *(row for row in known[place:] if row.benchmark not in names)]


def describe_machine() -> dict[str, Any]:
    import torch

    from vitdemo.machine import describe_hardware

    return {
        "machine": describe_hardware(torch.device("cpu")),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {package: find_version(package) for package in PACKAGES},
    }


def find_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
