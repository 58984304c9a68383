"""The Hub's real client against a local imitation of the Hub: good loads, the cache, and every refusal."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.models import save_for_hf

from tests.weights.hub import COMMIT, SLOW_PAUSE, SLOW_PIECE, make_probe
from tests.weights.samples import compute_logits, scatter, write_own, write_transformers
from tests.weights.test_transformers_families import build_member
from vitdemo.datasets import list_imagenet_classes

DEADLINE = 1.5
GOOD = "hf-hub:me/good"
TEXT, VISION = (f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
COPIES = ("slow", "gated", "broken", "busy", "locked", "pickled", "hangs", "stuck", "space/vit_cifar10")
LOADS: list[dict[str, Any]] = [
    {"name": "timm", "source": "hf-hub:timm/vit_tiny"},
    {"name": "transformers", "source": "hf-hub:me/other"},
    {"name": "good", "source": GOOD},
    {"name": "again", "source": GOOD},
    {"name": "pinned", "source": f"{GOOD}@{COMMIT}"},
    {"name": "slow", "source": "hf-hub:me/slow", "modes": {"me/slow": "slow"}, "deadline": DEADLINE},
    {"name": "shards", "source": "hf-hub:me/shards"},
    {"name": "shards, pinned", "source": f"hf-hub:me/shards@{COMMIT}"},
    {"name": "shards, large", "source": "hf-hub:me/large", "megabytes": 0},
    {"name": "no shard", "source": "hf-hub:me/lost"},
    {"name": "open_clip", "source": "hf-hub:me/open_clip"},
    {"name": "open_clip alone", "source": "hf-hub:me/open_clip_alone"},
    {"name": "open_clip alone, pinned", "source": f"hf-hub:me/open_clip_alone@{COMMIT}"},
    {"name": "another network", "source": "hf-hub:me/bert"},
    {"name": "space", "source": "vit_cifar10", "env": {"VITDEMO_HUB_REPO": "me/space"}},
    {"name": "gated", "source": "hf-hub:me/gated", "modes": {"me/gated": "GatedRepo"}},
    {"name": "broken", "source": "hf-hub:me/broken", "modes": {"me/broken": "broken"}},
    {"name": "busy", "source": "hf-hub:me/busy", "modes": {"me/busy": "busy"}},
    {"name": "no token", "source": "hf-hub:me/locked", "modes": {"me/locked": "unauthorized"}},
    {"name": "no name", "source": "hf-hub:me/hangs", "fault": "no name"},
    {"name": "no repo", "source": "hf-hub:me/nothing"},
    {"name": "no config", "source": "hf-hub:me/bare"},
    {"name": "no weights", "source": "hf-hub:me/empty"},
    {"name": "other sizes", "source": "hf-hub:me/sizes"},
    {"name": "no revision", "source": f"{GOOD}@v9"},
    {"name": "no file", "source": "hf-hub:me/pickled"},
    {"name": "hangs", "source": "hf-hub:me/hangs", "modes": {"me/hangs": "hang"}, "deadline": DEADLINE},
    {"name": "stuck", "source": "hf-hub:me/stuck", "modes": {"me/stuck": "stuck"}, "deadline": DEADLINE},
    {"name": "hangs, cached", "source": GOOD, "modes": {"me/good": "hang"}, "deadline": DEADLINE},
    {"name": "offline", "source": "hf-hub:me/hangs", "offline": True},
    {"name": "offline, cached", "source": GOOD, "offline": True},
    {"name": "down, cached", "source": GOOD, "stop": True},
    {"name": "down", "source": "hf-hub:me/hangs"},
    {"name": "space down", "source": "vit_cifar10", "env": {"VITDEMO_HUB_REPO": "me/none"}},
]


def write_shards(folder: Path) -> Any:
    """Write CLIP with a shard for each of its towers, and return it."""
    clip = build_member("clip")
    clip.save_pretrained(folder, save_original_format=True)
    towers = {TEXT: "text", VISION: "vision"}
    tensors = load_file(folder / "model.safetensors")
    places = {key: next((file for file, tower in towers.items() if tower in key), TEXT) for key in tensors}
    for file in towers:
        save_file({key: value for key, value in tensors.items() if places[key] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (folder / "model.safetensors").unlink()
    (folder / "preprocessor_config.json").write_text(
        '{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32}, "crop_size": 32}'
    )
    return clip


def write_networks(root: Path) -> dict[str, torch.Tensor]:
    """Write a repository for each way in which a network can lie there, and return what each must answer."""
    tiny = scatter(timm.create_model("vit_tiny_patch16_224"))
    (root / "timm").mkdir(parents=True)
    save_for_hf(tiny, str(root / "timm" / "vit_tiny"), safe_serialization=True)
    other = write_transformers(root / "me" / "other", hub_names=True)
    clip = write_shards(root / "me" / "shards")
    for copy in ("large", "lost"):
        shutil.copytree(root / "me" / "shards", root / "me" / copy)
    (root / "me" / "lost" / VISION).unlink()
    shutil.copytree(root / "timm" / "vit_tiny", root / "me" / "open_clip")
    save_file(
        {f"visual.trunk.{key}": tensor for key, tensor in tiny.state_dict().items()},
        root / "me" / "open_clip" / "open_clip_model.safetensors",
    )
    (root / "me" / "open_clip" / "model.safetensors").unlink()
    shutil.copytree(root / "me" / "open_clip", root / "me" / "open_clip_alone")
    (root / "me" / "open_clip_alone" / "config.json").unlink()
    vision = {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "token", "timm_proj": None}
    told = json.dumps({"model_cfg": {"embed_dim": 1000, "vision_cfg": vision}})
    (root / "me" / "open_clip_alone" / "open_clip_config.json").write_text(told)
    own = write_own(root / "me" / "good")
    return {
        "timm": compute_logits(tiny, 224),
        "transformers": compute_logits(other, 32),
        "good": compute_logits(own, 16),
        "shards": clip.vision_model(make_probe(32)).pooler_output,
        "open_clip": compute_logits(tiny, 224),
        "open_clip alone": tiny.forward_head(tiny.forward_features(make_probe(224)), pre_logits=True),
    }


def write_others(root: Path) -> None:
    """Write what differs from the good network by how the Hub gives it, or by what is wrong with it."""
    for copy in COPIES:
        shutil.copytree(root / "me" / "good", root / "me" / copy)
    shutil.copytree(root / "me" / "good", root / "me" / "bert")
    (root / "me" / "bert" / "config.json").write_text('{"model_type": "bert"}')
    for copy in ("bare", "empty"):
        shutil.copytree(root / "me" / "good", root / "me" / copy)
    (root / "me" / "bare" / "config.json").unlink()
    (root / "me" / "empty" / "model.safetensors").unlink()
    shutil.copytree(root / "me" / "other", root / "me" / "sizes")
    sizes = json.loads((root / "me" / "sizes" / "config.json").read_text()) | {"intermediate_size": 64}
    (root / "me" / "sizes" / "config.json").write_text(json.dumps(sizes))
    weights = root / "me" / "pickled" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of every load, done one after the other by the real client in one fresh process."""
    folder = tmp_path_factory.mktemp("hub")
    root = folder / "repos"
    wanted = write_networks(root)
    write_others(root)
    size = (root / "me" / "pickled" / "pytorch_model.bin").stat().st_size
    loads = [load | {"models_dir": str(root / "me" / "space")} for load in LOADS]
    scenario = {"root": str(root), "home": str(folder / "home"), "loads": loads}
    (folder / "scenario.json").write_text(json.dumps(scenario))
    files = [str(folder / name) for name in ("scenario.json", "out.json")]
    subprocess.run([sys.executable, "-m", "tests.weights.hub", *files], check=True, timeout=300)
    results = json.loads((folder / "out.json").read_text())
    return results | {"wanted": wanted, "size": size}


