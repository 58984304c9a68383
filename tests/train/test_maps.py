"""Maps of held-out pictures while a run learns: what they show, what keeps them, and the film at the end."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from tests.train.test_export import read_files
from train import fit as loop
from train.checkpoint import load_state
from train.fit import fit
from train.maps import draw_maps, read_frame
from train.recipe import load_recipe
from train.resume import resume_run
from train.run import Run
from vitdemo.models import DynamicViT
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import Learned
from vitdemo.processes import World
from vitdemo.recording import record
from vitdemo.render import DISPLAY_EDGE, enlarge_view, patch_box

SHORT = ["model.depth=2", "max_steps=4", "batch_size=200", "log=none", "maps=1"]
PRUNED = ["model.prune={'prune_loc': [1], 'keep_ratio': 0.5}"]


def make_run(words: list[str]) -> Run:
    return Run(load_recipe("cifar10_vit", words))


def list_frames(run: Run) -> list[str]:
    return sorted(path.name for path in (run.config.run_dir / "maps").iterdir())


def test_a_frame_shows_the_patches_that_the_average_keeps(tiny: list[str]) -> None:
    """Against the picture itself: what stays has its own pixels, what is gone has none of them."""
    run = make_run([*tiny, *SHORT, *PRUNED, "maps=2"])
    run.history.append({"epoch": 1})
    run.learner.averaged.train()
    sheet = np.asarray(draw_maps(run))
    val, model = run.splits["val"], run.learner.averaged
    assert isinstance(model, DynamicViT)
    pixels = val.fetch(slice(0, 1))
    trace = record(model, val.normalise(pixels), pruning=Pruning(Learned(model), FixedRatio(0.5)))
    kept = set(trace.kept[-1].tolist())
    assert len(kept) == model.config.num_patches // 2
    view = enlarge_view(Image.fromarray(pixels[0].permute(1, 2, 0).numpy()))
    for patch in range(model.config.num_patches):
        left, top, right, bottom = patch_box(patch, view.size, model.config.grid)
        cell = sheet[top:bottom, left:right] == np.asarray(view)[top:bottom, left:right]
        assert cell.all() if patch in kept else not cell.all(axis=-1).all()
    assert sheet.shape[0] > 2 * DISPLAY_EDGE
    assert sheet.shape[1] > 2 * DISPLAY_EDGE


def test_each_epoch_leaves_a_frame_and_the_run_a_film(tiny: list[str]) -> None:
    run = make_run([*tiny, *SHORT])
    fit(run)
    assert run.steps_per_epoch == 1
    assert list_frames(run) == [*(f"{epoch:04d}.webp" for epoch in range(1, 5)), "film.webp"]
    with Image.open(run.config.run_dir / "maps" / "film.webp") as film:
        moving = [frame.convert("RGB") for frame in ImageSequence.Iterator(film)]
    assert len(moving) == 4
    for epoch, shown in zip(range(1, 5), moving, strict=True):
        still = read_frame(run.config.run_dir / "maps" / f"{epoch:04d}.webp")
        assert shown.size == still.size
        assert np.abs(np.asarray(shown, float) - np.asarray(still, float)).mean() < 4
    assert np.abs(np.asarray(moving[0], float) - np.asarray(moving[-1], float)).mean() > 0.1


def test_maps_change_nothing_of_what_is_learned(tiny: list[str]) -> None:
    states = []
    for words in ([], ["maps=0", "name=other"]):
        run = make_run([*tiny, *SHORT, "max_steps=2", "model.drop_rate=0.1", *words])
        fit(run)
        states.append(load_state(run.config.run_dir))
    (drawn, told), (plain, other) = states
    assert all(torch.equal(drawn[key], plain[key]) for key in {**drawn, **plain})
    assert [row["val"] for row in told["history"]] == [row["val"] for row in other["history"]]
    assert not (run.config.run_dir / "maps").exists()


def test_a_run_that_was_killed_loses_no_frame(tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies in the fourth epoch, with a state of the second; the film has all four."""
    words = [*tiny, *SHORT, "val_every=2"]
    whole = make_run([*words, "name=whole"])
    fit(whole)
    finish: Callable[..., dict] = loop.finish_epoch

    def die(run: Run, watch: object) -> dict:
        if run.step == 3:
            raise InterruptedError
        return finish(run, watch)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "finish_epoch", die)
        with pytest.raises(InterruptedError):
            fit(make_run(words))
    again = make_run(words)
    assert list_frames(again) == ["0001.webp", "0002.webp", "0003.webp"]
    resume_run(again)
    assert again.step == 2
    fit(again)
    frames = [read_files(run.config.run_dir / "maps") for run in (whole, again)]
    assert frames[0] == frames[1]


def test_a_film_is_of_this_run_alone_and_as_large_as_its_largest_frame(tiny: list[str]) -> None:
    run = make_run([*tiny, *SHORT, "max_steps=2"])
    folder = run.config.run_dir / "maps"
    folder.mkdir(parents=True)
    Image.new("RGB", (4000, 4000)).save(folder / "0009.webp")  # of a run before
    fit(run)
    longer = make_run([*tiny, *SHORT, "max_steps=4", "maps=2"])
    resume_run(longer)
    fit(longer)
    with Image.open(folder / "film.webp") as film:
        assert film.n_frames == 4  # pyright: ignore[reportAttributeAccessIssue]
        assert film.size == read_frame(folder / "0004.webp").size
    assert read_frame(folder / "0001.webp").height < film.height
    facts = json.loads((run.config.run_dir / "state.json").read_text())
    assert [row["epoch"] for row in facts["history"]] == [1, 2, 3, 4]


def test_a_stop_leaves_a_film_of_what_there_is(tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run([*tiny, *SHORT])
    monkeypatch.setattr(run.tally, "read", stop_at(run, 3))
    with pytest.raises(SystemExit, match="stopped at step 3"):
        fit(run)
    assert list_frames(run) == ["0001.webp", "0002.webp", "film.webp"]


def stop_at(run: Run, step: int) -> Callable[..., tuple]:
    read = run.tally.read

    def answer(world: World, *, stopping: bool) -> tuple:
        return read(world, stopping=stopping or run.step == step)

    return answer


def test_another_process_draws_nothing(tiny: list[str]) -> None:
    run = make_run([*tiny, *SHORT])
    run.world = World(1, 2)
    assert not run.draws
    assert not (run.config.run_dir / "maps").exists()


def test_a_teacher_has_no_maps(tiny: list[str]) -> None:
    words = [word for word in tiny if not word.startswith("model.")]
    with pytest.raises(ValueError, match=r"^maps must be 0 with network=resnet9, got 2$"):
        load_recipe("cifar10_resnet", [*words, "maps=2"])
