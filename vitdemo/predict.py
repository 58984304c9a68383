"""The demo without a browser: python -m vitdemo.predict IMAGE... [--model NAME] [--pruning-ratio 0.3].

With `--out TABLE` a folder takes the place of the pictures; torchrun may start several processes for it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vitdemo import render
from vitdemo.decode import BadImage
from vitdemo.engine import Analysis, Engine, Look, Outcome, Request, Result, Timings
from vitdemo.files import replace_file
from vitdemo.library import load, predict_folder
from vitdemo.library.folder import check_table
from vitdemo.limits import ALONE, Limits
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.models.selectors import SELECTORS
from vitdemo.png import encode_png
from vitdemo.processes import World, join_processes, take_device
from vitdemo.registry import MODELS, PREFERRED
from vitdemo.timing import Timing, describe, describe_saving, saving
from vitdemo.weights import find_names

GALLERY_COLUMNS = 4
ASKED = ("pruning_ratio", "selector", "size", "reduction", "stages")


def make_parser() -> argparse.ArgumentParser:
    known = ", ".join(MODELS)
    result = argparse.ArgumentParser(prog="python -m vitdemo.predict", description=__doc__)
    result.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="files, or one folder")
    result.add_argument(
        "--model", default="", metavar="NAME",
        help=f"{known}, the name of a run or of a folder beside these, a folder, or "
        "hf-hub:owner/repo[@revision] "
        f"(default: the first of {', '.join(PREFERRED)} that is bundled)",
    )  # fmt: skip
    result.add_argument(
        "--pruning-ratio", type=float, default=0.3, metavar="R",
        help="share of the patches dropped at each stage, 0 to 0.9 (default: %(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--stages", default="", metavar="3:0.7,6:0.5",
        help="the layers, from 0, before which that share of the patches stays; in place of a ratio",
    )  # fmt: skip
    result.add_argument(
        "--selector", default="", metavar="NAME",
        help=f"what scores the patches: {', '.join(SELECTORS)} (default: the model's best)",
    )  # fmt: skip
    result.add_argument(
        "--reduction", default="drop", metavar="NAME",
        help=f"what becomes of the patches that are not kept: {', '.join(REDUCTIONS)} (default: %(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--size", default="", metavar="N",
        help="read the picture at N pixels on its short side, or in its own shape: own "
        "(default: as the network likes it)",
    )  # fmt: skip
    result.add_argument("--save-maps", type=Path, metavar="DIR", help="write the pictures as PNG files there")
    result.add_argument(
        "--out", type=Path, metavar="TABLE",
        help="write a table of a folder there, NAME.csv or NAME.parquet; a run that was stopped goes on",
    )  # fmt: skip
    result.add_argument("--replace", action="store_true", help="write over a table that is there")
    result.add_argument("--json", action="store_true", help="print a JSON list, one object an image")
    result.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    result.add_argument(
        "--download-megabytes", type=int, default=Limits.download_megabytes, metavar="N",
        help="the largest file that is fetched from the Hub (default: %(default)s)",
    )  # fmt: skip
    result.add_argument("--models-dir", type=Path, metavar="DIR", help="where the bundled weights lie")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 when an image could not be used, 2 when the options or the weights could not."""
    options = make_parser().parse_args(arguments)
    if options.out is not None:
        return write_table(options)
    extra = () if options.model in ("", *find_names(options.models_dir)) else (options.model,)
    results: list[dict[str, Any]] = []
    names, failed = make_unique(options.images), False
    try:
        engine = Engine(
            device=options.device,
            models_dir=options.models_dir,
            extra_models=extra,
            limits=replace(ALONE, download_megabytes=options.download_megabytes),
        )
        for path, name in zip(options.images, names, strict=True):
            request = Request(path, options.model, **{name: getattr(options, name) for name in ASKED})
            try:
                result = engine.open(request, progress=Narrator())
            except BadImage as error:
                say(f"error: {error}")
                failed = True
                continue
            analysis, times = result.analysis, result.times()
            for note in filter(None, (analysis.note, analysis.resized)):
                say(f"note: {note}")
            results.append(as_json(path, analysis, times))
            if not options.json:
                print(format_outcomes(path, analysis, times), flush=True)
            if options.save_maps is not None:
                save_maps(result, folder=options.save_maps, name=name)
    except (ValueError, OSError) as error:
        say(f"error: {error}")
        return 2
    if options.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    return 1 if failed else 0


