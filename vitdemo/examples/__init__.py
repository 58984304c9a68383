"""Example pictures of what the networks know, with the source and the licence of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Example:
    """A picture of `word`. `name`: of its file, and in links. `source`: where it comes from."""

    name: str
    word: str
    source: str = "drawn by tools/examples"
    author: str = "the authors of vitdemo"
    licence: str = "Apache-2.0"
    drawn: bool = True

    @property
    def path(self) -> Path:
        """The file: RGB, WebP, at most 512 px wide."""
        return FOLDER / f"{self.name}.webp"


KINDS = tuple(
    Example(kind, kind)
    for kind in ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
)  # of CIFAR-10
THINGS = (
    Example(
        "chelsea",
        "cat",
        source="scikit-image, skimage/data/chelsea.png",
        author="Stefan van der Walt",
        licence="CC0-1.0",
        drawn=False,
    ),
    Example("golf-ball", "golf ball"),
    Example("church", "church"),
    Example("parachute", "parachute"),
)  # of photographs; what free photographs do not show is drawn
EXAMPLES = {example.name: example for example in (*KINDS, *THINGS)}


def choose_examples(words: Collection[str]) -> tuple[Example, ...]:
    """Return the examples of a network that knows `words`.

    They are of the set that has more of them. Without known words they are all things.
    """
    best = max((THINGS, KINDS), key=lambda examples: sum(example.word in words for example in examples))
    return tuple(example for example in best if example.word in words) or THINGS


def example_paths() -> dict[str, Path]:
    """Name -> picture file, of all examples."""
    return {name: example.path for name, example in EXAMPLES.items()}


def recognise(path: str | Path) -> Example | None:
    """Return the example that the file is a copy of, None where it is none."""
    example = EXAMPLES.get(Path(path).stem)
    if example is None or Path(path).read_bytes() != example.path.read_bytes():
        return None
    return example
