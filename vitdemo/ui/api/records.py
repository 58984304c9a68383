"""The engine's records as plain dictionaries of numbers and text, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from vitdemo.engine import (
    Analysis,
    ModelInfo,
    Outcome,
    PatchMap,
    SizeChoice,
    Sweep,
    SweepCurve,
    Timing,
    Timings,
    Trust,
)
from vitdemo.ui.kit.words import NO_WORDS


def pack_analysis(found: Analysis, times: Timings) -> dict[str, Any]:
    """Return the analysis without its picture."""
    dense, *pruned = times
    wordless = "" if found.dense.top else NO_WORDS
    return {
        "model": found.model,
        "title": found.title,
        "source": found.source,
        "note": " ".join(filter(None, (found.note, found.warning, found.resized, wordless))),
        "vocabulary": found.vocabulary,
        "classes": found.classes,
        "unfamiliar": found.unfamiliar,
        "input_size": found.input_size,
        "selector": found.selector,
        "reduction": found.reduction,
        "stages": found.stages,
        "pruning_ratio": found.pruning_ratio,
        "dense": pack_outcome(found.dense, dense),
        "pruned": pack_outcome(found.pruned, *pruned) if found.pruned else None,
        "kept": found.kept,
    }


def pack_outcome(found: Outcome, time: Timing | None) -> dict[str, Any]:
    return {
        "labels": dict(found.top),
        "tokens": found.tokens,
        "macs": found.macs,
        "time": time and asdict(time),
    }


def pack_map(result: Analysis, found: PatchMap) -> dict[str, Any]:
    """Return the map; one of a class names it, one of attention says what the prefix tokens get."""
    own: dict[str, Any] = {"prefix_share": found.prefix_share}
    if found.label:
        own = {"class": found.label, "against": found.against}
    return {
        "model": result.model,
        "source": result.source,
        "pruning_ratio": result.pruning_ratio,
        "selector": result.selector,
        "reduction": result.reduction,
        "stages": result.stages,
        "method": found.method,
        "title": found.title,
        "options": found.options,
        "unit": found.unit,
        "values": found.values,
        "range": found.range,
        **own,
    }


def pack_trust(result: Analysis, found: Trust) -> dict[str, Any]:
    trusted = [one.method for one in found.trusted]
    best = f"Trust {trusted[0]} most." if trusted else "No map is better than random order."
    return {
        "model": result.model,
        "source": result.source,
        "class": found.label,
        "patches": found.num_patches,
        "kept": found.kept,
        "methods": {
            one.method: {
                "deletion": one.deletion,
                "insertion": one.insertion,
                "deletion_auc": one.deletion_auc,
                "insertion_auc": one.insertion_auc,
                "gap": one.gap,
                "srg": one.srg,
                "mif_accuracy": one.mif_accuracy,
                "lif_accuracy": one.lif_accuracy,
            }
            for one in found.candidates
        },
        "random": {
            "orders": found.random_orders,
            "low": found.random_low,
            "mean": found.random_mean,
            "high": found.random_high,
            "auc": found.random_auc,
        },
        "bar": found.bar,
        "trusted": trusted,
        "sentence": best,
    }


def pack_sweep(result: Analysis, found: Sweep) -> dict[str, Any]:
    ratios = [
        {"pruning_ratio": point.pruning_ratio, "tokens": point.tokens, "macs": point.macs}
        for point in found.points
    ]
    selectors = {one.selector: pack_curve(found, one) for one in found.curves}
    return {"model": result.model, "source": result.source, "ratios": ratios, "selectors": selectors}


def pack_curve(found: Sweep, one: SweepCurve) -> dict[str, Any]:
    return {
        "runs": one.runs,
        "probabilities": dict(zip(found.labels, zip(*one.probabilities, strict=True), strict=True)),
        "answers": one.answers,
        "held": one.held,
        "flip": None if one.flip is None else found.points[one.flip].pruning_ratio,
        "kept": one.kept,
        "times": [time and asdict(time) for time in one.times],
    }


def pack_model(found: ModelInfo, sizes: Mapping[str, SizeChoice]) -> dict[str, Any]:
    return {
        "key": found.key,
        "title": found.title,
        "dataset": found.dataset,
        "bundled": found.bundled,
        "parameters": found.parameters,
        "macs": found.macs,
        "layers": found.layers,
        "heads": found.heads,
        "patches": found.num_patches,
        "grid": found.grid,
        "prune_loc": found.prune_loc,
        "selectors": found.selectors,
        "sizes": [asdict(one) for one in sizes.values()],
    }
