"""Draw the example pictures anew: `python -m tools.examples.draw [NAME ...] [--out DIR]`."""

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from tools.examples.air_sea import airplane, ship
from tools.examples.faces import cat, dog
from tools.examples.hoofed import deer, horse
from tools.examples.render import Subject, draw
from tools.examples.road import automobile, truck
from tools.examples.small import bird, frog
from tools.examples.things import church, golf_ball, parachute
from vitdemo.examples import FOLDER

KINDS = (airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck)
SUBJECTS: dict[str, Callable[[], Subject]] = {
    subject.__name__.replace("_", "-"): subject for subject in (*KINDS, golf_ball, church, parachute)
}
MAX_BYTES = 60_000


def encode(picture: Image.Image) -> bytes:
    """Return the picture as WebP, at the best quality that stays within the limit for a file."""
    smallest = b""
    for quality in range(92, 40, -4):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        smallest = buffer.getvalue()
        if len(smallest) <= MAX_BYTES:
            break
    return smallest


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the named examples, all by default; four to twenty seconds each on one core."""
    parser = argparse.ArgumentParser(prog="python -m tools.examples.draw", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUBJECTS)}; all by default")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for the WebP files")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(SUBJECTS):
        parser.error(f"NAME: {', '.join(sorted(unknown))} is none of {', '.join(SUBJECTS)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or SUBJECTS:
        path = options.out / f"{name}.webp"
        path.write_bytes(encode(draw(SUBJECTS[name]())))
        print(path)


if __name__ == "__main__":
    main()
