"""The study whether easy pictures use fewer tokens under an adaptive budget.

`python -m vitdemo.engine.budget_study dynamicvit_cifar10 --data data --n 300 --threshold 0.8`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vitdemo.data import preprocess
from vitdemo.datasets import DATASETS
from vitdemo.engine.answers.sanity import rank_correlation
from vitdemo.faithfulness.study import sample_images
from vitdemo.models.head import to_probabilities
from vitdemo.models.pruning import Pruning
from vitdemo.models.selectors import list_selectors, make_selector, make_threshold
from vitdemo.trace import Recorder
from vitdemo.weights import LoadedModel, load_model


@dataclass(frozen=True)
class BudgetStudy:
    """How easy pictures are, and how many patches they use; an entry a picture.

    `confidence`: the dense network's highest probability, which stands for how easy a picture is.
    `patches`: the mean number of patches in a block under the threshold.
    """

    confidence: tuple[float, ...]
    patches: tuple[float, ...]

    @property
    def correlation(self) -> float:
        """Spearman's; below 0 where easy pictures use fewer patches, 0 where all use as many."""
        return rank_correlation(np.array(self.confidence), np.array(self.patches))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the correlation, by Fisher's transformation."""
        middle, half = np.arctanh(self.correlation), 1.96 / np.sqrt(len(self.patches) - 3)
        return float(np.tanh(middle - half)), float(np.tanh(middle + half))

    @property
    def quarters(self) -> tuple[float, float]:
        """The mean of `patches` over the quarter of the pictures with the lowest confidence; the highest."""
        order, count = np.argsort(self.confidence), max(1, len(self.patches) // 4)
        used = np.array(self.patches)[order]
        return float(used[:count].mean()), float(used[-count:].mean())


@torch.no_grad()
def run_study(loaded: LoadedModel, images: Iterable[Image.Image], *, threshold: float) -> BudgetStudy:
    """Run each picture dense, and with the model's best selector under `threshold` (see `Threshold`).

    Raise ValueError for a bad threshold.
    """
    model, name = loaded.model, list_selectors(loaded.spec.config)[0]
    rule, prefix = make_threshold(name, threshold), loaded.spec.config.num_prefix_tokens
    device, found = next(model.parameters()).device, []
    for image in images:
        pixels = preprocess(image, config=loaded.spec.data).pixels.to(device)
        pruning = Pruning(make_selector(name, model=model, pixels=pixels), rule)
        recorder = Recorder(attention=False)
        model(pixels, pruning=pruning, recorder=recorder)
        patches = [ids.shape[1] - prefix for ids in recorder.token_ids]
        probabilities = to_probabilities(model(pixels), model.config)
        found.append((float(probabilities.max()), sum(patches) / len(patches)))
    confidence, used = zip(*found, strict=True)
    return BudgetStudy(confidence, used)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 2 when the options, the weights or the pictures could not be used."""
    parser = argparse.ArgumentParser(prog="python -m vitdemo.engine.budget_study", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")
    parser.add_argument("--n", type=int, default=300, help="validation pictures (default: %(default)s)")
    parser.add_argument("--threshold", type=float, nargs="+", default=[0.8], metavar="TIMES_THE_MEAN")
    options = parser.parse_args(arguments)
    try:
        loaded = load_model(options.name)
        dataset = DATASETS.get(loaded.spec.data.dataset)
        if dataset is None:
            raise ValueError(f"dataset {loaded.spec.data.dataset!r} is not one of {', '.join(DATASETS)}")
        images = list(sample_images(dataset.load(options.data, "val"), options.n))
        for threshold in options.threshold:
            print(format_study(run_study(loaded, images, threshold=threshold), threshold))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def format_study(found: BudgetStudy, threshold: float) -> str:
    low, high = found.interval
    unsure, sure = found.quarters
    return (
        f"threshold {threshold:g}, {len(found.patches)} pictures: Spearman {found.correlation:+.2f} "
        f"({low:+.2f} to {high:+.2f}); mean patches a block {np.mean(found.patches):.1f}, of the least sure "
        f"quarter {unsure:.1f}, of the surest {sure:.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
