"""The byte bound, the order of eviction, and the keys."""

from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from tests.maps.traces import make_tensors, make_trace
from vitdemo.config import DataConfig, ViTConfig
from vitdemo.engine import Analysis, Outcome
from vitdemo.engine.core.cache import Entry, TraceCache
from vitdemo.engine.core.embedding import Embedding


def make_entry(key: str) -> Entry:
    outcome = Outcome((), (12,), 0)
    view = Image.new("RGB", (16, 12))
    analysis = Analysis(key, "", "", "", 0.3, view, outcome, outcome, (), "")
    return Entry(
        analysis=analysis,
        config=ViTConfig(),
        data=DataConfig(),
        upload=Image.new("RGB", (10, 10)),
        upload_size=(10, 10),
        pixels=torch.zeros(1, 3, 4, 4),
        embedding=Embedding(torch.zeros(12, 8), torch.zeros(1, 8), torch.zeros(13, 8)),
        dense=make_trace(),
        pruned=make_trace(cuts={2: 5}),
    )


def test_bytes_are_those_of_numpy() -> None:
    one = make_entry("a")
    assert one.pruned is not None
    arrays = [t.numpy() for trace in (one.dense, one.pruned) for t in make_tensors(trace)]
    arrays += [one.pixels.numpy(), one.embedding.patches.numpy(), one.embedding.prefix.numpy()]
    arrays += [one.embedding.positions.numpy(), np.asarray(one.upload), np.asarray(one.analysis.view)]
    assert one.nbytes == sum(array.nbytes for array in arrays)
    assert replace(one, pruned=None).nbytes < one.nbytes


def test_what_both_passes_have_counts_once() -> None:
    one = make_entry("a")
    assert one.pruned is not None
    shared = replace(one.pruned, attn=(*one.dense.attn[:2], *one.pruned.attn[2:]))
    saved = sum(matrix.nbytes for matrix in one.dense.attn[:2])
    assert replace(one, pruned=shared).nbytes == one.nbytes - saved > 0


def test_the_least_recently_used_goes_first() -> None:
    cache = TraceCache(3 * make_entry("").nbytes)
    for key in "abc":
        cache.put(make_entry(key))
    cache.find("a")
    cache.put(make_entry("d"))
    assert [cache.find(key) is not None for key in "abcd"] == [True, False, True, True]


def test_a_key_put_twice_counts_once() -> None:
    cache = TraceCache(2 * make_entry("").nbytes)
    for key in "aab":
        cache.put(make_entry(key))
    found = cache.find("a")
    assert found is not None
    assert found.analysis.key == "a"


def test_an_entry_larger_than_the_cache_stays_until_the_next() -> None:
    cache = TraceCache(1)
    cache.put(make_entry("a"))
    found = cache.find("a")
    assert found is not None
    assert found.analysis.key == "a"
    cache.put(make_entry("b"))
    assert cache.find("a") is None


def test_keys_depend_on_every_part_and_its_borders_and_on_the_secret() -> None:
    cache = TraceCache(1)
    assert cache.key(b"ab", b"c") == cache.key(b"ab", b"c")
    assert len({cache.key(b"ab", b"c"), cache.key(b"a", b"bc"), cache.key(b"abc"), cache.key(b"ab")}) == 4
    assert cache.key(b"ab") != TraceCache(1).key(b"ab")
