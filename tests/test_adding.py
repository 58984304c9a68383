"""The worked examples of docs/adding.md do what it says."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import VisionTransformer

from tests.engine.bundle import draw_picture, write_models
from tests.maps.test_merged import find_case
from tests.maps.traces import make_trace
from tests.weights.hub import make_probe
from tests.weights.samples import compute_logits, scatter
from vitdemo import ui
from vitdemo.config import PruneConfig, ViTConfig
from vitdemo.datasets import CIFAR100_CLASSES
from vitdemo.engine import Engine, Request
from vitdemo.maps import METHODS, explain
from vitdemo.models import build_model
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import SELECTORS, make_selector
from vitdemo.recording import record
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.visit import LIGHT
from vitdemo.weights import load_model, store

PAGE = (Path(__file__).parents[1] / "docs" / "adding.md").read_text(encoding="utf-8")


@cache
def run_examples() -> SimpleNamespace:
    """Return all that the page's Python defines."""
    names: dict[str, Any] = {"__name__": "adding"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(compile(block, "adding.md", "exec"), names)
    return SimpleNamespace(**names)


def test_the_network_is_an_entry_of_the_menu() -> None:
    spec = run_examples().vit_cifar100
    assert (spec.key, spec.title, spec.optional) == ("vit_cifar100", "Standard ViT · CIFAR-100", True)
    assert build_model(spec.config).head.out_features == len(CIFAR100_CLASSES)


def test_the_map_is_offered_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    method = run_examples().received
    monkeypatch.setitem(METHODS, method.key, method)
    trace = make_trace(cuts={2: 5})
    heat = explain(trace, "attention-received")
    expected = np.zeros(13)
    for attn, ids in zip(trace.attn, trace.token_ids, strict=True):
        for column, place in enumerate(ids.tolist()):
            expected[place] += attn.numpy()[:, :, column].mean() / 4
    np.testing.assert_allclose(heat.ravel(), expected[1:], rtol=1e-5)


def test_the_map_gives_what_merged_tokens_get_to_their_parts() -> None:
    """As over every token, those of a group alike."""
    merged, duplicates = find_case("square", "merge").both
    found, expected = (run_examples().attention_received(one) for one in (merged, duplicates))
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-4)
    holders = merged.holders(-1)[merged.num_prefix_tokens :].numpy()
    groups = [np.bincount(holders, weights=heat.ravel()) for heat in (found, expected)]
    np.testing.assert_allclose(*groups, rtol=1e-3)
    assert found.min() > 0, "no part of a token is left out"


def test_the_format_gives_torchvisions_logits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sizes: dict[str, Any] = {
        "image_size": 32,
        "patch_size": 8,
        "hidden_dim": 24,
        "mlp_dim": 48,
        "num_layers": 2,
        "num_heads": 3,
    }
    theirs = scatter(VisionTransformer(**sizes, num_classes=2))
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({**sizes, "classes": ["cat", "dog"]}))
    describe = run_examples().describe_torchvision
    monkeypatch.setattr(store, "describe", lambda config, *_, **__: describe(config))
    loaded = load_model(str(tmp_path))
    assert loaded.classes == ("cat", "dog")
    torch.testing.assert_close(loaded.model(make_probe(32)), compute_logits(theirs, 32), rtol=0, atol=1e-5)


def test_the_data_set_is_found(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in ("Bengal", "pug"):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / "pets" / split / name / "0.png")
    photos = run_examples().pets.load(tmp_path, "test")
    assert (photos.classes, photos.labels.tolist()) == (("Bengal", "pug"), [0, 1])


def test_the_tab_is_in_the_page_and_draws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sessions: list[Session] = []

    def build(session: Session) -> None:
        sessions.append(session)
        run_examples().build(session)

    monkeypatch.setattr(ui, "TABS", (*ui.TABS, SimpleNamespace(build=build)))
    engine = Engine(device="cpu", models_dir=write_models(tmp_path))
    page = ui.build(engine)
    tabs = [block for block in page.blocks.values() if isinstance(block, gr.Tab)]
    (tab,) = [tab for tab in tabs if tab.elem_id == "tab-count"]
    (shown,) = [block for block in tab.children if isinstance(block, gr.HTML)]
    drawing = [event for event in page.fns.values() if shown in event.outputs]
    assert len(drawing) == 2, "when it is opened, and when another result arrives"
    assert {event.concurrency_id for event in drawing} == {LIGHT["concurrency_id"]}, "no line of its own"
    key = engine.open(Request(draw_picture(), engine.default_model, 0.5)).key
    for event in drawing:
        values = {**dict.fromkeys(event.inputs), sessions[0].key: key, sessions[0].active: "tab-count"}
        assert event.fn is not None
        assert event.fn(values)[shown] == "32, 16, 8"


def test_the_selector_keeps_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = run_examples().length
    monkeypatch.setitem(SELECTORS, spec.key, spec)
    config = ViTConfig(
        img_size=32, patch_size=8, embed_dim=24, depth=4, num_classes=3, prune=PruneConfig(prune_loc=(1,))
    )
    model, pixels = build_model(config).eval(), torch.randn(1, 3, 32, 32)
    pruning = Pruning(make_selector("length", model=model, pixels=pixels), FixedRatio(0.5))
    trace = record(model, pixels, pruning=pruning)
    assert sorted(trace.scores[0].topk(8).indices.tolist()) == trace.kept[0].tolist()
    tokens = model.blocks[0](model.embed(pixels))[0, 1:]
    torch.testing.assert_close(trace.scores[0], tokens.norm(dim=-1))
