"""What went wrong with the Hub, as one sentence for the user."""

from __future__ import annotations

import errno
from pathlib import PurePath

from vitdemo.weights.records import WeightsError
from vitdemo.weights.store import WEIGHTS

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explained(error: Exception, *, repo: str, revision: str, file: str) -> WeightsError:
    """The client's `error` as one sentence for the user; of its cache no path is told."""
    from huggingface_hub import constants, errors

    if isinstance(error, WeightsError):
        return error
    refused = " (a pickle such as pytorch_model.bin is not read)" if PurePath(file).name == WEIGHTS else ""
    offline = f"The Hub client is offline (HF_HUB_OFFLINE) and {repo} is not in its cache"
    sentences: tuple[tuple[type[Exception], str], ...] = (  # a subclass before its base
        (errors.GatedRepoError, f"{repo} is gated: accept its terms on the Hub and log in first"),
        (errors.RepositoryNotFoundError, f"There is no repository {repo} on the Hub, or it is private"),
        (errors.RevisionNotFoundError, f"{repo} has no revision {revision}"),
        (errors.RemoteEntryNotFoundError, f"{repo} has no {file} at revision {revision}{refused}"),
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
    if isinstance(error, OSError):
        return unwritten(error, repo=repo, file=file)
    return WeightsError(f"The Hub could not be reached ({type(error).__name__}) for {repo}")


def unwritten(error: OSError, *, repo: str, file: str) -> WeightsError:
    """A file that the client could not store, or that has another size than was announced."""
    if error.errno in FULL:
        return WeightsError(f"The disk is full: {file} of {repo} does not fit into the Hub client's cache")
    if error.errno is not None:
        return WeightsError(
            f"The Hub client's cache cannot be written ({error.strerror}) for {file} of {repo}"
        )
    return WeightsError(f"{file} of {repo} arrived with another size than the Hub had announced")
