"""Draw the example pictures anew: `python -m tools.examples.draw [CLASS ...] [--out DIR]`."""

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
from vitdemo.examples import CLASSES, example_paths

SUBJECTS: dict[str, Callable[[], Subject]] = {
    subject.__name__: subject
    for subject in (airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck)
}
FOLDER = example_paths()[CLASSES[0]].parent
MAX_BYTES = 60_000


def encoded(picture: Image.Image) -> bytes:
    """The picture as WebP, at the best quality that stays within the limit for a file."""
    smallest = b""
    for quality in range(92, 40, -4):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        smallest = buffer.getvalue()
        if len(smallest) <= MAX_BYTES:
            break
    return smallest


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the named classes, all ten by default; four to twenty seconds each on one core."""
    parser = argparse.ArgumentParser(prog="python -m tools.examples.draw", description=__doc__)
    parser.add_argument(
        "classes", nargs="*", metavar="CLASS", help=f"of {', '.join(CLASSES)}; all by default"
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for the WebP files")
    options = parser.parse_args(arguments)
    if unknown := set(options.classes) - set(CLASSES):
        parser.error(f"CLASS: {', '.join(sorted(unknown))} is none of {', '.join(CLASSES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.classes or CLASSES:
        path = options.out / f"{name}.webp"
        path.write_bytes(encoded(draw(SUBJECTS[name]())))
        print(path)


if __name__ == "__main__":
    main()
