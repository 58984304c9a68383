"""A result as numbers to take away: arrays for an NPZ file, and everything else for a JSON file."""

from __future__ import annotations

import io
import json
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped

from vitdemo.config import ViTConfig
from vitdemo.engine.answers.attention import choose_options, compute_heat
from vitdemo.engine.answers.classes import class_map
from vitdemo.engine.answers.payload import list_traces
from vitdemo.engine.answers.times import measure_times
from vitdemo.engine.core.records import Outcome
from vitdemo.engine.core.subject import Subject
from vitdemo.engine.look import Look, to_state
from vitdemo.maps import ATTENTION_METHODS, CLASS_METHODS, PatchDropped, explain
from vitdemo.models.head import to_probabilities
from vitdemo.models.pruning import rank
from vitdemo.timing import Timing
from vitdemo.trace import Trace
from vitdemo.weights import LoadedModel
from vitdemo.weights.hub import list_weights
from vitdemo.weights.reading import hash_file

ROOT = Path(__file__).parents[3]
PACKAGES = ("numpy", "gradio", "safetensors")
SHOWS = {"out": "what the query looks at", "in": "who looks at the query"}


@dataclass(frozen=True)
class Numbered:
    """An array and what it says. `meaning`: one sentence; `unit`: of its numbers."""

    values: Shaped[np.ndarray, "..."]
    meaning: str
    unit: str


@dataclass(frozen=True)
class Export:
    """`arrays`: by name. `facts`: all that is no array, ready for JSON, and under "arrays" what each is."""

    arrays: dict[str, Shaped[np.ndarray, "..."]]
    facts: dict[str, Any]

    def to_npz(self) -> bytes:
        """Return the arrays as `numpy.savez_compressed` writes them; they need no pickle."""
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **self.arrays)
        return file.getvalue()

    def to_json(self) -> str:
        """Return the facts as indented JSON."""
        return json.dumps(self.facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def export(subject: Subject, look: Look) -> Export:
    """Return all numbers of a result.

    Run the network for the maps of the answer's class and for its times, unless they are known.
    `look`: what the tab "Attention" shows; all attention maps of both passes follow its options, and begin
    ("out") or end ("in") at its query.
    """
    entry = subject.entry
    of_a_class = CLASS_METHODS if entry.analysis.dense.top else ()
    found: dict[str, Numbered] = {
        "view": Numbered(np.asarray(entry.analysis.view), "The crop that the model saw.", "RGB, 0 to 255"),
        "pixels": Numbered(entry.pixels[0].numpy(), "The model's normalised input.", "standard deviations"),
    }
    left_out: dict[str, str] = {}
    for name, trace in list_traces(entry).items():
        found |= collect_pass(name, trace, entry.config)
        for method in ATTENTION_METHODS.values():
            options = choose_options(trace, look, method.options)
            try:
                heat = compute_heat(trace, method, look)
            except PatchDropped as reason:
                left_out[f"{name}_map_{method.key}"] = str(reason)
                continue
            said = f"{method.title} of the {name} pass over the patch grid, {SHOWS[look.direction]}, "
            said += f"with {options}; NaN = already pruned."
            found[f"{name}_map_{method.key}"] = Numbered(heat, said, method.unit)
    if entry.pruned is not None:
        found |= collect_stages(entry.pruned)
    for one in (class_map(subject, method=method) for method in of_a_class):
        values = np.array([[np.nan if value is None else value for value in row] for row in one.values])
        said = f"{one.title} for class {one.label!r} over the patch grid; NaN = already pruned."
        found[f"class_map_{one.method}"] = Numbered(values.astype(np.float32), said, one.unit)
    facts = {
        **describe_result(subject, subject.loaded),
        "attention": to_state(look.counted(entry.config.depth)),
        "left_out": left_out,
        "arrays": {
            name: {
                "shape": list(one.values.shape),
                "dtype": str(one.values.dtype),
                "meaning": one.meaning,
                "unit": one.unit,
            }
            for name, one in found.items()
        },
    }
    return Export({name: one.values for name, one in found.items()}, facts)


def collect_pass(name: str, trace: Trace, config: ViTConfig) -> dict[str, Numbered]:
    """Return the arrays of the "dense" or the "pruned" pass."""
    found: dict[str, Numbered] = {}
    for layer, (attn, ids) in enumerate(zip(trace.attn, trace.token_ids, strict=True)):
        said = "rows look at columns; a row adds up to 1, or to 0 without attention."
        found[f"{name}_attention_{layer:02d}"] = Numbered(
            attn.numpy().astype(np.float16),
            f"(head, token, token) of layer {layer}: {said}",
            "attention weight",
        )
        said = (
            f"which tokens layer {layer} has, prefix tokens first; patch p is {trace.num_prefix_tokens} + p."
        )
        found[f"{name}_token_ids_{layer:02d}"] = Numbered(ids.numpy(), f"Original positions: {said}", "index")
    said = "How the layer's tokens are made of those before, at their original positions; rows add up to 1."
    for layer, mix in enumerate(trace.mixes):
        if mix is not None:
            found[f"{name}_mix_{layer:02d}"] = Numbered(mix.numpy(), said, "weight")
    said = "The weights with which the head reads the last layer's tokens."
    found[f"{name}_readout"] = Numbered(trace.readout.numpy(), said, "weight")
    if trace.logits is not None:
        found[f"{name}_logits"] = Numbered(
            trace.logits.numpy(), "One a class, in the order of classes.", "logit"
        )
        shares = to_probabilities(trace.logits, config).numpy()
        said = "Sigmoid of each logit." if config.multi_label else "Softmax of the logits."
        found[f"{name}_probabilities"] = Numbered(shares, said, "probability")
    return found


def collect_stages(trace: Trace) -> dict[str, Numbered]:
    """Return what each pruning stage scored, where a selector was asked, and kept."""
    found: dict[str, Numbered] = {}
    for stage, ids in enumerate(trace.kept):
        if trace.scores:
            heat, layer = explain(trace, "keep-score", stage=stage), trace.prune_loc[stage]
            said = f"The selector's score before layer {layer} over the patch grid, larger = keep; "
            found[f"keep_score_{stage}"] = Numbered(heat, said + "NaN = already pruned.", "selector score")
        found[f"kept_{stage}"] = Numbered(ids.numpy(), f"The patches that stage {stage} kept.", "index")
    return found


def describe_result(subject: Subject, loaded: LoadedModel) -> dict[str, Any]:
    """Return model, setting, answers, costs and versions."""
    entry = subject.entry
    analysis, config = entry.analysis, entry.config
    dense, *pruned = measure_times(subject)
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": identify(loaded),
        "title": analysis.title,
        "source": analysis.source,
        "note": analysis.note,
        "vocabulary": analysis.vocabulary,
        "unfamiliar": analysis.unfamiliar,
        "pruning_ratio": analysis.pruning_ratio,
        "keep_ratio": round(1 - analysis.pruning_ratio, 4),
        "stages": analysis.stages or None,
        "selector": analysis.selector or None,
        "reduction": analysis.reduction or None,
        "prune_loc": list(entry.pruned.prune_loc) if entry.pruned is not None else [],
        "input_size": list(analysis.input_size),
        "resized": analysis.resized,
        "grid": list(config.grid),
        "num_prefix_tokens": entry.dense.num_prefix_tokens,
        "layers": config.depth,
        "heads": config.num_heads,
        "upload_size": list(entry.upload_size),
        "classes": list(loaded.classes),
        "dense": describe_outcome(analysis.dense, entry.dense, loaded, time=dense),
        "pruned": describe_outcome(analysis.pruned, entry.pruned, loaded, time=pruned[0] if pruned else None),
        "versions": list_versions(),
    }


