"""CIFAR's pickles: their pictures are read, and nothing that they name is run."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitdemo.cifar import read_batch
from vitdemo.datasets import DATASETS

PIXELS = np.random.default_rng(0).integers(0, 256, size=(7, 3072), dtype=np.uint8)
BATCH = {b"data": PIXELS, b"labels": list(range(7))}


def write(folder: Path, batch: Any, *, protocol: int | None = None) -> Path:
    path = folder / "cifar-10-batches-py" / "test_batch"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(batch, protocol=protocol))
    return path


class Command:
    """What runs a command where it is unpickled."""

    def __init__(self, run: Any, *words: Any) -> None:
        self.call = (run, words)

    def __reduce__(self) -> Any:
        return self.call


def test_a_batch_is_read_as_pickle_reads_it(tmp_path: Path) -> None:
    path = write(tmp_path, BATCH | {b"batch_label": b"testing", b"filenames": [b"a.png"] * 7})
    pixels, labels = read_batch(path, labels="labels", classes=10)
    wanted = pickle.loads(path.read_bytes())
    assert np.array_equal(pixels, wanted[b"data"])
    assert labels.tolist() == wanted[b"labels"]


def test_python_2s_own_pickle_of_an_array_is_read(tmp_path: Path) -> None:
    """Written out byte by byte as numpy 1 under Python 2 left it, in CIFAR's protocol 2."""
    text = b"".join(
        [
            b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R",
            b"(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89T\x00\x0c\x00\x00" + PIXELS[0].tobytes() + b"tbU\x06labels]K\x03au.",
        ]
    )
    path = write(tmp_path, BATCH)
    path.write_bytes(text)
    pixels, labels = read_batch(path, labels="labels", classes=10)
    assert np.array_equal(pixels, PIXELS[:1])
    assert labels.tolist() == [3]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_would_run_something_does_not(protocol: int, tmp_path: Path) -> None:
    made = tmp_path / "made"
    for command in (Command(Path.touch, made), Command(eval, f"open({str(made)!r}, 'w')")):
        path = write(tmp_path, BATCH | {b"more": command}, protocol=protocol)
        with pytest.raises(ValueError, match=r"test_batch is damaged or cut short \(it names"):
            DATASETS["cifar10"].load(tmp_path, "test")
        assert not made.exists()
        with path.open("rb") as file:
            pickle.load(file)  # as it was read before
        assert made.exists()
        made.unlink()


@pytest.mark.parametrize(
    "batch",
    [
        {}, [], 3, {b"data": PIXELS}, BATCH | {b"labels": [10] * 7}, BATCH | {b"labels": [-1] * 7},
        BATCH | {b"labels": [0]}, BATCH | {b"labels": ["a"] * 7}, BATCH | {b"data": PIXELS[:, :100]},
        BATCH | {b"data": PIXELS.astype(float)}, BATCH | {b"data": PIXELS[:0], b"labels": []},
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_batch_is_one_sentence(batch: Any, tmp_path: Path) -> None:
    write(tmp_path, batch)
    with pytest.raises(ValueError, match="test_batch is damaged"):
        DATASETS["cifar10"].load(tmp_path, "test")


def test_a_damaged_file_is_one_sentence_or_still_a_batch(tmp_path: Path) -> None:
    """Every cut and 300 flipped bits of the part that is not pixels."""
    path, rng = write(tmp_path, BATCH), random.Random(0)
    whole, refused = path.read_bytes(), []
    damaged = [whole[:end] for end in (*range(0, 200, 7), len(whole) - 1)]
    for _ in range(300):
        place = rng.choice([*range(200), *range(len(whole) - 60, len(whole))])
        damaged.append(whole[:place] + bytes([whole[place] ^ 1 << rng.randrange(8)]) + whole[place + 1 :])
    for data in damaged:
        path.write_bytes(data)
        try:
            pixels, labels = read_batch(path, labels="labels", classes=10)
        except ValueError as error:
            refused.append(str(error))
        else:
            assert pixels.shape == (len(labels), 3072)
    assert all("test_batch is damaged" in sentence for sentence in refused)
    assert 100 < len(refused) < len(damaged)
