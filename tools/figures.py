"""`python -m tools.figures`: the figures of docs/vit.md and docs/vit.zh.md, drawn into docs/figures/.

All but the curves show one bundled network at work on one drawn example. The same weights and libraries give
the same files. There is hardly a word in them, because both languages share them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image, ImageDraw

from tools.panels import EDGE, draw_grid, draw_matrix, encode, enlarge, fit, place_beside
from vitdemo import render
from vitdemo.cost import macs
from vitdemo.data import Prepared, preprocess
from vitdemo.decode import decode
from vitdemo.examples import example_paths
from vitdemo.files import replace_file
from vitdemo.maps import Heatmap, explain, explain_heads
from vitdemo.maps.weights import position_similarity
from vitdemo.models.attention import policy_softmax
from vitdemo.models.layers import PatchEmbed
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.registry import PRESETS
from vitdemo.render.charts import Diverging, draw_grids
from vitdemo.render.geometry import patch_box, spread
from vitdemo.render.palette import MARK
from vitdemo.render.plots import new_figure
from vitdemo.trace import Trace
from vitdemo.weights import LoadedModel, load_model

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
MODEL, EXAMPLE, KEEP_RATIO = "dynamicvit_cifar10", "horse", 0.7
QUERY = 19  # a patch of the horse's neck
LOCAL, GLOBAL = 2, 7  # a layer whose heads look at neighbours, and one whose heads look at parts of the horse
MASKED = (3, 2)  # the layer and head whose attention the policy is shown on; the first stage is before it
WIDTH = PRESETS["tiny"].embed_dim
COLOURS: dict[Literal["softmax", "linear"], str] = {"softmax": "#d55e00", "linear": "#0072b2"}
# Softmax time / linear time of one block on two cores, measured at these numbers of tokens.
MEASURED = {197: 0.87, 785: 1.14, 3137: 2.48}


@dataclass(frozen=True, eq=False)
class Scene:
    """One picture in one network: dense, and pruned with gradients of its answer."""

    loaded: LoadedModel
    prepared: Prepared
    dense: Trace
    pruned: Trace


def look() -> Scene:
    """Run the network twice on the example."""
    loaded = load_model(MODEL)
    model, prepared = loaded.model, preprocess(decode(example_paths()[EXAMPLE]), config=loaded.spec.data)
    selector = make_selector("learned", model=model, pixels=prepared.pixels)
    pruning = Pruning(selector, FixedRatio(KEEP_RATIO))
    pruned = record(model, prepared.pixels, pruning=pruning, grads=True)
    return Scene(loaded, prepared, dense=record(model, prepared.pixels), pruned=pruned)


def draw_patches(scene: Scene) -> Image.Image:
    """Draw the picture under the grid, the pixels that the network gets, one patch of them, and its token."""
    grid, view = scene.dense.grid, scene.prepared.view
    data, embed = scene.loaded.spec.data, scene.loaded.model.patch_embed
    assert isinstance(embed, PatchEmbed)
    mean, std = np.array(data.mean), np.array(data.std)
    seen = scene.prepared.pixels[0].permute(1, 2, 0).numpy() * std + mean
    small = Image.fromarray((seen * 255).round().astype(np.uint8))
    with torch.no_grad():
        token = embed(scene.prepared.pixels)[0, QUERY].numpy()
    cells = Diverging(float(np.abs(token).max()), "").colours(token.reshape(16, -1))
    frames = [
        (f"{grid[0]} x {grid[1]}", render.mark_patch(draw_grid(view, grid), QUERY, grid)),
        ("32 x 32 x 3", render.mark_patch(draw_grid(enlarge(small), grid), QUERY, grid)),
        ("4 x 4 x 3 = 48", enlarge(small.crop(patch_box(QUERY, small.size, grid)))),
        (str(token.size), Image.fromarray(spread(cells, (EDGE, EDGE)))),
    ]
    return render.draw_film_strip([(words, fit(image)) for words, image in frames])


def draw_positions(scene: Scene) -> Image.Image:
    """Draw how alike each position embedding is to every other, as the page's tab Inside shows it."""
    table = scene.loaded.model.positions().detach()[scene.dense.num_prefix_tokens :].numpy()
    similar = position_similarity(table)
    scale = render.Scale(-0.5, 1.0, "")
    return draw_grids(similar, grid=scene.dense.grid, scale=scale, chosen=QUERY).reduce(2)


