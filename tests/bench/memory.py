"""How much memory and time a recorded pass takes at more and more tokens."""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from tests.bench.race import Row, Setting, summarise
from tests.models.nets import make_pictures
from vitdemo.config import ViTConfig
from vitdemo.models import build_model
from vitdemo.recording import record
from vitdemo.trace import Trace

NAME = "recording, by tokens"
SIDES = (8, 14, 24, 32, 56)  # patches on a side: 65 to 3,137 tokens
SHAPE = ViTConfig(patch_size=8, embed_dim=192, depth=4, num_heads=3, num_classes=10)
TIMES = 3
MEGABYTE = 1e6


def measure(setting: Setting) -> Iterator[Row]:
    """Measure four layers of width 192: the time, the trace, and the most memory beside the trace.

    That is told in matrices of one layer, n x n for each head, of which there should be one.
    """
    for side in SIDES[:2] if setting.tiny else SIDES:
        config = replace(SHAPE, img_size=8 * side)
        model, pixels = build_model(config).eval(), make_pictures(config, 1)
        tokens = config.num_patches + 1
        record(model, pixels)
        times, excess, size = [], [], 0.0
        for _ in range(TIMES):
            start, before = perf_counter(), reset_peak()
            trace = record(model, pixels)
            times.append(1000 * (perf_counter() - start))
            size = count_megabytes(trace)
            beside = read_memory("VmHWM") - before - size
            excess.append(max(0.0, beside) / (trace.attn[0].nbytes / MEGABYTE))
            del trace
        case = f"{tokens:,} tokens"
        yield Row(NAME, case, summarise(times), note=f"the trace has {size:,.1f} MB")
        yield Row(NAME, f"{case}, beside the trace", summarise(excess), unit="matrices")


def count_megabytes(trace: Trace) -> float:
    parts = (*trace.attn, *trace.token_ids, *trace.token_norms, *trace.directions)
    return sum(part.nbytes for part in parts) / MEGABYTE


def reset_peak() -> float:
    """Give free memory back, and let the peak begin anew. Return the megabytes in use; Linux only."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return read_memory("VmRSS")


def read_memory(field: str) -> float:
    """Return a field of this process's status, in megabytes."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024 / MEGABYTE
