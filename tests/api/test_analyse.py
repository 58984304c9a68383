"""/analyse by the real client, against `python app.py` and its bundled networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.browser.server import find_app
from vitdemo.data import preprocess
from vitdemo.decode import decode
from vitdemo.examples import example_paths
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.weights import load_model

MODEL = "vit_cifar10"


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(find_app(), verbose=False)


def ask(client: Client, path: Path, **options: Any) -> dict[str, Any]:
    settings = {"model": MODEL, "pruning_ratio": 0.3, "selector": "", **options}
    return client.predict(image=handle_file(str(path)), api_name="/analyse", **settings)


def test_analyse_gives_the_numbers_of_the_model(client: Client) -> None:
    path = example_paths()["ship"]
    answer = ask(client, path, pruning_ratio=0.5, selector="class-attention")
    loaded = load_model(MODEL)
    pixels = preprocess(decode(path), config=loaded.spec.data).pixels
    selector = make_selector("class-attention", model=loaded.model, pixels=pixels)
    with torch.no_grad():
        dense = loaded.model(pixels).softmax(-1)[0]
        pruned = loaded.model(pixels, pruning=Pruning(selector, FixedRatio(0.5))).softmax(-1)[0]
    for name, probabilities in (("dense", dense), ("pruned", pruned)):
        best = probabilities.topk(5)
        expected = {loaded.classes[int(i)]: float(p) for i, p in zip(best.indices, best.values, strict=True)}
        assert answer[name]["labels"] == pytest.approx(expected, abs=1e-5)
    assert answer["dense"]["tokens"] == [64]
    assert answer["pruned"]["tokens"] == [64, 32, 16, 8]
    assert [len(ids) for ids in answer["kept"]] == [32, 16, 8]
    assert set(answer["kept"][2]) < set(answer["kept"][1]) < set(answer["kept"][0]) < set(range(64))
    assert answer["pruned"]["macs"] < answer["dense"]["macs"]
    assert answer["source"] == f"folder {MODEL}"
    assert answer["vocabulary"] == f"Knows 10 words: {', '.join(answer['classes'])}"
    assert len(answer["classes"]) == 10


def test_no_pruning_has_no_pruned_pass(client: Client) -> None:
    answer = ask(client, example_paths()["ship"], pruning_ratio=0)
    assert answer["pruned"] is None
    assert answer["kept"] == []


def test_a_picture_is_read_at_the_size_that_is_asked_for(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    decode(example_paths()["ship"]).resize((200, 100)).save(path)
    answer = ask(client, path, size="own")
    assert (answer["input_size"], answer["dense"]["tokens"]) == ([20, 40], [50])
    assert answer["note"].startswith("Read at 40 × 20 pixels, not at the 32 × 32 that")
    picture = {"image": handle_file(str(path)), "model": MODEL, "size": "own"}
    found = client.predict(**picture, api_name="/attention_map")
    assert (len(found["values"]), len(found["values"][0])) == (5, 10)
    offered = client.predict(api_name="/models")["models"]
    sizes = next(one["sizes"] for one in offered if one["key"] == MODEL)
    assert [one["size"] for one in sizes] == ["", "16", "24", "48", "64", "96", "own"]
    assert sizes[3] == {"size": "48", "pixels": [48, 48], "patches": 144, "work": pytest.approx(2.4, abs=0.2)}


def test_pictures_that_browsers_cannot_show_are_read(client: Client, tmp_path: Path) -> None:
    source = decode(example_paths()["ship"])
    source.convert("CMYK").save(tmp_path / "ship.tiff")
    assert ask(client, tmp_path / "ship.tiff")["dense"]["labels"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "resnet"}, "model must be one of dynamicvit_cifar10"),
        ({"pruning_ratio": 2}, "pruning_ratio must be from 0 to 0.9"),
        ({"size": "2"}, "size must be from 4 to [0-9]+ pixels for Standard ViT"),
        ({"selector": "learned"}, "selector must be one of class-attention"),
    ],
)
def test_bad_options_are_named(client: Client, options: dict[str, Any], words: str) -> None:
    with pytest.raises(AppError, match=words):
        ask(client, example_paths()["ship"], **options)


def test_a_bad_picture_is_named(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("hello")
    with pytest.raises(AppError, match=r"^notes\.png is not an image of a known format") as caught:
        ask(client, path)
    assert str(tmp_path) not in str(caught.value)
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert ask(client, tmp_path / "dot.png")["dense"]["tokens"] == [64]
