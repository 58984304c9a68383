"""Convert weights: `python -m vitdemo.weights convert FILE OUT`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from vitdemo.weights.official import convert_official


def make_parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m vitdemo.weights", description=__doc__)
    commands = result.add_subparsers(dest="command", required=True)
    convert = commands.add_parser("convert", help="an official checkpoint of DynamicViT, as a folder")
    convert.add_argument("file", type=Path, metavar="FILE", help="the .pth of its authors' code")
    convert.add_argument("out", type=Path, metavar="OUT", help="the folder, which must not be there yet")
    convert.add_argument(
        "--keep-ratio",
        type=float,
        default=0.7,
        metavar="R",
        help="with which it was trained: the share of patches kept at each stage (default: %(default)s)",
    )
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 2 when the options or the file could not be used."""
    options = make_parser().parse_args(arguments)
    try:
        convert_official(options.file, options.out, keep_ratio=options.keep_ratio)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.out} is ready: python app.py --model {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
