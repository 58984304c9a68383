"""`import vitdemo` gives the numbers of the engine, whatever it is asked about and of whatever picture."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

import vitdemo
from tests.engine.bundle import draw_picture
from vitdemo.data import preprocess
from vitdemo.engine import CLASS_METHODS, Engine, Look, Request
from vitdemo.engine.core.sizes import choose_spec
from vitdemo.limits import DEFAULTS
from vitdemo.recording import record


def test_a_name_is_a_function_though_a_package_was_imported() -> None:
    assert {"explain", "load"} <= set(dir(vitdemo))
    assert callable(vitdemo.explain)
    modules = {name.partition(".")[2] for name in sys.modules if name.startswith("vitdemo.")}
    assert "maps" in modules
    assert not modules & set(vitdemo.__all__), "importing a module would put it in the function's place"
    with pytest.raises(AttributeError, match="module 'vitdemo' has no attribute 'explode'"):
        vitdemo.explode  # noqa: B018


@pytest.mark.parametrize("ratio", [0.0, 0.5])
@pytest.mark.parametrize("method", sorted(CLASS_METHODS))
def test_a_map_of_a_class_is_the_engine_s(
    network: vitdemo.Network, engine: Engine, method: str, ratio: float
) -> None:
    image = draw_picture(1)
    found = network.explain(image, method=method, class_name="deer", pruning_ratio=ratio)
    result = engine.open(Request(image, "dynamicvit_cifar10", ratio))
    assert found.map == result.class_map("deer", method=method)
    assert (found.method, found.label) == (method, "deer")
    assert found.array.shape == (4, 4)
    given = [np.nan if value is None else value for row in found.map.values for value in row]
    np.testing.assert_array_equal(found.array.ravel(), np.array(given, np.float32))
    outcome = result.analysis.pruned or result.analysis.dense
    assert network.explain(image, pruning_ratio=ratio).label == outcome.top[0][0]
    assert found.image.tobytes() == next(
        one.image.tobytes() for one in result.classes("deer") if one.method == method
    )


def test_one_class_rather_than_another(network: vitdemo.Network, engine: Engine, tmp_path: Path) -> None:
    found = network.explain(draw_picture(1), method="chefer", class_name="deer", against="cat")
    result = engine.open(Request(draw_picture(1), "dynamicvit_cifar10", 0.0))
    assert found.map == result.class_map("deer", against="cat", method="chefer")
    assert found.map != network.explain(draw_picture(1), method="chefer", class_name="deer").map
    maps = {one.method: one for one in result.classes("deer", against="cat")}
    assert (maps["chefer"].label, maps["chefer"].against) == ("deer", "cat")
    assert found.image.tobytes() == maps["chefer"].image.tobytes()
    found.save(tmp_path / "map.html")
    assert "Chefer et al.: deer rather than cat" in (tmp_path / "map.html").read_text()


def test_a_map_of_attention_is_the_engine_s(network: vitdemo.Network, engine: Engine) -> None:
    image = draw_picture(2)
    found = network.explain(image, method="raw-attention", layer=2, head=1, query=5)
    result = engine.open(Request(image, "dynamicvit_cifar10", 0.0))
    look = Look("raw-attention", layer=2, head=1, query=5)
    assert found.map == result.attention(look)
    assert found.image.tobytes() == result.attention_figure(look).tobytes()
    label, probability = result.analysis.dense.top[0]
    assert (found.label, found.probability) == (label, pytest.approx(probability))
    assert repr(found) == f"<Explanation by raw-attention, {label} {probability:.1%}>"


def test_the_probability_is_that_of_the_class_asked_for(network: vitdemo.Network) -> None:
    found = [network.explain(draw_picture(3), class_name=name).probability for name in network.classes]
    assert sum(one for one in found if one is not None) == pytest.approx(1)


def test_pruning_keeps_what_the_engine_keeps(network: vitdemo.Network, engine: Engine) -> None:
    image = draw_picture(4)
    found = network.prune(image, keep_ratio=0.7, selector="class-attention")
    analysis = engine.open(Request(image, "dynamicvit_cifar10", 0.3, "class-attention")).analysis
    assert (found.kept, found.before, found.after) == (analysis.kept, analysis.dense, analysis.pruned)
    assert found.after.tokens == (16, *map(len, found.kept))
    merged = network.prune(image, keep_ratio=0.7, reduction="tome").after
    asked = Request(image, "dynamicvit_cifar10", 0.3, reduction="tome")
    assert merged == engine.open(asked).analysis.pruned != found.after
    assert repr(found).startswith("<Pruned 16 -> 11 -> 7 -> 5 patches: ")


def test_stages_are_the_engine_s(network: vitdemo.Network, engine: Engine) -> None:
    asked = Request(draw_picture(2), "dynamicvit_cifar10", stages="0:0.5")
    assert network.prune(draw_picture(2), stages="0:0.5").kept == engine.open(asked).analysis.kept
    found = network.explain(draw_picture(2), method="attention-rollout", stages="0:0.5")
    wanted = np.array(engine.open(asked).attention(Look()).values, float)
    np.testing.assert_allclose(found.array, wanted, atol=1e-6)


def test_a_size_is_the_engine_s(network: vitdemo.Network, engine: Engine, tmp_path: Path) -> None:
    shapes = {"wide.png": (96, 48), "high.png": (40, 80), "even.png": (64, 64)}
    files = [tmp_path / name for name in shapes]
    for file, shape in zip(files, shapes.values(), strict=True):
        draw_picture(6, shape).save(file)
    for size in ("own", "24"):
        said = network.answer(files, pruning_ratio=0.5, size=size)
        for file, one in zip(files, said, strict=True):
            result = engine.open(Request(file, "dynamicvit_cifar10", 0.5, size=size))
            found = network.explain(file, pruning_ratio=0.5, size=size)
            assert found.array.shape == result.grid
            assert result.analysis.pruned is not None
            for label, probability, outcome in (
                (one.label, one.probability, result.analysis.dense),
                (one.pruned_label, one.pruned_probability, result.analysis.pruned),
            ):
                assert (label, probability) == (outcome.top[0][0], pytest.approx(outcome.top[0][1], abs=1e-5))
    assert network.explain(files[0], size="own").array.shape == (2, 4)
    assert len(network.prune(files[0], size=24).after.tokens) == 4


def test_a_network_may_be_loaded_for_a_size(models: Path, engine: Engine) -> None:
    image = draw_picture(6, (96, 48))
    network = vitdemo.load("dynamicvit_cifar10", device="cpu", models_dir=models, size="own")
    found, result = network.explain(image), engine.open(Request(image, "dynamicvit_cifar10", 0.0, size="own"))
    assert found.array.shape == result.grid == (2, 4)
    assert found.result.analysis.dense == result.analysis.dense
    assert network.explain(image, size=16).array.shape == (2, 2)
    with pytest.raises(ValueError, match=r"^size must be from 8 to \d+ pixels for .* here, got 4$"):
        vitdemo.load("dynamicvit_cifar10", models_dir=models, size=4)


def test_a_pass_reads_pixels_of_any_size(network: vitdemo.Network, engine: Engine) -> None:
    image = draw_picture(6, (96, 48))
    spec = choose_spec(network.loaded.spec, "own", picture=image.size, limits=DEFAULTS)
    pixels = preprocess(image, config=spec.data).pixels
    trace = vitdemo.record(network, pixels)
    assert (pixels.shape[-2:], trace.grid) == ((16, 32), (2, 4))
    assert trace.logits is not None
    top = engine.open(Request(image, "dynamicvit_cifar10", 0.0, size="own")).analysis.dense.top
    wanted = [share for _, share in top]
    found = trace.logits.softmax(-1).sort(descending=True).values[:5].tolist()
    assert found == pytest.approx(wanted, abs=1e-6)
    with pytest.raises(ValueError, match="img_size 20 x 32 is not divisible by patch_size 8 x 8"):
        network.record(torch.zeros(1, 3, 20, 32))


def test_faithfulness_is_that_of_the_trust_tab(network: vitdemo.Network, engine: Engine) -> None:
    image = draw_picture(5)
    trust = engine.open(Request(image, "dynamicvit_cifar10", 0.0)).trust("frog")
    known = {one.method: one for one in trust.candidates}
    found = network.explain(image, method="chefer", class_name="frog").faithfulness()
    (one,) = found.candidates
    assert one.gap == pytest.approx(known["chefer"].gap, abs=1e-6)
    assert one.insertion == pytest.approx(known["chefer"].insertion, abs=1e-6)
    assert found.bar == pytest.approx(trust.bar, abs=1e-6)
    other = network.explain(image, method="raw-attention", layer=0, head=2).faithfulness().candidates[0]
    assert other.gap != pytest.approx(known["raw-attention"].gap, abs=1e-6), "a map is judged as it is"


def test_a_picture_may_be_a_file_an_image_or_an_array(network: vitdemo.Network, tmp_path: Path) -> None:
    image = draw_picture(6)
    image.save(tmp_path / "one.png")
    wanted = network.explain(image).map
    for same in (str(tmp_path / "one.png"), tmp_path / "one.png", np.asarray(image)):
        assert network.explain(same).map == wanted
    grey = network.explain(np.asarray(image.convert("L")))
    assert grey.map == network.explain(image.convert("L")).map


def test_a_notebook_shows_the_picture(network: vitdemo.Network) -> None:
    for shown in (network.explain(draw_picture(7)), network.prune(draw_picture(7))):
        with Image.open(io.BytesIO(shown._repr_png_())) as image:
            assert image.tobytes() == shown.image.tobytes()


def test_the_functions_load_what_they_are_asked_for(models: Path) -> None:
    network = vitdemo.load(models / "vit_cifar10", device="cpu")
    found = vitdemo.explain(draw_picture(8), model=models / "vit_cifar10", method="chefer")
    assert found.map == network.explain(draw_picture(8), method="chefer").map
    assert vitdemo.explain(draw_picture(8), model=network, method="chefer").map == found.map
    assert vitdemo.prune(draw_picture(8), model=network).kept == network.prune(draw_picture(8)).kept
    pixels = preprocess(draw_picture(8), config=network.loaded.spec.data).pixels
    for model in (network, network.model, models / "vit_cifar10"):
        trace = vitdemo.record(model, pixels, target=3, grads=True)
        wanted = record(network.model, pixels, target=3, grads=True)
        assert trace.logits is not None
        assert wanted.logits is not None
        torch.testing.assert_close(trace.logits, wanted.logits)
        assert trace.target == 3
    assert repr(network) == f"<Network '{models / 'vit_cifar10'}': folder vit_cifar10, 10 classes>"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"method": "magic"}, "method must be one of gradient-rollout, chefer,"),
        ({"method": "raw-attention", "class_name": "cat"}, "raw-attention explains no class; these do: grad"),
        (
            {"method": "raw-attention", "leyer": 1},
            "unknown option 'leyer' of raw-attention; its options: p",
        ),
        ({"method": "chefer", "layer": 1}, "unknown option 'layer' of chefer; its options: none"),
        ({"method": "raw-attention", "layer": 9}, "layer must be an integer from 0 to 3, got 9"),
        ({"method": "raw-attention", "against": "cat"}, "raw-attention explains no class; these do: grad"),
        ({"class_name": "cat", "against": "cat"}, "against must be another class than cat"),
        ({"against": "unicorn"}, "class must be one that dynamicvit_cifar10 knows, got 'unicorn'"),
        ({"class_name": "unicorn"}, "class must be one that dynamicvit_cifar10 knows, got 'unicorn'"),
        ({"pruning_ratio": 1.5}, "pruning_ratio must be from 0 to 0.9"),
        ({"size": "large"}, "size must be own or a number of pixels, got 'large'"),
    ],
)
def test_what_is_wrong_is_named(network: vitdemo.Network, asked: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        network.explain(draw_picture(), **asked)


def test_other_faults_are_named_too(network: vitdemo.Network, models: Path) -> None:
    with pytest.raises(ValueError, match=r"keep_ratio must be from 0\.1 to below 1, got 1\.0"):
        network.prune(draw_picture(), keep_ratio=1.0)
    with pytest.raises(ValueError, match=r"a picture must be uint8 .*, got float64 of 8 x 8"):
        network.explain(np.zeros((8, 8)))
    with pytest.raises(ValueError, match=r"nowhere\.jpg"):
        network.explain("nowhere.jpg")
    with pytest.raises(ValueError, match=r"Unknown model 'vit_cifar'.*did you mean 'vit_cifar10'"):
        vitdemo.load("vit_cifar", models_dir=models)


def test_the_vector_picture_tells_each_number(network: vitdemo.Network) -> None:
    found = network.explain(draw_picture(9), pruning_ratio=0.7, method="attention-gradcam")
    root = ElementTree.fromstring(found.drawing.to_svg())
    titles = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}title")]
    values = [value for row in found.map.values for value in row]
    assert [text.startswith(f"patch {patch} ") for patch, text in enumerate(titles)] == [True] * 16
    assert [text.endswith("dropped") for text in titles] == [value is None for value in values]
    assert any(value is None for value in values)
    told = [float(text.split(": ")[1]) for text in titles if not text.endswith("dropped")]
    assert told == pytest.approx([value for value in values if value is not None], rel=1e-5)
