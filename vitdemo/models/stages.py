"""One pruning stage of a forward pass: which tokens go on to the next block, and of what they are made."""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor

from vitdemo.config import ViTConfig
from vitdemo.models.merging import Mix, Present, fuse_rest, join, merge_pairs, merge_rest
from vitdemo.models.precision import without_autocast
from vitdemo.models.pruning import (
    Explicit,
    FixedRatio,
    Pruning,
    Stage,
    Threshold,
    add_prefix,
    gather_tokens,
    keep_counts,
    locate,
    passing_ids,
    top_ids,
)
from vitdemo.models.schedule import Schedule
from vitdemo.trace import Recorder

Keep = Int[Tensor, "b k"]  # relative numbers of the patches that stay
Rule = FixedRatio | Schedule | Threshold | Explicit


def run_stage(
    tokens: Present, stage: Stage, pruning: Pruning, *, config: ViTConfig, recorder: Recorder | None
) -> tuple[Present, Mix | None]:
    """Return the tokens that go on to the block of `stage`, and where some were merged, how they are made.

    Raise ValueError when an explicit id is not present, or when a threshold keeps different numbers of
    patches in the pictures of a batch.
    """
    rule = pruning.rule
    if recorder is not None and not isinstance(rule, Explicit):
        recorder.stages.append(stage.layer)
    if pruning.reduction == "tome":
        assert isinstance(rule, FixedRatio | Schedule)
        return match(tokens, count_patches(rule, stage.index, config), stage, recorded=recorder is not None)
    if isinstance(rule, Explicit):
        keep, mix = find_explicit(rule, stage.index + 1, tokens.ids, config)
        if keep is not None and mix is not None:
            return join(tokens, mix, add_prefix(keep, stage.num_prefix_tokens)), mix
    else:
        keep = choose(tokens, stage, pruning, config=config, recorder=recorder)
    if keep is None:
        return tokens, None
    everyone = tokens.x.shape[1] - stage.num_prefix_tokens
    if pruning.reduction == "drop" or keep.shape[1] == everyone:
        return cut(tokens, keep, stage.num_prefix_tokens), None
    reduce = fuse_rest if pruning.reduction == "fuse" else merge_rest
    mix, rows = reduce(tokens, keep, stage)
    return join(tokens, mix, rows), mix


def match(tokens: Present, count: int, stage: Stage, *, recorded: bool) -> tuple[Present, Mix | None]:
    """Return the tokens once `count` patches are left, and if it shall be `recorded`, how they are made.

    Where more than half must leave, those that were merged are matched again.
    """
    whole = None
    while tokens.x.shape[1] - stage.num_prefix_tokens > count:
        mix, rows = merge_pairs(tokens, count, stage)
        tokens = join(tokens, mix, rows)
        if recorded:
            with without_autocast(mix.device):
                whole = mix if whole is None else mix @ whole
    return tokens, whole


def choose(
    tokens: Present, stage: Stage, pruning: Pruning, *, config: ViTConfig, recorder: Recorder | None
) -> Keep | None:
    """Return the relative numbers of the patches that stay by the selector's scores, or None for all."""
    rule, everyone = pruning.rule, tokens.x.shape[1] - stage.num_prefix_tokens
    assert pruning.selector is not None, "a ratio or a threshold needs a selector"
    with without_autocast(tokens.x.device):  # in half precision many scores would be equal
        scores = pruning.selector(tokens.x, tokens.patch_sizes(stage.num_prefix_tokens), stage)
    if recorder is not None:
        recorder.scores.append(scores)
    if isinstance(rule, Threshold):
        return passing_ids(scores.detach(), rule)
    assert isinstance(rule, FixedRatio | Schedule)
    count = min(count_patches(rule, stage.index, config), everyone)
    fused = pruning.reduction == "fuse" and count < everyone  # into one, which is counted too
    return top_ids(scores.detach(), count - fused)


def find_prune_loc(rule: Rule, config: ViTConfig) -> tuple[int, ...]:
    """Return the blocks before which a pass under `rule` has its stages: the rule's own, or the network's.

    Raise ValueError for a block of a schedule that the network has not.
    """
    if isinstance(rule, Schedule):
        rule.check_depth(config.depth)
        return rule.prune_loc
    if isinstance(rule, Explicit) and rule.prune_loc is not None:
        return rule.prune_loc
    return config.prune_loc


def count_patches(rule: FixedRatio | Schedule, number: int, config: ViTConfig) -> int:
    """Return how many patches are left after stage `number`, from 0."""
    if isinstance(rule, Schedule):
        return rule.count_left(config.num_patches)[number]
    return keep_counts(config.num_patches, rule.keep_ratio, len(config.prune_loc))[number]


def find_explicit(
    rule: Explicit, number: int, ids: Int[Tensor, "b n"], config: ViTConfig
) -> tuple[Keep | None, Mix | None]:
    """Return the relative numbers that `rule` names for stage `number`, None for all; and its mix."""
    places = 1 + len(find_prune_loc(rule, config))
    if len(rule.ids) > places:
        raise ValueError(f"Explicit ids must be for at most {places} places, got {len(rule.ids)}")
    wanted = rule.ids[number] if number < len(rule.ids) else None
    if wanted is None:
        return None, None
    if not wanted.ndim or wanted.shape[:-1] not in ((), (1,), (len(ids),)):
        raise ValueError(f"Explicit ids must be (k,) or ({len(ids)}, k), got {tuple(wanted.shape)}")
    if not wanted.shape[-1] and config.global_pool != "token":
        raise ValueError("Explicit ids must keep a patch, because the head reads them")
    prefix = config.num_prefix_tokens
    wanted = wanted.to(ids.device).expand(len(ids), -1)
    mix = rule.mixes[number] if number < len(rule.mixes) else None
    given = None if mix is None else mix.to(ids.device).T[ids].transpose(1, 2)  # of the tokens present
    return locate(wanted, ids[:, prefix:] - prefix, checked=rule.checked), given


def cut(tokens: Present, keep: Keep, num_prefix_tokens: int) -> Present:
    """Return the tokens without the patches that are not at `keep`."""
    rows = add_prefix(keep, num_prefix_tokens)
    sizes = None if tokens.sizes is None else tokens.sizes.gather(1, rows)
    return Present(gather_tokens(tokens.x, rows), tokens.ids.gather(1, rows), sizes)
