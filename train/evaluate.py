"""Measure accuracy through the path that ships: real pruning, the model that a user gets.

`python -m train.evaluate NAME --data data --keep-ratio 0.7 [--selector learned] [--reduction merge] --json`;
`--reductions` compares dropping, fusing and merging at equal work, with times.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from train.data import Pictures
from train.options import SWEEP
from train.splits import load_split
from train.times import measure_passes, run_pass
from vitdemo.config import ViTConfig
from vitdemo.cost import macs
from vitdemo.datasets import Split
from vitdemo.models import VisionTransformer
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.models.selectors import SELECTORS, list_selectors
from vitdemo.weights import load_model
from vitdemo.weights.metrics import check_folder, store_metrics

COMPARED = (0.7, 0.5, 0.3)  # keep ratios of dropping whose cost the other reductions are given


@torch.no_grad()
def compute_logits(
    model: nn.Module,
    split: Pictures,
    *,
    keep_ratio: float = 1.0,
    selector: str = "",
    reduction: str = "drop",
) -> Float[Tensor, "b c"]:
    """Return the network's answers to `split`, in evaluation mode. Where `selector` is named, it prunes.

    `reduction`: what becomes of the patches that are not kept.
    """
    training, out = model.training, []
    model.eval()
    for pixels in split.batches():
        logits = run_pass(model, pixels, keep_ratio=keep_ratio, selector=selector, reduction=reduction)
        out.append(logits.float())
    model.train(training)
    return torch.cat(out) if out else split.mean.new_zeros(0, max(1, len(split.classes)))


def predict(model: nn.Module, split: Pictures, **how: Any) -> Int[Tensor, "b"]:
    """Return the class predicted for each picture of `split`. `how`: as of `compute_logits`."""
    return compute_logits(model, split, **how).argmax(dim=-1)


def measure_confidence(model: nn.Module, split: Pictures) -> list[float]:
    """Return the percentiles 0, 1, ..., 100 of the largest softmax probability over `split`, dense.

    Against them a new picture looks familiar or not (Hendrycks and Gimpel 2017).
    """
    largest = compute_logits(model, split).softmax(dim=-1).amax(dim=-1)
    steps = torch.linspace(0, 1, 101, dtype=torch.float64)
    return [round(value, 5) for value in largest.double().cpu().quantile(steps).tolist()]


def count_hits(model: nn.Module, split: Pictures, **how: Any) -> int:
    """Return how many pictures are named rightly; of none, 0. `how`: as of `compute_logits`."""
    return int((predict(model, split, **how) == split.labels).sum())


def measure_accuracy(model: nn.Module, split: Pictures, **how: Any) -> float:
    """Return top-1 accuracy in percent, of at least one picture. `how`: as of `compute_logits`."""
    return 100 * count_hits(model, split, **how) / len(split)


def confusion_matrix(
    predicted: Int[Tensor, "b"], labels: Int[Tensor, "b"], classes: int
) -> Int[Tensor, "c c"]:
    """Return counts with the true class as the row and the predicted class as the column."""
    return torch.bincount(labels * classes + predicted, minlength=classes**2).view(classes, classes)


def judge_point(
    model: VisionTransformer, split: Pictures, *, keep_ratio: float, selector: str, reduction: str = "drop"
) -> dict[str, Any]:
    """Return one point of the curve accuracy(keep ratio), with the multiply-accumulates of one picture."""
    how = {"keep_ratio": keep_ratio, "selector": selector, "reduction": reduction}
    dense = not selector
    work = macs(model.config) if dense else macs(model.config, keep_ratio=keep_ratio, reduction=reduction)
    accuracy = round(measure_accuracy(model, split, **how), 2)
    return {"accuracy": accuracy, "n": len(split), **how, "macs": work}


def sweep(
    model: VisionTransformer, split: Pictures, *, keep_ratios: Sequence[float] = SWEEP
) -> list[dict[str, Any]]:
    """Measure every selector that the model has, at each keep ratio; at 1.0 the best selector alone."""
    names = list_selectors(model.config)
    pairs = [(ratio, name) for ratio in keep_ratios for name in (names if ratio < 1 else names[:1])]
    shown = tqdm(pairs, desc="sweep", unit="setting", leave=False)
    return [judge_point(model, split, keep_ratio=ratio, selector=name) for ratio, name in shown]


def compare_reductions(
    model: VisionTransformer, split: Pictures, *, keep_ratios: Sequence[float] = COMPARED
) -> list[dict[str, Any]]:
    """Measure the dense network, then dropping, fusing and merging by the best selector, with their times.

    All at the multiply-accumulates of dropping at each ratio: merging itself takes work, so that fewer tokens
    are left of as much.
    """
    best, config = list_selectors(model.config)[0], model.config
    pairs = list(product(keep_ratios, REDUCTIONS))
    rows = [{"as_dropping": 1.0, **judge_point(model, split, keep_ratio=1.0, selector="")}]
    for ratio, name in tqdm(pairs, desc="reductions", unit="setting", leave=False):
        alike = match_macs(config, macs(config, keep_ratio=ratio), reduction=name)
        point = judge_point(model, split, keep_ratio=alike, selector=best, reduction=name)
        rows.append({"as_dropping": ratio, **point})
    ways = [{key: row[key] for key in ("keep_ratio", "selector", "reduction")} for row in rows]
    times = measure_passes(model, next(iter(split.batches())), ways)
    for row, time in zip(rows, times, strict=True):
        row["milliseconds"] = time
        row["selector"] = row["selector"] if REDUCTIONS[row["reduction"]].asks_selector else ""
    return rows


def match_macs(config: ViTConfig, wanted: int, *, reduction: str) -> float:
    """Return the keep ratio, in whole percent, at which `reduction` takes most nearly `wanted` macs."""
    ratios = [percent / 100 for percent in range(1, 101)]
    return min(ratios, key=lambda ratio: abs(macs(config, keep_ratio=ratio, reduction=reduction) - wanted))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    parser.add_argument("name", help="a bundled model, a folder, or hf-hub:owner/repo[@revision]")
    parser.add_argument("--data", default="data", type=Path, help="folder of the unpacked data sets")
    parser.add_argument("--keep-ratio", default=1.0, type=float, help="share of patches kept at each stage")
    parser.add_argument("--selector", choices=tuple(SELECTORS), help="default: dense at 1, else the best")
    parser.add_argument("--reduction", choices=tuple(REDUCTIONS), default="drop", help="default: drop")
    parser.add_argument("--split", default="test", choices=get_args(Split))
    parser.add_argument("--limit", default=0, type=int, help="at most N pictures, at even distances")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sweep", action="store_true", help="all selectors and reductions at all ratios")
    parser.add_argument("--reductions", action="store_true", help="all reductions alone, at equal work")
    parser.add_argument("--store", action="store_true", help="write these into metrics.json by the weights")
    parser.add_argument(
        "--confidence",
        action="store_true",
        help="percentiles of the confidence on the validation split, as JSON",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    try:
        loaded = load_model(options.name, device=options.device)
        folder = check_folder(options.name, loaded.folder) if options.store else None
        if options.confidence:
            options.split = "val"
        split = load_split(loaded, options.data, options.split, limit=options.limit, device=options.device)
        best = list_selectors(loaded.model.config)[0]
        if options.confidence:
            result: dict[str, Any] = {"validation_confidence": measure_confidence(loaded.model, split)}
        elif options.sweep or options.reductions:
            result = {"sweep": sweep(loaded.model, split)} if options.sweep else {}
            result["reductions"] = compare_reductions(loaded.model, split)
            if folder:
                store_metrics(folder, reductions=result["reductions"])
        else:
            selector = options.selector or (best if options.keep_ratio < 1 else "")
            how = {"keep_ratio": options.keep_ratio, "selector": selector, "reduction": options.reduction}
            result = judge_point(loaded.model, split, **how)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    result = {"model": options.name, "split": options.split, **result}
    if options.json or options.confidence:
        print(json.dumps(result))
    else:
        listed = [row for key in ("sweep", "reductions") for row in result.get(key, [])]
        for row in listed or [result]:
            name = row["selector"] or ("dense" if row.get("as_dropping", 1) == 1 else "")
            beside = f"  for dropping at {row['as_dropping']}" if "as_dropping" in row else ""
            print(f"keep {row['keep_ratio']:.2f}  {name:<16}{row['reduction']:<6}{row['accuracy']:6.2f} %"
                  f"  {row['macs'] / 1e6:7.1f} MMAC  n = {row['n']}{beside}")  # fmt: skip


if __name__ == "__main__":
    main()
