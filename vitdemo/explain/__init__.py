"""Explanations: pure functions `Trace -> Heatmap`. Nothing here ever sees a model."""

from vitdemo.explain.heatmap import Heatmap, PatchDropped, share_of_total
from vitdemo.explain.methods import METHODS, Method, explain, explain_heads
from vitdemo.explain.options import Option

__all__ = [
    "METHODS",
    "Heatmap",
    "Method",
    "Option",
    "PatchDropped",
    "explain",
    "explain_heads",
    "share_of_total",
]
