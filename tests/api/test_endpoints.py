"""What the endpoints are called, take and refuse; the sweep and the list of models by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.api.conftest import Ask
from tests.api.networks import DYNAMIC, PICTURE, PLAIN, load_by_hand, prune_by_hand
from tests.engine.bundle import draw_picture
from vitdemo import cost
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Look, PatchMap, Request, Result
from vitdemo.engine.answers import sweep
from vitdemo.limits import Limits
from vitdemo.maps import ATTENTION_METHODS, CLASS_METHODS, METHODS
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.models.selectors import SELECTORS
from vitdemo.trace import Recorder
from vitdemo.ui.api.endpoints import Api

WITH_PRUNING = ["image", "model", "pruning_ratio", "selector"]
LOOK = ("layer", "head", "fusion", "discard_ratio", "query", "direction", "pass_")
PARAMETERS = {
    "/analyse": [*WITH_PRUNING, "size", "reduction", "stages"],
    "/attention_map": [*WITH_PRUNING, "method", *LOOK, "size", "reduction", "stages"],
    "/class_map": [*WITH_PRUNING, "class_name", "method", "against", "size", "reduction", "stages"],
    "/faithfulness": ["image", "model", "class_name", "size"],
    "/sweep": ["image", "model", "size"],
    "/models": [],
}


def test_the_public_endpoints_are_these_and_each_parameter_is_described(client: Client) -> None:
    api: Any = client.view_api(return_format="dict", print_info=False)
    assert not api["unnamed_endpoints"]
    described = api["named_endpoints"]
    taken = {
        name: [one["parameter_name"] for one in found["parameters"]] for name, found in described.items()
    }
    assert taken == PARAMETERS
    for name, found in described.items():
        words, returns = found["description"].split("Returns:")
        assert len(returns) > 80, name
        for parameter in found["parameters"]:
            assert re.search(rf"^ +{parameter['parameter_name']}: \S", words, re.MULTILINE), name
            assert parameter["parameter_has_default"] == (parameter["parameter_name"] != "image")


def test_every_method_and_selector_is_in_the_descriptions(client: Client) -> None:
    api: Any = client.view_api(return_format="dict", print_info=False)
    described = {name: found["description"] for name, found in api["named_endpoints"].items()}
    for key in ATTENTION_METHODS:
        assert re.search(rf"^ +method: .*{key}", described["/attention_map"], re.MULTILINE)
    for method in METHODS.values():
        assert (method.key in CLASS_METHODS) == bool(
            re.search(rf"^ +method: .*{method.key}\b", described["/class_map"], re.MULTILINE)
        )
    for name, taken in PARAMETERS.items():
        if "selector" in taken:
            assert all(selector in described[name] for selector in SELECTORS)
            assert all(reduction in described[name] for reduction in REDUCTIONS)


@pytest.mark.parametrize(
    ("endpoint", "given", "words"),
    [
        ("/analyse", {"image": None}, "image is missing: give the file of a picture."),
        ("/analyse", {"pruning_ratio": "much"}, "pruning_ratio must be a number, got 'much'."),
        ("/analyse", {"model": None}, "model must be text, got None."),
        ("/class_map", {"reduction": "melt"}, "reduction must be one of drop, fuse, merge, tome, got 'melt'"),
        ("/analyse", {"stages": "1:0.5, 4:0.5"}, "stages must name layers from 0 to 3, got 4."),
        (
            "/class_map",
            {"stages": "0:0.5", "selector": "learned"},
            "which stand only before layers 1, 2, 3; ",
        ),
        ("/sweep", {"model": "resnet"}, "model must be one of dynamicvit_cifar10, vit_cifar10, "),
        ("/faithfulness", {"class_name": "owl"}, "knows, got 'owl'; it knows airplane, automobile, bird, "),
        ("/class_map", {"class_name": "owl"}, "knows, got 'owl'; it knows airplane, automobile, bird, "),
        (
            "/class_map",
            {"method": "lime"},
            f"method must be one of {', '.join(CLASS_METHODS)}, got 'lime'.",
        ),
        (
            "/attention_map",
            {"method": "chefer"},
            f"method must be one of {', '.join(ATTENTION_METHODS)}, got 'chefer'.",
        ),
        (
            "/attention_map",
            {"selector": "best"},
            f"selector must be one of {', '.join(SELECTORS)} for",
        ),
        ("/attention_map", {"fusion": "sum"}, "fusion must be one of mean, max, min, got 'sum'."),
        ("/attention_map", {"discard_ratio": 1}, "discard_ratio must be from 0 to 0.99, got 1.0."),
        ("/attention_map", {"query": 16}, "query must be an integer from 0 to 15, got 16."),
        ("/attention_map", {"head": 10**17}, "head must be a finite number of at most 16 digits."),
        ("/attention_map", {"query": 2.5}, "query must be a whole number, got 2.5."),
        (
            "/attention_map",
            {"method": "raw-attention", "layer": 4},
            "layer must be an integer from 0 to 3, got",
        ),
        (
            "/attention_map",
            {"method": "head-rollout", "head": 3},
            "head must be an integer from 0 to 2, got 3.",
        ),
    ],
)
def test_wrong_input_is_told_in_one_plain_sentence(
    ask: Ask, endpoint: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(AppError) as caught:
        ask(endpoint, **given)
    told = str(caught.value)
    assert words in told
    assert told.endswith(".")
    assert "&" not in told, "not HTML"
    assert "\n" not in told


def test_stages_are_those_that_are_asked_for(ask: Ask, engine: Engine) -> None:
    stages = "0:0.75, 2:0.5"
    result = engine.open(Request(PICTURE, DYNAMIC, stages=stages))
    answer = ask("/analyse", stages=stages)
    assert (answer["stages"], answer["selector"]) == (stages, "class-attention")
    assert answer["kept"] == [list(ids) for ids in result.analysis.kept]
    assert answer["pruned"]["tokens"] == [16, 12, 6]
    for endpoint, wanted in (
        ("/attention_map", result.attention(Look())),
        ("/class_map", result.class_map(method="gradient-rollout")),
    ):
        found = ask(endpoint, stages=stages)
        assert found["values"] == [list(row) for row in wanted.values]
        assert found["stages"] == stages


def test_a_query_patch_that_is_gone_is_told(ask: Ask) -> None:
    kept = ask("/analyse", pruning_ratio=0.5)["kept"]
    gone = next(patch for patch in range(16) if patch not in kept[0])
    with pytest.raises(AppError, match=rf"^patch {gone} was dropped before layer 1\.$"):
        ask("/attention_map", pruning_ratio=0.5, query=gone)


@pytest.mark.parametrize("key", [DYNAMIC, PLAIN])
@torch.no_grad()
def test_a_sweep_is_the_network_at_each_ratio(ask: Ask, models: Path, key: str) -> None:
    answer = ask("/sweep", model=key)
    model, pixels = load_by_hand(models, key)
    ratios = [entry["pruning_ratio"] for entry in answer["ratios"]]
    assert ratios == pytest.approx([step / 10 for step in range(10)])
    assert list(answer["selectors"]) == [name for name in SELECTORS if name != "learned" or key == DYNAMIC]
    for selector, found in answer["selectors"].items():
        assert [len(ids) for ids in found["kept"]] == [entry["tokens"][-1] for entry in answer["ratios"]]
        assert all(time["milliseconds"] > 0 and time["n"] >= sweep.ROUNDS[0] for time in found["times"])
        if selector == "random":
            assert found["runs"] > 1
            continue
        recorders = [Recorder(attention=False) for _ in ratios]
        prunings = [prune_by_hand(model, pixels, ratio, selector) for ratio in ratios]
        rows = [
            model(pixels, pruning=pruning, recorder=recorder).softmax(-1)[0]
            for pruning, recorder in zip(prunings, recorders, strict=True)
        ]
        prefix = model.config.num_prefix_tokens
        left = [(recorder.token_ids[-1][0, prefix:] - prefix).tolist() for recorder in recorders]
        assert found["kept"] == left
        for label, shares in found["probabilities"].items():
            expected = [float(row[CIFAR10_CLASSES.index(label)]) for row in rows]
            assert shares == pytest.approx(expected, abs=1e-5)
        answers = [CIFAR10_CLASSES[int(row.argmax())] for row in rows]
        assert found["answers"] == answers
        assert next(iter(found["probabilities"])) == answers[0]
        flips = [ratio for ratio, label in zip(ratios, answers, strict=True) if label != answers[0]]
        assert found["flip"] == (flips[0] if flips else None)
        assert found["held"] == [float(label == answers[0]) for label in answers]
    for entry in answer["ratios"]:
        rest, counts = 1 - entry["pruning_ratio"], [16]
        counts += [max(1, int(16 * rest**stage + 1e-9)) for stage in (1, 2, 3)] if rest < 1 else []
        assert entry["tokens"] == counts
        assert entry["macs"] == cost.macs(model.config, tokens=counts)


def test_models_are_those_of_the_menu(client: Client, models: Path) -> None:
    found = {one["key"]: one for one in client.predict(api_name="/models")["models"]}
    assert list(found) == [key for _, key in Engine(device="cpu", models_dir=models).networks.menu()]
    assert {key for key, one in found.items() if one["bundled"]} == {path.name for path in models.iterdir()}
    model, _ = load_by_hand(models, DYNAMIC)
    one = found[DYNAMIC]
    assert one["parameters"] == sum(weights.numel() for weights in model.parameters())
    assert (one["patches"], one["grid"], one["layers"], one["heads"]) == (16, [4, 4], 4, 3)
    assert (one["prune_loc"], one["dataset"], one["title"]) == (
        [1, 2, 3],
        "CIFAR-10",
        "DynamicViT · CIFAR-10",
    )
    assert one["selectors"] == list(SELECTORS)
    assert found["deit_tiny"]["patches"] == 196
    assert found["deit_tiny"]["macs"] == 1_253_683_200  # as README's table of presets has it, in full


def test_a_result_that_others_push_out_of_memory_is_not_lost(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(
        device="cpu", models_dir=models, limits=Limits(result_megabytes=1e-6)
    )  # room for the newest result only
    expected = Api(engine).attention_map(str(PICTURE))
    attention, others = Result.attention, [Request(draw_picture())]

    def pushed_out(result: Result, look: Look) -> PatchMap:
        while others:
            engine.open(others.pop())
        assert not engine.has(result.key)
        return attention(result, look)

    monkeypatch.setattr(Result, "attention", pushed_out)
    assert Api(engine).attention_map(str(PICTURE)) == expected
    assert not others