def describe_outcome(
    result: Outcome | None, trace: Trace | None, loaded: LoadedModel, *, time: Timing | None
) -> dict[str, Any] | None:
    """Return what one pass says of every class, and its cost; None where there was no such pass."""
    if result is None or trace is None:
        return None
    found: list[dict[str, Any]] = []
    if trace.logits is not None:
        shares = to_probabilities(trace.logits, loaded.spec.config).tolist()
        best = rank(trace.logits).tolist()
        found = [{"class": loaded.classes[i], "probability": shares[i]} for i in best]
    return {
        "answer": result.top[0][0] if result.top else None,
        "probabilities": found,
        "tokens": list(result.tokens),
        "macs": result.macs,
        "time": time and asdict(time),
    }


def identify(loaded: LoadedModel) -> str:
    """Return the model's name with its revision, which tells its weights from all others."""
    return f"{loaded.spec.key}@{read_revision(loaded)}"


def read_revision(loaded: LoadedModel) -> str:
    """Return the commit on the Hub, or the digest of the files with the weights."""
    if loaded.folder is None:
        return loaded.origin.revision
    return f"sha256:{hash_file(*list_weights(loaded.folder))}"


@cache
def list_versions() -> dict[str, str]:
    """Return the versions of Python, of the packages that are installed, and the program's commit."""
    found = {"python": platform.python_version(), "torch": torch.__version__}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {**found, "vitdemo": read_commit()}


def read_commit() -> str:
    """Return the git commit that the program runs from, "+" after it with files changed; else "unknown"."""
    if not (ROOT / ".git").exists():
        return "unknown"
    ask = ["git", "-C", str(ROOT)]
    try:
        said = [
            subprocess.run([*ask, *words], capture_output=True, text=True, timeout=10, check=True).stdout
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said[0].strip() + ("+" if said[1].strip() else "")
