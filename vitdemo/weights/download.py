"""What the Hugging Face Hub is asked about a network: its config, the size of its weights, all its files."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vitdemo.limits import MEGABYTE, Limits
from vitdemo.message import Message, Progress
from vitdemo.weights.predictors import PREDICTORS, find_parts
from vitdemo.weights.reading import (
    CONFIG,
    CONFIGS,
    INDEX,
    OPEN_CLIP,
    PREPROCESSOR,
    WEIGHTS,
    check_description,
    read_index,
)
from vitdemo.weights.records import WeightsError
from vitdemo.weights.refusals import explain_error
from vitdemo.weights.store import read_description
from vitdemo.weights.transfer import CHUNK, Abandoned, Tell, Transfer, check_size

T = TypeVar("T")


@dataclass(frozen=True)
class Terms:
    """How much of the Hub is waited for: `deadline` seconds without a byte, `max_bytes` of weights.

    `apart`: a cache of the client apart from the owner's, for what anybody may have, so that no token is
    sent; None = as the client is used to.
    """

    deadline: float = 10.0
    max_bytes: int = Limits.download_megabytes * MEGABYTE
    progress: Progress | None = None  # called several times a second; what it raises ends the download
    apart: Path | None = None


@dataclass(frozen=True)
class Fetched:
    """A folder in the cache of the Hub's client, of one commit. `note`: why it may be out of date, or ""."""

    folder: Path
    revision: str
    note: str = ""


@dataclass(frozen=True)
class Address:
    """What is wanted: `revision` (branch, tag or commit) of `repo`, its `subfolder` or "" for the root."""

    repo: str
    revision: str
    subfolder: str = ""

    def path(self, file: str) -> str:
        return f"{self.subfolder}/{file}" if self.subfolder else file


def as_fetched(address: Address, folder: Path) -> Fetched:
    """Return a folder of the cache, `.../snapshots/<commit>/[subfolder]`."""
    return Fetched(folder, folder.parent.name if address.subfolder else folder.name)


@dataclass(frozen=True)
class Done:
    """What came of a question."""

    answer: Any


