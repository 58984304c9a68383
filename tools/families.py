"""Tell of every pretrained entry of timm's plain Vision Transformers whether it loads and agrees.

`python -m tools.families --write docs/families.md` reads the config of each entry as a repository on the
Hub has it. Its tensors are compared with timm's by name and shape at full size, and its logits by value in a
small copy of the architecture with random weights. No weights are fetched.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models._registry import _model_pretrained_cfgs, _model_to_module

from tools.timm_networks import MODULES, entries_of, list_architectures
from vitdemo.config import as_pair
from vitdemo.markdown import write_block
from vitdemo.models import build_model
from vitdemo.weights.formats import describe
from vitdemo.weights.records import Description


def config_of(entry: str, **args: Any) -> dict[str, Any]:
    """Return the config.json that timm writes for `entry`, of a network built with `args`."""
    cfg = json.loads(json.dumps(_model_pretrained_cfgs[entry].to_dict()))
    known = {"architecture": entry.split(".")[0], "num_classes": cfg["num_classes"], "pretrained_cfg": cfg}
    return known | ({"model_args": args} if args else {})


@dataclass(frozen=True)
class Row:
    """What came of the `tags` of one architecture. `difference`: the largest of a logit; None if refused."""

    architecture: str
    tags: tuple[str, ...]
    reason: str = ""
    difference: float | None = None


def check_shapes(entry: str, described: Description) -> None:
    """Raise AssertionError where a tensor of timm's network has no place of its shape in ours."""
    with torch.device("meta"):
        theirs, ours = timm.create_model(entry), build_model(described.config)
    tensors = described.finish(described.repair(theirs.state_dict()), described.config)
    found = {key: tensor.shape for key, tensor in tensors.items()}
    assert found == {key: tensor.shape for key, tensor in ours.state_dict().items()}, entry


@torch.no_grad()
def measure(entry: str) -> float:
    """Return the largest difference of a small copy's logits, or features, from timm's, over their spread."""
    config = describe(config_of(entry), {}).config
    patch = as_pair(config.patch_size)
    args = {"embed_dim": 96, "depth": 3, "num_heads": 3, "img_size": [3 * patch[0], 4 * patch[1]]}
    torch.manual_seed(0)
    theirs = timm.create_model(entry.split(".")[0], num_classes=11, **args).eval()
    for parameter in theirs.parameters():
        parameter.add_(0.2 * torch.randn_like(parameter))
    described = describe(config_of(entry, **args) | {"num_classes": 11}, {})
    ours = build_model(described.config).eval()
    ours.load_state_dict(described.finish(described.repair(theirs.state_dict()), described.config))
    x = torch.randn(2, 3, *as_pair(described.config.img_size))
    wanted = theirs(x)
    return float((ours(x) - wanted).abs().max() / wanted.std())


def walk() -> Iterator[Row]:
    """Give a row for each architecture that has pretrained entries."""
    for name in list_architectures():
        entries = list(entries_of(name))
        tags = tuple(entry.partition(".")[2] for entry in entries)
        if not entries:
            continue
        try:
            described = [describe(config_of(entry), {}) for entry in entries]
        except ValueError as error:
            yield Row(name, tags, reason=str(error))
            continue
        shapes = {
            replace(each.config, multi_label=False): entry
            for each, entry in zip(described, entries, strict=True)
        }
        for entry in shapes.values():
            check_shapes(entry, described[entries.index(entry)])
        yield Row(name, tags, difference=measure(entries[0]))


def format_rows(rows: list[Row]) -> str:
    """Return the table as Markdown, with the sums above it."""
    sums = []
    for module in MODULES:
        mine = [row for row in rows if _model_to_module[row.architecture] == module]
        whole = sum(len(row.tags) for row in mine)
        loaded = sum(len(row.tags) for row in mine if row.difference is not None)
        sums.append(f"{loaded} of the {whole} pretrained entries of its `{module}.py`")
    worst = max(row.difference for row in rows if row.difference is not None)
    lines = [
        f"Of timm {timm.__version__}, {', '.join(sums[:-1])} and {sums[-1]} load and agree. "
        f"The largest difference of a logit is {worst:.0e} of the logits' spread.",
        "",
        "| architecture | pretrained entries | |",
        "|---|---|---|",
    ]
    for row in rows:
        told = row.reason.rpartition(": ")[2] if row.difference is None else "loads, agrees"
        lines.append(f"| {row.architecture} | {', '.join(row.tags)} | {told} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.families", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the table in this file")
    options = parser.parse_args(arguments)
    text = format_rows(list(walk()))
    if options.write:
        write_block(options.write, name="families", text=text)
    else:
        print(text)


if __name__ == "__main__":
    main()
