"""What was measured, as lines, as JSON, as a table of README, and against what was measured before."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.bench.race import Row, Spread
from vitdemo.files import write_atomically

WORSE = 1.15  # times the stored one: a ratio that is larger is told
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HEADS = {
    "README.md": "| benchmark | here (quartiles, n) | of the peer's (quartiles) | bar |",
    "README.zh.md": "| 基准 | 本项目 (四分位数, n) | 与对照之比 (四分位数) | 目标 |",
}


def describe_row(row: Row) -> str:
    """Return a row as one line for people."""
    words = f"{row.benchmark}: {row.case}: {describe_spread(row.ours)} {row.unit}"
    if row.ratio and row.theirs:
        words += f"; {row.peer} {describe_spread(row.theirs)}: ratio {describe_spread(row.ratio)}"
    elif row.peer:
        words += f"; {row.peer}: not measured"
    return words + describe_bar(row) + (f" ({row.note})" if row.note else "")


def describe_bar(row: Row) -> str:
    if row.bar is None or row.judged is None:
        return ""
    over = row.judged.median / row.bar - 1
    return f"; bar {row.bar:.4g} {f'missed by {over:.0%}' if row.missed else 'met'}"


def describe_spread(spread: Spread) -> str:
    """Return "12.3 (12.1 to 12.8, n = 9)", with as many digits as the median deserves."""
    middle, low, high = (show(value) for value in (spread.median, spread.low, spread.high))
    return middle if spread.n == 1 else f"{middle} ({low} to {high}, n = {spread.n})"


def show(value: float) -> str:
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}".removesuffix(".00") if value != 0 else "0"


def to_json(rows: Sequence[Row], facts: dict[str, Any]) -> str:
    return json.dumps({**facts, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file that `to_json` made. Raise ValueError naming a file that is none."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        for row in rows:
            for name in ("ours", "theirs", "ratio"):
                row[name] = row[name] and Spread(**row[name])
        return [Row(**row) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} holds no measurements: {error}") from error


def find_worse(rows: Sequence[Row], stored: Sequence[Row]) -> list[str]:
    """Return a line for each ratio that grew by more than 15 %.

    Times without a peer are of the machine, and are not compared; numbers of requests and bytes are.
    """
    before = {name_row(row): row for row in stored}
    lines = []
    for row in rows:
        old = before.get(name_row(row))
        if old is None or row.judged is None or old.judged is None or (not row.peer and row.unit == "ms"):
            continue
        if row.judged.median > WORSE * old.judged.median:
            was, now = show(old.judged.median), show(row.judged.median)
            lines.append(
                f"worse: {row.benchmark}, {row.case}{row.peer and f', to {row.peer}'}: {was} -> {now}"
            )
    return lines


def name_row(row: Row) -> tuple[str, str, str]:
    return row.benchmark, row.case, row.peer


def write_table(rows: Sequence[Row], folder: Path) -> None:
    """Put the table between its marks in the READMEs of `folder`. Raise ValueError where there are none."""
    lines = [
        line for _, group in groupby(rows, key=lambda row: row.benchmark) for line in list_lines([*group])
    ]
    for name, head in HEADS.items():
        path = folder / name
        text = path.read_text(encoding="utf-8")
        table = "\n".join([BEGIN, head, "|---|---|---|---|", *lines, END])
        new, found = re.subn(f"{BEGIN}.*?{END}", lambda match, table=table: table, text, flags=re.DOTALL)
        if not found:
            raise ValueError(f"{path} has no {BEGIN} and {END}")
        write_atomically(path, new)


def list_lines(rows: Sequence[Row]) -> list[str]:
    """Return the lines of one benchmark: a case each, its peers in one cell."""
    lines = []
    for case, group in groupby(rows, key=lambda row: row.case):
        same = list(group)
        peers = [f"{row.peer} {describe_ratio(row)}" for row in same if row.peer]
        bars = [f"{row.bar:.2f}" for row in same if row.bar is not None and row.peer]
        bars = bars or [f"{show(row.bar)} {row.unit}" for row in same if row.bar is not None]
        first = same[0]
        ours = f"{describe_spread(first.ours)} {first.unit}{'*' * (first.missed and not first.peer)}"
        bar = ", ".join(dict.fromkeys(bars))
        lines.append(f"| {first.benchmark}, {case} | {ours} | {', '.join(peers)} | {bar} |")
    return lines


def describe_ratio(row: Row) -> str:
    """Return a peer's cell; a bar that is missed is marked by an asterisk."""
    if row.ratio is None:
        return "not measured"
    return f"{row.ratio.median:.2f}{'*' * row.missed} ({row.ratio.low:.2f} to {row.ratio.high:.2f})"
