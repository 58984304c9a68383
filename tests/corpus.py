"""Hostile and odd files, made anew each time, and what is right for each: a picture, or a sentence."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from PIL import Image

from tests import corpus_damage, corpus_pictures
from tests.corpus_entry import Entry

GROUPS = (
    corpus_damage.damage_all,
    corpus_damage.make_other_things,
    corpus_damage.make_shapes,
    corpus_damage.make_greedy,
    corpus_damage.make_names,
    corpus_pictures.make_depths,
    corpus_pictures.make_keys,
    corpus_pictures.make_rotations,
    corpus_pictures.make_tiffs,
    corpus_pictures.make_colours,
    corpus_pictures.make_animations,
    corpus_pictures.make_bmps,
)


@cache
def make_corpus() -> dict[str, Entry]:
    """Return the files by their names."""
    entries = [entry for group in GROUPS for entry in group()]
    found = {entry.name: entry for entry in entries}
    assert len(found) == len(entries), "two files have one name"
    return found


def assert_shown(entry: Entry, image: Image.Image) -> None:
    """`image` is what the file shows."""
    assert image.mode == "RGB"
    if entry.pixels is not None:
        assert image.size == entry.pixels.shape[1::-1]
        far = np.abs(np.asarray(image).astype(int) - entry.pixels)
        assert far.max() <= entry.off, f"off by {far.max()} at {np.argwhere(far == far.max())[0]}"
    else:
        assert entry.size is not None, "a sentence was right"
        assert entry.size in (image.size, (0, 0))


def assert_told(entry: Entry, sentence: str) -> None:
    """`sentence` is one, on one line, fits the file, and names nothing of the machine."""
    assert entry.says, f"a picture was right, not: {sentence}"
    assert re.search(entry.says, sentence)
    assert re.fullmatch(r"[^\n\r\x00-\x1f]{10,250}\.", sentence)
    assert not re.search(r"Traceback|Error\b|/tmp|/home|/root|site-packages|object at 0x", sentence)
