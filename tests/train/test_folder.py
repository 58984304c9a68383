"""Splits of picture files: decoded once or by workers, the same pictures, named when broken."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.train.conftest import CLASSES
from train import splits as splits_module
from train.__main__ import main as train
from train.batches import Batches
from train.config import TrainConfig
from train.data import Resident
from train.evaluate import main as evaluate
from train.fit import fit
from train.folder import FolderSplit
from train.recipe import load_recipe
from train.run import Run
from train.splits import load_splits
from vitdemo.data import preprocess
from vitdemo.decode import BadImage, decode
from vitdemo.weights import load_model

CPU = torch.device("cpu")
TINY = [
    "data.dataset=folder", "model.num_classes=3", "model.embed_dim=32", "model.depth=2", "model.num_heads=2",
    "batch_size=10", "precision=fp32", "device=cpu", "distil.teacher=", "init_from=", "log=none",
]  # fmt: skip

ON_DISK, UNMIXED, CROP = "data.resident=false", "augment.cutmix_prob=0.0", "augment.crop_scale=[0.4, 1.0]"


def load_config(tree: Path, *words: str) -> TrainConfig:
    return load_recipe("cifar10_vit", [*TINY, f"data.folder={tree}", *words])


def draw_batches(tree: Path, *words: str) -> Batches:
    config = load_config(tree, *words)
    train_split = load_splits(config, CPU)["train"]
    assert isinstance(train_split, Resident if config.data.resident else FolderSplit)
    return Batches(config, train_split, None)


@pytest.mark.parametrize(
    "words",
    [[CROP, "augment.auto_augment=randaugment", "augment.rotate=15.0"], ["augment.crop_pad=4"]],
    ids=str,
)
def test_workers_and_device_augment_alike_in_distribution(tree: Path, words: list[str]) -> None:
    """The first picture, which is square, has alike means and spreads of each pixel, and histograms.

    Each lies within what 250 draws may differ by.
    """
    rows = torch.zeros(250, dtype=torch.long)
    ours, theirs = (
        draw_batches(tree, *words, f"data.resident={word}").augment(rows, done=0.0).x.double().flatten(1)
        for word in ("true", "false")
    )
    noise = ((ours.var(0) + theirs.var(0)) / 250).sqrt().clamp(min=0.02)
    assert float(((ours.mean(0) - theirs.mean(0)).abs() / noise).max()) < 5
    assert float(ours.std(0).mean()) == pytest.approx(float(theirs.std(0).mean()), rel=0.08)
    shares = [torch.stack([torch.histc(row, 16, -3, 3) for row in x]) / x.shape[1] for x in (ours, theirs)]
    noise = ((shares[0].var(0) + shares[1].var(0)) / 250).sqrt().clamp(min=0.001)
    assert float(((shares[0].mean(0) - shares[1].mean(0)).abs() / noise).max()) < 4


def test_a_batch_is_the_same_whoever_decodes_it_and_whenever(tree: Path) -> None:
    words = (ON_DISK, CROP, UNMIXED, "augment.auto_augment=trivialaugment")
    order = list(torch.randperm(27).view(3, 9))
    now = [draw_batches(tree, *words).take_pictures(rows) for rows in order]
    ahead, resumed = (
        draw_batches(tree, *words, "data.workers=2"),
        draw_batches(tree, *words, "data.workers=0"),
    )
    ahead.begin(order, epoch=0)
    resumed.begin(order[1:], epoch=0)
    for number, rows in enumerate(order):
        (pixels, mirrored), (x, flags) = now[number], ahead.take_pictures(rows)
        assert torch.equal(pixels, x)
        assert torch.equal(mirrored, flags)
        if number:
            assert torch.equal(pixels, resumed.take_pictures(rows)[0])
    ahead.begin(order[::-1], epoch=0)  # another order, with the same workers
    assert torch.equal(ahead.take_pictures(order[2])[0], now[2][0])
    other = draw_batches(tree, *words, "seed=1").take_pictures(order[0])[0]
    assert not torch.equal(other, now[0][0])


def test_each_epoch_draws_anew_also_for_parts_of_one_picture(tree: Path, tmp_path: Path) -> None:
    """The first picture's views in six epochs, by two workers and by a run that goes on after the second."""
    words = [ON_DISK, CROP, UNMIXED, "batch_size=9", "accumulate=9", f"runs={tmp_path}"]

    def views(run: Run, epochs: range) -> list[torch.Tensor]:
        found = []
        for epoch in epochs:
            run.step = epoch * run.steps_per_epoch
            order = list(torch.arange(27).view(3, 9))
            run.batches.begin(order, epoch=epoch)
            found += [next(run.batches.cut(order[0], done=0.0, seed=run.step)).x]
        return found

    whole = views(Run(load_config(tree, *words, "data.workers=2")), range(6))
    assert whole[0].shape == (1, 3, 32, 32)
    assert len({view.numpy().tobytes() for view in whole}) == 6
    later = views(Run(load_config(tree, *words, "data.workers=0")), range(2, 6))
    assert all(torch.equal(one, two) for one, two in zip(whole[2:], later, strict=True))


