"""One analysed picture, and all that may be asked of it."""

from __future__ import annotations

from PIL import Image

from vitdemo.engine.answers import attention, features, payload
from vitdemo.engine.answers.classes import (
    ClassMap,
    class_drawing,
    class_map,
    class_maps,
    class_methods,
    draw_class_map,
    find_probability,
)
from vitdemo.engine.answers.export import Export, export
from vitdemo.engine.answers.inside import Inside
from vitdemo.engine.answers.lab import Lab
from vitdemo.engine.answers.numbers import PatchMap
from vitdemo.engine.answers.ratios import RatioStep, ratio_steps
from vitdemo.engine.answers.share import card
from vitdemo.engine.answers.times import measure_times
from vitdemo.engine.answers.tokens import Tokens
from vitdemo.engine.answers.trust import Trust, trust, trust_map
from vitdemo.engine.core.records import Analysis, Captioned, Timings
from vitdemo.engine.core.subject import Subject
from vitdemo.engine.look import Look
from vitdemo.maps import Heatmap
from vitdemo.render import OPACITY, Drawing


class Result:
    """What `Engine.open` gives. It holds its traces, whatever memory drops; sessions hold its `key` instead.

    `tokens`, `lab`, `inside`: the questions about pruning, its laboratory, and the network's inside. Messages
    of ValueError are one sentence for the user.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._entry = subject.entry
        self.tokens = Tokens(subject.entry)
        self.lab = Lab(subject)
        self.inside = Inside(subject)

    @property
    def analysis(self) -> Analysis:
        """What the network says, dense and pruned, and what that costs."""
        return self._entry.analysis

    @property
    def grid(self) -> tuple[int, int]:
        """The rows and columns of patches."""
        return self._entry.config.grid

    @property
    def key(self) -> str:
        """By which `Engine.recall` finds this result as long as memory holds it; nobody can guess it."""
        return self.analysis.key

    def times(self) -> Timings:
        """Return how long the dense pass takes and, where something is pruned, the pruned one.

        None for a pass that the machine was too busy to measure. Run the network, unless the model was
        measured at this setting before.
        """
        return measure_times(self._subject)

    def attention(self, look: Look) -> PatchMap:
        """Return the numbers of `attention_figure`.

        Raise ValueError naming an unknown method or an option out of range, and where the query patch is
        already pruned.
        """
        return attention.attention_map(self._entry, look)

    def attention_figure(self, look: Look, *, opacity: float = OPACITY, smooth: bool = True) -> Image.Image:
        """Return the map over the view, its colour bar below, the query patch framed.

        `opacity`: 0 to 1. Raise as `attention`.
        """
        return self.attention_drawing(look).to_image(opacity=opacity, smooth=smooth)

    def attention_drawing(self, look: Look) -> Drawing:
        """Return what `attention_figure` draws. Raise as `attention`."""
        return attention.attention_drawing(self._entry, look)

    def head_gallery(self, look: Look, *, opacity: float = OPACITY, smooth: bool = True) -> Captioned:
        """Return every head of one layer under one scale, captioned "Head 0", ...

        Raw attention if that is the method, else per-head rollouts. Raise as `attention`.
        """
        return attention.head_gallery(self._entry, look, opacity=opacity, smooth=smooth)

    def payload(self, *, whole: bool = False) -> str:
        """Return JSON of both passes' attention, token ids and view, to be explored without asking again.

        A large result comes without its attention, unless it shall be `whole`.
        """
        return payload.pack_result(self._entry, whole=whole)

    def payload_layer(self, *, pass_: str, layer: int) -> str:
        """Return JSON of one layer's attention, where `payload` left it out as too large.

        Raise ValueError naming an unknown pass or layer.
        """
        return payload.pack_layer(self._entry, pass_=pass_, layer=layer)

    def features(self, *, beside: Result | None = None) -> str:
        """Return JSON of both passes' patches after each layer, and the view.

        Of the patches their principal components and norms; and the same of the result `beside` this one.
        """
        return features.pack_features(self._entry, beside=beside and beside._entry)

    def features_layer(self, *, pass_: str, layer: int) -> str:
        """Return JSON of the patches' features after one layer. Raise ValueError naming a wrong one."""
        return features.pack_layer(self._entry, pass_=pass_, layer=layer)

    def classes(self, label: str = "", *, against: str = "", count: int | None = None) -> list[ClassMap]:
        """Return the best `count` maps (None: all) of class `label` ("": the answer), each over the view.

        None for a network without classes. With `against`, another class: what speaks for the one rather
        than for the other.
        Run the network forward and back, three times for all maps, unless it was asked before. Raise
        ValueError for a class that the model does not have, or for one against itself.
        """
        return class_maps(self._subject, label, against=against, count=count)

    def class_map(self, label: str = "", *, method: str, against: str = "") -> PatchMap:
        """Return the numbers of one of `classes`.

        Run the network and raise as that does; raise ValueError naming the known methods, too.
        """
        return class_map(self._subject, label, method=method, against=against)

    def draw_class_map(self, label: str = "", *, method: str, against: str = "") -> Image.Image:
        """Return one of `classes` large enough to be saved. Raise as `class_map`."""
        return draw_class_map(self._subject, label, method=method, against=against)

    def class_drawing(self, label: str = "", *, method: str, against: str = "") -> Drawing:
        """Return one of `classes`, ready to be drawn. Run the network and raise as `class_map`."""
        return class_drawing(self._subject, label, method=method, against=against)

    def class_methods(self) -> list[str]:
        """Return the methods of `classes` in their order: the most faithful first where that was measured."""
        return class_methods(self._subject)

    def probability(self, label: str) -> float:
        """Return how likely class `label` is by the answer. Raise ValueError for one that is not known."""
        return find_probability(self._subject, label)

    def trust(self, label: str = "") -> Trust:
        """Judge each map of class `label` ("": the answer) against random order, by really removing patches.

        Run the network for seconds, unless it was asked before. Raise ValueError for a class that the model
        does not have.
        """
        return trust(self._subject, label)

    def trust_map(self, method: str, heat: Heatmap, *, label: str = "") -> Trust:
        """Judge the one map `heat`, which `method` made with whatever options, as `trust` judges all.

        Run the network for seconds. Raise as `trust`.
        """
        return trust_map(self._subject, method, heat, label=label)

    def ratio_steps(self, selector: str, reduction: str = "drop") -> dict[int, RatioStep]:
        """Return what `selector` makes of the picture at every ratio that a page offers, by percent.

        `reduction`: what becomes of the patches that it lets go. Run the network once for each ratio that was
        not asked for before, and let others run theirs in between. Raise ValueError for a selector that the
        model does not have, and for an unknown reduction.
        """
        return ratio_steps(self._subject, selector, reduction)

    def card(self, address: str = "") -> Image.Image:
        """Return a picture to be sent: the patches kept, the answer, the network, `address`; 1200 x 630."""
        return card(self._entry, address)

    def export(self, look: Look) -> Export:
        """Return all numbers of the result, to be written to files.

        The attention maps follow `look`, which is what the page shows.
        Run the network for the maps of the answer's class and the times, unless they are known. Raise
        ValueError for an option out of range.
        """
        return export(self._subject, look)
