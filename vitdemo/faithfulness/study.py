"""Maps judged over a data set: means with confidence intervals, and what each map gains over random order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from vitdemo.data import preprocess
from vitdemo.datasets import DATASETS, Images, Photos, Split
from vitdemo.decode import decode
from vitdemo.faithfulness.curves import Judgement, draw_points, judge_orders
from vitdemo.faithfulness.ledger import Ledger
from vitdemo.faithfulness.orders import class_trace, list_judged, map_orders, random_orders
from vitdemo.machine import describe_hardware
from vitdemo.maps import METHODS
from vitdemo.weights import LoadedModel

STRATA = 2  # points of a curve: more pictures tell more than more points of each
CHANCE = "random"
RESAMPLES = 4000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and its bootstrap confidence interval over the pictures (percentiles, 95 %)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One method over all pictures: the AUCs, and differences to the random orders of the same picture.

    `deletion_gain`: how much lower the deletion AUC is; `insertion_gain`: how much higher the insertion AUC
    is; `gain`: both together. Above 0 is better than random. Each interval stands for itself: of twenty
    methods that know nothing, one is expected to fall outside. `srg`, `mif_accuracy`, `lif_accuracy`: as
    `Judgement` defines them, of the same removals.
    """

    method: str
    deletion: Interval
    insertion: Interval
    deletion_gain: Interval
    insertion_gain: Interval
    gain: Interval
    srg: Interval
    mif_accuracy: Interval
    lif_accuracy: Interval

    @property
    def finding(self) -> str:
        """Whether the interval of `gain` says "better than random" or "worse than random"."""
        if self.gain.low > 0:
            return "better than random"
        return "worse than random" if self.gain.high < 0 else "no better than random"


@dataclass(frozen=True)
class Study:
    """What `run_study` found; `rows` by falling gain, and random order to compare.

    `random_accuracy`: how long the class stays the answer in random order, whichever patches leave first.
    """

    model: str
    dataset: str
    split: str
    n: int
    seconds: float
    hardware: str
    rows: tuple[Row, ...]
    random_deletion: Interval
    random_insertion: Interval
    random_accuracy: Interval

    @property
    def finding(self) -> str:
        """One sentence: which map to trust on this model."""
        best = self.rows[0]
        if best.finding != "better than random":
            return "No map is better than removing patches in random order."
        beaten = [METHODS[row.method].title for row in self.rows if row.finding != "better than random"]
        rest = f" Not better than random order: {', '.join(beaten)}." if beaten else ""
        return f"{METHODS[best.method].title} is the most faithful map.{rest}"


def run_study(
    loaded: LoadedModel,
    folder: Path,
    *,
    n: int,
    split: Split = "test",
    resume: Path | None = None,
    progress: Callable[[int, int], None] = lambda i, n: None,
) -> Study:
    """Judge every method on `n` pictures of the split, drawn evenly with a fixed seed.

    The class is the one that the dense network predicts. `resume`: a file as `Ledger` writes it; what it has
    is not judged again, so that a run may be stopped, and take more pictures or further methods later.
    Raise ValueError for a data set that `loaded` does not name or a model without a head, FileNotFoundError
    where the pictures are missing.
    """
    dataset = DATASETS.get(loaded.spec.data.dataset)
    if dataset is None:
        raise ValueError(f"dataset {loaded.spec.data.dataset!r} is not one of {', '.join(DATASETS)}")
    found = dataset.load(folder, split)
    if not 1 <= n <= len(found):
        raise ValueError(f"n must be from 1 to {len(found)}, the pictures of the {split} split, got {n}")
    ledger, keys = Ledger(resume, describe_setting(loaded, found, split)), list_judged(loaded.model)
    for number, index in enumerate(draw_pictures(found, n)):
        known = ledger.pictures.get(number, {})
        if not known.keys() >= {*keys, CHANCE}:
            begin = perf_counter()
            judged = judge(loaded, open_picture(found, index), seed=number, known=known)
            areas = {key: list_areas(one) for key, one in judged.items()}
            ledger.add(number, areas, seconds=perf_counter() - begin)
        progress(number + 1, n)
    numbers = {key: np.array([ledger.pictures[i][key] for i in range(n)]) for key in (*keys, CHANCE)}
    chance = numbers[CHANCE]
    rows = [make_row(key, numbers[key], chance) for key in keys]
    return Study(
        model=loaded.spec.key,
        dataset=dataset.title,
        split=split,
        n=n,
        seconds=ledger.seconds,
        hardware=describe_hardware(next(loaded.model.parameters()).device),
        rows=tuple(sorted(rows, key=lambda row: -row.gain.mean)),
        random_deletion=estimate_interval(chance[:, 0]),
        random_insertion=estimate_interval(chance[:, 1]),
        random_accuracy=estimate_interval(chance[:, 3:5].mean(axis=1)),
    )


