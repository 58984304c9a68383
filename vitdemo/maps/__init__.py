"""Explanations: pure functions `Trace -> Heatmap`. Nothing here ever sees a model."""

from vitdemo.maps.heatmap import Heatmap, PatchDropped, share_of_total
from vitdemo.maps.methods import (
    ATTENTION_METHODS,
    CLASS_METHODS,
    METHODS,
    Method,
    explain,
    explain_heads,
    explain_inward,
)
from vitdemo.maps.options import Option

__all__ = [
    "ATTENTION_METHODS",
    "CLASS_METHODS",
    "METHODS",
    "Heatmap",
    "Method",
    "Option",
    "PatchDropped",
    "explain",
    "explain_heads",
    "explain_inward",
    "share_of_total",
]
