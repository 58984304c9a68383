"""The benchmark: what it counts, that everyone really trains, and that nobody's turn touches another's."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from train import bench, rivals
from train.bench import main, summarise, time_turns
from train.config import TrainConfig
from train.rivals import HALF, OURS, PLAIN, Contestant, build_timm_network
from train.run import Run
from vitdemo.config import ViTConfig
from vitdemo.cost import macs, parameters
from vitdemo.registry import PRESETS

TINY = ViTConfig(img_size=32, patch_size=8, num_classes=10, embed_dim=16, depth=4, num_heads=2, mlp_ratio=2.0)


def test_images_a_second_by_a_clock_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    now, order = [0.0], []
    monkeypatch.setattr(bench, "perf_counter", lambda: now[0])

    def contestant(name: str, seconds: list[float]) -> Contestant:
        left = iter(seconds)

        def begin() -> Iterator[None]:
            order.append(f"{name} begins")
            pace = next(left)
            try:
                for number in range(100):
                    now[0] += 1000.0 if number < bench.WARM_UP else pace
                    yield
            finally:
                order.append(f"{name} ends")

        return Contestant(name, begin)

    some = [contestant("a", [0.5, 0.25]), contestant(PLAIN, [1.0, 1.0])]
    speeds = time_turns(some, batch_size=8, steps=3, rounds=2, device=torch.device("cpu"))
    assert speeds == {"a": [16.0, 32.0], PLAIN: [8.0, 8.0]}
    assert order == ["a begins", "a ends", f"{PLAIN} begins", f"{PLAIN} ends"] * 2


def test_medians_ratios_and_mfu_by_hand() -> None:
    speeds = {OURS: [30.0, 10.0, 50.0], PLAIN: [10.0, 10.0, 25.0], HALF: [60.0, 60.0, 60.0]}
    ours, plain, half = summarise(speeds, model=TINY, device="1 x NVIDIA H200")
    assert (ours["images_per_s"], ours["min"], ours["max"], ours["n"]) == (30.0, 10.0, 50.0, 3)
    assert (ours["times_plain"], plain["times_plain"], half["times_plain"]) == (2.0, 1.0, 6.0)
    big = summarise({PLAIN: [55_000.0]}, model=PRESETS["cifar-deep"], device="1 x NVIDIA H200")[0]
    assert big["mfu"] == pytest.approx(6 * 55_000 * macs(PRESETS["cifar-deep"]) / 989e12, abs=1e-4)
    assert half["mfu"] is None
    assert summarise(speeds, model=TINY, device="some processor")[0]["mfu"] is None


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Words that make the whole benchmark take seconds."""
    monkeypatch.setitem(PRESETS, "tiny-test", TINY)
    monkeypatch.setattr(rivals, "PICTURES", 1010)
    words = ["--model", "tiny-test", "--batch-size", "10", "--steps", "2", "--rounds", "2", "--device", "cpu"]
    return [*words, "--compile", "no"]


def test_everyone_trains_and_is_printed(
    small: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    networks: list[torch.nn.Module] = []
    runs: list[Run] = []
    plain = rivals.make_plain_loop

    def watched(network: torch.nn.Module, *args: Any, **options: Any) -> Any:
        networks.append(network)
        return plain(network, *args, **options)

    def watched_run(config: TrainConfig) -> Run:
        runs.append(Run(config))
        return runs[-1]

    monkeypatch.setattr(rivals, "make_plain_loop", watched)
    monkeypatch.setattr(rivals, "Run", watched_run)
    main([*small, "--workers", "0", "--json"])
    result = json.loads(capsys.readouterr().out)
    names = [row["name"] for row in result["rows"]]
    assert names[:2] == [OURS, PLAIN]
    assert len(names) == 5
    assert names[3:] == [f"{PLAIN}, timm's ViT", HALF]
    assert (result["tokens"], result["parameters"], result["batch_size"]) == (17, parameters(TINY), 10)
    for row in result["rows"]:
        assert 0 < row["min"] <= row["images_per_s"] <= row["max"]
        assert (row["n"], row["mfu"]) == (2, None)
    steps = (2 + bench.WARM_UP) * 2
    assert [run.step for run in runs] == [steps, steps]
    assert len(networks) == 3
    for network in networks:
        assert all(parameter.grad is not None for parameter in network.parameters())


def test_timms_network_is_as_large_as_ours() -> None:
    theirs = build_timm_network(TINY)
    assert theirs is not None
    assert sum(parameter.numel() for parameter in theirs.parameters()) == parameters(TINY)


def test_without_timm_the_rest_is_measured(
    small: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("timm"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    main([*small, "--workers", "2", "--rounds", "1"])
    printed = capsys.readouterr()
    assert "timm is not installed" in printed.err
    assert "timm" not in printed.out
    assert printed.out.count("images/s") == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "giant"], "model must be one of"),
        (["--rounds", "0"], "rounds must be at least 1"),
        (["--batch-size", "60000"], "60000"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_a_bad_option_is_named(small: list[str], words: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        main([*small, *words])
