"""What each public endpoint takes and gives.

The docstrings are its documentation, for people and for MCP, which reads one line a parameter. `publish`
fills their {gaps}.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vitdemo.engine import Engine, Request, Result
from vitdemo.engine.look import from_arguments
from vitdemo.ui.api import records
from vitdemo.ui.kit.visit import analyse, make_progress


@dataclass(frozen=True)
class Api:
    """The endpoints, a method each. gradio hands over the parameters by their order, however many."""

    engine: Engine

    def analyse(
        self,
        image: str,
        model: str = "",
        pruning_ratio: float = 0.3,
        selector: str = "",
        size: str = "",
        reduction: str = "drop",
        stages: str = "",
    ) -> dict[str, Any]:
        """Classify one picture with a Vision Transformer that drops patches on the way.

        Args:
            image: the picture, any common format.
            model: a key that /models gives, such as vit_cifar10; empty for the default.
            pruning_ratio: share of the remaining patches that each stage drops, 0 (dense) to 0.9.
            selector: {selectors}; empty for the model's best.
            size: pixels on the short side, or own: the picture's shape; empty for what the network likes.
            reduction: what becomes of patches that are not kept: {reductions}.
            stages: layer:share kept, such as 3:0.7, 6:0.5; instead of pruning_ratio. Empty: as the model has.

        Returns:
            model, title, source (which weights answered), note (what to know besides, such as a network
            without words), vocabulary (one line that says what words the network knows: of anything else it
            names a wrong one), classes (all of them), unfamiliar (whether the picture looks like none of
            them; null where nobody can tell), input_size (height and width in pixels that the network read),
            selector, reduction, stages, pruning_ratio (of stages of one's own, what would leave as many
            patches in the end); dense and pruned (null at ratio 0), each with labels (class -> probability,
            best first, at most five), tokens (patches at the input and after each stage), macs
            (multiply-accumulates) and time (milliseconds: median of n single passes, with their quartiles low
            and high; null where the machine was too busy to measure); kept (patch ids after each stage; ids
            count from 0, row by row).
        """
        result = self._open(Request(image, model, pruning_ratio, selector, size, reduction, stages))
        return records.pack_analysis(result.analysis, result.times())

    def attention_map(
        self,
        image: str,
        model: str = "",
        pruning_ratio: float = 0.3,
        selector: str = "",
        method: str = "attention-rollout",
        layer: int = -1,
        head: int | None = None,
        fusion: str = "mean",
        discard_ratio: float = 0.0,
        query: int | None = None,
        direction: str = "out",
        pass_: str = "pruned",
        size: str = "",
        reduction: str = "drop",
        stages: str = "",
    ) -> dict[str, Any]:
        """Return where the network looks: one number for each patch of the picture, whatever was pruned.

        Parameters that the method does not have are ignored.

        Args:
            image: the picture, any common format.
            model: a key that /models gives, such as vit_cifar10; empty for the default.
            pruning_ratio: share of the remaining patches that each stage drops, 0 (dense) to 0.9.
            selector: {selectors}; empty for the model's best.
            method: {attention_methods}.
            layer: of {with_layer}; from 0, negative counts from the last.
            head: of {with_head}; from 0; null, -1 or left out: all heads fused.
            fusion: how the heads of a layer become one: mean, max or min.
            discard_ratio: of {with_discard_ratio}; share of each layer's weakest weights set to 0, 0 to 0.99.
            query: id of the patch that looks, from 0, row by row; null or left out: what the head reads.
            direction: out = what the query looks at, in = who looks at it.
            pass_: pruned, or dense: the pass over all patches.
            size: pixels on the short side, or own: the picture's shape; empty for what the network likes.
            reduction: what becomes of patches that are not kept: {reductions}.
            stages: layer:share kept, such as 3:0.7, 6:0.5; instead of pruning_ratio. Empty: as the model has.

        Returns:
            model, source, pruning_ratio, selector, reduction, stages, method, title, options (those that the
            method has); unit; values (rows x columns of patches, 0 to 1; null where a patch was pruned before
            it could be seen); range (lowest and highest of the values); prefix_share (part of the total, 0 to
            1, that goes to class, distillation and register tokens instead of patches; null where the total
            is 0, and for direction in).
        """
        look = from_arguments(
            method=method,
            layer=layer,
            head=head,
            fusion=fusion,
            discard_ratio=discard_ratio,
            query=query,
            direction=direction,
            pass_=pass_,
        )
        result = self._open(Request(image, model, pruning_ratio, selector, size, reduction, stages))
        return records.pack_map(result.analysis, result.attention(look))

    def class_map(
        self,
        image: str,
        model: str = "",
        pruning_ratio: float = 0.3,
        selector: str = "",
        class_name: str = "",
        method: str = "gradient-rollout",
        against: str = "",
        size: str = "",
        reduction: str = "drop",
        stages: str = "",
    ) -> dict[str, Any]:
        """Return what speaks for a class: a number for each patch, from the gradients of its logit.

        Args:
            image: the picture, any common format.
            model: a key that /models gives, such as vit_cifar10; empty for the default.
            pruning_ratio: share of the remaining patches that each stage drops, 0 (dense) to 0.9.
            selector: {selectors}; empty for the model's best.
            class_name: a class of the model, such as cat; empty for the answer.
            method: {class_methods}.
            against: another class: what speaks for the one rather than for it; empty: for the one alone.
            size: pixels on the short side, or own: the picture's shape; empty for what the network likes.
            reduction: what becomes of patches that are not kept: {reductions}.
            stages: layer:share kept, such as 3:0.7, 6:0.5; instead of pruning_ratio. Empty: as the model has.

        Returns:
            model, source, pruning_ratio, selector, reduction, stages, class, against, method, title, options
            (none); unit; values (rows x columns of patches, 0 or more, to 1 for gradient-rollout, of either
            sign for attnlrp and reslrp; null where a patch was pruned before it could be seen); range (lowest
            and highest of the values).
        """
        result = self._open(Request(image, model, pruning_ratio, selector, size, reduction, stages))
        return records.pack_map(result.analysis, result.class_map(class_name, method=method, against=against))

    def faithfulness(
        self, image: str, model: str = "", class_name: str = "", size: str = ""
    ) -> dict[str, Any]:
        """Judge which map to believe on this picture: patches are really removed in the order of each map.

        Takes seconds. Apart from what is removed nothing is pruned.

        Args:
            image: the picture, any common format.
            model: a key that /models gives, such as vit_cifar10; empty for the default.
            class_name: a class of the model, such as cat; empty for the answer.
            size: pixels on the short side, or own: the picture's shape; empty for what the network likes.

        Returns:
            model, source, class, patches; kept (numbers of patches present, ascending); methods (method ->
            deletion and insertion: the probability of the class at each number of patches; their areas
            deletion_auc, low is good, and insertion_auc, high is good, 0 to 1; gap: insertion less deletion
            area; srg: the symmetric relevance gain, in logits; mif_accuracy and lif_accuracy: how long the
            class stays the answer, 0 to 1, while the most or the least influential leave first; best first);
            random (orders; low, mean and high of their curves; auc); bar (the gap that a map must exceed to
            be better than chance); trusted (the methods above it); sentence (which to trust most).
        """
        result = self._open(Request(image, model, 0.0, size=size))
        return records.pack_trust(result.analysis, result.trust(class_name))

    def sweep(self, image: str, model: str = "", size: str = "") -> dict[str, Any]:
        """Return the answer at pruning ratios from 0 to 0.9, by every selector. This takes seconds.

        Args:
            image: the picture, any common format.
            model: a key that /models gives, such as vit_cifar10; empty for the default.
            size: pixels on the short side, or own: the picture's shape; empty for what the network likes.

        Returns:
            model, source; ratios, one entry each: pruning_ratio, tokens (patches at the input and after each
            stage), macs (multiply-accumulates); selectors (name -> runs: over how many seeds the next three
            are the mean; probabilities: class -> one for each ratio; answers: one for each ratio; held: the
            share of runs with the dense answer; flip: the first pruning ratio with another answer, or null;
            kept: patch ids that are left, and times: as of /analyse, one for each ratio, both of one run).
        """
        result = self._open(Request(image, model, 0.0, size=size))
        return records.pack_sweep(result.analysis, result.lab.sweep())

    def models(self) -> dict[str, Any]:
        """List the models that can be asked for.

        Returns:
            models, one entry each: key, title, dataset, bundled (false: fetched from the Hugging Face Hub),
            parameters, macs (multiply-accumulates of a dense pass), layers, heads, patches, grid (rows and
            columns of patches), prune_loc (the layers, from 0, before which patches are dropped), selectors
            (the best first), sizes (those that the page offers: size, as the other endpoints take it, its
            height and width in pixels, patches, and work, as a multiple of that at the network's own size).
        """
        engine, keys = self.engine, [key for _, key in self.engine.networks.menu()]
        return {"models": [records.pack_model(engine.info(key), engine.sizes(key)) for key in keys]}

    def _open(self, request: Request) -> Result:
        """Return the result of `request`. Runs the network unless memory holds it."""
        return analyse(self.engine, request, make_progress())
