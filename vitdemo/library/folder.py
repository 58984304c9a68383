"""A folder of pictures in one call: batches, one table, and a run that was stopped goes on."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from tqdm import tqdm

from vitdemo.files import replace_file, write_atomically
from vitdemo.folders import SUFFIXES, list_pictures
from vitdemo.library.network import Model, load
from vitdemo.library.parts import Parts, digest
from vitdemo.processes import World

BATCH = 32  # pictures: more hardly makes a core faster
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet takes for the start of one
Row: TypeAlias = dict[str, Any]


def predict_folder(
    folder: str | Path,
    out: str | Path,
    *,
    model: Model = "",
    pruning_ratio: float = 0.0,
    selector: str = "",
    size: int | str = "",
    reduction: str = "drop",
    stages: str = "",
    replace: bool = False,
) -> list[Row]:
    """Write a table of what the network says of every picture below `folder`, and return its rows.

    `out`: NAME.csv or NAME.parquet; a table that is there is replaced only if `replace`. `size`, at which the
    pictures are read, `reduction` and `stages`: as in `Network.open`. A row tells the file, label and
    probability, those of the pruned pass where something is pruned, whether the picture is unfamiliar, and an
    error, one sentence, of a file that cannot be read. A CSV has an apostrophe before a text that a
    spreadsheet would run as a formula.
    What is done lies in NAME.csv.parts until all is; a run that was stopped goes on there, and looks again at
    pictures that have changed. The processes that torchrun started share the work, and return all rows once
    it is done.
    Raise ValueError with one sentence for an option, for a folder without pictures, for a table that is
    there, and where parts of a run with other settings or foreign files lie; OSError naming a file that
    cannot be written.
    """
    folder, out, world = Path(folder), Path(out), World.current()
    check_table(out, replace=replace)
    network = load(model)
    named = {"selector": selector, "size": str(size), "reduction": reduction, "stages": stages}
    asked: dict[str, Any] = {"pruning_ratio": pruning_ratio, **named}
    network.answer((), **asked)  # wrong options leave nothing behind
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    files = {path.relative_to(folder).as_posix(): path for path in list_pictures(folder)}
    if not files:
        raise ValueError(f"{folder} holds no pictures ({', '.join(SUFFIXES)})")
    parts = Parts(out.with_name(f"{out.name}.parts"), {"model": network.name, **asked})
    with world.let_one_go_first():
        parts.begin(files)
    done = parts.read()
    own = [file for file in list(files)[world.rank :: world.size] if file not in done]
    with tqdm(total=len(own), desc=folder.name, unit="picture", disable=None) as bar:
        for start in range(0, len(own), BATCH):
            batch = {file: files[file] for file in own[start : start + BATCH]}
            digests = [digest(path) for path in batch.values()]
            said = network.answer(list(batch.values()), **asked)
            parts.add(batch, digests, said)
            bar.update(len(batch))
    world.wait()
    done = parts.read()
    table = [{"file": spell(file), **done[file], "model": network.name} for file in files]
    world.wait()
    if world.writes:
        write_table(out, table)
        parts.remove()
    return table


def spell(path: str) -> str:
    """Return how the table writes a path, whose bytes need not be text."""
    return path.encode(errors="replace").decode()


def check_table(out: Path, *, replace: bool) -> None:
    """Raise ValueError with one sentence for a table that cannot be written, or is there and shall stay."""
    if out.is_dir():
        raise ValueError(f"{out} is a folder: name a table, NAME.csv or NAME.parquet")
    if out.suffix not in (".csv", ".parquet"):
        raise ValueError(f"a table must be called NAME.csv or NAME.parquet, got {out.name!r}")
    if out.exists() and not replace:
        raise ValueError(f"{out} is there already: name another table, or say --replace (replace=True)")
    if out.suffix == ".csv":
        return
    try:
        import_module("pyarrow")
    except ImportError:
        raise ValueError(f"{out.name} needs pyarrow, which is not installed; name a .csv instead") from None


def write_table(out: Path, table: Sequence[Row]) -> None:
    """Write the rows as the name says. Where `out` is a link, what it points to is written."""
    write = write_csv if out.suffix == ".csv" else write_parquet
    write(Path(os.path.realpath(out)), table)


def write_csv(out: Path, table: Sequence[Row]) -> None:
    """Write one line a row; what a row has not is empty, and no text is a formula."""
    text = io.StringIO()
    # Every text is in quotes, since a return within one that is not would begin a line.
    writer = csv.DictWriter(text, table[0], lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    writer.writerows({name: defuse(cell) for name, cell in row.items()} for row in table)
    write_atomically(out, text.getvalue())


def defuse(cell: Any) -> Any:
    """Return a cell of a CSV: an apostrophe goes before a text that a spreadsheet would run."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def write_parquet(out: Path, table: Sequence[Row]) -> None:
    """Write the rows with their kinds; what a row has not is null."""
    pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    kinds = {"probability": pyarrow.float64(), "pruned_probability": pyarrow.float64()}
    kinds["unfamiliar"] = pyarrow.bool_()
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in table[0]])
    with replace_file(out) as part:
        parquet.write_table(pyarrow.Table.from_pylist(list(table), schema), part)