def describe_setting(loaded: LoadedModel, found: Images | Photos, split: Split) -> dict[str, Any]:
    """Return what the numbers of a picture depend on."""
    digest = hashlib.sha256()
    for tensor in loaded.model.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return {"weights": digest.hexdigest(), "split": split, "pictures": len(found), "strata": STRATA}


def sample_images(found: Images | Photos, n: int) -> Iterator[Image.Image]:
    """Yield the pictures of `draw_pictures`."""
    return (open_picture(found, index) for index in draw_pictures(found, n))


def draw_pictures(found: Images | Photos, n: int) -> list[int]:
    """Return `n` places, drawn evenly with a fixed seed; those of a smaller `n` come first."""
    return np.random.default_rng(0).permutation(len(found))[:n].tolist()


def open_picture(found: Images | Photos, index: int) -> Image.Image:
    if isinstance(found, Photos):
        return decode(found.paths[index])
    return Image.fromarray(found.pixels[index].transpose(1, 2, 0))


def judge(
    loaded: LoadedModel, image: Image.Image, *, seed: int, known: Collection[str] = ()
) -> dict[str, Judgement]:
    """Return the judgements of one picture by the key of the method, but those `known`, and that of CHANCE.

    Chance is an order and its reverse: together their insertion AUC less their deletion AUC is exactly 0, so
    that more of them would change no gain.
    """
    model = loaded.model
    pixels = preprocess(image, config=loaded.spec.data).pixels.to(next(model.parameters()).device)
    trace = class_trace(model, pixels)
    assert trace.target is not None
    orders = map_orders(model, pixels, trace, seed=seed)
    orders[CHANCE] = np.stack(random_orders(trace.num_patches, count=2, seed=seed))
    wanted = {key: order for key, order in orders.items() if key not in known}
    points = draw_points(model.config, strata=STRATA, seed=seed)
    results = judge_orders(model, pixels, [*wanted.values()], target=trace.target, steps=points)
    return dict(zip(wanted, results, strict=True))


def list_areas(one: Judgement) -> list[float]:
    """Return deletion AUC, insertion AUC, SRG, MIF and LIF accuracy."""
    return [one.deletion_auc, one.insertion_auc, one.srg, one.mif_accuracy, one.lif_accuracy]


def make_row(method: str, own: Float[np.ndarray, "n 5"], chance: Float[np.ndarray, "n 5"]) -> Row:
    """Return the row of a method; columns as those of `list_areas`."""
    deletion_gain, insertion_gain = chance[:, 0] - own[:, 0], own[:, 1] - chance[:, 1]
    gains = (deletion_gain, insertion_gain, deletion_gain + insertion_gain)
    parts = (own[:, 0], own[:, 1], *gains, *own[:, 2:].T)
    return Row(method, *(estimate_interval(part) for part in parts))


def estimate_interval(values: Float[np.ndarray, "n"]) -> Interval:
    """Return the mean, and the percentiles of the means of resamples drawn with replacement (fixed seed)."""
    draw, n = np.random.default_rng(0), len(values)
    means = values[draw.integers(n, size=(RESAMPLES, n))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def as_json(result: Study) -> dict[str, Any]:
    """Return what `--json` prints."""
    found = asdict(result)
    rows = [
        {**asdict(row), "title": METHODS[row.method].title, "finding": row.finding} for row in result.rows
    ]
    return {**found, "rows": rows, "finding": result.finding, "strata": STRATA}
