"""What a step computes as a CUDA graph, which launches hundreds of kernels at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable

import torch
from torch import Tensor

Tensors = dict[str, Tensor]
Graph = tuple[torch.cuda.CUDAGraph, Tensors, Tensors]  # with the tensors that it reads, and those it writes
WARM_UP = 3  # ordinary calls before the first capture: libraries start, optimisers get their state


class Captured:
    """`function(tensors, *fixed)`, with a CUDA graph for each `fixed`, under which shapes must not change.

    The first call of each is an ordinary one, so that what is to be compiled gets compiled; the second is
    captured, and replayed from then on. What comes back is overwritten by the next call. The function must
    not wait for the device; its random numbers on the device go on as ordinary ones do.
    """

    def __init__(self, function: Callable[..., Tensors]) -> None:
        self.function = function
        self.stream, self.pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()
        self.calls: Counter[Hashable] = Counter()
        self.graphs: dict[Hashable, Graph] = {}

    def __call__(self, tensors: Tensors, *fixed: Hashable) -> Tensors:
        self.calls[fixed] += 1
        if fixed not in self.graphs:
            if self.calls[fixed] == 1 or self.calls.total() <= WARM_UP:
                return self.call(tensors, *fixed)
            self.graphs[fixed] = self.capture(tensors, *fixed)
        graph, given, out = self.graphs[fixed]
        for name, place in given.items():
            place.copy_(tensors[name])
        graph.replay()
        return out

    def call(self, tensors: Tensors, *fixed: Hashable) -> Tensors:
        """Call the function as usual, on the stream that captures are made on."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            out = self.function(tensors, *fixed)
        torch.cuda.current_stream().wait_stream(self.stream)
        return out

    def capture(self, tensors: Tensors, *fixed: Hashable) -> Graph:
        """Return the graph of a call; nothing is computed."""
        given, graph = {name: tensor.clone() for name, tensor in tensors.items()}, torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            out = self.function(given, *fixed)
        return graph, given, out
