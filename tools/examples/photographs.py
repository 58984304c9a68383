"""Write the example photographs anew: `python -m tools.examples.photographs CHELSEA`, scikit-image's file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from tools.examples.draw import encode
from vitdemo.examples import EXAMPLES

SIDE = 448  # pixels of the longer one


def main(arguments: Sequence[str] | None = None) -> None:
    """Shrink the photograph and write it beside the drawings."""
    parser = argparse.ArgumentParser(prog="python -m tools.examples.photographs", description=__doc__)
    parser.add_argument("chelsea", type=Path, metavar="CHELSEA", help="skimage/data/chelsea.png")
    picture = Image.open(parser.parse_args(arguments).chelsea).convert("RGB")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    path = EXAMPLES["chelsea"].path
    path.write_bytes(encode(picture))
    print(path)


if __name__ == "__main__":
    main()
