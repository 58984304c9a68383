"""What speaks for one class: its maps, from passes forward and back of an analysed picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo import render
from vitdemo.engine.answers.attention import find_gone
from vitdemo.engine.answers.numbers import PatchMap, patch_map
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.setting import Setting, find_setting, make_pruning
from vitdemo.engine.core.subject import Subject
from vitdemo.faithfulness import Ranking, read_ranking
from vitdemo.maps import CLASS_METHODS, Heatmap, Method, explain
from vitdemo.message import Message
from vitdemo.models import VisionTransformer
from vitdemo.models.head import to_probabilities
from vitdemo.recording import add_relevance, record
from vitdemo.trace import Trace
from vitdemo.weights import LoadedModel

NAMED = 20  # classes in a message at most
LARGE = 1344  # pixels on the long edge of a map that is saved: three times as many as on the page


@dataclass(frozen=True)
class ClassMap:
    """One map of a class over the view, with its colour bar.

    `label`: the class. `method`: its key in CLASS_METHODS. `total`: the sum of its numbers; 0 where nothing
    speaks for the class. `judged`: on how many pictures the maps of its network were judged, which gives
    their order; 0 where they were not. `against`: the class rather than which it is explained, "" = none.
    """

    label: str
    method: str
    image: Image.Image
    total: float
    judged: int
    against: str = ""


def class_maps(
    subject: Subject, label: str = "", *, against: str = "", count: int | None = None
) -> list[ClassMap]:
    """Return the maps of class `label` ("": the answer) in the pass that gave the answer.

    With `against`, another class, they tell what speaks for the one rather than for the other: they are of
    the difference of the two logits.

    They come by falling faithfulness to this network, where that was measured, the first `count` of them
    (None: all), and only these are computed. That pass is the pruned one if any. Each map has its own scale.
    None for a network without classes. Run the network unless it was asked before. Raise ValueError for an
    unknown class, or for one against itself.
    """
    entry = subject.entry
    if not entry.config.num_classes:
        return []
    label, ranking = label or answer(entry), find_ranking(subject)
    maps = []
    for method in class_methods(subject)[:count]:
        heat = compute_heat(subject, label, method=method, against=against)
        image, total = draw_class(entry, method, heat).to_image(), float(heat[heat == heat].sum())
        maps.append(ClassMap(label, method, image, total, ranking.n, against))
    return maps


def class_map(subject: Subject, label: str = "", *, method: str, against: str = "") -> PatchMap:
    """Return one of these maps as numbers. Raise as `class_maps`, and ValueError naming the known methods."""
    label, known = label or answer(subject.entry), choose_class_method(method)
    heat = compute_heat(subject, label, method=method, against=against)
    return patch_map(known, heat, label=label, against=against)


def class_drawing(subject: Subject, label: str = "", *, method: str, against: str = "") -> render.Drawing:
    """Return one of these maps over the view. Raise as `class_map`."""
    choose_class_method(method)
    heat = compute_heat(subject, label or answer(subject.entry), method=method, against=against)
    return draw_class(subject.entry, method, heat)


def draw_class_map(subject: Subject, label: str = "", *, method: str, against: str = "") -> Image.Image:
    """Return one of these maps large enough to be saved, its legend with it. Raise as `class_map`."""
    return class_drawing(subject, label, method=method, against=against).to_image(edge=LARGE)


def choose_class_method(key: str) -> Method:
    """Return the method called `key`. Raise ValueError naming those that show a class."""
    if key not in CLASS_METHODS:
        known = ", ".join(CLASS_METHODS)
        raise ValueError(Message("method must be one of {known}, got {name}", known=known, name=repr(key)))
    return CLASS_METHODS[key]


def class_methods(subject: Subject) -> list[str]:
    """Return the methods of `class_maps` in their order; none for a network without classes."""
    return find_ranking(subject).sort(CLASS_METHODS) if subject.entry.config.num_classes else []


def find_probability(subject: Subject, label: str) -> float:
    """Return how likely class `label` is by the pass that gave the answer. Raise as `class_maps`."""
    entry = subject.entry
    index = find_class(entry, subject.loaded, label)
    logits = (entry.pruned or entry.dense).logits
    assert logits is not None
    return float(to_probabilities(logits, entry.config)[index])


def compute_heat(subject: Subject, label: str, *, method: str, against: str) -> Heatmap:
    """Return the map of class `label` by a method. Run the network unless it was asked before.

    The methods that read gradients share one pass; each that reads relevance takes one of its own.
    """
    if label == against:
        raise ValueError(Message("against must be another class than {label}", label=label))
    kind = CLASS_METHODS[method].relevance

    def run() -> dict[str, Heatmap]:
        loaded = subject.loaded
        target = find_class(subject.entry, loaded, label)
        other = find_class(subject.entry, loaded, against) if against else None
        with subject.turn():
            trace = record_class(subject, loaded, target, other, kind=kind)
        alike = [key for key, other in CLASS_METHODS.items() if other.relevance == kind]
        return {key: explain(trace, key) for key in alike}

    return subject.remember(f"{kind or 'gradient'} maps against {against!r}", label, run)[method]


def find_ranking(subject: Subject) -> Ranking:
    """Return how faithful the maps were found to the network that answered."""
    return subject.remember("ranking", "", lambda: read_ranking(subject.loaded.measured))


def answer(entry: Entry) -> str:
    """Return the top class of the result. Raise ValueError for a network without classes."""
    top = (entry.analysis.pruned or entry.analysis.dense).top
    if not top:
        raise ValueError(Message("this model has no classes to explain"))
    return top[0][0]


def find_class(entry: Entry, loaded: LoadedModel, label: str) -> int:
    """Return the class called `label`; of two with one name (ImageNet has two kinds of cranes) the likelier.

    Raise ValueError for a name that the model does not have, naming those that it has, or the first of them.
    """
    found = [index for index, name in enumerate(loaded.classes) if name == label]
    if not found:
        some = ", ".join(loaded.classes[:NAMED]) + (", ..." if len(loaded.classes) > NAMED else "")
        raise ValueError(
            Message(
                "class must be one that {model} knows, got {name}; it knows {some}",
                model=loaded.spec.key,
                name=repr(label),
                some=some,
            )
        )
    logits = (entry.pruned or entry.dense).logits
    assert logits is not None
    return max(found, key=lambda index: float(logits[index]))


def record_class(
    subject: Subject, loaded: LoadedModel, target: int, against: int | None, *, kind: str
) -> Trace:
    """Return the pass that gave the answer, which runs again, with gradients or one kind of relevance.

    They are of class `target`, or of that rather than `against`. It is the caller's turn.
    """
    entry, call = subject.entry, subject.shared.pool.call
    if kind:
        trace = replace(entry.pruned or entry.dense, target=target, against=against)
        return call(record_relevance, loaded.model, subject.pixels, trace, kind)
    setting = find_setting(entry.analysis, loaded)
    wanted = target if against is None else (target, against)
    return call(record_gradients, loaded.model, subject.pixels, setting, wanted)


def record_gradients(
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    setting: Setting,
    target: int | tuple[int, int],
) -> Trace:
    """Run a pass with gradients, pruned as `setting` says."""
    pruning = make_pruning(setting, model, pixels)
    return record(model, pixels, pruning=pruning, target=target, grads=True, name=setting.spec.key)


def record_relevance(
    model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], trace: Trace, kind: str
) -> Trace:
    """Run the pass of `trace` again for one kind of relevance."""
    return add_relevance(trace, model, pixels, kinds=[kind])


def draw_class(entry: Entry, method: str, heat: Heatmap) -> render.Drawing:
    """Return one of these maps over the view, on its own scale, which begins at 0 or has it in the middle."""
    known = CLASS_METHODS[method]
    scale = (render.signed_scale if known.signed else render.own_scale)(heat, label=known.unit)
    gone = find_gone(entry.pruned or entry.dense)
    return render.Drawing(entry.analysis.view, heat, scale, gone)
