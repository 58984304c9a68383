"""`python -m vitdemo.faithfulness NAME --data data --n 500 --json`: which maps tell the truth about a model.

With `--write docs/numbers.md` it writes a table for each data set, of the models named or all bundled ones.
With `--resume FILE` a run that was stopped goes on, and takes more pictures or further methods later. With
`--store` the page shows the most faithful map of a class first.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from vitdemo.faithfulness.ranking import write_ranking
from vitdemo.faithfulness.study import Interval, Row, Study, as_json, run_study
from vitdemo.maps import METHODS
from vitdemo.markdown import write_block
from vitdemo.registry import MODELS
from vitdemo.weights import list_models, load_model
from vitdemo.weights.metrics import check_folder


def make_parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m vitdemo.faithfulness", description=__doc__)
    result.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(MODELS)}, a folder, or hf-hub:owner/repo[@revision]",
    )
    result.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="default: %(default)s")
    result.add_argument("--n", type=int, default=500, help="pictures a model (default: %(default)s)")
    result.add_argument("--split", choices=("val", "test"), default="test", help="default: %(default)s")
    result.add_argument("--models-dir", type=Path, metavar="DIR", help="where the bundled weights lie")
    result.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    result.add_argument("--json", action="store_true", help="print JSON: an object, or a list of several")
    result.add_argument("--store", action="store_true", help="write into the metrics.json beside the weights")
    result.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep each picture there, and go on from it"
    )
    result.add_argument("--write", type=Path, metavar="PAGE", help="replace the tables in this file")
    return result


def list_bundled(models_dir: Path | None) -> list[str]:
    """Return the models whose weights are there."""
    return [key for key, spec in list_models(models_dir).items() if spec.source == "bundled"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 2 when the options, the weights or the pictures could not be used."""
    options, studies = make_parser().parse_args(arguments), []
    try:
        for name in options.names or list_bundled(options.models_dir):
            loaded = load_model(name, models_dir=options.models_dir, device=options.device)
            folder = check_folder(name, loaded.folder) if options.store else None
            how = {"n": options.n, "split": options.split, "resume": options.resume}
            studies.append(run_study(loaded, options.data, **how, progress=say))
            if folder:
                write_ranking(folder, studies[-1])
        if options.write:
            for dataset in dict.fromkeys(result.dataset for result in studies):
                own = [result for result in studies if result.dataset == dataset]
                write_block(options.write, name=f"faithfulness on {dataset}", text=format_table(own))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        found = [as_json(result) for result in studies]
        print(json.dumps(found if len(found) > 1 else found[0]))
    elif not options.write:
        print("\n\n".join(format_plain(result) for result in studies))
    return 0


def say(done: int, n: int) -> None:
    """Write a line over the one before, where somebody may be looking."""
    if sys.stderr.isatty():
        print(f"\r{done} of {n} pictures", end="\n" if done == n else "", file=sys.stderr, flush=True)


def format_plain(result: Study) -> str:
    """Return one study as lines for people."""
    lines = [
        f"{result.model}: {result.n} pictures of {result.dataset}, {result.split}, {result.seconds:.0f} s"
    ]
    head = f"{'':<20}{'deletion':>10}{'insertion':>11}{'SRG':>8}{'MIF':>8}{'LIF':>8}"
    lines.append(f"{head}   gain over random, 95 %")
    for row in result.rows:
        aucs = f"{row.deletion.mean:>10.3f}{row.insertion.mean:>11.3f}{row.srg.mean:>+8.2f}"
        aucs += f"{row.mif_accuracy.mean:>8.3f}{row.lif_accuracy.mean:>8.3f}"
        lines.append(f"{METHODS[row.method].title:<20}{aucs}   {format_interval(row.gain)}  {row.finding}")
    areas = f"{result.random_deletion.mean:>10.3f}{result.random_insertion.mean:>11.3f}{0:>+8.2f}"
    lines.append(f"{'Random order':<20}{areas}" + 2 * f"{result.random_accuracy.mean:>8.3f}")
    return "\n".join([*lines, result.finding])


def format_interval(interval: Interval) -> str:
    return f"{interval.mean:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def format_table(studies: Sequence[Study]) -> str:
    """Return a line a map and a column a model, and below how it was measured."""
    names = [result.model for result in studies]
    lines = [f"| map | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for key in METHODS:
        rows = [next((row for row in result.rows if row.method == key), None) for result in studies]
        if any(rows):
            lines.append(f"| {METHODS[key].title} | {' | '.join(format_cell(row) for row in rows)} |")
    chance = [f"{r.random_deletion.mean:.3f} / {r.random_insertion.mean:.3f}" for r in studies]
    lines += [f"| random order | {' | '.join(chance)} |", ""]
    lines.append(
        "Deletion AUC (low is good) / insertion AUC (high is good), then what both together gain over random "
        "order on the same picture, with its 95 % bootstrap interval; bold: better than random."
    )
    lines += [f"- {describe_measurement(result)}" for result in studies]
    return "\n".join(lines)


def format_cell(row: Row | None) -> str:
    if row is None:
        return "–"
    gain = format_interval(row.gain)
    shown = f"**{gain}**" if row.finding == "better than random" else gain
    return f"{row.deletion.mean:.3f} / {row.insertion.mean:.3f}, {shown}"


def describe_measurement(result: Study) -> str:
    """Return the command, n and the machine behind a column."""
    options = f"--data data --n {result.n}" + (" --split val" if result.split == "val" else "")
    return (
        f"`python -m vitdemo.faithfulness {result.model} {options} --json`: n = {result.n} pictures of "
        f"{result.dataset} ({result.split}), {result.seconds:.0f} s on {result.hardware}. {result.finding}"
    )


if __name__ == "__main__":
    sys.exit(main())
