"""Predictors for a network that stays as it is: the whole path, and what they learn from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from timm.models import save_for_hf
from torch import Tensor

from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from tests.train.uploads import Uploads
from tests.weights.hub import COMMIT
from tests.weights.samples import scatter
from train.__main__ import main as train
from train.importance import importance
from train.predictors.features import compute_features, split_pictures
from train.predictors.learn import score_stages
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import Learned, prune_by
from vitdemo.recording import record
from vitdemo.trace import Recorder
from vitdemo.weights import WeightsError, is_cached, list_models, load_model, look_up

ARGS: dict[str, Any] = {"img_size": 64, "embed_dim": 48, "depth": 4, "num_heads": 3}
COUNT = 20
SMALL = ["device=cpu", "pictures=18", "judged=2", "epochs=6", "batch_size=6", "lr=1e-2"]


def write_timm(folder: Path) -> Any:
    """A DeiT-S in small, with random weights, as timm itself writes it."""
    model = scatter(timm.create_model("deit_small_patch16_224", num_classes=5, **ARGS))
    save_for_hf(model, str(folder), model_args=ARGS, safe_serialization=True)
    return model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks") / "my_deit"
    write_timm(folder)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of a bright disc somewhere on noise, some of them in a folder within."""
    root, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    (root / "more").mkdir()
    rows, columns = np.mgrid[:64, :64]
    for number in range(COUNT):
        pixels = random.integers(0, 80, size=(64, 64, 3))
        pixels[np.hypot(rows - random.integers(10, 54), columns - random.integers(10, 54)) < 12] += 160
        place = root / "more" if number % 3 else root
        Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number:02}.png")
    return root


