"""CIFAR's own files, which are pickles: read without running what a pickle may name."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

# All that CIFAR's files name: how numpy, before and since its version 2, brings back an array.
NAMED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class Arrays(pickle.Unpickler):
    """Reads numbers, texts, lists, dicts and numpy arrays, and refuses a pickle that names anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NAMED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module, name)


def read_batch(path: Path, *, labels: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and labels of one file of CIFAR-10 or CIFAR-100.

    Pixels are uint8 `(b, 3072)`. The numbers below `classes` that the file calls `labels` are int64 `(b,)`.
    Raise FileNotFoundError saying how to get it, ValueError for a file that is not such a batch.
    """
    if not path.is_file():
        name = "CIFAR-100" if "100" in path.parent.name else "CIFAR-10"
        raise FileNotFoundError(f"{path} is missing: unpack {name} into {path.parents[1]} first (see README)")
    try:
        with path.open("rb") as file:
            batch = Arrays(file, encoding="bytes").load()
        pixels, numbers = batch[b"data"], np.asarray(batch[labels.encode()], dtype=np.int64)
        sound = pixels.dtype == np.uint8 and pixels.shape == (*numbers.shape, 3072)
        sound = sound and 0 <= numbers.min() <= numbers.max() < classes
    except OSError:
        raise
    except Exception as error:  # a damaged pickle fails in as many ways as it has bytes
        raise ValueError(f"{path} is damaged or cut short ({error}): unpack it again") from error
    if not sound:
        raise ValueError(f"{path} is damaged: its pictures or labels are not CIFAR's; unpack it again")
    return pixels, numbers
