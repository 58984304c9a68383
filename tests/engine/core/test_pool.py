"""Loading: once, on demand, without one model's failure reaching another; and who may be asked for."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.bundle import KEYS, draw_picture, write_models
from vitdemo.engine import Engine, Request
from vitdemo.engine.core import pool
from vitdemo.engine.core.pool import ModelPool
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.weights import LoadedModel, Origin, WeightsError, load_model


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each model was loaded; the Hub cannot be reached."""
    counts: Counter[str] = Counter()

    def counted(name: str, **options: Any) -> LoadedModel:
        counts[name] += 1
        if name.startswith("deit"):
            raise WeightsError("the Hub did not answer within 10 seconds")
        threading.Event().wait(0.05)  # time for a second thread to come by
        return load_model(name, **options)

    monkeypatch.setattr(pool, "load_model", counted)
    return counts


def test_threads_that_come_together_load_once(engine: Engine, loads: Counter[str]) -> None:
    with ThreadPoolExecutor(2) as threads:
        analyses = list(threads.map(lambda seed: engine.open(Request(draw_picture(seed))).analysis, range(2)))
    assert loads == {"dynamicvit_cifar10": 1}
    assert analyses[0].key != analyses[1].key


def test_threads_with_the_same_request_run_it_once(engine: Engine, models: Path) -> None:
    engine.open(Request(draw_picture(1)))  # the setting is measured
    count = engine.forwards
    with ThreadPoolExecutor(4) as threads:
        keys = set(threads.map(lambda _: engine.open(Request(draw_picture(2))).key, range(4)))
    assert len(keys) == 1
    assert engine.forwards == count + 2


def test_a_failed_load_leaves_the_rest_working_and_is_tried_again(
    engine: Engine, loads: Counter[str]
) -> None:
    for _ in range(2):
        with pytest.raises(WeightsError, match="did not answer"):
            engine.open(Request(draw_picture(), "deit_tiny"))
    assert loads["deit_tiny"] == 2
    assert engine.open(Request(draw_picture(), "vit_cifar10")).analysis.source == "folder vit_cifar10"


def test_the_least_recently_used_model_makes_room(models: Path, loads: Counter[str]) -> None:
    dynamic, dense, light = KEYS
    two = sum(pool.nbytes(load_model(key, models_dir=models)) for key in (dynamic, dense))
    small = ModelPool(device="cpu", models_dir=models, limits=Limits(network_megabytes=two / MEGABYTE))
    for key in (dynamic, dense, dynamic, light, dynamic, dense):
        small.get(key)
    assert loads == {dynamic: 1, dense: 2, light: 1}


def test_one_model_larger_than_the_limit_is_kept_all_the_same(models: Path, loads: Counter[str]) -> None:
    tight = ModelPool(device="cpu", models_dir=models, limits=Limits(network_megabytes=1 / MEGABYTE))
    assert tight.get(KEYS[0]) is tight.get(KEYS[0])
    assert loads == {KEYS[0]: 1}


def test_folders_are_served_only_when_the_owner_named_them(models: Path) -> None:
    folder = str(models / "vit_cifar10")
    with pytest.raises(ValueError, match="model must be one of"):
        Engine(device="cpu").open(Request(draw_picture(), folder))
    engine = Engine(device="cpu", extra_models=(folder,))
    assert engine.info(folder).layers == 10
    assert engine.open(Request(draw_picture(), folder)).analysis.source == "folder vit_cifar10"


def test_the_origin_of_the_weights_reaches_the_user(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = Origin("hf-hub:owner/repo@abc", "abc", "The Hub cannot be reached; a copy is used.")
    monkeypatch.setattr(
        pool, "load_model", lambda name, **rest: replace(load_model(name, **rest), origin=origin)
    )
    result = engine.open(Request(draw_picture()))
    assert (result.analysis.source, result.analysis.note) == (origin.source, origin.note)


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert str(pool.choose_device("auto")) == "cpu"
    with pytest.raises(ValueError, match="'cuda' is not available"):
        Engine(device="cuda")
    with pytest.raises(ValueError, match="device must be one of auto, cpu, cuda, got 'tpu'"):
        Engine(device="tpu")


def test_what_may_be_fetched_from_the_hub_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def load(name: str, **options: Any) -> Any:
        asked.update(options, name=name)
        raise WeightsError("not today")

    monkeypatch.setattr(pool, "load_model", load)
    for limit in (Limits.download_megabytes, 7):
        with pytest.raises(WeightsError, match="not today"):
            ModelPool(device="cpu", limits=Limits(download_megabytes=limit)).get("deit_tiny")
        assert (asked["name"], asked["download_megabytes"]) == ("deit_tiny", limit)


def test_files_that_are_deleted_while_the_app_runs(tmp_path: Path) -> None:
    """A model in memory goes on answering; another is one sentence, until its files are back."""
    folder = write_models(tmp_path / "models")
    engine = Engine(device="cpu", models_dir=folder)
    before = engine.open(Request(draw_picture(), KEYS[1], 0.3)).analysis
    folder.rename(tmp_path / "away")
    after = engine.open(Request(draw_picture(1), KEYS[1], 0.3)).analysis
    assert [label for label, _ in after.dense.top] != []
    assert engine.open(Request(draw_picture(), KEYS[1], 0.3)).analysis == before
    with pytest.raises(WeightsError, match=f"The bundled model '{KEYS[2]}' is not in the models folder"):
        engine.open(Request(draw_picture(), KEYS[2], 0.3))
    (tmp_path / "away").rename(folder)
    (folder / KEYS[2] / "model.safetensors").rename(tmp_path / "weights")
    with pytest.raises(WeightsError, match=f"{KEYS[2]} has no model.safetensors"):
        engine.open(Request(draw_picture(), KEYS[2], 0.3))
    (tmp_path / "weights").rename(folder / KEYS[2] / "model.safetensors")
    assert engine.open(Request(draw_picture(), KEYS[2], 0.3)).analysis.dense.top
