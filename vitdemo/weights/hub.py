"""Files from the Hugging Face Hub: its cache and the Hub itself, behind one deadline."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitdemo.weights.records import Progress, WeightsError
from vitdemo.weights.store import CONFIG, PREPROCESSOR, WEIGHTS

NAME = re.compile(r"hf-hub:(?P<repo>[^/@\s]+/[^/@\s]+)(@(?P<revision>\S+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")
STALL = 60.0  # seconds without a byte after which a download that had begun is given up
CHUNK = 2**16  # bytes between two signs of life
REPORT_EVERY = 0.2  # seconds between two calls of `progress`


@dataclass(frozen=True)
class Fetched:
    """A complete folder in the cache of the Hub's client. `note`: why it may be out of date, or ""."""

    folder: Path
    revision: str
    note: str = ""


@dataclass(frozen=True)
class Request:
    """What is wanted: `revision` (branch, tag or commit) of `repo`, its `subfolder` or "" for the root."""

    repo: str
    revision: str
    subfolder: str = ""

    def path(self, file: str) -> str:
        return f"{self.subfolder}/{file}" if self.subfolder else file


@dataclass(frozen=True)
class Event:
    """What the downloading thread tells: a request "begins", bytes are "moving", or the thread "ends"."""

    kind: str
    fraction: float | None = None
    text: str = ""
    result: Fetched | None = None
    error: BaseException | None = None


Tell = Callable[[Event], None]


def fetch(name: str, *, subfolder: str = "", deadline: float, progress: Progress | None = None) -> Fetched:
    """The folder that `name`, `hf-hub:owner/repo[@revision]`, stands for.

    A commit (40 hex digits) that is in the cache makes no request; for a branch the Hub is asked, and the
    cached files are taken, with a note, when it gives no good answer. Raises WeightsError otherwise; after
    `deadline` seconds when the Hub has not sent a byte.
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
    request = Request(match["repo"], match["revision"] or "main", subfolder)
    cached = find_cached(request)
    if cached is not None and COMMIT.fullmatch(request.revision):
        return cached
    try:
        return watch(request, deadline=deadline, progress=progress)
    except WeightsError as error:
        if cached is None:
            raise
        return replace(cached, note=f"{error}; cached files of revision {cached.revision} are in use")


def find_cached(request: Request) -> Fetched | None:
    """The folder that an earlier download of this revision left, if it is complete."""
    from huggingface_hub import try_to_load_from_cache

    for file in (WEIGHTS, CONFIG):
        path = try_to_load_from_cache(request.repo, request.path(file), revision=request.revision)
        if not isinstance(path, str):
            return None
    return fetched(request, path)


def fetched(request: Request, config: str) -> Fetched:
    """The folder of a cached config file, whose path is `.../snapshots/<commit>/[subfolder/]config.json`."""
    folder = Path(config).parent
    return Fetched(folder, folder.parent.name if request.subfolder else folder.name)


def watch(request: Request, *, deadline: float, progress: Progress | None) -> Fetched:
    """Downloads in a thread of its own, because the client can block for minutes whatever its time-outs.

    A thread that is given up goes on alone; what it still finishes is in the cache the next time.
    """
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def run() -> None:
        try:
            # The client gives up later than whoever waits here, so that one sentence tells of it.
            events.put(Event("ends", result=download(request, events.put, timeout=2 * deadline)))
        except BaseException as error:
            events.put(Event("ends", error=error))

    threading.Thread(target=run, daemon=True, name=f"fetch {request.repo}").start()
    until, moved, reported = time.monotonic() + deadline, False, 0.0
    while True:
        try:
            event = events.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            what = "stopped sending" if moved else f"did not answer within {deadline:g} seconds for"
            raise WeightsError(f"The Hub {what} {request.repo}") from None
        if event.error is not None:
            raise event.error
        if event.result is not None:
            return event.result
        now = time.monotonic()
        if event.kind == "moving":
            until, moved = now + STALL, True
        elif moved:
            until, moved = now + deadline, False
        if progress is None or event.fraction is None:
            continue
        if now - reported >= REPORT_EVERY or event.fraction == 1:
            progress(event.fraction, event.text)
            reported = now


def download(request: Request, tell: Tell, *, timeout: float) -> Fetched:
    """Brings the files of one commit into the cache, the weights last; then the branch's name is stored."""
    from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_download, hf_hub_url

    constants.DOWNLOAD_CHUNK_SIZE = CHUNK  # at the client's own 10 MB a slow line would look dead

    def get(file: str, revision: str) -> str:
        tell(Event("begins"))
        bar = progress_bar(tell, file)
        try:
            return hf_hub_download(request.repo, request.path(file), revision=revision, tqdm_class=bar)
        except Exception as error:
            raise explained(error, request, file) from error

    url = hf_hub_url(request.repo, request.path(CONFIG), revision=request.revision)
    try:
        commit = get_hf_file_metadata(url, timeout=timeout).commit_hash
    except Exception as error:
        raise explained(error, request, CONFIG) from error
    if commit is None:
        raise WeightsError(f"The server did not say which revision of {request.repo} it has")
    config = get(CONFIG, commit)
    if b'"model_type"' in Path(config).read_bytes():  # transformers' format
        try:
            get(PREPROCESSOR, commit)
        except WeightsError as error:
            if not isinstance(error.__cause__, errors.RemoteEntryNotFoundError):
                raise
    get(WEIGHTS, commit)
    if commit != request.revision:
        with contextlib.suppress(WeightsError):  # only the cache would not know the name
            get(CONFIG, request.revision)
    return fetched(request, config)


