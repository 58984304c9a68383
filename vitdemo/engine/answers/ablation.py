"""Without one head: every head of every layer is silenced in turn, to see what becomes of the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from vitdemo.engine.answers.anatomy import NAMES, Pass, to_rows
from vitdemo.engine.core.pool import ModelPool
from vitdemo.engine.core.subject import Subject
from vitdemo.message import Message, Progress
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Pruning
from vitdemo.models.twin import make_twin
from vitdemo.recording import repeat
from vitdemo.render import charts

TOKENS = 2**14  # in one batch; more go in several, so that a large network does not fill the memory


@dataclass(frozen=True)
class Ablation:
    """What silencing one head at a time does to the logit of the answer `label`.

    `logit`: with all heads. `changes`: a row a layer, a column a head. `pruned`: whether patches were
    dropped in this pass.
    """

    label: str
    logit: float
    changes: tuple[tuple[float, ...], ...]
    pruned: bool
    image: Image.Image


class Silenced(nn.Module):
    """An attention layer's output projection that hears some heads only.

    In each picture of a batch those whose entry of `heard` is 1. Exact: the projection is linear, so an
    input of zero is a head without weights.
    """

    def __init__(self, proj: nn.Module, heard: Float[Tensor, "b h"], *, width: int) -> None:
        super().__init__()
        self.proj = proj
        self.heard = heard.repeat_interleave(width // heard.shape[1], dim=1).unsqueeze(1)

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        return self.proj(x * self.heard.to(x))


@torch.no_grad()
def silence_heads(
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    *,
    pruning: Pruning | None = None,
    pool: ModelPool | None = None,
    progress: Progress | None = None,
) -> Float[Tensor, "l h c"]:
    """Return the logits without each head of each layer, on the CPU.

    Layer l is deaf to head i in row l * h + i of one batch, or of several where it would hold more than
    `TOKENS` tokens.
    `pool` counts the passes. The pass may prune, by an `Explicit` rule so that all drop the same patches.
    """
    config, found = model.config, []
    layers, heads = config.depth, config.num_heads
    heard = (1 - torch.eye(layers * heads)).reshape(-1, layers, heads)
    size = max(1, TOKENS // (config.num_prefix_tokens + config.num_patches))
    for begin in range(0, len(heard), size):
        rows = heard[begin : begin + size]
        if progress is not None:
            last = begin + len(rows) - 1
            named = Message("Layer {layer}", layer=f"{begin // heads}–{last // heads}")
            progress(begin / len(heard), named)
        copy = make_twin(model)
        for layer in range(layers):
            attn = copy.get_submodule(f"blocks.{layer}.attn")
            attn.proj = Silenced(attn.get_submodule("proj"), rows[:, layer], width=config.embed_dim)
        if pool is not None:
            pool.count_forwards(copy)
        found.append(copy(pixels.expand(len(rows), -1, -1, -1), pruning=pruning).float().cpu())
    return torch.cat(found).unflatten(0, (layers, heads))


def ablate(subject: Subject, which: Pass) -> Ablation:
    """Silence each head in turn and see how the logit of the pass's own answer changes.

    In a pruned pass the patches that were kept stay the same, so that the change is that of the head alone.
    Raise ValueError for a backbone without classes.
    """
    trace, pool = subject.entry.choose_trace(which), subject.shared.pool
    if trace.logits is None:
        raise ValueError(
            Message("this network has no classes, so there is no answer that a head could change")
        )
    loaded, target = subject.loaded, int(trace.logits.argmax())
    pruning = Pruning(None, repeat(trace)) if trace.prune_loc else None
    with subject.turn() as report:
        logits = silence_heads(loaded.model, subject.pixels, pruning=pruning, pool=pool, progress=report)
    changes = (logits[..., target] - trace.logits[target]).double().numpy()
    label = loaded.classes[target]
    words = Message("change of the logit of {label}", label=label)
    colours = charts.Diverging(float(np.abs(changes).max()) or 1.0, words)
    image = charts.draw_numbers(changes, colours=colours, decimals=2, names=NAMES)
    return Ablation(label, float(trace.logits[target]), to_rows(changes), bool(trace.prune_loc), image)
