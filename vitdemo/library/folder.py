"""A folder of pictures in one call: batches, one table, and a run that was stopped goes on."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from tqdm import tqdm

from vitdemo.files import replace_file, write_atomically
from vitdemo.folders import SUFFIXES, list_pictures
from vitdemo.library.network import Model, load
from vitdemo.processes import World

BATCH = 32  # pictures: more hardly makes a core faster
SETTINGS = "settings.json"
Row: TypeAlias = dict[str, Any]


def predict_folder(
    folder: str | Path, out: str | Path, *, model: Model = "", pruning_ratio: float = 0.0, selector: str = ""
) -> list[Row]:
    """Write a table of what the network says of every picture below `folder`, and return its rows.

    `out`: NAME.csv or NAME.parquet. A row tells the file, label and probability, those of the pruned pass
    where `pruning_ratio` is above 0, whether the picture is unfamiliar, and an error, one sentence, of a file
    that cannot be read. What is done lies in NAME.csv.parts until all is; a run that was stopped goes on
    there. The processes that torchrun started share the work, and return all rows once it is done.
    Raise ValueError with one sentence for an option, for a folder without pictures, and where parts of a run
    with other settings lie; OSError naming a file that cannot be written.
    """
    folder, out, world = Path(folder), Path(out), World.current()
    write, network = choose_writer(out), load(model)
    network.answer((), pruning_ratio=pruning_ratio, selector=selector)  # wrong options leave nothing behind
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    files = {spell(path.relative_to(folder)): path for path in list_pictures(folder)}
    if not files:
        raise ValueError(f"{folder} holds no pictures ({', '.join(SUFFIXES)})")
    parts = out.with_name(f"{out.name}.parts")
    settings = {"model": network.name, "pruning_ratio": pruning_ratio, "selector": selector}
    with world.let_one_go_first():
        begin(parts, settings)
    done = read_parts(parts)
    own = [file for file in list(files)[world.rank :: world.size] if file not in done]
    with tqdm(total=len(own), desc=folder.name, unit="picture", disable=None) as bar:
        for start in range(0, len(own), BATCH):
            batch = own[start : start + BATCH]
            said = network.answer(
                [files[file] for file in batch], pruning_ratio=pruning_ratio, selector=selector
            )
            rows = [{"file": file, **asdict(one)} for file, one in zip(batch, said, strict=True)]
            write_atomically(parts / f"{uuid4().hex}.json", json.dumps(rows))
            bar.update(len(batch))
    world.wait()
    done = read_parts(parts)
    table = [{**done[file], "model": network.name} for file in files]
    world.wait()
    if world.writes:
        write(out, table)
        shutil.rmtree(parts)
    return table


def spell(path: Path) -> str:
    """Return how the table writes a path, whose bytes need not be text."""
    return path.as_posix().encode(errors="replace").decode()


def begin(parts: Path, settings: Row) -> None:
    """Make the folder of parts, or go on in it. Raise ValueError where it was begun with other settings."""
    path = parts / SETTINGS
    if not path.is_file():
        write_atomically(path, json.dumps(settings))
    elif json.loads(path.read_text("utf-8")) != settings:
        raise ValueError(f"{parts} was begun with other settings: remove it, or name another table")


def read_parts(parts: Path) -> dict[str, Row]:
    """Return the rows that are done, by file."""
    paths = (path for path in parts.glob("*.json") if path.name != SETTINGS)
    return {row["file"]: row for path in paths for row in json.loads(path.read_text("utf-8"))}


def choose_writer(out: Path) -> Callable[[Path, Sequence[Row]], None]:
    """Return what writes a table of the kind that the name says. Raise ValueError for another one."""
    if out.suffix == ".csv":
        return write_csv
    if out.suffix != ".parquet":
        raise ValueError(f"a table must be called NAME.csv or NAME.parquet, got {out.name!r}")
    try:
        import_module("pyarrow")
    except ImportError:
        raise ValueError(f"{out.name} needs pyarrow, which is not installed; name a .csv instead") from None
    return write_parquet


def write_csv(out: Path, table: Sequence[Row]) -> None:
    """Write one line a row; what a row has not is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, table[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    write_atomically(out, text.getvalue())


def write_parquet(out: Path, table: Sequence[Row]) -> None:
    """Write the rows with their kinds; what a row has not is null."""
    pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    kinds = {"probability": pyarrow.float64(), "pruned_probability": pyarrow.float64()}
    kinds["unfamiliar"] = pyarrow.bool_()
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in table[0]])
    with replace_file(out) as part:
        parquet.write_table(pyarrow.Table.from_pylist(list(table), schema), part)
