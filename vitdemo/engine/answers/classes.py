"""What speaks for one class: its maps, from one forward and one backward pass of an analysed picture."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from vitdemo import render
from vitdemo.engine.answers.numbers import PatchMap, patch_map
from vitdemo.engine.core.cache import Entry, TraceCache
from vitdemo.engine.core.pool import ModelPool, keep_ratio_of
from vitdemo.engine.core.recent import Recent
from vitdemo.engine.core.records import Progress
from vitdemo.explain import METHODS, Heatmap, explain
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.trace import Trace
from vitdemo.weights import LoadedModel

OF_A_CLASS = tuple(key for key, method in METHODS.items() if method.needs_grad)
NAMED = 20  # classes in a message at most


@dataclass(frozen=True)
class ClassMap:
    """One map of a class over the view, with its colour bar.

    `label`: the class. `method`: its key in METHODS. `total`: the sum of its numbers; 0 where nothing speaks
    for the class.
    """

    label: str
    method: str
    image: Image.Image
    total: float


class ClassMaps:
    """The maps of a class on the result behind a key; safe to share between threads."""

    def __init__(self, pool: ModelPool, cache: TraceCache) -> None:
        self._pool = pool
        self._cache = cache
        self._known: Recent[dict[str, Heatmap]] = Recent()

    def maps(self, key: str, label: str = "", *, progress: Progress | None = None) -> list[ClassMap]:
        """The maps of class `label` ("": the answer) in the pass that gave the answer, the pruned one if any.

        Maps of one unit share a scale, which begins at 0. None for a network without classes. Runs the
        network unless it was asked before. Raises Expired, and ValueError for an unknown class.
        """
        if not self._cache.get(key).config.num_classes:
            return []
        entry, label, heats = self._heats(key, label, progress)
        return [
            ClassMap(label, method, drawn(entry, method, heats), float(heat[heat == heat].sum()))
            for method, heat in heats.items()
        ]

    def numbers(
        self, key: str, label: str = "", *, method: str, progress: Progress | None = None
    ) -> PatchMap:
        """One of these maps as numbers. Raises as `maps`, and ValueError naming the known methods."""
        if method not in OF_A_CLASS:
            raise ValueError(f"method must be one of {', '.join(OF_A_CLASS)}, got {method!r}")
        _, label, heats = self._heats(key, label, progress)
        return patch_map(METHODS[method], heats[method], label=label)

    def _heats(
        self, key: str, label: str, progress: Progress | None
    ) -> tuple[Entry, str, dict[str, Heatmap]]:
        """The result, the class that is meant, and the maps by method."""
        entry = self._cache.get(key)
        label = label or answer(entry)
        heats = self._known.find(key, label)
        if heats is None:
            loaded = self._pool.get(entry.analysis.model, progress=progress)
            target = class_index(entry, loaded, label)
            with self._pool.compute.turn(progress):
                trace = graded_trace(entry, loaded, pool=self._pool, target=target)
            heats = {method: explain(trace, method) for method in OF_A_CLASS}
            self._known.keep(key, label, heats)
        return entry, label, heats


def answer(entry: Entry) -> str:
    """The top class of the result. Raises ValueError for a network without classes."""
    top = (entry.analysis.pruned or entry.analysis.dense).top
    if not top:
        raise ValueError("this model has no classes to explain")
    return top[0][0]


def class_index(entry: Entry, loaded: LoadedModel, label: str) -> int:
    """The class called `label`; of two with one name (ImageNet has cranes of two kinds) the likelier one.

    Raises ValueError for a name that the model does not have, naming those that it has, or the first of them.
    """
    found = [index for index, name in enumerate(loaded.classes) if name == label]
    if not found:
        some = ", ".join(loaded.classes[:NAMED]) + (", ..." if len(loaded.classes) > NAMED else "")
        raise ValueError(f"class must be one that {loaded.spec.key} knows, got {label!r}; it knows {some}")
    logits = (entry.pruned or entry.dense).logits
    assert logits is not None
    return max(found, key=lambda index: float(logits[index]))


def graded_trace(entry: Entry, loaded: LoadedModel, *, pool: ModelPool, target: int) -> Trace:
    """The pass that gave the answer, again, with the gradients of `target`."""
    model, pixels = loaded.model, entry.pixels.to(pool.device)
    pruning = None
    if entry.pruned is not None:
        selector = make_selector(entry.analysis.selector, model=model, pixels=pixels)
        pruning = Pruning(selector, FixedRatio(keep_ratio_of(entry.analysis.pruning_ratio)))
    return record(model, pixels, pruning=pruning, target=target, grads=True, name=loaded.spec.key)


def drawn(entry: Entry, method: str, heats: dict[str, Heatmap]) -> Image.Image:
    unit = METHODS[method].unit
    alike = [heat for key, heat in heats.items() if METHODS[key].unit == unit]
    scale = render.shared_scale(alike, label=unit, low=0.0)
    return render.heat_figure(entry.analysis.view, heats[method], scale=scale)