def test_workers_end_in_order_with_the_training_and_with_who_asked_them(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by the signal that PyTorch sends to those which do not end within five seconds."""
    workers: list[Any] = []
    monkeypatch.setattr("train.fit.save_run", lambda _: workers.extend(active_children()))
    words = (ON_DISK, "data.workers=1")
    run = Run(load_config(tree, *words, "max_steps=1", "epochs=1", f"runs={tmp_path}"))
    fit(run)
    assert [worker.exitcode for worker in workers] == [0]
    asking = draw_batches(tree, *words)
    asking.begin([torch.arange(9)], epoch=0)
    (worker,) = active_children()
    del asking
    assert worker.exitcode == 0


def test_mirrored_pictures_are_told_of(tree: Path) -> None:
    """The colours of every picture rise to the right."""
    made = draw_batches(tree, ON_DISK, UNMIXED, "augment.crop_pad=0")
    pixels, mirrored = made.take_pictures(torch.arange(27))
    falls = pixels[..., :8].float().mean(dim=(1, 2, 3)) > pixels[..., -8:].float().mean(dim=(1, 2, 3))
    assert torch.equal(falls, mirrored)
    assert 4 < int(mirrored.sum()) < 23


@pytest.mark.parametrize("resident", ["true", "false"])
def test_held_out_pictures_are_seen_as_uploads_are(tree: Path, resident: str) -> None:
    held_out = load_splits(load_config(tree, f"data.resident={resident}"), CPU)["test"]
    paths = sorted((tree / "val").rglob("*.png"))
    seen = held_out.normalise(held_out.fetch(slice(None)))
    assert held_out.labels.tolist() == [CLASSES.index(path.parent.name) for path in paths]
    data = replace(held_out.data, crop_pct=0.9)
    wanted = [preprocess(decode(path), config=data).pixels[0] for path in paths]
    torch.testing.assert_close(seen, torch.stack(wanted), atol=1e-6, rtol=0)
    half = held_out.part(slice(None, None, 2))
    torch.testing.assert_close(half.normalise(half.fetch(slice(1, 3))), torch.stack([wanted[2], wanted[4]]))
    assert half.labels.tolist() == held_out.labels[::2].tolist()


def test_training_from_files_and_evaluating_the_shipped_path(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that never holds its pictures, then one upload at a time against both ways of evaluation."""
    places = [f"data.folder={tree}", f"runs={tmp_path}", "name=trees"]
    words = [ON_DISK, "data.workers=0", "max_steps=12", "epochs=6", "optim.ema=0.2"]
    train(["--recipe", "cifar10_vit", *TINY, *places, *words])
    folder = str(tmp_path / "trees" / "export")
    loaded = load_model(folder)
    assert loaded.classes == CLASSES
    assert (loaded.spec.data.dataset, loaded.spec.data.img_size) == ("folder", 32)
    hits, paths = 0, sorted((tree / "val").rglob("*.png"))
    for path in paths:
        with torch.no_grad():
            logits = loaded.model(preprocess(decode(path), config=loaded.spec.data).pixels)
        hits += loaded.classes[int(logits.argmax())] == path.parent.name
    assert hits > 6  # chance is 4
    for limit in (splits_module.RESIDENT_BYTES, 0):
        monkeypatch.setattr(splits_module, "RESIDENT_BYTES", limit)
        capsys.readouterr()
        evaluate([folder, "--data", str(tree), "--json"])
        printed = json.loads(capsys.readouterr().out)
        assert printed["accuracy"] == pytest.approx(100 * hits / 12, abs=0.01)
        assert printed["n"] == 12


def test_a_broken_file_is_named_by_every_path(tree: Path, tmp_path: Path) -> None:
    for path in tree.rglob("*.png"):
        copy = tmp_path / path.relative_to(tree)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    broken = tmp_path / "train" / "bridge" / "03.png"
    broken.write_bytes(broken.read_bytes()[:200])
    named = rf"{broken.parent}: 03\.png is damaged"
    with pytest.raises(BadImage, match=named):
        load_splits(load_config(tmp_path), CPU)
    rows = torch.arange(27)
    for workers in (0, 1):
        made = draw_batches(tmp_path, ON_DISK, f"data.workers={workers}")
        made.begin([rows], epoch=0)
        with closing(made), pytest.raises(BadImage, match=named) as caught:
            made.take_pictures(rows)
        assert "\n" not in str(caught.value)
    with pytest.raises(BadImage, match=named):
        made.split.fetch(rows)


def test_what_does_not_fit_is_said(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="num_classes is 10, but a folder of pictures has 3 classes"):
        load_splits(load_config(tree, "model.num_classes=10"), CPU)
    with pytest.raises(ValueError, match=r"'trees' is unknown; known: cifar10, .*folder"):
        load_splits(load_config(tree, "data.dataset=trees"), CPU)
    with pytest.raises(FileNotFoundError, match=r"train is missing"):
        load_splits(load_config(tmp_path), CPU)
