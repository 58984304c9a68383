"""Files from the Hugging Face Hub: its cache and the Hub itself, watched by a clock."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from vitdemo.message import Message, Progress
from vitdemo.weights.records import WeightsError
from vitdemo.weights.refusals import explain_error
from vitdemo.weights.store import CONFIG, LARGEST_JSON, PREPROCESSOR, WEIGHTS, sha256_of
from vitdemo.weights.transfer import CHUNK, Tell, Transfer

NAME = re.compile(r"hf-hub:(?P<repo>[^/@\s]+/[^/@\s]+)(@(?P<revision>\S+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST = 1800.0  # seconds that a download may take, however well it moves
BEAT = 0.2  # seconds between two calls of `progress`


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


def fetch(name: str, *, subfolder: str = "", terms: Terms) -> Fetched:
    """Return the folder that `name`, `hf-hub:owner/repo[@revision]`, stands for.

    A commit (40 hex digits) that is in the cache makes no request; for a branch the Hub is asked, and the
    cached files are taken, with a note, when it gives no good answer. Weights that are no longer what the Hub
    sent are fetched again. Raise WeightsError otherwise, and what `terms.progress` raises.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    match = NAME.fullmatch(name)
    if match is None:
        raise WeightsError(f"{name!r} is not of the form hf-hub:owner/repo[@revision]")
    try:
        validate_repo_id(match["repo"])
    except HFValidationError as error:
        raise WeightsError(f"{match['repo']!r} is not a valid name of a repository on the Hub") from error
    address = Address(match["repo"], match["revision"] or "main", subfolder)
    found = resolve(address, terms)
    if discard_damaged(found.folder / WEIGHTS):
        found = resolve(address, terms)
        if discard_damaged(found.folder / WEIGHTS):
            raise WeightsError(
                Message(
                    "{file} of {repo} arrived damaged: its sha256 is not the Hub's",
                    file=WEIGHTS,
                    repo=address.repo,
                )
            )
    return found


def resolve(address: Address, terms: Terms) -> Fetched:
    """Return the folder of `address` in the cache, or from the Hub; see `fetch`."""
    cached = find_cached(address)
    if cached is not None and COMMIT.fullmatch(address.revision):
        return cached
    try:
        return watch(address, terms)
    except WeightsError as error:
        if cached is None:
            raise
        note = Message(
            "{error}; cached files of revision {revision} are in use",
            error=error.args[0],
            revision=cached.revision,
        )
        return replace(cached, note=note)


def find_cached(address: Address) -> Fetched | None:
    """Return the folder that an earlier download of this revision left, if it is complete."""
    from huggingface_hub import try_to_load_from_cache

    for file in (WEIGHTS, CONFIG):
        path = try_to_load_from_cache(address.repo, address.path(file), revision=address.revision)
        if not isinstance(path, str):
            return None
    return as_fetched(address, path)


def as_fetched(address: Address, config: str) -> Fetched:
    """Return the folder of a cached config file, `.../snapshots/<commit>/[subfolder/]config.json`."""
    folder = Path(config).parent
    return Fetched(folder, folder.parent.name if address.subfolder else folder.name)


def discard_damaged(weights: Path) -> bool:
    """Remove a cached file that is damaged, and return whether it was.

    The Hub names large files by their sha256. One that has another name is taken as it is.
    """
    blob = weights.resolve()
    if not SHA256.fullmatch(blob.name) or sha256_of(blob) == blob.name:
        return False
    weights.unlink()
    blob.unlink(missing_ok=True)
    return True


def watch(address: Address, terms: Terms) -> Fetched:
    """Download in a thread of its own, because the client can block for minutes whatever its time-outs.

    The thread ends with the next byte, or the next request, after it was abandoned.
    """
    waiting = Waiting(queue.SimpleQueue())
    threading.Thread(
        target=run_download, args=(address, terms, waiting), daemon=True, name=f"fetch {address.repo}"
    ).start()
    start = now = heard = time.monotonic()
    news, reported = (0.0, Message("Asking the Hub for {repo}", repo=address.repo)), -BEAT
    try:
        while now - heard < terms.deadline and now - start < LONGEST:
            if terms.progress is not None and (now - reported >= BEAT or news[0] == 1):
                terms.progress(*news)
                reported = now
            with contextlib.suppress(queue.Empty):
                event = waiting.events.get(timeout=min(BEAT, terms.deadline))
                if isinstance(event, Fetched):
                    return event
                if isinstance(event, BaseException):
                    raise event
                heard, news = time.monotonic(), event
            now = time.monotonic()
    finally:
        waiting.abandoned.set()
    if now - start >= LONGEST:
        raise WeightsError(
            Message(
                "The Hub took longer than {minutes} minutes for {repo}",
                minutes=f"{LONGEST / 60:.0f}",
                repo=address.repo,
            )
        )
    seconds = f"{terms.deadline:g}"
    if heard == start:
        raise WeightsError(
            Message(
                "The Hub did not answer within {seconds} seconds for {repo}",
                seconds=seconds,
                repo=address.repo,
            )
        )
    raise WeightsError(
        Message(
            "The Hub sent less than {size} kB of {repo} in {seconds} seconds",
            size=f"{CHUNK / 1e3:.0f}",
            repo=address.repo,
            seconds=seconds,
        )
    )


def run_download(address: Address, terms: Terms, waiting: Waiting) -> None:
    """Download in a thread, and hand over how it ended."""
    try:
        waiting.events.put(download(address, terms, waiting))
    except BaseException as error:
        waiting.events.put(error)


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
