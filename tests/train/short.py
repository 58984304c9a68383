"""CIFAR-10 with few pictures held out, for runs that take seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from torch.distributed import run
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from tests.forked import METHOD
from train.__main__ import main
from vitdemo.datasets import DATASETS, Images, Photos, Split

CIFAR10 = DATASETS["cifar10"]


def load(folder: Path, split: Split) -> Images | Photos:
    """Load CIFAR-10 with 200 of the 5,000 pictures that are held out of any data set."""
    images = CIFAR10.load(folder, split)
    return images.part(slice(None, None, 25)) if split == "val" else images


SHORT = replace(CIFAR10, load=load)


def train_short(arguments: list[str]) -> None:
    """Do what `python -m train` does, in a process of its own."""
    DATASETS["cifar10"] = SHORT
    main(arguments)


def launch_short(config: LaunchConfig, entrypoint: object) -> Callable[..., object]:
    """Return what starts the processes of torchrun, forked."""
    config.start_method = METHOD

    def launch(*words: str) -> object:
        assert words[:3] == ("-u", "-m", "train")
        return elastic_launch(config, train_short)(list(words[3:]))

    return launch


def torchrun_short(arguments: list[str]) -> None:
    """Do what `torchrun ... -m train` does, in a process of its own."""
    with patch.object(run, "elastic_launch", launch_short):
        run.main(arguments)
