"""What an explanation is, for all that offer one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vitdemo.maps.heatmap import Heatmap
from vitdemo.maps.options import Option
from vitdemo.message import Message


@dataclass(frozen=True)
class Method:
    """An explanation as the page offers it.

    `summary`: one sentence. `unit`: what the colour bar says. `needs_pruning`: only for traces with pruning
    stages. `needs_grad`: of one class, only for traces with gradients. `signed`: below 0 a patch speaks
    against the class. `relevance`: of one class, and which field of a trace it reads in place of gradients;
    it costs a pass forward and back. `needs_removal`: of one class, only for traces to which it was added,
    since it costs a pass a patch. `inward`: the other direction, who looks at the query, with the same
    options; or None. `in_browser`: the page's scripts compute it too, in both directions. `all_heads`: the
    maps of every head of a layer at once, with `all_heads_options`; or None.
    """

    key: str
    title: Message
    summary: Message
    fn: Callable[..., Heatmap]
    unit: Message
    options: tuple[Option, ...] = ()
    needs_pruning: bool = False
    needs_grad: bool = False
    signed: bool = False
    relevance: str = ""
    needs_removal: bool = False
    inward: Callable[..., Heatmap] | None = None
    in_browser: bool = False
    all_heads: Callable[..., Float[np.ndarray, "h gh gw"]] | None = None
    all_heads_options: tuple[Option, ...] = ()

    @property
    def of_class(self) -> bool:
        """Whether it explains one class."""
        return self.needs_grad or bool(self.relevance) or self.needs_removal
