"""Gradio's own kind of demo, with transformers: `python -m tests.bench.gradio_demo PORT`.

The network has the shape of the one with which our page opens, and random weights.
"""

from __future__ import annotations

import sys

import gradio as gr
import torch
from PIL import Image

from tests.bench.networks import make_transformers
from tests.bench.scripts import make_processor
from vitdemo.registry import MODELS
from vitdemo.weights import find_default_model


def main() -> None:
    config = MODELS[find_default_model()].config
    model, processor = make_transformers(config), make_processor(config)

    @torch.no_grad()
    def classify(image: Image.Image | None) -> dict[str, float]:
        if image is None:
            return {}
        shares = model(**processor(images=image, return_tensors="pt")).logits.softmax(-1)[0]
        return {f"class {number}": float(share) for number, share in enumerate(shares)}

    picture, label = gr.Image(type="pil", elem_id="picture"), gr.Label(num_top_classes=5, elem_id="result")
    demo = gr.Interface(classify, picture, label, live=True, analytics_enabled=False)
    demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)


if __name__ == "__main__":
    main()
