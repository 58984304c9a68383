"""The one public endpoint: the same analysis as the page's, as numbers."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr

from vitdemo.engine import DEFAULT_MODEL, Analysis, Engine, Outcome, Request
from vitdemo.ui.session import MODEL_RUNS, told
from vitdemo.ui.text import NO_IMAGE
from vitdemo.ui.upload import Upload


def endpoint(engine: Engine) -> None:
    """Adds `/analyse`, for gradio_client and plain HTTP."""

    def analyse(image: str | None, model: str, pruning_ratio: float, selector: str) -> dict[str, Any]:
        """Classify one picture with a Vision Transformer that drops patches on the way.

        Args:
            image: the picture, any common format.
            model: a key of the menu: dynamicvit_cifar10, vit_cifar10, lightvit_cifar10, deit_tiny, ...
            pruning_ratio: share of the remaining patches that each stage drops, 0 (dense) to 0.9.
            selector: learned, class-attention, random or inverted; empty for the model's best.

        Returns:
            model, title, source (which weights answered), selector, pruning_ratio; dense and pruned (null at
            ratio 0), each with labels (class -> probability, best first, at most five), tokens (patches at
            the input and after each stage), macs and milliseconds; kept (patch ids after each stage).
        """
        with told():
            if not image:
                raise ValueError(NO_IMAGE)
            return numbers(engine.analyse(Request(image, model, pruning_ratio, selector)))

    with gr.Row(visible=False):
        inputs = [
            Upload(label="Picture"),
            gr.Textbox(DEFAULT_MODEL, label="Model"),
            gr.Number(0.3, label="Pruning ratio"),
            gr.Textbox("", label="Selector"),
        ]
        result, button = gr.JSON(label="Result"), gr.Button("Analyse")
    button.click(
        analyse,
        inputs,
        result,
        api_name="analyse",
        api_description=inspect.getdoc(analyse),  # all of it; gradio alone would take the first line
        concurrency_id=MODEL_RUNS,
        concurrency_limit=2,
    )


def numbers(analysis: Analysis) -> dict[str, Any]:
    """An analysis without its picture, ready for JSON."""
    return {
        "model": analysis.model,
        "title": analysis.title,
        "source": analysis.source,
        "selector": analysis.selector,
        "pruning_ratio": analysis.pruning_ratio,
        "dense": outcome(analysis.dense),
        "pruned": outcome(analysis.pruned) if analysis.pruned else None,
        "kept": [list(ids) for ids in analysis.kept],
    }


def outcome(result: Outcome) -> dict[str, Any]:
    return {
        "labels": dict(result.top),
        "tokens": list(result.tokens),
        "macs": result.macs,
        "milliseconds": result.milliseconds,
    }
