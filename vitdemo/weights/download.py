"""What is asked of the Hugging Face Hub: in a thread, watched by a clock."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vitdemo.message import Message, Progress
from vitdemo.weights.records import WeightsError
from vitdemo.weights.refusals import explain_error
from vitdemo.weights.store import CONFIG, LARGEST_JSON, PREPROCESSOR, WEIGHTS
from vitdemo.weights.transfer import CHUNK, Tell, Transfer

LONGEST = 1800.0  # seconds that a download may take, however well it moves
BEAT = 0.2  # seconds between two calls of `progress`

T = TypeVar("T")


@dataclass(frozen=True)
class Terms:
    """How much of the Hub is waited for: `deadline` seconds without a byte, `max_bytes` of one file.

    `anonymous`: as anybody, without the token of whoever runs this program.
    """

    deadline: float
    max_bytes: int
    progress: Progress | None = None  # called several times a second; what it raises ends the download
    anonymous: bool = False


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


def as_fetched(address: Address, config: str) -> Fetched:
    """Return the folder of a cached config file, `.../snapshots/<commit>/[subfolder/]config.json`."""
    folder = Path(config).parent
    return Fetched(folder, folder.parent.name if address.subfolder else folder.name)


@dataclass(frozen=True)
class Done:
    """What came of a question."""

    answer: Any


@dataclass(frozen=True)
class Asking:
    """The questions that the Hub is asked about `address`, each in a thread of its own; see `watch`.

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
        return False if self.terms.anonymous else None

    def download(self) -> Fetched:
        """Bring the files of one commit into the cache, the weights last; then store the branch's name."""
        commit, config = self.download_config()
        self.get(WEIGHTS, commit)
        if commit != self.address.revision:
            with contextlib.suppress(WeightsError):  # only the cache would not know the name
                self.get(CONFIG, self.address.revision)
        return as_fetched(self.address, config)

    def measure(self) -> tuple[Fetched, int]:
        """Bring all but the weights of one commit into the cache; return its folder and their bytes."""
        commit, config = self.download_config()
        return as_fetched(self.address, config), self.look_at(WEIGHTS, commit).size or 0

    def download_config(self) -> tuple[str, str]:
        """Bring what describes the network into the cache; return the commit and the path of its config."""
        from huggingface_hub import errors

        repo = self.address.repo
        commit = self.look_at(CONFIG, self.address.revision).commit_hash
        if commit is None:
            raise WeightsError(Message("The server did not say which revision of {repo} it has", repo=repo))
        config = self.get(CONFIG, commit)
        if b'"model_type"' in Path(config).read_bytes():  # transformers' format
            try:
                self.get(PREPROCESSOR, commit)
            except WeightsError as error:
                if not isinstance(error.__cause__, errors.RemoteEntryNotFoundError):
                    raise
        return commit, config

    def look_at(self, file: str, revision: str) -> Any:
        """Return what the Hub tells of a file, with `commit_hash` and `size`, without the file."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        path = self.address.path(file)
        url = hf_hub_url(self.address.repo, path, revision=revision)
        try:
            return get_hf_file_metadata(url, timeout=self.patience, token=self.token)
        except Exception as error:
            raise self.explain(error, path) from error

    def get(self, file: str, revision: str) -> str:
        """Bring a file into the cache and return its path."""
        from huggingface_hub import hf_hub_download

        repo, path, weights = self.address.repo, self.address.path(file), file == WEIGHTS
        tell: Tell = lambda share, text: self.events.put((share if weights else 0.0, text))  # noqa: E731
        limit = self.terms.max_bytes if weights else LARGEST_JSON
        transfer = Transfer(repo, path, limit, tell, self.abandoned)
        options = {"revision": revision, "etag_timeout": self.patience, "token": self.token}
        try:
            return transfer.run(partial(hf_hub_download, repo, path, **options))
        except Exception as error:
            raise self.explain(error, path) from error

    def explain(self, error: Exception, path: str) -> WeightsError:
        return explain_error(error, repo=self.address.repo, revision=self.address.revision, file=path)


def watch(address: Address, terms: Terms, question: Callable[[Asking], T]) -> T:
    """Return what `question` does, in a thread of its own: the client can block for minutes.

    The thread ends with the next byte, or the next request, after it was abandoned.
    """
    asking = Asking(address, terms)
    threading.Thread(target=asking.run, args=(question,), daemon=True, name=f"fetch {address.repo}").start()
    start = now = heard = time.monotonic()
    news, reported = (0.0, Message("Asking the Hub for {repo}", repo=address.repo)), -BEAT
    try:
        while now - heard < terms.deadline and now - start < LONGEST:
            if terms.progress is not None and (now - reported >= BEAT or news[0] == 1):
                terms.progress(*news)
                reported = now
            with contextlib.suppress(queue.Empty):
                event = asking.events.get(timeout=min(BEAT, terms.deadline))
                if isinstance(event, Done):
                    return event.answer
                if isinstance(event, BaseException):
                    raise event
                heard, news = time.monotonic(), event
            now = time.monotonic()
    finally:
        asking.abandoned.set()
    raise explain_silence(address.repo, terms, long=now - start >= LONGEST, silent=heard == start)


def explain_silence(repo: str, terms: Terms, *, long: bool, silent: bool) -> WeightsError:
    """Return the sentence for a wait that was given up: too `long`, or without a word from the start."""
    if long:
        minutes = f"{LONGEST / 60:.0f}"
        return WeightsError(
            Message("The Hub took longer than {minutes} minutes for {repo}", minutes=minutes, repo=repo)
        )
    seconds = f"{terms.deadline:g}"
    if silent:
        return WeightsError(
            Message("The Hub did not answer within {seconds} seconds for {repo}", seconds=seconds, repo=repo)
        )
    return WeightsError(
        Message(
            "The Hub sent less than {size} kB of {repo} in {seconds} seconds",
            size=f"{CHUNK / 1e3:.0f}",
            repo=repo,
            seconds=seconds,
        )
    )