def write_table(options: argparse.Namespace) -> int:
    """Write the table of a folder. Exit status as `main`."""
    try:
        if len(options.images) != 1:
            raise ValueError("--out takes one folder of pictures")
        check_table(options.out, replace=options.replace)  # before a network is loaded or fetched
        with join_processes(take_device(options.device)):
            network = load(
                options.model,
                device=options.device,
                models_dir=options.models_dir,
                download_megabytes=options.download_megabytes,
            )
            table = predict_folder(
                options.images[0],
                options.out,
                model=network,
                **{name: getattr(options, name) for name in ASKED},
                replace=options.replace,
            )
            first = World.current().writes
    except (ValueError, OSError) as error:
        say(f"error: {error}")
        return 2
    failed = sum(bool(row["error"]) for row in table)
    if first:
        print(f"{options.out}: {len(table):,} pictures, of which {failed:,} could not be read")
    return 1 if failed else 0


def as_json(path: Path, analysis: Analysis, times: Timings) -> dict[str, Any]:
    """Return what `--json` prints of one image; `pruned` is null at pruning ratio 0."""
    dense, *pruned = times
    return {
        "image": str(path),
        "model": analysis.model,
        "source": analysis.source,
        "vocabulary": analysis.vocabulary,
        "classes": list(analysis.classes),
        "unfamiliar": analysis.unfamiliar,
        "input_size": list(analysis.input_size),
        "pruning_ratio": analysis.pruning_ratio,
        "selector": analysis.selector,
        "reduction": analysis.reduction,
        "stages": analysis.stages,
        "dense": outcome_as_json(analysis.dense, dense),
        "pruned": None if analysis.pruned is None else outcome_as_json(analysis.pruned, *pruned),
        "kept": [list(ids) for ids in analysis.kept],
    }


def outcome_as_json(outcome: Outcome, time: Timing | None) -> dict[str, Any]:
    return {
        "top": [{"label": label, "probability": probability} for label, probability in outcome.top],
        "tokens": list(outcome.tokens),
        "macs": outcome.macs,
        "time": time and asdict(time),
    }


def format_outcomes(path: Path, analysis: Analysis, times: Timings) -> str:
    """Return one image for people: dense and pruned side by side, and what pruning did to the time."""
    columns = [("dense", analysis.dense)]
    if analysis.pruned is not None:
        how = ", ".join(filter(None, (analysis.selector, analysis.reduction if analysis.merges else "")))
        where = analysis.stages or f"{analysis.pruning_ratio:.0%}"
        columns.append((f"pruned {where}, {how}", analysis.pruned))
    rows = [["", *(title for title, _ in columns)]]
    for rank in range(len(analysis.dense.top)):
        cells = [f"{outcome.top[rank][0]} {outcome.top[rank][1]:.1%}" for _, outcome in columns]
        rows.append([f"{rank + 1}.", *cells])
    rows.append(["patches", *(" -> ".join(map(str, outcome.tokens)) for _, outcome in columns)])
    rows.append(["MACs", *(f"{outcome.macs / 1e6:,.1f} M" for _, outcome in columns)])
    rows.append(["time", *map(describe, times)])
    if len(times) > 1:
        rows.append(["", "", describe_saving(saving(times[1], times[0]))])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    silent = [] if analysis.dense.top else ["This network has no words."]
    known = [line for line in (analysis.warning, analysis.vocabulary) if line]
    return "\n".join([f"{path}: {analysis.title} ({analysis.source})", *silent, *lines, *known, ""])


def save_maps(result: Result, *, folder: Path, name: str) -> None:
    """Write NAME-rollout.png, the last layer's heads, kept patches and lifetimes into `folder`."""
    look = Look()
    heads = [(label, image) for image, label in result.head_gallery(look)]
    pictures = {
        "rollout": result.attention_figure(look),
        "heads": render.draw_tiles(heads, columns=GALLERY_COLUMNS),
        "kept": result.tokens.film_strip(),
        "lifetime": result.tokens.lifetime_figure(),
    }
    for kind, picture in pictures.items():
        with replace_file(folder / f"{name}-{kind}.png") as part:
            part.write_bytes(encode_png(picture, about=result.analysis.credit))


def make_unique(paths: Sequence[Path]) -> list[str]:
    """Return each path's stem, numbered where another has it (cat, cat-2), in whatever case."""
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        name, number = path.stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{path.stem}-{number}"
        taken.add(name.lower())
        names.append(name)
    return names


class Narrator:
    """Says what is being done, each thing once: progress comes several times a second."""

    def __init__(self) -> None:
        self.said = ""

    def __call__(self, share: float, text: str) -> None:
        if text != self.said:
            say(f"[{share:4.0%}] {text}")
        self.said = text


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
