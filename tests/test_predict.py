"""The command line against the engine, and how it meets bad input."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engine.bundle import draw_picture, write_models
from vitdemo import render
from vitdemo.engine import Engine, Look, Request
from vitdemo.models.selectors import SELECTORS
from vitdemo.predict import main, make_unique


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    (tmp_path / "other").mkdir()
    paths = [tmp_path / "cat.png", tmp_path / "other" / "cat.png"]
    for seed, path in enumerate(paths):
        draw_picture(seed).save(path)
    return paths


def run(models: Path, *arguments: object) -> int:
    return main([*map(str, arguments), "--models-dir", str(models), "--device", "cpu"])


def test_json_is_what_the_engine_says(
    models: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    how = ("--model", "vit_cifar10", "--pruning-ratio", 0.5, "--reduction", "merge")
    assert run(models, *photos, *how, "--json") == 0
    output, engine = capsys.readouterr(), Engine(device="cpu", models_dir=models)
    found = json.loads(output.out)
    for path, one in zip(photos, found, strict=True):
        wanted = engine.open(Request(path, "vit_cifar10", 0.5, reduction="merge")).analysis
        assert wanted.pruned is not None
        assert (one["image"], one["model"], one["source"]) == (str(path), "vit_cifar10", "folder vit_cifar10")
        assert (one["pruning_ratio"], one["selector"]) == (0.5, "class-attention")
        assert one["reduction"] == "merge"
        assert (one["vocabulary"], tuple(one["classes"])) == (wanted.vocabulary, wanted.classes)
        assert one["kept"] == [list(ids) for ids in wanted.kept]
        for key, outcome in (("dense", wanted.dense), ("pruned", wanted.pruned)):
            assert [(each["label"], each["probability"]) for each in one[key]["top"]] == list(outcome.top)
            assert (one[key]["tokens"], one[key]["macs"]) == (list(outcome.tokens), outcome.macs)
            assert one[key]["time"]["milliseconds"] > 0
            assert one[key]["time"]["n"] >= 5
    assert "100%" in output.err


def test_stages_take_the_place_of_the_ratio(
    models: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(models, photos[0], "--stages", "2:0.5,7:0.5", "--model", "vit_cifar10") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "pruned 2:0.5, 7:0.5, class-attention" in lines[1]
    assert any("64 -> 32 -> 16" in line for line in lines)
    table = photos[0].parent / "table.csv"
    assert run(models, photos[0].parent / "other", "--stages", "2:0.5,7:0.5", "--out", table) == 0
    assert "pruned_label" in table.read_text(encoding="utf-8")


def test_a_person_reads_both_passes(
    models: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(models, photos[0]) == 0
    lines = capsys.readouterr().out.splitlines()
    analysis = Engine(device="cpu", models_dir=models).open(Request(photos[0])).analysis
    label, probability = analysis.dense.top[0]
    assert "DynamicViT" in lines[0]
    assert "pruned 30%, learned" in lines[1]
    assert f"{label} {probability:.1%}" in lines[2]
    assert any("64 -> 44 -> 31 -> 21" in line for line in lines)
    assert any(re.fullmatch(r"time( +[\d.]+ ms, [\d.]+ to [\d.]+, n = \d){2}", line) for line in lines)
    assert any(re.fullmatch(r" +(faster by \d+ %|slower by \d+ %|about equal)", line) for line in lines)
    assert any(line == f"Knows 10 words: {', '.join(analysis.classes)}" for line in lines)


def test_a_bad_image_is_told_and_the_others_go_on(
    models: Path, photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "note.png"
    bad.write_text("not a picture")
    missing = tmp_path / "missing.png"
    assert run(models, bad, photos[0], missing, photos[1], "--json", "--pruning-ratio", 0) == 1
    output = capsys.readouterr()
    assert [one["image"] for one in json.loads(output.out)] == [str(path) for path in photos]
    assert all(one["pruned"] is None for one in json.loads(output.out))
    errors = [line for line in output.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert "note.png" in errors[0]
    assert "missing.png" in errors[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "resnet50"], ["model 'resnet50'", "vit_cifar10", "deit_tiny"]),
        (["--pruning-ratio", "1.5"], ["pruning_ratio must be from 0 to 0.9"]),
        (["--size", "2"], ["size must be from 4 to ", "got 2"]),
        (["--selector", "best"], [f"selector must be one of {', '.join(SELECTORS)}"]),
        (["--stages", "3"], ["stages must be written as layer:share kept, such as 3:0.7, 6:0.5, got '3'"]),
        (["--reduction", "melt"], ["reduction must be one of drop, fuse, merge, tome, got 'melt'"]),
    ],
)
def test_bad_options_are_one_sentence(
    models: Path,
    photos: list[Path],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: list[str],
) -> None:
    assert run(models, photos[0], *arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    [error] = [line for line in output.err.splitlines() if line.startswith("error: ")]
    assert all(word in error for word in words)


def test_a_size_is_told(models: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(models, photos[0], "--size", "own", "--json") == 0
    output = capsys.readouterr()
    [found] = json.loads(output.out)
    assert (found["input_size"], found["dense"]["tokens"]) == ([24, 36], [54])
    assert "note: Read at 36 × 24 pixels, not at the 32 × 32 that" in output.err


def test_a_folder_is_a_model(models: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Path("nowhere"), photos[0], "--model", models / "lightvit_cifar10", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["source"] == "folder lightvit_cifar10"


def test_maps_are_the_engine_s_pictures_one_set_an_image(
    models: Path, photos: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "maps" / "new"
    for _ in range(2):  # a second run writes over the first
        assert run(models, *photos, "--save-maps", folder) == 0
    names = [
        f"{stem}-{kind}.png" for stem in ("cat", "cat-2") for kind in ("heads", "kept", "lifetime", "rollout")
    ]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)

    engine = Engine(device="cpu", models_dir=models)
    for path, stem in zip(photos, ("cat", "cat-2"), strict=True):
        result = engine.open(Request(path))
        wanted = {
            "rollout": result.attention_figure(Look()),
            "lifetime": result.tokens.lifetime_figure(),
            "kept": render.draw_film_strip([(text, image) for image, text in result.tokens.kept_figures()]),
        }
        for kind, picture_of in wanted.items():
            saved = Image.open(folder / f"{stem}-{kind}.png")
            assert np.array_equal(np.asarray(saved), np.asarray(picture_of))


def test_names_never_collide() -> None:
    paths = [Path(name) for name in ("a/cat.png", "b/cat.jpg", "cat-2.png", "CAT.png", "dog.png")]
    names = make_unique(paths)
    assert names == ["cat", "cat-2", "cat-2-2", "CAT-3", "dog"]