@pytest.fixture(scope="module")
def export(base: Path, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    train(["--recipe", "predictors", f"init={base}", f"data={pictures}", f"runs={runs}", *SMALL])
    return runs / "dynamic_my_deit" / "export"


def test_a_timm_folder_becomes_a_dynamicvit_and_stays_what_it_was(base: Path, export: Path) -> None:
    assert (export / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
    told, before = (json.loads((folder / "config.json").read_text()) for folder in (export, base))
    added = told.pop("predictors")
    assert told == before
    assert (added["prune_loc"], added["keep_ratio"]) == ([1, 2, 3], 0.7)
    assert (export / "predictors.safetensors").stat().st_size < 5_000_000

    plain, joined = load_model(str(base)), load_model(str(export))
    assert joined.spec.title == "dynamic_my_deit"
    state = joined.model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in plain.model.state_dict().items())
    assert set(state) - set(plain.model.state_dict()) == set(load_file(export / "predictors.safetensors"))
    x = torch.randn(2, 3, 64, 64)
    theirs = timm.create_model(f"local-dir:{export}", pretrained=True).eval()  # which reads it as before
    torch.testing.assert_close(joined.model(x), theirs(x), atol=1e-5, rtol=0)

    trace = record(joined.model, x[:1], pruning=prune_by("learned", 0.5, model=joined.model, pixels=x[:1]))
    assert [len(ids) for ids in trace.kept] == [8, 4, 2]


def test_the_run_tells_how_well_it_went_and_stands_in_the_menu(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = json.loads((export / "predictors.json").read_text())
    assert facts["losses"][-1] < 0.9 * facts["losses"][0]
    assert (facts["pictures"], len(facts["judged"])) == (18, 8)
    assert all(0 <= row["agreement"] <= 100 for row in facts["judged"])
    assert "| 0.7 | " in (export / "README.md").read_text()
    monkeypatch.setenv("VITDEMO_RUNS", str(export.parents[1]))
    assert list_models(tmp_path)["dynamic_my_deit"].title == "DynamicViT · dynamic_my_deit"


def test_a_network_of_the_hub_stays_there(
    hub: Uploads, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The predictors name its commit; both are fetched where they lie on the Hub too."""
    write_timm(hub.root / "me" / "deit")
    words = ["init=hf-hub:me/deit", f"data={pictures}", f"runs={tmp_path}", *SMALL, "epochs=1"]
    train(["--recipe", "predictors", *words])
    export = tmp_path / "dynamic_deit" / "export"
    assert not (export / "model.safetensors").exists()
    assert json.loads((export / "config.json").read_text())["base"] == f"hf-hub:me/deit@{COMMIT}"
    export.rename(hub.root / "me" / "pair")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "another"))
    offer = look_up("hf-hub:me/pair", apart=tmp_path / "visitors")
    parts = ("deit/model.safetensors", "pair/predictors.safetensors")
    assert offer.nbytes == sum((hub.root / "me" / part).stat().st_size for part in parts)
    assert not is_cached("hf-hub:me/pair")
    pair, plain = load_model("hf-hub:me/pair"), load_model("hf-hub:me/deit")
    assert is_cached("hf-hub:me/pair")
    assert pair.spec.config.prune is not None
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(pair.model(x), plain.model(x))
    with pytest.raises(SystemExit, match="holds predictors alone; name their network, hf-hub:me/deit@"):
        train(["--recipe", "predictors", "init=hf-hub:me/pair", *words[1:]])
    hub.modes["me/deit"] = "private"  # whose owner runs this program, and has it in the cache
    with pytest.raises(WeightsError, match="me/deit"):
        look_up("hf-hub:me/pair", apart=tmp_path / "visitors")


def enter_block(net: Any, number: int, x: Tensor) -> Tensor:
    seen: list[Tensor] = []
    handle = net.blocks[number].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    net(x)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("first", [0, 1, 3])
@pytest.mark.parametrize("name", ["square", "rotary"])
@torch.no_grad()
def test_features_are_what_enters_the_first_stage_and_what_matters(name: str, first: int) -> None:
    net = make_small(**VARIANTS[name])
    x = make_pictures(net.config, 6)
    parts = iter([x[:4], x[4:]])
    found = compute_features(net, parts, first=first, seed=0, device=torch.device("cpu"))
    either = [torch.stack([enter_block(net, first, y) for y in (x, x.flip(-1))]).half()][0]
    mirrored = [int((found.tokens[i] == either[1, i]).all()) for i in range(6)]
    assert 0 < sum(mirrored) < 6
    shown = torch.stack([x[i].flip(-1) if mirrored[i] else x[i] for i in range(6)])
    assert torch.equal(found.tokens, enter_block(net, first, shown).half())
    expected, logits = importance(net, shown, net(shown).softmax(dim=-1))
    torch.testing.assert_close(found.importance, expected)
    torch.testing.assert_close(logits, net(shown))


@pytest.mark.parametrize("name", ["square", "rotary", "linear", "registers"])
@torch.no_grad()
def test_what_is_scored_is_what_a_pass_scores(name: str) -> None:
    net = make_small_dynamic(**VARIANTS[name])
    x, prefix = make_pictures(net.config), net.config.num_prefix_tokens
    scores, places = score_stages(net, enter_block(net, 1, x), keep_ratio=0.6, noise=0.0)
    recorder = Recorder(attention=False)
    net(x, pruning=Pruning(Learned(net), FixedRatio(0.6)), recorder=recorder)
    for ours, theirs in zip(scores, recorder.scores, strict=True):
        torch.testing.assert_close(ours, theirs)
    for number, ids in enumerate(places[1:], 1):
        assert torch.equal(ids, recorder.token_ids[number][:, prefix:] - prefix)


def test_every_tenth_picture_is_held_out(pictures: Path, tmp_path: Path) -> None:
    learned, held_out = split_pictures(pictures, learned=100, judged=100)
    assert (len(learned), len(held_out)) == (18, 2)
    assert not set(learned) & set(held_out)
    assert [len(part) for part in split_pictures(pictures, learned=5, judged=1)] == [5, 1]
    with pytest.raises(FileNotFoundError, match="data: there is no folder"):
        split_pictures(tmp_path / "none", learned=5, judged=1)
    with pytest.raises(ValueError, match=r"data: .* holds 0 pictures .* not at least 10"):
        split_pictures(tmp_path, learned=5, judged=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data=x"], "init= must name the network"),
        (["init=vit_cifar10"], "data= must name a folder of pictures"),
        (["inti=x"], "unknown key 'inti'; did you mean 'init'"),
        (["init=vit_cifar10", "data=x", "sweep=[1.0]"], "sweep must be keep ratios above 0 and below 1"),
        (["init=vit_cifar10", "data=x", "prune_loc=[3,99]"], r"prune_loc \(3, 99\) lies outside a network"),
        (["--resume"], "--recipe predictors takes no --resume"),
    ],
)
def test_what_cannot_be_meant_is_named(words: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        train(["--recipe", "predictors", f"runs={tmp_path}", *words])