@pytest.mark.parametrize("name", ["timm", "transformers", "good", "shards", "open_clip", "open_clip alone"])
def test_models_from_the_hub_give_their_makers_logits(hub: dict[str, Any], name: str) -> None:
    torch.testing.assert_close(torch.tensor(hub[name]["logits"]), hub["wanted"][name], rtol=0, atol=1e-4)
    assert (hub[name]["revision"], hub[name]["note"]) == (COMMIT, "")


def test_the_cache_tells_what_need_not_be_fetched(hub: dict[str, Any]) -> None:
    cached = {name for name, load in hub.items() if isinstance(load, dict) and load.get("cached")}
    found = {"timm", "transformers", "good", "again", "pinned", "slow", "shards", "open_clip"}
    alone = {"shards, pinned", "open_clip alone", "open_clip alone, pinned"}
    assert cached == found | alone | {"other sizes", "hangs, cached", "offline, cached", "down, cached"}


def test_the_report_and_the_preprocessing_of_a_hub_model(hub: dict[str, Any]) -> None:
    assert hub["good"]["source"] == f"hf-hub:me/good@{COMMIT}"
    assert tuple(hub["timm"]["classes"]) == list_imagenet_classes()
    assert hub["timm"]["data"]["mean"] == [0.5, 0.5, 0.5]  # AugReg's, not ImageNet's
    assert hub["timm"]["data"]["crop_pct"] == 0.9
    assert hub["transformers"]["data"]["std"] == [0.25, 0.25, 0.25]
    assert hub["space"]["source"] == f"hf-hub:me/space@{COMMIT}"


