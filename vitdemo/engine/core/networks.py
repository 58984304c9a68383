"""What may be asked for: the menu, what somebody has named besides, and what must be downloaded first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vitdemo.cost import parameters
from vitdemo.engine.core.pool import ModelPool
from vitdemo.message import Message, Progress
from vitdemo.registry import ModelSpec
from vitdemo.weights import is_cached, list_models, read_name


class Networks:
    """The networks of an engine. Raise ValueError for a model that is none of them, as `Engine.info` does."""

    def __init__(self, pool: ModelPool, models_dir: Path | None) -> None:
        self._pool = pool
        self._models_dir = models_dir

    def menu(self, added: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Return (title, key) of every model: the bundled ones, those of one's own, those of the Hub.

        Those that somebody has `added` by `look_up` come last, as long as they may be asked for. With an
        arrow stands how much is to be downloaded for it.
        """
        specs = sorted(self._list_specs().values(), key=lambda spec: spec.on_hub)
        specs += [self._pool.spec(key) for key in added if self.is_known(key)]
        return [(self._entitle(spec), spec.key) for spec in specs]

    def is_known(self, model: str) -> bool:
        """Return whether it is the key of one of them."""
        try:
            self._pool.spec(model)
        except ValueError:
            return False
        return True

    def is_at_hand(self, model: str) -> bool:
        """Return whether the model needs no download."""
        spec, offer = self._pool.spec(model), self._pool.offers.find(model)
        if not spec.on_hub or self._pool.find(model) is not None:
            return True
        return is_cached(spec.source) if offer is None else offer.is_cached

    def measure_download(self, model: str) -> float:
        """Return the megabytes of a model of the Hub: as the Hub says, else four bytes a number."""
        offer = self._pool.offers.find(model)
        return 1e-6 * (offer.nbytes if offer else 4 * parameters(self._pool.spec(model).config))

    def look_up(self, name: str, *, progress: Progress | None = None) -> str:
        """Return the key under which the network that somebody calls `name` may be asked for from now on.

        `name`: a key of the menu, or what `read_name` knows. The Hub may be asked what it is; no weights are
        fetched. Raise ValueError, one sentence, where it cannot be shown.
        """
        offers = self._pool.offers
        key, listed = self._read(name, folders=offers.alone)
        if not listed:
            offers.ask(key, progress=progress)
        return key

    def add(self, name: str) -> None:
        """Have a network in the menu, by a name as for `look_up` or a folder's. Raise ValueError as there."""
        key, listed = self._read(name, folders=True)
        if not listed:
            self._pool.offers.name(key, known=self._list_specs())

    def _read(self, name: str, *, folders: bool) -> tuple[str, bool]:
        """Return (key, whether the menu has it) of what somebody calls `name`."""
        specs = self._list_specs()
        key = read_name(name, known=specs, folders=folders)
        same = [known for known, spec in specs.items() if key in (known, spec.source)]
        return (same[0], True) if same else (key, False)

    def find_wider(self, model: str) -> str | None:
        """Return the key of a network from the Hub that knows more words than `model`; None for none.

        It need not be fetched, because it lies in the cache.
        """
        known = self.count_words(model)
        for key, spec in list_models(self._models_dir).items():
            if spec.config.num_classes > known and is_cached(spec.source):
                return key
        return None

    def count_words(self, model: str) -> int:
        """Return how many words a network knows."""
        return self._pool.spec(model).config.num_classes

    def _list_specs(self) -> dict[str, ModelSpec]:
        named = {key: offer.spec for key, offer in self._pool.offers.named.items()}
        return {**list_models(self._models_dir), **named}

    def _entitle(self, spec: ModelSpec) -> str:
        if self.is_at_hand(spec.key):
            return spec.title
        megabytes = f"{self.measure_download(spec.key):.0f}"
        return Message("{title} · ↓ {megabytes} MB", title=spec.title, megabytes=megabytes)
