"""What a method lets its user choose. The page makes its controls from these records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from vitdemo.trace import Trace

Kind = Literal["layer", "head", "query", "stage", "choice", "float"]


@dataclass(frozen=True)
class Option:
    """One choice of a method.

    `kind`: "layer", "head", "query" (a patch) and "stage" are indices from 0, bounded by the trace; "choice"
    takes one of `choices`; "float" lies in [`low`, `high`]. A `default` of None stands for the last layer,
    the fused heads, or the head's readout, and then None is a legal value.
    """

    key: str
    title: str
    kind: Kind
    default: Any
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    help: str = ""

    def check(self, trace: Trace, value: Any) -> Any:
        """Return the value to use for `trace`. Raise ValueError naming the option."""
        if value is None and self.default is None:
            return len(trace.attn) - 1 if self.kind == "layer" else None
        if self.kind == "choice":
            if value not in self.choices:
                raise ValueError(f"{self.key} must be one of {', '.join(self.choices)}, got {value!r}")
            return value
        if self.kind == "float":
            if not isinstance(value, (int, float)) or not self.low <= value <= self.high:
                raise ValueError(f"{self.key} must be from {self.low:g} to {self.high:g}, got {value!r}")
            return value
        count = count_of(self.kind, trace)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
            raise ValueError(f"{self.key} must be an integer from 0 to {count - 1}, got {value!r}")
        return value


def count_of(kind: Kind, trace: Trace) -> int:
    """Return the range of an index option: how many layers, heads, query patches or stages `trace` has."""
    counts = {
        "layer": len(trace.attn),
        "head": len(trace.attn[0]),
        "query": trace.num_patches,
        "stage": len(trace.scores),
    }
    return counts[kind]


LAYER = Option("layer", "Layer", "layer", None, help="Which block's attention; the last one unless chosen.")
HEAD = Option("head", "Head", "head", None, help="One head, or all heads fused into one map.")
QUERY = Option(
    "query", "Query token", "query", None, help="Where the look starts: what the head reads, or a patch."
)
FUSION = Option(
    "fusion",
    "Head fusion",
    "choice",
    "mean",
    choices=("mean", "max", "min"),
    help="How the heads of a layer become one: their mean, largest or smallest weight.",
)
DISCARD_RATIO = Option(
    "discard_ratio",
    "Discard ratio",
    "float",
    0.0,
    high=0.99,
    help="The share of each layer's weakest attention weights that is set to zero.",
)
START_LAYER = Option("start_layer", "Start layer", "layer", 0, help="The rollout ignores the layers before.")
STAGE = Option("stage", "Pruning stage", "stage", 0, help="Which of the pruning stages, in order.")
