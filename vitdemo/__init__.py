"""See where a Vision Transformer looks, and what it can drop.

    vitdemo.explain("photo.jpg").save("map.png")

Nothing is imported before one of the names is used, so that networks need no page, and tools no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitdemo.library import Explanation, Network, Pruned, explain, load, predict_folder, prune, record

__all__ = ["Explanation", "Network", "Pruned", "explain", "load", "predict_folder", "prune", "record"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("vitdemo.library"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
