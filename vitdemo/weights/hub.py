"""Files from the Hugging Face Hub: its cache and the Hub itself, watched by a clock."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from dataclasses import replace
from pathlib import Path

from vitdemo.message import Message
from vitdemo.weights.download import Address, Fetched, Terms, Waiting, as_fetched, download
from vitdemo.weights.records import WeightsError
from vitdemo.weights.store import CONFIG, WEIGHTS, sha256_of
from vitdemo.weights.transfer import CHUNK

NAME = re.compile(r"hf-hub:(?P<repo>[^/@\s]+/[^/@\s]+)(@(?P<revision>\S+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST = 1800.0  # seconds that a download may take, however well it moves
BEAT = 0.2  # seconds between two calls of `progress`


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
