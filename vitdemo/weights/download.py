"""One revision of a repository on its way from the Hub: its files, by the Hub's own client."""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vitdemo.message import Message, Progress
from vitdemo.weights.records import WeightsError
from vitdemo.weights.refusals import explain_error
from vitdemo.weights.store import CONFIG, LARGEST_JSON, PREPROCESSOR, WEIGHTS
from vitdemo.weights.transfer import CHUNK, Tell, Transfer


@dataclass(frozen=True)
class Terms:
    """How much of the Hub is waited for: `deadline` seconds without a byte, `max_bytes` of one file."""

    deadline: float
    max_bytes: int
    progress: Progress | None = None  # called several times a second; what it raises ends the download


@dataclass(frozen=True)
class Fetched:
    """A complete folder in the cache of the Hub's client. `note`: why it may be out of date, or ""."""

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


@dataclass
class Waiting:
    """What the downloading thread shares: `events`, (share, text) of what has come, or how it ended."""

    events: queue.SimpleQueue[tuple[float, str] | Fetched | BaseException]
    abandoned: threading.Event = field(default_factory=threading.Event)


def as_fetched(address: Address, config: str) -> Fetched:
    """Return the folder of a cached config file, `.../snapshots/<commit>/[subfolder/]config.json`."""
    folder = Path(config).parent
    return Fetched(folder, folder.parent.name if address.subfolder else folder.name)


def download(address: Address, terms: Terms, waiting: Waiting) -> Fetched:
    """Bring the files of one commit into the cache, the weights last; then the branch's name is stored."""
    from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_download, hf_hub_url

    repo, patience = address.repo, terms.deadline + 1  # the client's, so that whoever waits gives up first
    constants.DOWNLOAD_CHUNK_SIZE = CHUNK  # at the client's own 10 MB a slow line would look dead
    constants.HF_HUB_DOWNLOAD_TIMEOUT = patience

    def get(file: str, revision: str) -> str:
        weights = file == WEIGHTS
        tell: Tell = lambda share, text: waiting.events.put((share if weights else 0.0, text))  # noqa: E731
        limit = terms.max_bytes if weights else LARGEST_JSON
        transfer = Transfer(repo, address.path(file), limit, tell, waiting.abandoned)
        path = address.path(file)
        call = partial(hf_hub_download, repo, path, revision=revision, etag_timeout=patience)
        try:
            return transfer.run(call)
        except Exception as error:
            raise explain_error(error, repo=repo, revision=address.revision, file=path) from error

    config = address.path(CONFIG)
    url = hf_hub_url(repo, config, revision=address.revision)
    try:
        commit = get_hf_file_metadata(url, timeout=patience).commit_hash
    except Exception as error:
        raise explain_error(error, repo=repo, revision=address.revision, file=config) from error
    if commit is None:
        raise WeightsError(Message("The server did not say which revision of {repo} it has", repo=repo))
    config = get(CONFIG, commit)
    if b'"model_type"' in Path(config).read_bytes():  # transformers' format
        try:
            get(PREPROCESSOR, commit)
        except WeightsError as error:
            if not isinstance(error.__cause__, errors.RemoteEntryNotFoundError):
                raise
    get(WEIGHTS, commit)
    if commit != address.revision:
        with contextlib.suppress(WeightsError):  # only the cache would not know the name
            get(CONFIG, address.revision)
    return as_fetched(address, config)
