"""One picture at every pruning ratio that a page offers: what each stage leaves of it, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vitdemo import render
from vitdemo.engine.core.records import Analysis, Top
from vitdemo.engine.core.setting import Setting, choose_setting, make_pruning
from vitdemo.engine.core.subject import Subject
from vitdemo.engine.core.top import name_top
from vitdemo.message import Message
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Begun, Pruning
from vitdemo.models.stages import find_prune_loc
from vitdemo.trace import Recorder
from vitdemo.weights import LoadedModel

PERCENTS = tuple(range(0, 91, 5))

Pixels = Float[Tensor, "1 ch hh ww"]


@dataclass(frozen=True)
class RatioStep:
    """What one pruning ratio makes of a picture.

    `top`: up to five (label, probability), best first; empty for a network without classes. `tokens`: patches
    at the input and after each stage. `stages`: a byte a patch, the stage that drops it or merges it into
    another, 0 where it stays.
    """

    top: Top
    tokens: tuple[int, ...]
    stages: bytes


def step_of(analysis: Analysis) -> RatioStep:
    """Return the step that an analysis has run already."""
    outcome = analysis.pruned or analysis.dense
    return RatioStep(outcome.top, outcome.tokens, stages_of(analysis.kept, outcome.tokens[0]))


def find_steps(analysis: Analysis, how: Setting) -> dict[int, RatioStep]:
    """Return the steps that an analysis has run already as `how` says, at any ratio, by percent.

    They are what is shown: where two patches are scored alike, another pass might keep the other one.
    """
    dense = analysis.dense
    found = {0: RatioStep(dense.top, dense.tokens, stages_of((), dense.tokens[0]))}
    percent = round(100 * analysis.pruning_ratio)
    alike = (analysis.selector, analysis.reduction, analysis.stages) == (how.selector, how.reduction, "")
    if alike and analysis.pruning_ratio == percent / 100:
        found[percent] = step_of(analysis)
    return found


def stages_of(kept: Sequence[Sequence[int]], count: int) -> bytes:
    """Return the stage that drops each of `count` patches, 0 where it stays, from the ids that each keeps."""
    return render.stage_of_drop(kept, (1, count)).astype("u1").tobytes()


def ratio_steps(subject: Subject, selector: str, reduction: str) -> dict[int, RatioStep]:
    """Return the picture pruned by `selector` at each of `PERCENTS`, those that were run before included.

    Each ratio waits for a turn of its own, so that nobody else waits for more than one pass. What was found
    before the `progress` raised stays found. Raise ValueError for an unknown selector or reduction.
    """
    loaded, pixels, analysis = subject.loaded, subject.pixels, subject.entry.analysis
    settings = {p: choose_setting(loaded.spec, p / 100, selector, reduction) for p in PERCENTS}
    how = settings[PERCENTS[-1]]
    place = (f"ratio steps, {how.reduction}", analysis.picture, how.selector)
    found: dict[int, RatioStep] | None = subject.shared.answers.find(place)
    if found is None:
        subject.shared.answers.keep(place, found := {})
    own = find_steps(analysis, how)
    begun: Begun | None = None
    for percent, setting in settings.items():
        if percent in own:
            found[percent] = own[percent]
        if percent in found:
            continue
        with subject.turn() as report:
            report(percent / 100, Message("Pruning by every ratio"))
            if percent not in found:  # another visitor's turn may have been for the same picture
                begun = begin_pass(loaded.model, pixels) if begun is None else begun
                found[percent] = run_step(loaded, begun, pixels, setting)
    return found


def run_step(loaded: LoadedModel, begun: Begun, pixels: Pixels, setting: Setting) -> RatioStep:
    """Run the picture as `setting` prunes it."""
    logits, kept = run_pass(loaded.model, begun, make_pruning(setting, loaded.model, pixels))
    whole, *left = (ids[0].tolist() for ids in kept)
    stages = stages_of(left, len(whole))
    top = name_top(logits[0], loaded) if loaded.spec.config.num_classes else ()
    return RatioStep(top, tuple(map(len, (whole, *left))), stages)


@torch.no_grad()
def begin_pass(
    model: VisionTransformer, pixels: Float[Tensor, "b ch hh ww"], pruning: Pruning | None = None
) -> Begun:
    """Run what passes have in common: all before the first stage of `pruning`, None = the network's first."""
    loc = model.config.prune_loc if pruning is None else find_prune_loc(pruning.rule, model.config)
    return model.begin(pixels, layer=loc[0])


@torch.no_grad()
def run_pass(
    model: VisionTransformer, begun: Begun, pruning: Pruning | None
) -> tuple[Float[Tensor, "b c"], list[Int[Tensor, "b _"]]]:
    """Run one pass to its end, recording no attention.

    Return the logits, and which patches of each picture there are at the input and after each stage.
    """
    recorder = Recorder(attention=False, token_ids=[begun.ids] * begun.layer)
    prefix = model.config.num_prefix_tokens
    logits = model(begun, pruning=pruning, recorder=recorder).float().cpu()
    kept = [recorder.token_ids[layer][:, prefix:].cpu() - prefix for layer in recorder.stages]
    return logits, [begun.ids[:, prefix:].cpu() - prefix, *kept]
