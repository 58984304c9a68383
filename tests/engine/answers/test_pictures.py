"""Pictures against the explanation and the palette, pixel by pixel; none of them runs the network."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engine.bundle import draw_picture, record_traces
from vitdemo import render
from vitdemo.engine import Engine, Look, Request, Result
from vitdemo.engine.answers.share import line
from vitdemo.maps import ATTENTION_METHODS, explain, explain_heads
from vitdemo.models.selectors import SELECTORS
from vitdemo.render.card import GAP, MARGIN, SMALL
from vitdemo.render.palette import OUTLIER
from vitdemo.trace import Trace

MODEL, GRID = "dynamicvit_cifar10", (8, 8)


@pytest.fixture
def result(engine: Engine) -> Result:
    return engine.open(Request(draw_picture(), MODEL, 0.3))


@pytest.fixture(scope="module")
def recorded(models: Path) -> tuple[Trace, Trace]:
    return record_traces(models, MODEL, draw_picture(), keep_ratio=0.7, selector="learned")


def read_colours(image: Image.Image) -> np.ndarray:
    """Return the colour at the middle of each of the 8 x 8 patches of the overlay, 448 px wide."""
    return np.asarray(image)[28:448:56, 28:448:56]


def colour(heat: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.clip((heat - low) / (high - low), 0, 1)
    return render.colour_map()[np.floor(share * 255 + 0.5).astype(int)]


def colour_over(heat: np.ndarray, ground: np.ndarray, high: float, *, opacity: float = 1.0) -> np.ndarray:
    """Return the colours of a map from 0 to `high` over the `ground`, as opaque as high; green beyond it."""
    alpha = opacity * np.nan_to_num(np.clip(heat / high, 0, 1))[..., None]
    shown = np.where((heat > high)[..., None], OUTLIER, colour(np.nan_to_num(heat), 0.0, high))
    return alpha * shown + (1 - alpha) * ground


def read_ground(result: Result, ids: Sequence[int]) -> np.ndarray:
    """Return the picture at the middle of each patch, grey for those that are not of `ids`."""
    return read_colours(render.draw_kept(result.analysis.view, np.array(ids), GRID)).astype(float)


def is_close(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Within one step of the palette: a trace recorded twice may differ in the last bit."""
    return bool((np.abs(found.astype(int) - wanted.astype(int)) <= 3).all())


@pytest.mark.parametrize("pass_", ["dense", "pruned"])
@pytest.mark.parametrize(
    ("look", "options"),
    [
        (Look(), {}),
        (Look(fusion="max", discard_ratio=0.5), {"fusion": "max", "discard_ratio": 0.5}),
        (Look("raw-attention", layer=1, head=2), {"layer": 1, "head": 2}),
        (Look("head-rollout", layer=-2, head=2), {"layer": 8, "head": 2}),
    ],
)
def test_a_patch_has_the_colour_of_its_value(
    engine: Engine,
    result: Result,
    recorded: tuple[Trace, Trace],
    look: Look,
    options: dict,
    pass_,
) -> None:
    heat = explain(recorded[pass_ == "pruned"], look.method, **options)
    figure = result.attention_figure(replace(look, pass_=pass_), opacity=1.0, smooth=False)
    trace = recorded[pass_ == "pruned"]
    ids = trace.patch_ids(options.get("layer", -1)).tolist()
    high = render.own_scale(heat, label="").high
    wanted = colour_over(heat, read_ground(result, ids), high)
    wanted[heat > high] = OUTLIER
    assert is_close(read_colours(figure), wanted)
    assert figure.width == 448
    assert figure.height > 448, "the colour bar is below"


def test_patches_that_are_gone_are_grey(engine: Engine, result: Result) -> None:
    figure = result.attention_figure(Look("raw-attention", layer=9), opacity=1.0)
    found = read_colours(figure).reshape(64, 3).astype(int)
    grey = {patch for patch in range(64) if np.ptp(found[patch]) == 0}
    assert grey == set(range(64)) - set(result.analysis.kept[-1])


def test_the_gallery_has_one_scale_for_all_heads(
    engine: Engine, result: Result, recorded: tuple[Trace, Trace]
) -> None:
    for method, maps in (("attention-rollout", "head-rollout"), ("raw-attention", "raw-attention")):
        heats = explain_heads(recorded[0], maps, layer=3)
        look = Look(method, pass_="dense", layer=3)
        gallery = result.head_gallery(look, opacity=1.0, smooth=False)
        assert [caption for _, caption in gallery] == [f"Head {head}" for head in range(3)]
        for (image, _), heat in zip(gallery, heats, strict=True):
            wanted = colour_over(heat, read_ground(result, range(64)), np.percentile(heats, 99))
            assert is_close(read_colours(image), wanted)


