"""Results in memory: least recently used first out, bounded by bytes, under keys that nobody can guess."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo.config import DataConfig, ViTConfig
from vitdemo.engine.core.embedding import Embedding
from vitdemo.engine.core.lru import Lru
from vitdemo.engine.core.records import Analysis
from vitdemo.trace import Trace


@dataclass(frozen=True, eq=False)
class Entry:
    """All that pictures of one analysis are drawn from.

    `upload`: the decoded picture, at most 448 px; `upload_size`: its width and height before; `pixels`: the
    model's normalised input; `pruned` is None at pruning ratio 0.
    """

    analysis: Analysis
    config: ViTConfig
    data: DataConfig
    upload: Image.Image
    upload_size: tuple[int, int]
    pixels: Float[Tensor, "1 ch hh ww"]
    embedding: Embedding
    dense: Trace
    pruned: Trace | None

    def choose_trace(self, name: str) -> Trace:
        """Return the pass called "dense" or "pruned"; the dense one where nothing was pruned."""
        return self.dense if name == "dense" or self.pruned is None else self.pruned

    @property
    def nbytes(self) -> int:
        """Return the bytes of all tensors, each once where both passes have it, and of the pictures."""
        images = (self.upload, self.analysis.view)
        traces = [trace for trace in (self.dense, self.pruned) if trace is not None]
        start = self.embedding
        tensors = [self.pixels, start.patches, start.prefix, start.positions]
        for trace in traces:
            tensors += [*trace.attn, *trace.token_ids, *trace.scores, trace.readout]
            tensors += [*trace.token_norms, *trace.directions]
            tensors += [mix for mix in trace.mixes if mix is not None]
        once = {tensor.data_ptr(): tensor.nbytes for tensor in tensors}
        return sum(once.values()) + sum(3 * image.width * image.height for image in images)


class TraceCache:
    """Entries by key, at most `max_bytes` of them together; the newest stays even if it alone is larger."""

    def __init__(self, max_bytes: int) -> None:
        self._secret = secrets.token_bytes(32)
        self._entries: Lru[str, Entry] = Lru(max_bytes, lambda entry: entry.nbytes)

    def key(self, *parts: bytes) -> str:
        """Return the HMAC-SHA256 of `parts` under this cache's secret. Nobody can guess it."""
        digest = hmac.new(self._secret, digestmod=hashlib.sha256)
        for part in parts:
            digest.update(
                len(part).to_bytes(8, "big") + part
            )  # the length keeps ("ab", "c") from ("a", "bc")
        return digest.hexdigest()

    def put(self, entry: Entry) -> None:
        """Keep `entry` under its analysis' key, and drop the least recently used ones that no longer fit."""
        self._entries.keep(entry.analysis.key, entry)

    def find(self, key: str) -> Entry | None:
        """Return the entry, now the most recently used; None if it is not there."""
        return self._entries.find(key)

    def forget(self, seconds: float) -> None:
        """Drop what was last used that long ago, or longer."""
        self._entries.forget(seconds)
