"""Networks of the Hugging Face Hub: from the client's cache, or from the Hub itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from vitdemo.message import Message
from vitdemo.weights.download import Address, Asking, Fetched, Terms, as_fetched, watch
from vitdemo.weights.records import WeightsError
from vitdemo.weights.store import CONFIG, WEIGHTS, sha256_of

NAME = re.compile(r"hf-hub:(?P<repo>[^/@\s]+/[^/@\s]+)(@(?P<revision>(?!.*\.\.)[\w./-]+))?")
COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")


def read_address(name: str, *, subfolder: str = "") -> Address:
    """Return what `name`, `hf-hub:owner/repo[@revision]`, stands for. Raise WeightsError for another form."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    match = NAME.fullmatch(name)
    if match is None:
        raise WeightsError(Message("{name} is not of the form hf-hub:owner/repo[@revision]", name=repr(name)))
    try:
        validate_repo_id(match["repo"])
    except HFValidationError as error:
        raise WeightsError(
            Message("{repo} is not a valid name of a repository on the Hub", repo=repr(match["repo"]))
        ) from error
    return Address(match["repo"], match["revision"] or "main", subfolder)


def fetch(name: str, *, subfolder: str = "", terms: Terms) -> Fetched:
    """Return the folder that `name`, `hf-hub:owner/repo[@revision]`, stands for.

    A commit (40 hex digits) that is in the cache makes no request; for a branch the Hub is asked, and the
    cached files are taken, with a note, when it gives no good answer. Weights that are no longer what the Hub
    sent are fetched again. Raise WeightsError otherwise, and what `terms.progress` raises.
    """
    address = read_address(name, subfolder=subfolder)
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


def inquire(name: str, terms: Terms) -> tuple[Fetched, int]:
    """Return where all but the weights of `name` lies, and how many bytes they have.

    Without a good answer of the Hub the cached files are taken, as `fetch` does; but never for somebody
    anonymous, since whoever runs this program may have private networks in the cache.
    """
    address = read_address(name)
    cached = None if terms.anonymous else find_cached(address)
    if cached is not None and COMMIT.fullmatch(address.revision):
        return cached, (cached.folder / WEIGHTS).stat().st_size
    try:
        return watch(address, terms, Asking.measure)
    except WeightsError:
        if cached is None:
            raise
        return cached, (cached.folder / WEIGHTS).stat().st_size


def resolve(address: Address, terms: Terms) -> Fetched:
    """Return the folder of `address` in the cache, or from the Hub; see `fetch`."""
    cached = find_cached(address)
    if cached is not None and COMMIT.fullmatch(address.revision):
        return cached
    try:
        return watch(address, terms, Asking.download)
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
