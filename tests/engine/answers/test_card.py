"""Model cards from folders, and the place of a picture in the validation distribution."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.engine.bundle import draw_picture
from vitdemo.engine import Engine, Request, Result
from vitdemo.engine.answers.card import Confidence, read_figure
from vitdemo.familiarity import Familiarity
from vitdemo.ui.api import records
from vitdemo.ui.familiarity import write_notice
from vitdemo.weights import load_model, save_familiarity

KEY = "vit_cifar10"
CARD = """---
license: apache-2.0
tags: [a]
---
# A network

Some words.

![training curves](curves.png)

| class | accuracy |
|---|---|
| cat | 70.00 |

![a stranger](../secret.png)
![missing](gone.png)

The end.
"""


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Path:
    """A models folder whose only model has a card."""
    shutil.copytree(models / KEY, tmp_path / KEY)
    Image.new("RGB", (30, 20), (10, 200, 30)).save(tmp_path / KEY / "curves.png")
    Image.new("RGB", (30, 20)).save(tmp_path / "secret.png")
    (tmp_path / KEY / "README.md").write_text(CARD, encoding="utf-8")
    return tmp_path


def open_result(models_dir: Path) -> Result:
    return Engine(device="cpu", models_dir=models_dir).open(Request(draw_picture(), KEY, 0.0))


def test_a_card_without_front_matter_and_with_its_own_figures_only(folder: Path) -> None:
    card = open_result(folder).inside.card()
    assert card.markdown.startswith("# A network\n\nSome words.")
    assert card.markdown.endswith("The end.")
    assert "| cat | 70.00 |" in card.markdown
    for absent in ("license", "---\nlicense", "![", "curves.png"):
        assert absent not in card.markdown
    assert [caption for _, caption in card.figures] == ["Training curves"]
    assert card.figures[0][0].getpixel((5, 5)) == (10, 200, 30)
    assert card.source == f"folder {KEY}"


def test_no_file_outside_the_folder_is_a_figure(folder: Path) -> None:
    inside = folder / KEY
    assert read_figure(inside, "curves.png") is not None
    for name in ("../secret.png", str(folder / "secret.png"), "..", "gone.png", "README.md"):
        assert read_figure(inside, name) is None


def test_weights_without_a_card(models: Path) -> None:
    card = open_result(models).inside.card()
    assert (card.markdown, card.figures, card.source) == ("", (), f"folder {KEY}")


def test_a_folder_of_ones_own_has_its_card(folder: Path, models: Path) -> None:
    name = str(folder / KEY)
    engine = Engine(device="cpu", models_dir=models, extra_models=(name,))
    result = engine.open(Request(draw_picture(), name, 0.0))
    assert result.inside.card().markdown.startswith("# A network")


def store(folder: Path, values: object) -> None:
    (folder / KEY / "metrics.json").write_text(json.dumps({"validation_confidence": values}))


def test_the_place_among_the_validation_pictures(folder: Path) -> None:
    result = open_result(folder)
    logits = result._entry.dense.logits
    assert logits is not None
    confidence = float(torch.softmax(logits, 0).max())
    for rank, unusual in ((0, True), (4, True), (5, False), (60, False), (100, False)):
        # Percentiles 0 to `rank` lie at or below the picture's confidence, the others above.
        below = [confidence * (i + 1) / (rank + 1) for i in range(rank + 1)]
        below[-1] = confidence - 1e-9
        above = [confidence + (1 - confidence) * (i + 1) / (101 - rank) for i in range(100 - rank)]
        store(folder, [*below, *above])
        found = result.inside.rank_confidence()
        assert found is not None
        assert (found.surer, found.unusual) == (100 - rank, unusual)
        assert found.confidence == pytest.approx(confidence)


def test_less_sure_than_on_any_validation_picture(folder: Path) -> None:
    result = open_result(folder)
    store(folder, [0.9995 + i * 1e-6 for i in range(101)])
    found = result.inside.rank_confidence()
    assert found is not None
    assert (found.surer, found.unusual) == (100, True)


@pytest.mark.parametrize(
    "values", [[], [0.5] * 100, [1 - i / 100 for i in range(101)], "words", [None] * 101, 7, {"a": 1}]
)
def test_nothing_is_said_without_a_proper_distribution(folder: Path, values: object) -> None:
    result = open_result(folder)
    store(folder, values)
    assert result.inside.rank_confidence() is None


def test_nothing_is_said_without_metrics(models: Path, folder: Path) -> None:
    assert open_result(models).inside.rank_confidence() is None
    broken = open_result(folder)
    (folder / KEY / "metrics.json").write_text("[")
    assert broken.inside.rank_confidence() is None
    (folder / KEY / "metrics.json").write_text("[1]")
    assert broken.inside.rank_confidence() is None


@pytest.mark.parametrize(("limit", "unfamiliar"), [(-1e9, True), (1e9, False)])
def test_the_test_that_came_with_the_weights_is_asked(folder: Path, limit: float, unfamiliar: bool) -> None:
    model = load_model(str(folder / KEY)).model
    axes = torch.eye(model.config.embed_dim, 2)
    save_familiarity(folder / KEY, Familiarity(torch.zeros(len(axes)), axes, *torch.tensor([1.0, limit])))
    result = open_result(folder)
    analysis = result.analysis
    assert analysis.unfamiliar is unfamiliar
    assert analysis.warning == ("This looks like none of the 10 words it knows" if unfamiliar else "")
    told = records.pack_analysis(analysis, result.times())
    assert (told["unfamiliar"], told["note"]) == (unfamiliar, analysis.warning)
    shown = write_notice(analysis, None)
    assert ("none of the 10 words it knows. The answer is only" in shown) == unfamiliar
    assert ('role="note"' in shown) == unfamiliar


def test_without_a_test_confidence_is_all_that_is_told(folder: Path) -> None:
    result = open_result(folder)
    assert (result.analysis.unfamiliar, result.analysis.warning) == (None, "")
    assert write_notice(result.analysis, None) == ""
    assert "only 30.0 % sure" in write_notice(result.analysis, Confidence(0.3, 97, True))
