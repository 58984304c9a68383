"""What a step computes as a CUDA graph, which launches hundreds of kernels at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable

import torch
from torch import Tensor

Tensors = dict[str, Tensor]
WARM_UP = 3  # ordinary calls before the first recording: libraries start, optimisers get their state


class Recorded:
    """`function(tensors)` with a CUDA graph for each `key`, under which shapes must not change.

    A key's first call is an ordinary one, so that what is to be compiled gets compiled; it is recorded at the
    second and replayed from then on. What comes back is overwritten by the next call. The function must not
    wait for the device; its random numbers on the device go on as ordinary ones do.
    """

    def __init__(self, function: Callable[[Tensors], Tensors]) -> None:
        self.function = function
        self.stream, self.pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()
        self.calls: Counter[Hashable] = Counter()
        self.graphs: dict[Hashable, tuple[torch.cuda.CUDAGraph, Tensors, Tensors]] = {}

    def __call__(self, tensors: Tensors, *, key: Hashable = None) -> Tensors:
        self.calls[key] += 1
        if key not in self.graphs:
            if self.calls[key] == 1 or self.calls.total() <= WARM_UP:
                return self.aside(tensors)
            self.graphs[key] = self.record(tensors)
        graph, given, out = self.graphs[key]
        for name, place in given.items():
            place.copy_(tensors[name])
        graph.replay()
        return out

    def aside(self, tensors: Tensors) -> Tensors:
        """An ordinary call, on the stream that recordings are made on."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            out = self.function(tensors)
        torch.cuda.current_stream().wait_stream(self.stream)
        return out

    def record(self, tensors: Tensors) -> tuple[torch.cuda.CUDAGraph, Tensors, Tensors]:
        """The graph of a call, the tensors that it reads, and those that it writes; nothing is computed."""
        given, graph = {name: tensor.clone() for name, tensor in tensors.items()}, torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            out = self.function(given)
        return graph, given, out
