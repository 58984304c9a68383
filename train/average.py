"""Average the weights of networks of one shape: `python -m train.average FOLDER FOLDER --out FOLDER`.

Fine-tuned from the same start, their mean often names more pictures rightly than any of them, at the price
of one (Wortsman et al. 2022, "Model soups", uniform soup). Whether it does is for `python -m train.evaluate`
to say, on held-out pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from train.export import save_weights
from vitdemo.files import replace_folder
from vitdemo.models import VisionTransformer, build_model
from vitdemo.weights import load_model


@torch.no_grad()
def average(models: Sequence[VisionTransformer]) -> VisionTransformer:
    """Return a new network whose weights are the mean of those of `models`.

    Raise ValueError where their configs differ.
    """
    if any(model.config != models[0].config for model in models):
        raise ValueError("only networks of one shape can be averaged")
    mean = build_model(models[0].config)
    states = [model.state_dict() for model in models]
    mean.load_state_dict(
        {key: torch.stack([state[key] for state in states]).mean(dim=0) for key in states[0]}
    )
    return mean.eval()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.average", description=__doc__)
    parser.add_argument("folders", nargs="+", help="networks, as folders or hf-hub:owner/repo")
    parser.add_argument("--out", required=True, type=Path, help="the folder of the mean; it has this name")
    options = parser.parse_args(arguments)
    try:
        loaded = [load_model(folder) for folder in options.folders]
        if any(one.classes != loaded[0].classes for one in loaded):
            raise ValueError("only networks of the same classes can be averaged")
        mean, data = average([one.model for one in loaded]), loaded[0].spec.data
        with replace_folder(options.out) as folder:
            name = options.out.resolve().name
            save_weights(folder, model=mean, name=name, data=data, classes=loaded[0].classes)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"{options.out}: the mean of {len(loaded)} networks")


if __name__ == "__main__":
    main()