@dataclass(frozen=True)
class Asking:
    """The questions that the Hub is asked about `address`, each in a thread of its own; see `waiting`.

    `events`: what the thread tells, (share, text) of what has come, or how it ended. `abandoned`: nobody
    waits any more.
    """

    address: Address
    terms: Terms
    events: queue.SimpleQueue[tuple[float, str] | Done | BaseException] = field(
        default_factory=queue.SimpleQueue
    )
    abandoned: threading.Event = field(default_factory=threading.Event)

    def run(self, question: Callable[[Asking], Any]) -> None:
        """Ask, and hand over how it ended."""
        from huggingface_hub import constants

        constants.DOWNLOAD_CHUNK_SIZE = CHUNK  # at the client's own 10 MB a slow line would look dead
        constants.HF_HUB_DOWNLOAD_TIMEOUT = self.patience
        try:
            self.events.put(Done(question(self)))
        except BaseException as error:
            self.events.put(error)

    @property
    def patience(self) -> float:
        """The client's time-out in seconds, so that whoever waits gives up first."""
        return self.terms.deadline + 1

    @property
    def token(self) -> bool | None:
        """Whether the client sends its token: False = never, None = as it is used to."""
        return False if self.terms.apart else None

    def download(self) -> Fetched:
        """Bring the files of one commit into the cache, the weights last; then store the branch's name.

        What is not followed, or too large, is refused before its weights are fetched.
        """
        commit, config = self.download_config()
        folder = config.parent
        sizes = self.find_weights(folder, commit)
        what = next(iter(sizes)) if len(sizes) == 1 else f"{WEIGHTS} ({len(sizes)} shards)"
        check_size(sum(sizes.values()), limit=self.terms.max_bytes, file=what, repo=self.address.repo)
        for number, file in enumerate(sizes):
            self.get(file, commit, part=(number, len(sizes)))
        if commit != self.address.revision:
            with contextlib.suppress(WeightsError):  # only the cache would not know the name
                self.get(config.name, self.address.revision)
        return as_fetched(self.address, folder)

    def measure(self) -> tuple[Fetched, int]:
        """Bring all but the weights of one commit into the cache; return its folder and their bytes."""
        commit, config = self.download_config()
        return as_fetched(self.address, config.parent), sum(self.find_weights(config.parent, commit).values())

    def download_config(self) -> tuple[str, Path]:
        """Bring what describes the network into the cache; return the commit and the config there."""
        repo, revision = self.address.repo, self.address.revision
        looked = ((name, self.find(self.look_at, name, revision)) for name in CONFIGS)
        name, found = next((one for one in looked if one[1]), (CONFIG, None))
        commit = (found or self.look_at(CONFIG, revision)).commit_hash  # which tells that there is none
        if commit is None:
            raise WeightsError(Message("The server did not say which revision of {repo} it has", repo=repo))
        config = self.get(name, commit)
        if b'"model_type"' in config.read_bytes():  # transformers' format
            self.find(self.get, PREPROCESSOR, commit)
        return commit, config

    def find_weights(self, folder: Path, commit: str) -> dict[str, int]:
        """Return the bytes of each file with weights that the config in `folder` is of."""
        has_weights, has_predictors = find_parts(folder)
        sizes = self.find_network(folder, commit) if has_weights else {}
        if has_predictors:
            sizes[PREDICTORS] = self.look_at(PREDICTORS, commit).size or 0
        return sizes

    def find_network(self, folder: Path, commit: str) -> dict[str, int]:
        """Return the bytes of each file with weights, not predictors: of shards, what it needs."""
        label = f"hf-hub:{self.address.repo}"
        described = read_description(folder, label=label)
        if found := self.find(self.look_at, WEIGHTS, commit):
            return {WEIGHTS: found.size or 0}
        if self.find(self.get, INDEX, commit):
            sizes = {}
            for shard in read_index(folder, described, label=label):
                sizes[shard] = self.look_at(shard, commit).size or 0
                self.events.put((0.0, Message("Asking the Hub for {repo}", repo=self.address.repo)))
            return sizes
        if found := self.find(self.look_at, OPEN_CLIP, commit):
            return {OPEN_CLIP: found.size or 0}
        return {WEIGHTS: self.look_at(WEIGHTS, commit).size or 0}  # which tells that there are none

    def find(self, how: Callable[[str, str], T], file: str, revision: str) -> T | None:
        """Return what `how` does with a file, and None where the repository has none of this name."""
        from huggingface_hub.errors import RemoteEntryNotFoundError

        try:
            return how(file, revision)
        except WeightsError as error:
            if not isinstance(error.__cause__, RemoteEntryNotFoundError):
                raise
            return None

    def look_at(self, file: str, revision: str) -> Any:
        """Return what the Hub tells of a file, with `commit_hash` and `size`, without the file."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        if self.abandoned.is_set():
            raise Abandoned
        path = self.address.path(file)
        url = hf_hub_url(self.address.repo, path, revision=revision)
        try:
            return get_hf_file_metadata(url, timeout=self.patience, token=self.token)
        except Exception as error:
            raise self.explain(error, path) from error

    def get(self, file: str, revision: str, *, part: tuple[int, int] | None = None) -> Path:
        """Bring a file into the cache. `part`: which it is of how many files with weights, None = of none."""
        from huggingface_hub import hf_hub_download

        repo, path, (number, count) = self.address.repo, self.address.path(file), part or (0, 1)
        tell: Tell = lambda share, text: self.events.put(  # noqa: E731
            ((number + share) / count if part else 0.0, text)
        )
        check = partial(check_description, file=path, label=repo)
        if part:
            check = partial(check_size, limit=self.terms.max_bytes, file=path, repo=repo)
        transfer = Transfer(repo, path, check, tell, self.abandoned)
        options = {"revision": revision, "etag_timeout": self.patience}
        options |= {"token": self.token, "cache_dir": self.terms.apart}
        try:
            return Path(transfer.run(partial(hf_hub_download, repo, path, **options)))
        except Exception as error:
            raise self.explain(error, path) from error

    def explain(self, error: Exception, path: str) -> WeightsError:
        return explain_error(error, repo=self.address.repo, revision=self.address.revision, file=path)
