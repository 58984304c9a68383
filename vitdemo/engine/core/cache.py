"""Results in memory: least recently used first out, bounded by bytes, under keys that nobody can guess."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo.config import DataConfig, ViTConfig
from vitdemo.engine.core.records import Analysis, Expired
from vitdemo.trace import Trace


@dataclass(frozen=True, eq=False)
class Tokens:
    """What one picture is before the first block: `patches`, each patch projected linearly; `prefix`, the
    class, distillation and register tokens; `positions`, what is added (to the patches only if shorter)."""

    patches: Float[Tensor, "n d"]
    prefix: Float[Tensor, "p d"]
    positions: Float[Tensor, "m d"]


@dataclass(frozen=True, eq=False)
class Entry:
    """All that pictures of one analysis are drawn from. `upload`: the decoded picture, at most 448 px;
    `upload_size`: its width and height before; `pixels`: the model's normalised input; `pruned` is None at
    pruning ratio 0."""

    analysis: Analysis
    config: ViTConfig
    data: DataConfig
    upload: Image.Image
    upload_size: tuple[int, int]
    pixels: Float[Tensor, "1 ch hh ww"]
    tokens: Tokens
    dense: Trace
    pruned: Trace | None

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors and pictures."""
        images = (self.upload, self.analysis.view)
        traces = [trace for trace in (self.dense, self.pruned) if trace is not None]
        tensors = [self.pixels, self.tokens.patches, self.tokens.prefix, self.tokens.positions]
        for trace in traces:
            tensors += [*trace.attn, *trace.token_ids, *trace.scores, trace.readout]
        return sum(t.nbytes for t in tensors) + sum(3 * image.width * image.height for image in images)


class TraceCache:
    """Entries by key, at most `max_bytes` of them together; the newest stays even if it alone is larger."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._used: dict[str, float] = {}
        self._nbytes = 0

    def key(self, *parts: bytes) -> str:
        """HMAC-SHA256 of `parts` under this cache's secret: the same for equal parts, not to be guessed."""
        digest = hmac.new(self._secret, digestmod=hashlib.sha256)
        for part in parts:
            digest.update(
                len(part).to_bytes(8, "big") + part
            )  # the length keeps ("ab", "c") from ("a", "bc")
        return digest.hexdigest()

    def put(self, entry: Entry) -> None:
        """Keep `entry` under its analysis' key, and drop the least recently used ones that no longer fit."""
        with self._lock:
            self._drop(entry.analysis.key)
            self._entries[entry.analysis.key] = entry
            self._used[entry.analysis.key] = time.monotonic()
            self._nbytes += entry.nbytes
            while self._nbytes > self._max_bytes and len(self._entries) > 1:
                self._drop(next(iter(self._entries)))

    def get(self, key: str) -> Entry:
        """The entry, now the most recently used. Raises Expired when it is not there."""
        with self._lock:
            if key not in self._entries:
                raise Expired(key)
            self._entries.move_to_end(key)
            self._used[key] = time.monotonic()
            return self._entries[key]

    def find(self, key: str) -> Entry | None:
        """As `get`, None when it is not there."""
        try:
            return self.get(key)
        except Expired:
            return None

    def forget(self, seconds: float) -> None:
        """Drop what was last used that long ago, or longer."""
        with self._lock:
            old = [key for key, used in self._used.items() if time.monotonic() - used >= seconds]
            for key in old:
                self._drop(key)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            del self._used[key]
            self._nbytes -= entry.nbytes
