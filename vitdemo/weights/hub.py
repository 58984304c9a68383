"""Networks of the Hugging Face Hub: from the client's cache, or from the Hub itself."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from vitdemo.message import Message
from vitdemo.weights.download import Address, Asking, Fetched, Terms, as_fetched
from vitdemo.weights.predictors import PREDICTORS, find_parts
from vitdemo.weights.reading import CONFIGS, INDEX, find_form, hash_file, read_index, read_state
from vitdemo.weights.records import WeightsError
from vitdemo.weights.store import read_description
from vitdemo.weights.waiting import watch

NAME = re.compile(r"hf-hub:(?P<repo>[^/@\s]+/[^/@\s]+)(@(?P<revision>(?!/|.*\.\.)[\w./-]+))?")
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
    if discard_damaged(found.folder):
        found = resolve(address, terms)
        if damaged := discard_damaged(found.folder):
            raise WeightsError(
                Message(
                    "{file} of {repo} arrived damaged: its sha256 is not the Hub's",
                    file=damaged[0],
                    repo=address.repo,
                )
            )
    return found


def inquire(name: str, terms: Terms) -> tuple[Fetched, int]:
    """Return where all but the weights of `name` lies, and how many bytes they have.

    Without a good answer of the Hub the cached files are taken, as `fetch` does; but never for a
    cache apart: those whom it is for may have only what anybody has now.
    """
    address = read_address(name)
    cached = None if terms.apart else find_cached(address)
    if cached is None:
        return watch(address, terms, Asking.measure)
    if not COMMIT.fullmatch(address.revision):
        with suppress(WeightsError):
            return watch(address, terms, Asking.measure)
    return cached, sum(file.stat().st_size for file in list_weights(cached.folder))


def resolve(address: Address, terms: Terms) -> Fetched:
    """Return the folder of `address` in the cache, or from the Hub; see `fetch`."""
    cached = find_cached(address, terms.apart)
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


def find_cached(address: Address, apart: Path | None = None) -> Fetched | None:
    """Return the folder that an earlier download of this revision left, if it is complete.

    `apart`: as in `Terms`.
    """
    from huggingface_hub import try_to_load_from_cache

    for name in CONFIGS:
        config = try_to_load_from_cache(
            address.repo, address.path(name), cache_dir=apart, revision=address.revision
        )
        if isinstance(config, str) and list_weights(Path(config).parent):
            return as_fetched(address, Path(config).parent)
    return None


def list_weights(folder: Path) -> list[Path]:
    """Return the files with the weights of the network in a cached `folder`; none where one is missing."""
    files = [folder / name for name in list_names(folder, find_form(folder), read_state(folder))]
    return files if all(file.is_file() for file in files) else []


@lru_cache(maxsize=256)
def list_names(folder: Path, form: str, state: object) -> list[str]:
    """Return the names of those files, where the weights have that `form`; none for an index that is not one.

    The config is read anew only once `state` has changed: the menu asks for them with every answer.
    """
    has_weights, has_predictors = find_parts(folder)
    names = [form] * has_weights + [PREDICTORS] * has_predictors
    if INDEX not in names:
        return names
    try:
        return read_index(folder, read_description(folder, label=""), label="") + names[1:]
    except WeightsError:  # which whoever loads it is told
        return []


def discard_damaged(folder: Path) -> list[str]:
    """Remove the weights in a cached `folder` that are damaged, and return their names.

    The Hub names large files by their sha256. One that has another name is taken as it is.
    """
    damaged = []
    for weights in sorted(folder.glob("*.safetensors")):
        blob = weights.resolve()
        if SHA256.fullmatch(blob.name) and hash_file(blob) != blob.name:
            weights.unlink()
            blob.unlink(missing_ok=True)
            damaged.append(weights.name)
    return damaged