def progress_bar(tell: Tell, file: str) -> type[Any]:
    """A silent tqdm class that tells of every byte, and of the share of the weights that has come."""
    from tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs | {"disable": True})
            self.written = self.received = kwargs.get("initial", 0)
            self.announce()

        def update(self, n: float | None = 1) -> None:
            self.written += n or 0
            self.announce()

        def update_transfer(self, n: float) -> None:
            """Bytes from the network, which run ahead of those on the disk when the Hub sends by Xet."""
            self.received += n
            self.announce()

        def set_transfer_postfix_str(self, *args: Any, **kwargs: Any) -> None:
            """A part of the client's interface; there is no bar to write on."""

        def announce(self) -> None:
            if not self.total or file != WEIGHTS:
                return tell(Event("moving"))
            done = min(max(self.written, self.received), self.total)
            text = f"{file}: {done / 1e6:.1f} of {self.total / 1e6:.1f} MB"
            return tell(Event("moving", done / self.total, text))

    return Bar


def explained(error: Exception, request: Request, file: str) -> WeightsError:
    """The client's `error` as one sentence for the user."""
    from huggingface_hub import constants, errors

    if isinstance(error, WeightsError):
        return error
    repo, revision = request.repo, request.revision
    refused = " (a pickle such as pytorch_model.bin is not read)" if file == WEIGHTS else ""
    offline = f"The Hub client is offline (HF_HUB_OFFLINE) and {repo} is not in its cache"
    sentences: tuple[tuple[type[Exception], str], ...] = (  # a subclass before its base
        (errors.GatedRepoError, f"{repo} is gated: accept its terms on the Hub and log in first"),
        (errors.RepositoryNotFoundError, f"There is no repository {repo} on the Hub, or it is private"),
        (errors.RevisionNotFoundError, f"{repo} has no revision {revision}"),
        (
            errors.RemoteEntryNotFoundError,
            f"{repo} has no {request.path(file)} at revision {revision}{refused}",
        ),
        (errors.OfflineModeIsEnabled, offline),
        (
            errors.LocalEntryNotFoundError,
            offline if constants.HF_HUB_OFFLINE else "The Hub could not be reached",
        ),
    )
    for kind, sentence in sentences:
        if isinstance(error, kind):
            return WeightsError(sentence)
    if isinstance(error, errors.HfHubHTTPError):
        return WeightsError(f"The Hub answered with status {error.response.status_code} for {repo}")
    return WeightsError(f"The Hub could not be reached ({type(error).__name__}) for {repo}")
