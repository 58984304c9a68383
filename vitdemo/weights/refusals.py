"""What went wrong with the Hub, as one sentence for the user."""

from __future__ import annotations

import errno
from http import HTTPStatus
from pathlib import PurePath

from vitdemo.message import Message
from vitdemo.weights.reading import WEIGHTS
from vitdemo.weights.records import Unreachable, WeightsError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explain_error(error: Exception, *, repo: str, revision: str, file: str) -> WeightsError:
    """Return the client's `error` as one sentence for the user; of its cache no path is told."""
    from huggingface_hub import constants, errors

    if isinstance(error, WeightsError):
        return error
    offline = Message("The Hub client is offline (HF_HUB_OFFLINE) and {repo} is not in its cache", repo=repo)
    sentences: tuple[tuple[type[Exception], Message], ...] = (  # a subclass before its base
        (
            errors.GatedRepoError,
            Message("{repo} is gated: accept its terms on the Hub and log in first", repo=repo),
        ),
        (
            errors.RepositoryNotFoundError,
            Message("There is no repository {repo} on the Hub, or it is private", repo=repo),
        ),
        (
            errors.RevisionNotFoundError,
            Message("{repo} has no revision {revision}", repo=repo, revision=revision),
        ),
        (errors.RemoteEntryNotFoundError, describe_absent(file, repo=repo, revision=revision)),
        (errors.OfflineModeIsEnabled, offline),
    )
    if constants.HF_HUB_OFFLINE:
        sentences = (*sentences, (errors.LocalEntryNotFoundError, offline))
    for kind, sentence in sentences:
        if isinstance(error, kind):
            return WeightsError(sentence)
    if isinstance(error, errors.LocalEntryNotFoundError):
        return Unreachable(Message("The Hub could not be reached; check the connection, or try again later"))
    if isinstance(error, errors.HfHubHTTPError):
        return explain_status(error.response.status_code, repo=repo)
    if isinstance(error, OSError):
        return explain_unwritten(error, repo=repo, file=file)
    return Unreachable(
        Message(
            "The Hub could not be reached for {repo}; check the connection, or try again later", repo=repo
        )
    )


def explain_status(status: int, *, repo: str) -> WeightsError:
    """Return the sentence for an answer of the Hub that tells nothing but its status."""
    if status == HTTPStatus.UNAUTHORIZED:
        return WeightsError(
            Message(
                "The Hub does not accept the access token for {repo}: renew HF_TOKEN, or unset it", repo=repo
            )
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Unreachable(
            Message("The Hub has had too many requests: try {repo} again in a few minutes", repo=repo)
        )
    return Unreachable(
        Message("The Hub answered with status {status} for {repo}: try again later", status=status, repo=repo)
    )


def describe_absent(file: str, *, repo: str, revision: str) -> Message:
    """Return the sentence for a file that `repo` does not have."""
    where = {"repo": repo, "file": file, "revision": revision}
    if PurePath(file).name != WEIGHTS:
        return Message("{repo} has no {file} at revision {revision}", **where)
    return Message(
        "{repo} has no {file} at revision {revision} (a pickle such as pytorch_model.bin is not read)",
        **where,
    )


def explain_unwritten(error: OSError, *, repo: str, file: str) -> WeightsError:
    """Return the sentence for a file that could not be stored, or that has another size than announced."""
    if error.errno in FULL:
        return WeightsError(
            Message(
                "The disk is full: {file} of {repo} does not fit into the Hub client's cache",
                file=file,
                repo=repo,
            )
        )
    if error.errno is not None:
        return WeightsError(
            Message(
                "The Hub client's cache cannot be written ({error}) for {file} of {repo}",
                error=error.strerror,
                file=file,
                repo=repo,
            )
        )
    return WeightsError(
        Message("{file} of {repo} arrived with another size than the Hub had announced", file=file, repo=repo)
    )
