"""What a run leaves behind: tables worked by hand, figures, and pictures that never reach the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.train.conftest import list_overrides
from train.data import Resident
from train.predictions import draw_predictions, pick_predictions
from train.recipe import load_recipe
from train.report import format_models, format_reductions, format_sweep
from train.report import main as report
from vitdemo.datasets import CIFAR10_CLASSES, DATASETS, Images
from vitdemo.render.plots import Prediction, plot_confusion, plot_predictions
from vitdemo.weights import LoadedModel, load_model


def write_metrics(accuracy: float, points: dict[tuple[float, str], float]) -> str:
    rows = [{"keep_ratio": r, "selector": s, "accuracy": a, "n": 1234} for (r, s), a in points.items()]
    return json.dumps({"accuracy": accuracy, "parameters": 1234567, "sweep": rows})


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """Three swept checkpoints, two of them unknown to the registry, and one that does not prune."""
    names = ("learned", "class-attention", "random", "inverted")
    accuracies = {0.7: (89.5, 89.75, 85.0, 50.0), 0.5: (88.0, 80.0, 86.5, 40.0)}
    points = {
        (ratio, name): value
        for ratio, row in accuracies.items()
        for name, value in zip(names, row, strict=True)
    }
    points[1.0, "learned"] = 90.0
    for name, text in (
        ("a_run", write_metrics(91.0, points)),
        ("dynamicvit_cifar10", write_metrics(90.0, points)),
        ("briefly", write_metrics(90.0, {key: value for key, value in points.items() if key[0] != 0.7})),
        ("vit_cifar10", json.dumps({"accuracy": 90.5, "parameters": 1})),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(text)
    return tmp_path


def read_cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_sweep_table_by_hand(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names, _, *rows = map(read_cells, format_sweep(swept).splitlines())
    assert names == [
        "model", "n", "dense, %", "drop at 0.7", "drop at 0.5", "margin at 0.7", "margin at 0.5",
    ]  # fmt: skip
    assert rows == [
        ["dynamicvit_cifar10", "1,234", "90.00", "0.50", "2.00", "-0.25", "+1.50"],
        ["a_run", "1,234", "90.00", "0.50", "2.00", "-0.25", "+1.50"],  # of its own curve
        ["briefly", "1,234", "90.00", "", "2.00", "", "+1.50"],  # judged at fewer ratios
    ]
    report(["--checkpoints", str(swept), "--sweep-table"])
    assert capsys.readouterr().out.strip() == format_sweep(swept)


def test_the_table_of_reductions_by_hand(tmp_path: Path) -> None:
    quick = {"milliseconds": 12.34, "low": 12.0, "high": 12.96, "n": 9}
    point = {"n": 1000, "milliseconds": {"1": quick, "32": None}}
    rows = [{"as_dropping": 1.0, "selector": "", "reduction": "drop", "accuracy": 90.0, **point}]
    lost = {"drop": 1.0, "fuse": 0.5, "merge": 0.25, "tome": -0.5}
    for (name, loss), ratio in product(lost.items(), (0.7, 0.5, 0.3)):
        accuracy = 90 - loss * (10 - 10 * ratio)
        rows.append(
            {"as_dropping": ratio, "selector": "one", "reduction": name, "accuracy": accuracy, **point}
        )
    for name, found in (("judged", {"reductions": rows}), ("other", {})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps({"accuracy": 90.0, **found}))
    names, _, *lines = map(read_cells, format_reductions(tmp_path).splitlines())
    assert names == [
        "model",
        "the others",
        "n",
        "0.7, %",
        "0.5, %",
        "0.3, %",
        "1 at once, ms",
        "32 at once, ms",
    ]
    times = ["12.3 (12.0 to 13.0, n = 9)", "busy"]
    assert lines == [
        ["judged", "dense", "1,000", "90.00", "90.00", "90.00", *times],
        ["judged", "drop", "1,000", "87.00", "85.00", "83.00", *times],
        ["judged", "fuse", "1,000", "88.50", "87.50", "86.50", *times],
        ["judged", "merge", "1,000", "89.25", "88.75", "88.25", *times],
        ["judged", "tome", "1,000", "91.50", "92.50", "93.50", *times],
    ]


def test_figures_and_card_are_made_anew_from_the_numbers(tmp_path: Path) -> None:
    key = "vit_cifar10"
    (tmp_path / key).mkdir()
    for name in ("config.json", "model.safetensors", "metrics.json"):
        (tmp_path / key / name).write_bytes((Path("checkpoints") / key / name).read_bytes())
    report(["--checkpoints", str(tmp_path), "--redraw"])
    for name in ("README.md", "metrics.json"):
        assert (tmp_path / key / name).read_text() == (Path("checkpoints") / key / name).read_text()
    for name in ("curves.png", "confusion.png", "per_class.png"):
        with Image.open(tmp_path / key / name) as figure:
            assert figure.size[0] > 700


def test_each_table_goes_to_its_own_place(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    places = [f"<!-- {name}:begin -->\nold {name}\n<!-- {name}:end -->\n" for name in ("models", "sweep")]
    readme.write_text("top\n" + "".join(places) + "end\n")
    report(["--write", str(readme), "--sweep-table"])
    assert "old models" in readme.read_text()
    assert "old sweep" not in readme.read_text()
    report(["--write", str(readme)])
    assert format_models(Path("checkpoints")) in readme.read_text()


def test_a_table_of_the_bundled_checkpoints_is_what_their_metrics_say() -> None:
    header, _, *rows = map(read_cells, format_sweep(Path("checkpoints")).splitlines())
    for row in rows:
        said = json.loads((Path("checkpoints") / row[0] / "metrics.json").read_text())
        at = {(r["keep_ratio"], r["selector"]): r["accuracy"] for r in said["sweep"]}
        for name, text in zip(header, row, strict=True):
            if name.startswith("margin"):
                ratio = float(name.split()[-1])
                others = [a for (r, selector), a in at.items() if r == ratio and selector != "learned"]
                assert bool(text) == bool(others)
                if text:
                    assert float(text) == pytest.approx(at[ratio, "learned"] - max(others), abs=0.006)


@pytest.fixture(scope="module")
def judged(dense: Path, data: Path) -> tuple[LoadedModel, Resident]:
    loaded, spec = load_model(str(dense)), DATASETS["cifar10"]
    images = spec.load(data, "test")
    assert isinstance(images, Images)
    return loaded, Resident.of(images, data=spec.data, device=torch.device("cpu"), classes=spec.classes)


def predict_by_hand(loaded: LoadedModel, test: Resident) -> Iterator[tuple[int, int, float]]:
    """Yield (row, answer, probability) of each picture, one at a time."""
    for row in range(len(test)):
        share = loaded.model(test.normalise(test.pixels[row : row + 1]))[0].double().softmax(dim=0)
        yield row, int(share.argmax()), float(share.max())


@torch.no_grad()
def test_the_first_right_and_the_first_wrong_pictures_are_shown(judged: tuple[LoadedModel, Resident]) -> None:
    loaded, test = judged
    test = Resident(**{**vars(test), "labels": test.labels.clone()})
    test.labels[::3] = (test.labels[::3] + 1) % 10  # the network is too good on this data to be wrong
    found = pick_predictions(loaded, test, each=4)
    answers = list(predict_by_hand(loaded, test))
    right = [entry for entry in answers if entry[1] == int(test.labels[entry[0]])][:4]
    wrong = [entry for entry in answers if entry[1] != int(test.labels[entry[0]])][:4]
    assert len(right) == len(wrong) == 4
    for entry, (row, answer, probability) in zip(found, [*right, *wrong], strict=True):
        assert entry.label == CIFAR10_CLASSES[int(test.labels[row])]
        assert entry.predicted == CIFAR10_CLASSES[answer]
        assert entry.probability == pytest.approx(probability, abs=1e-5)
        assert np.array_equal(entry.picture, test.pixels[row].permute(1, 2, 0).numpy())


def test_the_grid_names_truth_answer_and_probability() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    rows = [Prediction(picture, "cat", "cat", 0.876), Prediction(picture, "cat", "dog", 0.5)]
    figure = plot_predictions([*rows * 3], title="a title")
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["cat 88 %\n", "dog 50 %\nis: cat"] * 3
    lefts, lows = zip(*(image.get_extent()[::3] for image in axes.get_images()), strict=True)
    assert np.argsort(lefts[:5]).tolist() == [0, 1, 2, 3, 4]
    assert (lefts[5], len(set(lows[:5]))) == (lefts[0], 1)
    assert lows[5] > lows[0], "the next row"
    for text, left, low in zip(axes.texts, lefts, lows, strict=True):
        x, y = text.get_position()
        assert (x, y) == (left + 0.5, pytest.approx(low - 0.03)), "above its own picture"


def test_pictures_of_the_data_set_stay_in_the_runs_folder(
    judged: tuple[LoadedModel, Resident], dense: Path, data: Path, tmp_path: Path
) -> None:
    path = draw_predictions(tmp_path / "run", loaded=judged[0], test=judged[1])
    with Image.open(path) as figure:
        assert figure.size[0] > 800
    assert not list(dense.glob("predictions*"))
    run_dir = load_recipe("cifar10_vit", list_overrides(data, dense.parents[2])).run_dir
    assert (run_dir / "predictions.png").is_file()
    written = json.loads((dense / "metrics.json").read_text())["validation_confidence"]
    assert len(written) == 101
    assert 0.1 <= written[0] <= written[50] <= written[100] <= 1


@pytest.mark.parametrize(("classes", "texts"), [(20, 400), (21, 0)])
def test_a_confusion_matrix_of_many_classes_leaves_the_numbers_out(classes: int, texts: int) -> None:
    counts = np.eye(classes, dtype=int).tolist()
    figure = plot_confusion(counts, [str(i) for i in range(classes)], title="many")
    assert len(figure.axes[0].texts) == texts