def draw_attention(scene: Scene) -> Image.Image:
    """Draw the matrix of one head, the query's row framed; and that row on the picture."""
    trace, head = scene.dense, 1
    row = QUERY + trace.num_prefix_tokens
    attn = trace.attn[LOCAL][head]
    matrix, cell = draw_matrix(attn.numpy()), -(-EDGE // len(attn))
    box = (0, (row - 1) * cell, matrix.width - 1, (row + 2) * cell - 1)
    ImageDraw.Draw(matrix).rectangle(box, outline=MARK, width=cell // 2)
    heat = explain(trace, "raw-attention", layer=LOCAL, head=head, query=QUERY)
    return place_beside([matrix, colour(scene, heat, marked=True).resize(matrix.size)], columns=2)


def draw_heads(scene: Scene) -> Image.Image:
    """Draw where the query looks: a row for each of two layers, a column for each head."""
    early, late = (
        explain_heads(scene.dense, "raw-attention", layer=layer, query=QUERY) for layer in (LOCAL, GLOBAL)
    )
    return place_beside([colour(scene, heat, marked=True) for heat in (*early, *late)], columns=len(early))


def draw_stages(scene: Scene) -> Image.Image:
    """Draw what is kept: all, and after each stage."""
    kept = [np.arange(scene.pruned.num_patches), *(ids.numpy() for ids in scene.pruned.kept)]
    view, grid = scene.prepared.view, scene.pruned.grid
    frames = [(str(len(ids)), fit(render.draw_kept(view, ids, grid))) for ids in kept]
    return render.draw_film_strip(frames)


def draw_policy(scene: Scene) -> Image.Image:
    """Draw a head's attention, the gate of the first stage's policy, and the attention under it."""
    trace, prefix = scene.dense, scene.dense.num_prefix_tokens
    keys = torch.zeros(1, prefix + trace.num_patches)
    keys[0, :prefix] = 1.0
    keys[0, scene.pruned.kept[0] + prefix] = 1.0
    gate = keys[0] + (1 - keys[0]) * torch.eye(keys.shape[1])
    layer, head = MASKED
    attn = trace.attn[layer][head]
    masked = policy_softmax(attn.log()[None, None], keys)[0, 0]  # softmax of a softmax's log is itself
    return place_beside([draw_matrix(table.numpy()) for table in (attn, gate, masked)], columns=3)


def draw_costs(scene: Scene) -> Image.Image:
    """Draw the multiply-accumulates of one block (dashed: its attention alone), and softmax over linear."""
    sides = np.arange(2, 65)
    tokens = sides**2 + 1
    block = {kind: np.array([count_block_macs(side, kind) for side in sides.tolist()]) for kind in COLOURS}
    figure = new_figure("", width=8.4, height=3.4)
    left, right = figure.subplots(1, 2)
    for kind, colour in COLOURS.items():
        left.loglog(tokens, block[kind] / 1e6, color=colour, label=kind)
        alone = block[kind] - 12 * WIDTH**2 * tokens  # less the six linear layers, an MLP counting four each
        left.loglog(tokens, alone / 1e6, color=colour, linestyle="--", linewidth=1)
    left.set(xlabel="N", ylabel="MMAC")
    right.loglog(tokens, block["softmax"] / block["linear"], color="#3b0f70", label="MAC")
    right.loglog([*MEASURED], [*MEASURED.values()], "o", color="#009e73", label="ms")
    right.axhline(1.0, color="#777777", linewidth=0.8)
    right.set(xlabel="N", ylabel="softmax / linear", yticks=[1, 2, 4], yticklabels=["1", "2", "4"])
    right.minorticks_off()
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def count_block_macs(side: int, kind: Literal["softmax", "linear"]) -> int:
    """Count the multiply-accumulates of one block of preset `tiny`.

    It gets `side` x `side` patches and a class token.
    """
    one = replace(PRESETS["tiny"], img_size=side, patch_size=1, depth=1, attention=kind)
    return macs(replace(one, depth=2)) - macs(one)


def draw_maps(scene: Scene) -> Image.Image:
    """Draw the pruned pass by raw attention of the last layer, by rollout, and by gradient rollout."""
    last = len(scene.pruned.attn) - 1
    heats = [
        explain(scene.pruned, "raw-attention", layer=last),
        explain(scene.pruned, "attention-rollout"),
        explain(scene.pruned, "gradient-rollout"),
    ]
    return place_beside([colour(scene, heat) for heat in heats], columns=3)


FIGURES: dict[str, Callable[[Scene], Image.Image]] = {
    "patches": draw_patches,
    "positions": draw_positions,
    "attention": draw_attention,
    "heads": draw_heads,
    "stages": draw_stages,
    "policy": draw_policy,
    "maps": draw_maps,
    "costs": draw_costs,
}


def colour(scene: Scene, heat: Heatmap, *, marked: bool = False) -> Image.Image:
    """Return the map over the picture, its largest value brightest.

    Where `marked`, the query's patch is framed.
    """
    scale = render.Scale(0.0, float(np.nanmax(heat)), "")
    image = render.draw_overlay(scene.prepared.view, heat, scale=scale)
    return fit(render.mark_patch(image, QUERY, heat.shape) if marked else image)


def main() -> None:
    scene = look()
    for name, draw in FIGURES.items():
        with replace_file(FOLDER / f"{name}.webp") as part:
            part.write_bytes(encode(draw(scene)))


if __name__ == "__main__":
    main()