def test_the_query_patch_is_framed_and_nothing_else_changes(engine: Engine, result: Result) -> None:
    query = result.analysis.kept[-1][3]
    row, column = divmod(query, 8)
    figure = np.asarray(result.attention_figure(Look("raw-attention", layer=2, query=query)))
    box = figure[56 * row : 56 * row + 56, 56 * column : 56 * column + 56]
    assert (box[0, :] == box[0, 0]).all()
    assert (box[:, -1] == box[0, 0]).all()
    marked = (figure[:448] == box[0, 0]).all(-1)
    rows, columns = np.nonzero(marked)
    assert (rows.min() // 56, rows.max() // 56) == (row, row)
    assert (columns.min() // 56, columns.max() // 56) == (column, column)


def test_a_dropped_query_patch_and_bad_options_are_named(engine: Engine, result: Result) -> None:
    gone = next(patch for patch in range(64) if patch not in result.analysis.kept[0])
    for ask in (result.attention_figure, result.head_gallery):
        with pytest.raises(ValueError, match=f"patch {gone} was dropped before layer 3"):
            ask(Look("raw-attention", layer=9, query=gone))
        with pytest.raises(ValueError, match="layer must be an integer from 0 to 9"):
            ask(Look("raw-attention", layer=10))
        with pytest.raises(ValueError, match=f"method must be one of {', '.join(ATTENTION_METHODS)}, got"):
            ask(Look("keep-score"))
        result.attention_figure(Look("raw-attention", "dense", layer=9, query=gone))


def test_kept_patches_show_the_view_and_dropped_ones_are_grey(engine: Engine, result: Result) -> None:
    figures = result.tokens.kept_figures()
    assert [caption for _, caption in figures] == [
        "Input: 64 patches",
        "Stage 1: 44 of 64 patches",
        "Stage 2: 31 of 64 patches",
        "Stage 3: 21 of 64 patches",
    ]
    view = read_colours(result.analysis.view).reshape(64, 3)
    for (figure, _), ids in zip(figures[1:], result.analysis.kept, strict=True):
        found = read_colours(figure).reshape(64, 3)
        for patch in range(64):
            assert (found[patch] == view[patch]).all() if patch in ids else np.ptp(found[patch]) == 0


def test_lifetimes_are_those_of_the_kept_ids(engine: Engine, result: Result) -> None:
    stages = np.zeros(64, dtype=int)
    for patch in range(64):
        stages[patch] = next((s for s, ids in enumerate(result.analysis.kept, 1) if patch not in ids), 0)
    wanted = render.draw_lifetimes(result.analysis.view, stages.reshape(GRID), stages=3)
    assert np.array_equal(np.asarray(result.tokens.lifetime_figure()), np.asarray(wanted))


def test_learned_scores_are_shown_as_weights_around_their_mean(
    engine: Engine, result: Result, recorded: tuple[Trace, Trace]
) -> None:
    figures = result.tokens.score_figures()
    assert [caption for _, caption in figures] == [f"Stage {s}: keep weight (1 = mean)" for s in (1, 2, 3)]
    weights = [np.exp(explain(recorded[1], "keep-score", stage=stage)) for stage in range(3)]
    weights = [weight / np.nanmean(weight) for weight in weights]
    view = read_colours(result.analysis.view)
    wanted = colour_over(weights[0], view, np.nanpercentile(weights, 99), opacity=render.OPACITY)
    found = np.asarray(figures[0][0])[:448].astype(float)
    middles = np.stack(
        [found[28 + down : 448 : 56, 28 + right : 448 : 56] for down in (-1, 0) for right in (-1, 0)]
    )
    assert is_close(middles.mean(0), wanted)  # colours blend from one middle to the next


@pytest.mark.parametrize("selector", [name for name in SELECTORS if name != "learned"])
def test_other_scores_have_their_own_name(engine: Engine, selector: str) -> None:
    result = engine.open(Request(draw_picture(), MODEL, 0.5, selector))
    word = str(SELECTORS[selector].score_label)
    assert all(word in caption for _, caption in result.tokens.score_figures())


def test_no_picture_runs_the_network(engine: Engine, result: Result) -> None:
    dense = engine.open(Request(draw_picture(), "lightvit_cifar10", 0.0))
    count = engine.forwards
    for one in (result, dense):
        for key in ATTENTION_METHODS:
            for look, smooth in ((Look(key), False), (Look(key, query=3, pass_="dense"), True)):
                one.attention_figure(look, smooth=smooth)
                one.head_gallery(look, smooth=smooth)
        one.payload()
        one.payload_layer(pass_="dense", layer=0)
        one.tokens.kept_figures()
        one.tokens.lifetime_figure()
        one.tokens.score_figures()
        one.inside.walk()
    assert engine.forwards == count
    assert dense.tokens.score_figures() == []
    assert len(dense.tokens.kept_figures()) == 1


def test_the_share_card_has_the_kept_patches_large_and_the_whole_picture_small(result: Result) -> None:
    card = result.card("example.org")
    assert card.size == render.CARD == (1200, 630)
    edge = 630 - 2 * MARGIN
    kept = result.lab.kept_figure(result.analysis.kept[-1]).resize((edge, edge), Image.Resampling.LANCZOS)
    assert card.crop((MARGIN, MARGIN, MARGIN + edge, MARGIN + edge)).tobytes() == kept.tobytes()
    whole = result.lab.view().resize((SMALL, SMALL), Image.Resampling.LANCZOS)
    left, top = MARGIN + edge + GAP, 630 - MARGIN - SMALL
    assert card.crop((left, top, left + SMALL, top + SMALL)).tobytes() == whole.tobytes()
    assert card.tobytes() != result.card("example.net").tobytes()


def test_the_line_under_films_says_what_the_card_says(result: Result) -> None:
    assert result.analysis.pruned
    label, probability = result.analysis.pruned.top[0]
    patches = f"{len(result.analysis.kept[-1])} of 64 patches"
    parts = [label, f"{100 * probability:.1f} %", patches, result.analysis.title, "example.org"]
    assert line(result._entry, "example.org") == " · ".join(parts)
