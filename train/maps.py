"""Maps of a few held-out pictures, drawn after each epoch of a run, and the film that they make."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from train.checkpoint import MAPS
from train.run import Run
from train.splits import spread
from vitdemo.files import replace_file
from vitdemo.maps import explain
from vitdemo.models import VisionTransformer
from vitdemo.models.selectors import prune_by
from vitdemo.recording import record
from vitdemo.render import draw_kept, draw_overlay, draw_tiles, own_scale
from vitdemo.render.palette import PAPER
from vitdemo.trace import Trace

FILM = "film.webp"  # beside the frames
HOLD, LAST = 300, 2000  # milliseconds of a frame of the film, and of the last one
FRAMES = 200  # of a film at most


def keep_frame(run: Run) -> Image.Image:
    """Draw the maps after the epoch that `run` has just finished, keep them in its folder and return them.

    An epoch that is run again takes the place of its former frame.
    """
    sheet = draw_maps(run)
    with replace_file(place_frame(run, run.history[-1]["epoch"])) as part:
        sheet.save(part, "WEBP", quality=90)
    return sheet


def write_film(run: Run) -> None:
    """Join the frames of the epochs that `run` has finished, before it was resumed too, into one that loops.

    Of many it shows some, at even distances. All are as large as the largest.
    """
    paths = [place_frame(run, epoch) for epoch in sorted({row["epoch"] for row in run.history})]
    frames = [read_frame(path) for path in paths if path.is_file()]
    if not frames:
        return
    size = max(frame.width for frame in frames), max(frame.height for frame in frames)
    step = -(-len(frames) // FRAMES)
    first, *others = [lay_out(frame, size) for frame in frames[(len(frames) - 1) % step :: step]]
    times = [*[HOLD] * len(others), LAST]
    with replace_file(run.config.run_dir / MAPS / FILM) as part:
        first.save(part, "WEBP", save_all=True, append_images=others, duration=times, loop=0)


def place_frame(run: Run, epoch: int) -> Path:
    """Return where the maps after an epoch lie."""
    return run.config.run_dir / MAPS / f"{epoch:04d}.webp"


def read_frame(path: Path) -> Image.Image:
    """Return a frame for the film, of half its width and height."""
    with Image.open(path) as frame:
        return frame.convert("RGB").reduce(2)


def lay_out(frame: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture at the top left of a sheet of paper of that size."""
    sheet = Image.new("RGB", size, PAPER)
    sheet.paste(frame, (0, 0))
    return sheet


def draw_maps(run: Run) -> Image.Image:
    """Draw what the moving average makes of `config.maps` held-out pictures, the same after every epoch.

    A row each: the patches that stay, with the answer below, and attention rollout, with the label.
    """
    model, split, epoch = run.learner.averaged.eval(), run.splits["val"], run.history[-1]["epoch"]
    assert isinstance(model, VisionTransformer)
    split = split.part(spread(len(split), run.config.maps))
    tiles = []
    for pixels, label in zip(split.fetch(slice(None)), split.labels.tolist(), strict=True):
        trace = watch_pass(model, split.normalise(pixels[None]))
        assert trace.logits is not None
        share, answer = trace.logits.softmax(dim=-1).max(dim=-1)
        view = Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())
        stayed = draw_kept(view, trace.patch_ids(-1).numpy(), trace.grid)
        heat = explain(trace, "attention-rollout")
        rollout = draw_overlay(view, heat, scale=own_scale(heat, label=""))
        tiles += [
            (f"Epoch {epoch}: {split.classes[int(answer)]} {share:.0%}", stayed),
            (f"Attention rollout, {split.classes[label]}", rollout),
        ]
    return draw_tiles(tiles, columns=2)


def watch_pass(model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"]) -> Trace:
    """Return the trace of one picture, pruned where `model` has learned to, at its config's keep ratio."""
    options, pruning = model.config.prune, None
    if options is not None:
        pruning = prune_by("learned", options.keep_ratio, model=model, pixels=pixels)
    return record(model, pixels, pruning=pruning)
