"""The bundled weights: complete, small, as the registry promises, good enough for the drawn pictures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard

from train.options import SWEEP
from train.report import CONTROLS, format_models, format_sweep
from vitdemo.data import preprocess
from vitdemo.datasets import PHOTO_WORDS
from vitdemo.decode import decode
from vitdemo.examples import EXAMPLES, FOLDER, KINDS, choose_examples
from vitdemo.maps import METHODS
from vitdemo.markdown import read_block
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.registry import MODELS
from vitdemo.weights import WeightsError, list_models, load_model

ROOT = Path(__file__).parents[1]
BUNDLED = [key for key, spec in list_models().items() if spec.source == "bundled"]
LIMIT = 10**7  # bytes; the Hub wants larger files in its large storage, and one network alone has one
LARGE = ROOT / "checkpoints" / "dynamicvit_photo" / "model.safetensors"


@pytest.mark.parametrize("key", BUNDLED)
def test_a_bundled_model_is_complete_and_small(key: str) -> None:
    folder = ROOT / "checkpoints" / MODELS[key].folder
    names = {path.name for path in folder.iterdir()}
    figures = {"curves.png", "confusion.png", "per_class.png"}
    assert names >= {"config.json", "model.safetensors", "metrics.json", "README.md", *figures}
    prunes = MODELS[MODELS[key].folder].config.prune is not None
    assert ("keep_ratio.png" in names) == prunes
    assert all(path.stat().st_size < LIMIT for path in folder.iterdir() if path != LARGE)
    loaded = load_model(key)
    config, promised = loaded.spec.config, MODELS[key].config
    assert (config.attention, config.num_patches) == (promised.attention, promised.num_patches)
    assert (config.prune is None, config.num_classes) == (promised.prune is None, promised.num_classes)
    assert loaded.classes == tuple(json.loads((folder / "metrics.json").read_text())["per_class"])
    assert all(bool(p.isfinite().all()) for p in loaded.model.parameters())


@pytest.mark.parametrize("name", sorted({MODELS[key].folder for key in BUNDLED}))
def test_a_card_says_to_the_hub_what_was_measured(name: str) -> None:
    folder = ROOT / "checkpoints" / name
    card: Any = ModelCard((folder / "README.md").read_text(encoding="utf-8"))
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    (result,) = card.data.eval_results
    assert (card.data.model_name, result.metric_type) == (name, "accuracy")
    assert result.metric_value == metrics["accuracy"]
    assert (card.data.metrics, card.data.base_model) == (["accuracy"], metrics.get("base_model"))
    assert f'vitdemo.load("hf-hub:OWNER/{name}")' in card.text


@pytest.mark.parametrize("key", BUNDLED)
def test_one_flipped_bit_of_a_bundled_model_is_refused(key: str, tmp_path: Path) -> None:
    name = MODELS[key].folder
    config = json.loads((ROOT / "checkpoints" / name / "config.json").read_text())
    weights = bytearray((ROOT / "checkpoints" / name / "model.safetensors").read_bytes())
    assert config["sha256"] == hashlib.sha256(weights).hexdigest()
    weights[len(weights) // 2] ^= 1
    (tmp_path / name).mkdir()
    (tmp_path / name / "config.json").write_text(json.dumps(config))
    (tmp_path / name / "model.safetensors").write_bytes(weights)
    with pytest.raises(WeightsError, match=f"model.safetensors of {name} is damaged: its sha256"):
        load_model(key, models_dir=tmp_path)


@pytest.mark.parametrize(("key", "floor"), [("vit_cifar10", 87.0), ("lightvit_cifar10", 85.0)])
def test_the_recorded_accuracy_is_what_was_asked_for(key: str, floor: float) -> None:
    metrics = json.loads((ROOT / "checkpoints" / key / "metrics.json").read_text())
    diagonal = sum(metrics["confusion"][i][i] for i in range(10))
    assert metrics["accuracy"] == pytest.approx(diagonal / 100)
    assert metrics["n"] == 10_000
    assert metrics["accuracy"] >= floor


def test_dynamicvit_keeps_its_accuracy_and_beats_the_controls() -> None:
    metrics = json.loads((ROOT / "checkpoints" / "dynamicvit_cifar10" / "metrics.json").read_text())
    at = {(row["keep_ratio"], row["selector"]): row["accuracy"] for row in metrics["sweep"]}
    assert at[0.7, "learned"] >= metrics["accuracy"] - 1.5
    assert at[0.5, "learned"] >= metrics["accuracy"] - 5.0
    for ratio in SWEEP[1:]:
        margin = at[ratio, "learned"] - max(at[ratio, name] for name in CONTROLS)
        assert margin > (0 if ratio <= 0.7 else -0.2), ratio


@pytest.mark.parametrize("key", [key for key in BUNDLED if "imagenette" in key])
def test_photos_are_named_well_enough_to_be_bundled(key: str) -> None:
    metrics = json.loads((ROOT / "checkpoints" / key / "metrics.json").read_text())
    assert metrics["n"] == 3925
    assert metrics["accuracy"] >= 75


@pytest.mark.parametrize("key", [key for key in BUNDLED if MODELS[key].folder == key])
def test_maps_are_ranked_by_the_numbers_of_the_table(key: str) -> None:
    stored = json.loads((ROOT / "checkpoints" / key / "metrics.json").read_text())["faithfulness"]
    table = read_block(ROOT / "docs" / "numbers.md", name=f"faithfulness on {stored['dataset']}")
    rows = [row.strip("| ").split(" | ") for row in table.splitlines() if row.startswith("| ")]
    printed = {row[0]: row[rows[0].index(key)] for row in rows}
    for method, (mean, low, high) in stored["gains"].items():
        assert f"{mean:+.3f} ({low:+.3f} to {high:+.3f})" in printed[METHODS[method].title], method
    assert f"{key} --data data --n {stored['n']} " in table


def test_the_readme_table_is_the_checkpoints_own() -> None:
    assert read_block(ROOT / "README.md", name="models") == format_models(ROOT / "checkpoints")
    assert read_block(ROOT / "docs" / "numbers.md", name="sweep") == format_sweep(ROOT / "checkpoints")


def test_the_bundled_vit_names_at_least_eight_of_the_ten_drawn_pictures() -> None:
    loaded = load_model("vit_cifar10")
    assert [example.word for example in KINDS] == list(loaded.classes)
    right = []
    for example in KINDS:
        picture = decode(example.path)
        assert min(picture.size) >= 256
        pixels = preprocess(picture, config=loaded.spec.data).pixels
        with torch.no_grad():
            right.append(loaded.classes[int(loaded.model(pixels).argmax())] == example.word)
    assert sum(right) >= 8


@pytest.mark.parametrize("key", BUNDLED)
def test_no_network_is_offered_an_example_that_it_gets_wrong(key: str) -> None:
    """Dense, and where it has learned to prune at the ratio with which a page opens."""
    loaded = load_model(key)
    offered = choose_examples(loaded.classes)
    assert {example.word for example in offered} <= set(loaded.classes)
    for example in offered:
        pixels = preprocess(decode(example.path), config=loaded.spec.data).pixels
        prunings: list[Pruning | None] = [None]
        if loaded.spec.config.prune:
            selector = make_selector("learned", model=loaded.model, pixels=pixels)
            prunings.append(Pruning(selector, FixedRatio(0.7)))
        for pruning in prunings:
            with torch.no_grad():
                answer = loaded.classes[int(loaded.model(pixels, pruning=pruning).argmax())]
            assert answer == example.word, (example.name, pruning)


def test_examples_are_small_and_tell_where_they_come_from() -> None:
    assert {path.stem for path in FOLDER.glob("*.webp")} == set(EXAMPLES)
    for example in EXAMPLES.values():
        assert example.path.stat().st_size <= 60_000
        assert example.licence in ("Apache-2.0", "CC0-1.0")
        assert example.drawn == (example.source == "drawn by tools/examples")


def test_the_page_opens_on_a_photograph_where_the_photo_network_is() -> None:
    first = choose_examples(PHOTO_WORDS)[0]
    assert (first.word, first.drawn) == ("cat", False)
    assert choose_examples(()) == choose_examples(PHOTO_WORDS)