def test_the_cache_is_used(hub: dict[str, Any]) -> None:
    assert any(request.startswith("GET") for request in hub["good"]["requests"])
    assert hub["again"]["requests"]
    assert all(request.startswith("HEAD") for request in hub["again"]["requests"])
    assert hub["pinned"]["requests"] == hub["open_clip alone, pinned"]["requests"] == []
    assert hub["pinned"]["logits"] == hub["again"]["logits"] == hub["good"]["logits"]


def test_only_the_shards_that_are_needed_are_fetched(hub: dict[str, Any]) -> None:
    fetched = [request for request in hub["shards"]["requests"] if request.startswith("GET")]
    assert any(VISION in request for request in fetched)
    assert not any(TEXT in request for request in fetched)
    assert hub["shards, pinned"]["requests"] == []
    shares = [share for share, _ in hub["shards"]["progress"]]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("name", ["shards, large", "another network"])
def test_what_is_refused_is_refused_before_its_weights_are_fetched(hub: dict[str, Any], name: str) -> None:
    requests = hub[name]["requests"]
    assert requests
    assert not any(re.search(r"GET .*\.safetensors$", request) for request in requests)


def test_a_slow_download_is_not_cut_off_and_shows_its_progress(hub: dict[str, Any]) -> None:
    slow, size = hub["slow"], hub["size"]
    assert slow["seconds"] > size // SLOW_PIECE * SLOW_PAUSE > DEADLINE
    shares = [share for share, _ in slow["progress"]]
    assert len(shares) > 4
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert slow["progress"][-1][1] == f"model.safetensors: {size / 1e6:.1f} of {size / 1e6:.1f} MB"


REFUSALS = {
    "gated": "me/gated is gated",
    "broken": "The Hub answered with status 500 for me/broken: try again later",
    "busy": "The Hub has had too many requests: try me/busy again in a few minutes",
    "no token": "The Hub does not accept the access token for me/locked: renew HF_TOKEN, or unset it",
    "no name": "The Hub could not be reached for me/hangs; check the connection, or try again later",
    "no config": "me/bare has no config.json at revision main",
    "no weights": "me/empty has no model.safetensors at revision main (a pickle such as",
    "other sizes": "blocks.0.mlp.fc1.weight has shape (80, 48), the model needs (64, 48)",
    "no repo": "There is no repository me/nothing on the Hub",
    "no revision": "me/good has no revision v9",
    "shards, large": f"{VISION} of me/large has 0 MB, and at most 0 MB are fetched",
    "no shard": f"me/lost has no {VISION} at revision main",
    "another network": "config.json of hf-hub:me/bert: model_type 'bert' is not known",
    "no file": "me/pickled has no model.safetensors at revision main (a pickle such as",
    "hangs": "The Hub did not answer within 1.5 seconds",
    "stuck": "The Hub did not answer within 1.5 seconds",
    "offline": "(HF_HUB_OFFLINE) and me/hangs is not in its cache",
    "down": "The Hub could not be reached",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_every_refusal_is_one_sentence_in_time(hub: dict[str, Any], name: str) -> None:
    assert REFUSALS[name] in hub[name]["error"]
    assert "\n" not in hub[name]["error"]
    assert hub[name]["seconds"] < 10


@pytest.mark.parametrize("name", ["hangs, cached", "offline, cached", "down, cached"])
def test_cached_files_serve_when_the_hub_does_not(hub: dict[str, Any], name: str) -> None:
    assert hub[name]["logits"] == hub["good"]["logits"]
    assert hub[name]["revision"] == COMMIT
    assert hub[name]["note"].endswith(f"cached files of revision {COMMIT} are in use")


def test_bundled_weights_serve_when_the_repository_of_a_space_does_not(hub: dict[str, Any]) -> None:
    assert hub["space down"]["source"] == "folder vit_cifar10"
    assert hub["space down"]["note"].endswith("the bundled weights are in use")
