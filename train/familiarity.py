"""Fit what tells unfamiliar pictures, and judge it: `python -m train.familiarity NAME --data data`.

NAME is a bundled network, one of your own or a folder; the fit lies in it as familiarity.safetensors.
`--others FOLDER ...`: photographs of other things, a folder each kind. Every second one is judged, since
those between them had a say in the choice of the method. metrics.json and the card tell what was found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from train.card import format_card
from train.data import Pictures
from train.folder import read
from train.shelf import find_folder, load_named
from train.splits import load_split, spread
from vitdemo.data import preprocess
from vitdemo.familiarity import Familiarity, fit
from vitdemo.files import write_atomically
from vitdemo.models import VisionTransformer
from vitdemo.weights import LoadedModel, save_familiarity
from vitdemo.weights.metrics import read_metrics

FITTED = 2000  # training pictures, which are plenty: the axes are few
AXES = 1 / 6  # of the network's width
FALSE_ALARMS = 0.05  # the share of held-out pictures that are stranger than the limit
ALARMED = 1000  # test pictures on which false alarms are counted
JUDGED = slice(1, None, 2)

Outputs = tuple[Float[Tensor, "b d"], Float[Tensor, "b c"]]


@torch.no_grad()
def compute_outputs(model: VisionTransformer, batches: Iterator[Float[Tensor, "b ch hh ww"]]) -> Outputs:
    """Return what the head reads of the pictures, and their logits, on the CPU."""
    found = []
    for pixels in batches:
        tokens = model.encode(pixels).x
        found.append((model.pool(tokens).float().cpu(), model.classify(tokens).float().cpu()))
    pooled, logits = zip(*found, strict=True)
    return torch.cat(pooled), torch.cat(logits)


def fit_familiarity(model: VisionTransformer, *, learned: Pictures, held_out: Pictures) -> Familiarity:
    """Return what `learned` pictures have in common, with the limit that few `held_out` ones exceed."""
    learned = learned.part(spread(len(learned), FITTED))
    rank = min(round(AXES * model.config.embed_dim), len(learned) // 2)  # of few pictures all would be axes
    found = fit(*compute_outputs(model, learned.batches()), rank=max(1, rank))
    strange = found.strangeness(*compute_outputs(model, held_out.batches()))
    return replace(found, limit=strange.quantile(1 - FALSE_ALARMS))


def judge_familiarity(
    found: Familiarity, loaded: LoadedModel, *, test: Pictures, others: Sequence[Path] = ()
) -> dict[str, Any]:
    """Return false alarms on some of `test`, and what is caught of the photographs in each of `others`."""
    test = test.part(spread(len(test), ALARMED))
    known = found.strangeness(*compute_outputs(loaded.model, test.batches()))
    result: dict[str, Any] = {"false_alarms": percent(known > found.limit), "n": len(test), "others": {}}
    for folder in others:
        paths = sorted(path for path in folder.iterdir() if path.is_file())[JUDGED]
        pixels = (preprocess(read(path), config=loaded.spec.data).pixels for path in paths)
        strange = found.strangeness(*compute_outputs(loaded.model, pixels))
        result["others"][folder.name] = {
            "caught": percent(strange > found.limit),
            "auroc": round(auroc(strange, known), 4),
            "n": len(paths),
        }
    return result


def percent(which: Tensor) -> float:
    """Return how many are true, in percent."""
    return round(100 * which.double().mean().item(), 2)


def auroc(strange: Float[Tensor, "a"], known: Float[Tensor, "b"]) -> float:
    """Return how often one of `strange` is larger than one of `known`; a tie counts half."""
    above = (strange[:, None] > known).double() + 0.5 * (strange[:, None] == known)
    return above.mean().item()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.familiarity", description=__doc__)
    parser.add_argument("name", help="a folder, or the name of a bundled network or of a run")
    parser.add_argument("--data", default="data", type=Path, help="folder of the unpacked data sets")
    parser.add_argument("--others", default=[], nargs="+", type=Path, help="folders of other photographs")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    try:
        folder = find_folder(options.name)
        loaded = load_named(options.name, folder)
        learned = load_split(loaded, options.data, "train", limit=FITTED)
        held_out = load_split(loaded, options.data, "val")
        test = load_split(loaded, options.data, "test", limit=ALARMED)
        found = fit_familiarity(loaded.model, learned=learned, held_out=held_out)
        judged = judge_familiarity(found, loaded, test=test, others=options.others)
        save_familiarity(folder, found)
        if (folder / "metrics.json").is_file():
            metrics = read_metrics(folder) | {"familiarity": judged}
            write_atomically(folder / "metrics.json", json.dumps(metrics, indent=1) + "\n")
            write_atomically(folder / "README.md", format_card(loaded, metrics))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(json.dumps(judged, indent=1))


if __name__ == "__main__":
    main()
