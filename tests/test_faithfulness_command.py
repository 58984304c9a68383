"""`python -m vitdemo.faithfulness`: what it prints, writes and stores is what the study finds."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.small_bundle import write_small_models
from vitdemo.datasets import load_cifar10
from vitdemo.faithfulness import Ranking, orders, read_ranking
from vitdemo.faithfulness.__main__ import main
from vitdemo.faithfulness.ledger import Ledger
from vitdemo.faithfulness.study import judge, list_areas, sample_images
from vitdemo.maps import CLASS_METHODS, METHODS
from vitdemo.markdown import read_block
from vitdemo.weights import load_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "cifar-10-batches-py").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3072), dtype=np.uint8)
    batch = {b"data": pixels, b"labels": [0, 1, 2, 3]}
    (folder / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(batch))
    return folder


def test_the_command_prints_what_the_study_finds(
    models: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", str(data), "--models-dir", str(models), "--n", "2", "--json"]
    assert main(["dynamicvit_cifar10", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["split"], found["n"]) == ("dynamicvit_cifar10", "test", 2)
    loaded = load_model("dynamicvit_cifar10", models_dir=models)
    images = list(sample_images(load_cifar10(data, "test"), 2))
    judged = [judge(loaded, image, seed=seed) for seed, image in enumerate(images)]
    assert {one["method"] for one in found["rows"]} == set(judged[0]) - {"random"}
    assert "keep-score" in judged[0]
    gains = [one["gain"]["mean"] for one in found["rows"]]
    assert gains == sorted(gains, reverse=True)
    for one in found["rows"]:
        aucs = np.array([list_areas(judgement[one["method"]]) for judgement in judged])
        chance = np.array([list_areas(judgement["random"]) for judgement in judged])
        assert one["deletion"]["mean"] == pytest.approx(aucs[:, 0].mean(), abs=1e-6)
        assert one["insertion"]["mean"] == pytest.approx(aucs[:, 1].mean(), abs=1e-6)
        others = [one[name]["mean"] for name in ("srg", "mif_accuracy", "lif_accuracy")]
        assert others == pytest.approx(aucs[:, 2:].mean(axis=0).tolist(), abs=1e-6)
        gain = (chance[:, 0] - aucs[:, 0] + aucs[:, 1] - chance[:, 1]).mean()
        assert one["gain"]["mean"] == pytest.approx(gain, abs=1e-6)
        assert one["gain"]["low"] <= one["gain"]["mean"] <= one["gain"]["high"]
        assert one["finding"] in ("better than random", "worse than random", "no better than random")


def test_a_run_goes_on_where_it_stopped(
    models: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With more pictures, behind a half-written line, and with a method that was not there before."""
    words = ["vit_cifar10", "--data", str(data), "--models-dir", str(models), "--json", "--n"]
    assert main([*words, "3"]) == 0
    whole = json.loads(capsys.readouterr().out)
    file, again = tmp_path / "kept" / "run.jsonl", ["--resume", str(tmp_path / "kept" / "run.jsonl")]
    with monkeypatch.context() as before:
        before.setattr(orders, "JUDGED", [key for key in orders.JUDGED if key != "chefer"])
        assert main([*words, "2", *again]) == 0
    first, second = file.read_text().splitlines()
    file.write_text(f"{first}\n{second[:50]}")
    assert "chefer" not in first
    assert main([*words, "3", *again]) == 0
    lines = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    assert [(line["picture"], list(line["areas"]) == ["chefer"]) for line in lines] == [
        (0, False),
        (0, True),
        (1, False),
        (2, False),
    ]
    capsys.readouterr()
    assert main([*words, "3", *again]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] == pytest.approx(sum(line["seconds"] for line in lines))
    assert {**found, "seconds": 0} == {**whole, "seconds": 0}
    assert len(file.read_text().splitlines()) == len(lines) + 1  # nothing was judged again
    assert not Ledger(file, {"weights": "others"}).pictures
    assert main([*words, "3", "--resume", str(tmp_path)]) == 2
    assert "Is a directory" in capsys.readouterr().err


def test_the_command_writes_the_table_and_names_what_is_wrong(
    models: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme, place = tmp_path / "README.md", "faithfulness on CIFAR-10"
    readme.write_text(f"before\n<!-- {place}:begin -->\n<!-- {place}:end -->\nafter\n")
    words = ["vit_cifar10", "--data", str(data), "--models-dir", str(models), "--n", "1"]
    assert main([*words, "--write", str(readme)]) == 0
    table = read_block(readme, name=place)
    assert "| map | vit_cifar10 |" in table
    assert "| Chefer et al. | 0." in table
    assert "Keep score" not in table  # this network has none
    assert "`python -m vitdemo.faithfulness vit_cifar10 --data data --n 1 --json`: n = 1" in table
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "SRG     MIF     LIF" in printed
    assert "Random order" in printed
    for wrong, message in (
        (["--n", "5"], "n must be from 1 to 4"),
        (["--data", str(tmp_path)], "test_batch is missing"),
        (["--write", str(data / "cifar-10-batches-py" / "none.md")], "none.md"),
    ):
        assert main([*words, *wrong]) == 2
        assert message in capsys.readouterr().err


def test_what_is_stored_is_what_was_found(
    models: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = models / "vit_cifar10" / "metrics.json"
    words = ["vit_cifar10", "--data", str(data), "--models-dir", str(models), "--n", "3", "--json", "--store"]
    assert main(words) == 2
    assert "metrics.json" in capsys.readouterr().err  # a network that was never judged has none
    file.write_text('{"accuracy": 10.0}')
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    metrics = json.loads(file.read_text())
    stored = metrics.pop("faithfulness")
    assert metrics == {"accuracy": 10.0}
    assert [stored[name] for name in ("dataset", "split", "n")] == ["CIFAR-10", "test", 3]
    assert list(stored["gains"]) == [row["method"] for row in found["rows"]]
    for row in found["rows"]:
        gain = [row["gain"][part] for part in ("mean", "low", "high")]
        assert stored["gains"][row["method"]] == pytest.approx(gain, abs=5e-4)


def test_the_best_map_is_the_first() -> None:
    ranking = Ranking({"chefer": 0.2, "token-gradcam": 0.5, "attention-gradcam": -0.1}, 7)
    best = ["token-gradcam", "chefer", "attention-gradcam"]
    assert ranking.sort(CLASS_METHODS) == [
        *best,
        "gradient-rollout",
        "legrad",
        "attnlrp",
        "reslrp",
    ]  # which nobody judged
    assert Ranking({}, 0).sort(METHODS) == list(METHODS)


@pytest.mark.parametrize(
    ("stored", "n"),
    [
        ({"n": 9, "gains": {"chefer": [0.2, 0.1, 0.3], "token-gradcam": [0.1, -0.1, 0.3]}}, 9),
        ({"n": 9, "gains": {"chefer": [0.2, -0.1, 0.3]}}, 0),  # no better than random order
        ({"n": 9, "gains": {"chefer": [0.2, 0.1]}}, 0),
        ({"n": 9, "gains": {"chefer": "much"}}, 0),
        ({"n": 9, "gains": [0.2]}, 0),
        ({"gains": {"chefer": [0.2, 0.1, 0.3]}}, 0),
        ([9], 0),
    ],
)
def test_a_ranking_that_says_nothing_is_none(tmp_path: Path, stored: object, n: int) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps({"faithfulness": stored}))
    ranking = read_ranking(tmp_path)
    assert ranking.n == n
    assert bool(ranking.gains) == bool(n)
    assert read_ranking(None) == read_ranking(tmp_path / "nowhere") == Ranking({}, 0)
