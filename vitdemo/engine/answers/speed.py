"""What a network costs here and now: multiply-adds, measured milliseconds, and where a saving begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo import cost, timing
from vitdemo.config import ViTConfig, as_pair, simplify_size
from vitdemo.engine.core.pool import ModelPool
from vitdemo.engine.core.setting import to_keep_ratio
from vitdemo.engine.core.sizes import resize_spec
from vitdemo.message import Message, Progress
from vitdemo.models import VisionTransformer
from vitdemo.models.selectors import list_selectors, prune_by
from vitdemo.models.twin import make_twin
from vitdemo.timing import ROUNDS, Call, Timing

SIDES = (8, 16, 24, 32)  # patches on a side: 64, 256, 576 and 1,024 tokens
RATIO = 0.3  # measured where the visitor prunes nothing
SECONDS, LIMIT = 3.0, 9.0  # that one comparison should take, and may take at most
Listen = Callable[[], None]


@dataclass(frozen=True)
class Variant:
    """What one variant costs at batch size 1; `time`: None where the machine was too busy to measure.

    `name`: "dense", a selector, or the other kind of attention, "linear" or "softmax".
    """

    name: str
    macs: int
    parameters: int
    time: Timing | None


@dataclass(frozen=True)
class Size:
    """The times of networks as wide and deep as the model on `patches` patches.

    `times`: of softmax attention dense and pruned, and of linear attention dense; None where the machine was
    too busy to measure. `tried`: False where it would have taken too long.
    """

    patches: int
    times: tuple[Timing | None, ...] = (None, None, None)
    tried: bool = True

    @property
    def dense(self) -> Timing | None:
        return self.times[0]

    @property
    def pruning_wins(self) -> bool | None:
        """Return whether the pruned pass is faster than the dense one; None where that was not measured."""
        return is_faster(self.times[1], self.dense)

    @property
    def linear_wins(self) -> bool | None:
        """Return the same of linear attention."""
        return is_faster(self.times[2], self.dense)


@dataclass(frozen=True)
class SpeedCard:
    """The model and networks like it, measured. `pixels`: the (height, width) that the model read.

    `pruning_from`, `linear_from`: the fewest measured patches from which on the variant won at every size
    measured; None where it was not at the largest. `sizes`: up to the first whose dense pass the machine was
    too busy to measure.
    """

    pruning_ratio: float
    device: str
    threads: int
    pixels: tuple[int, int]
    variants: tuple[Variant, ...]
    sizes: tuple[Size, ...]
    pruning_from: int | None
    linear_from: int | None


@torch.no_grad()
def measure_speed(
    model: str,
    *,
    pruning_ratio: float,
    pool: ModelPool,
    progress: Progress,
    input_size: tuple[int, int] | None = None,
    haste: float = 1.0,
) -> SpeedCard:
    """Measure the model of that name dense, pruned and with the other kind of attention.

    Then networks as wide and deep at more and more tokens. Ratio 0 is measured as 0.3. `input_size`: the
    (height, width) that it reads, None = its own. `haste` divides the time that it may take, about 20 seconds
    at most. Raise ValueError for a bad name or ratio.
    """
    pool.spec(model)
    loaded, ratio = pool.get(model, progress=progress), pruning_ratio or RATIO
    if input_size is not None:
        loaded = pool.fit(loaded, resize_spec(loaded.spec, simplify_size(input_size)))
    keep_ratio, config = to_keep_ratio(ratio), loaded.spec.config
    listen, seconds = partial(progress, 0.0, Message("This model")), SECONDS / haste
    variants = time_variants(loaded.model, keep_ratio=keep_ratio, pool=pool, seconds=seconds, listen=listen)
    sizes: list[Size] = []
    last, macs = variants[0].time, variants[0].macs  # of a dense pass
    for number, side in enumerate(SIDES):
        if last is None:
            break
        listen = partial(
            progress, 0.2 + 0.8 * number / len(SIDES), Message("{count} tokens", count=side * side)
        )
        wide = resize_config(config, side)
        wanted = last.milliseconds * cost.macs(wide) / macs  # from the size before
        if 6 * ROUNDS[0] * wanted > 1000 * LIMIT / haste:
            sizes.append(Size(side * side, tried=False))
            continue
        size = time_size(loaded.model, wide, keep_ratio=keep_ratio, pool=pool, seconds=seconds, listen=listen)
        last, macs = size.dense, cost.macs(wide)
        sizes.append(size)
    return SpeedCard(
        ratio,
        str(pool.device),
        torch.get_num_threads(),
        as_pair(config.img_size),
        variants,
        tuple(sizes),
        pays_from([(size.patches, size.pruning_wins) for size in sizes]),
        pays_from([(size.patches, size.linear_wins) for size in sizes]),
    )


def time_variants(
    model: VisionTransformer,
    *,
    keep_ratio: float,
    pool: ModelPool,
    seconds: float,
    listen: Listen = lambda: None,
) -> tuple[Variant, ...]:
    """Measure the model dense, pruned by each of its selectors, and with the other kind of attention."""
    config = model.config
    other = replace(config, attention="softmax" if config.attention == "linear" else "linear")
    twisted, pixels = pool.count_forwards(make_twin(model, other)), make_noise(config, pool)
    # "inverted" sorts the scores of the best selector the other way round: it costs the same.
    names = [name for name in list_selectors(config) if name != "inverted"]
    calls: dict[str, Call] = {"dense": lambda: model(pixels).cpu()}
    calls |= {name: make_pruned_call(model, pixels, name, keep_ratio) for name in names}
    calls[other.attention] = lambda: twisted(pixels).cpu()
    times = time_calls(list(calls.values()), pool=pool, seconds=seconds, listen=listen)
    rows = []
    for name, time in zip(calls, times, strict=True):
        shape = other if name == other.attention else config
        macs = cost.macs(shape, keep_ratio=keep_ratio if name in names else None)
        rows.append(Variant(name, macs, cost.parameters(shape), time))
    return tuple(rows)


def time_size(
    model: VisionTransformer,
    config: ViTConfig,
    *,
    keep_ratio: float,
    pool: ModelPool,
    seconds: float,
    listen: Listen = lambda: None,
) -> Size:
    """Return the times at the size of `config`: softmax dense, pruned by the best selector, and linear."""
    softmax = pool.count_forwards(make_twin(model, replace(config, attention="softmax")))
    linear = pool.count_forwards(make_twin(model, replace(config, attention="linear")))
    pixels = make_noise(config, pool)
    pruned = make_pruned_call(softmax, pixels, list_selectors(config)[0], keep_ratio)
    calls = [lambda: softmax(pixels).cpu(), pruned, lambda: linear(pixels).cpu()]
    return Size(config.num_patches, tuple(time_calls(calls, pool=pool, seconds=seconds, listen=listen)))


def make_noise(config: ViTConfig, pool: ModelPool) -> Float[Tensor, "1 ch hh ww"]:
    return torch.randn(1, config.in_chans, *as_pair(config.img_size), device=pool.device)


def make_pruned_call(
    model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], selector: str, keep_ratio: float
) -> Call:
    """Return a pruned pass; the logits go to the CPU, because a GPU says that it is done before it is."""
    pruning = prune_by(selector, keep_ratio, model=model, pixels=pixels)
    return lambda: model(pixels, pruning=pruning).cpu()


def time_calls(
    calls: Sequence[Call], *, pool: ModelPool, seconds: float, listen: Listen = lambda: None
) -> list[Timing | None]:
    """Return the timing of each call; see `vitdemo.timing`.

    Nobody else runs a model during a round; between two others may, so that each begins with uncounted calls.
    `listen` is called before each call, and may raise.
    """

    def take() -> list[float]:
        with pool.compute.turn(lambda share, text: listen()):
            timing.take_round(calls, between=listen)
            return timing.take_round(calls, between=listen)

    return timing.settle(timing.collect(take, seconds=seconds))


def is_faster(one: Timing | None, other: Timing | None) -> bool | None:
    """Return whether `one` saves time; None where that was not measured."""
    share = timing.saving(one, other)
    return None if share is None else share > 0


def resize_config(config: ViTConfig, side: int) -> ViTConfig:
    """Return `config` for pictures of `side` x `side` patches."""
    height, width = as_pair(config.patch_size)
    return replace(config, img_size=(side * height, side * width))


def pays_from(rows: Sequence[tuple[int, bool | None]]) -> int | None:
    """Return the fewest tokens from which on all measured rows of (tokens, won) are won.

    None if the last is not. Rows without a measurement do not count.
    """
    start = None
    for tokens, won in rows:
        if won is not None:
            start = (start or tokens) if won else None
    return start
