"""How it works: the user's own picture on its way through the network, with the shapes of this very model."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from PIL import Image

from vitdemo import render
from vitdemo.config import as_pair
from vitdemo.engine.answers import drawing
from vitdemo.engine.answers.anatomy import POSITIONS
from vitdemo.engine.answers.attention import attention_drawing
from vitdemo.engine.answers.tokens import Tokens
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.records import Step
from vitdemo.engine.look import Look
from vitdemo.maps import explain
from vitdemo.message import Message
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.models.selectors import SELECTORS
from vitdemo.trace import Trace

CROP_WORDS = {
    "center": Message("resized and cropped at the centre"),
    "squash": Message("squashed, whatever its shape, and cropped at the centre"),
    "border": Message("resized as a whole, with borders of the mean colour, and cropped at the centre"),
}
READOUT_WORDS = {
    "token": Message("the class token alone"),
    "avg": Message("the mean of the patch tokens"),
    "token_avg": Message("the average of the class token and the mean of the patch tokens"),
    "token_cat_avg": Message("the class token and the mean of the patch tokens, side by side"),
    "map": Message("all patch tokens, with weights that attention of its own gives them"),
}


def walk(entry: Entry) -> list[Step]:
    """Return the steps from the upload to the probabilities, drawn from the cache without a network."""
    steps = [upload(entry), crop(entry), patches(entry), projection(entry)]
    if entry.config.num_prefix_tokens:
        steps.append(prefix_tokens(entry))
    steps += [positions(entry), blocks(entry)]
    if entry.pruned is not None:
        steps.append(pruning(entry, entry.pruned))
    steps.append(readout(entry))
    if entry.config.num_classes:
        steps.append(head(entry))
    return steps


def upload(entry: Entry) -> Step:
    width, height = entry.upload_size
    text = Message(
        "The upload is {width} pixels wide and {height} high. It is turned upright, and every pixel is read "
        "as three numbers: red, green and blue.",
        width=width,
        height=height,
    )
    return Step(Message("Your picture"), text, f"({height}, {width}, 3)", render.enlarge_view(entry.upload))


def crop(entry: Entry) -> Step:
    data = entry.data
    height, width = as_pair(data.img_size)
    text = Message(
        "The picture is {how} to {width} x {height} pixels, which is all that the model sees. Each colour is "
        "then normalised: its mean over the training set is subtracted, and the difference is divided by its "
        "standard deviation.",
        how=CROP_WORDS[data.crop_mode],
        width=width,
        height=height,
    )
    size = f"({len(data.mean)}, {height}, {width})"
    return Step(Message("The crop the model sees"), text, size, show_input(entry))


def patches(entry: Entry) -> Step:
    config = entry.config
    (gh, gw), (ph, pw) = config.grid, as_pair(config.patch_size)
    numbers = config.in_chans * ph * pw
    text = Message(
        "The crop is cut into {rows} x {columns} = {count} patches of {height} x {width} pixels. Each patch "
        "is a list of {high} x {wide} x {channels} = {numbers} numbers, the last factor its colours.",
        rows=gh,
        columns=gw,
        count=config.num_patches,
        height=ph,
        width=pw,
        high=ph,
        wide=pw,
        channels=config.in_chans,
        numbers=numbers,
    )
    picture = drawing.draw_patches(show_input(entry), config.grid)
    return Step(Message("Patches"), text, f"({config.num_patches}, {numbers})", picture)


def projection(entry: Entry) -> Step:
    config = entry.config
    ph, pw = as_pair(config.patch_size)
    text = Message(
        "One learned matrix, the same for every patch, turns its {numbers} numbers into a token of {width}. "
        "In the code this is a convolution whose kernel and stride are both {rows} x {columns} pixels.",
        numbers=config.in_chans * ph * pw,
        width=config.embed_dim,
        rows=ph,
        columns=pw,
    )
    picture = drawing.draw_matrix(entry.embedding.patches.numpy())
    size = f"({config.num_patches}, {config.embed_dim})"
    return Step(Message("Linear projection"), text, size, picture)


def prefix_tokens(entry: Entry) -> Step:
    config = entry.config
    names = ["class"] * config.class_token + ["distillation"] * config.dist_token
    names += ["register"] * config.reg_tokens
    title = Message("Class token")
    text = Message(
        "A learned token, the class token, is put in front of the patches, the same for every picture. The "
        "blocks gather information from all patches in this place, which pruning never touches."
    )
    if len(names) > 1:
        title = Message("Prefix tokens")
        text = Message(
            "{count} learned tokens ({names}) are put in front of the patches, the same for every picture. "
            "The blocks gather information from all patches in this place, which pruning never touches.",
            count=len(names),
            names=", ".join(names),
        )
    picture = drawing.draw_matrix(entry.embedding.patches.numpy(), prefix=entry.embedding.prefix.numpy())
    return Step(title, text, spell_shape(entry, config.num_patches), picture)


def positions(entry: Entry) -> Step:
    config = entry.config
    (gh, gw), n = config.grid, config.num_patches
    centre = gh // 2 * gw + gw // 2
    table = F.normalize(entry.embedding.positions[-n:], dim=-1)  # prefix positions, if any, come first
    heat = (table @ table[centre]).reshape(config.grid).numpy()
    scale = render.share_scale([heat], label=POSITIONS, high=1.0)
    figure = render.draw_heat(entry.analysis.view, heat, scale=scale)
    text = Message(
        "Attention alone does not know where a patch lies, so a learned vector for its position is added to "
        "each token. The picture compares the position of the framed patch with all the others: near ones "
        "are alike when training has found out how the picture is laid out."
    )
    if not config.use_abs_pos_emb:
        text = Message(
            "Attention alone does not know where a patch lies, so the queries and keys of each patch are "
            "turned by angles that follow from its row and its column. The picture compares the angles of "
            "the framed patch with those of all the others: near ones are alike."
        )
    framed = render.frame_patch(figure, entry.analysis.view, centre, entry.config.grid)
    return Step(Message("Positions"), text, spell_shape(entry, n), framed)


def blocks(entry: Entry) -> Step:
    config, trace = entry.config, entry.dense
    tokens = config.num_prefix_tokens + config.num_patches
    kind = Message("linear self-attention") if config.attention == "linear" else Message("self-attention")
    layers = sorted({0, config.depth // 2, config.depth - 1})
    heats = [explain(trace, "raw-attention", layer=layer) for layer in layers]
    scale = render.common_scale(heats, label=Message("attention weight"))
    text = Message(
        "{depth} blocks follow, all alike. In each, {heads} heads of {kind} mix the tokens, each with its "
        "own {rows} x {columns} weights, and a two-layer network ({width} to {hidden} to {out}) then works "
        "on every token by itself; both results are added to what came in. The pictures show what the tokens "
        "that the head will read attend to, all heads averaged.",
        depth=config.depth,
        heads=config.num_heads,
        kind=kind,
        rows=tokens,
        columns=tokens,
        width=config.embed_dim,
        hidden=config.hidden_width,
        out=config.embed_dim,
    )
    frames = [
        (Message("Layer {layer}", layer=layer), render.draw_heat(entry.analysis.view, heat, scale=scale))
        for layer, heat in zip(layers, heats, strict=True)
    ]
    return Step(
        Message("Blocks"), text, spell_shape(entry, config.num_patches), render.draw_film_strip(frames)
    )


def pruning(entry: Entry, trace: Trace) -> Step:
    config, analysis = entry.config, entry.analysis
    counts = " → ".join(str(count) for count in (config.num_patches, *map(len, analysis.kept)))
    asked = SELECTORS.get(analysis.selector)
    text = Message(
        "Before layers {places} (counted from 0) tokens become fewer: {how}. {others} The patches go "
        "{counts}, so the layers that follow have less to compute.",
        places=", ".join(map(str, trace.prune_loc)),
        how=asked.words if asked else Message("no selector is asked"),
        others=REDUCTIONS[analysis.reduction].words,
        counts=counts,
    )
    left = spell_shape(entry, len(analysis.kept[-1]))
    return Step(Message("Token pruning"), text, left, Tokens(entry).film_strip())


def readout(entry: Entry) -> Step:
    config = entry.config
    read = READOUT_WORDS[config.global_pool]
    if config.dist_token:
        read = Message("the class token and the distillation token, each by a head of its own")
    last = Message("After a last normalisation") if config.final_norm else Message("After the last block")
    text = Message(
        "{last} the head reads {what}. Attention rollout follows that reading back through all layers: "
        "bright patches are those from which most of it came.",
        last=last,
        what=read,
    )
    figure = attention_drawing(entry, Look("attention-rollout")).to_image()
    return Step(Message("Readout"), text, f"({config.num_features},)", figure)


def head(entry: Entry) -> Step:
    config = entry.config
    outcome = entry.analysis.pruned or entry.analysis.dense
    label, probability = outcome.top[0]
    kind = Message("a sigmoid turns each into a probability of its own")
    if not config.multi_label:
        kind = Message("softmax turns the logits into probabilities that sum to 1")
    text = Message(
        "A linear layer turns these {width} numbers into {count} logits, one a class, and {kind}. Here the "
        "first is {label} with {share} %.",
        width=config.num_features,
        count=config.num_classes,
        kind=kind,
        label=label,
        share=f"{100 * probability:.1f}",
    )
    bars = drawing.draw_bars(outcome.top)
    return Step(Message("Classification head"), text, f"({config.num_classes},)", bars)


def show_input(entry: Entry) -> Image.Image:
    pixels = entry.pixels[0].numpy().astype(np.float64)
    return drawing.draw_input(pixels, mean=entry.data.mean, std=entry.data.std)


def spell_shape(entry: Entry, num_patches: int) -> str:
    """Return the tokens' shape with so many patches present: "(1 + 64, 160)"."""
    prefix = entry.config.num_prefix_tokens
    count = f"{prefix} + {num_patches}" if prefix else f"{num_patches}"
    return f"({count}, {entry.config.embed_dim})"
