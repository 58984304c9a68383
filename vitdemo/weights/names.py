"""What a network may be called: timm's spellings and the names of its networks are turned into ours."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from pathlib import Path

from vitdemo.message import Message
from vitdemo.weights import hub
from vitdemo.weights.records import WeightsError
from vitdemo.weights.timm import read_networks

ON_HUB = re.compile(
    r"(?:(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/|hf[-_]hub:)?"
    r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<at>[^\s?#]+)|/(?:tree|blob|resolve)/(?P<revision>[^\s/?#]+)[^\s?#]*)?"
    r"/?(?:[?#]\S*)?"
)
FOLDER = re.compile(r"(?:local-dir:|[/~.\\]|[A-Za-z]:\\).*")
OF_TIMM = "timm/"
LONGEST = 200  # letters of a name


def resolve_name(name: str) -> str:
    """Return `name` as a folder or as `hf-hub:owner/repo[@revision]`; as it is where it is neither.

    timm writes `hf_hub:` and `local-dir:`. Its own networks lie in repositories of their names; without a tag
    the first of them is meant, as there.
    """
    if name.startswith("hf_hub:"):
        return f"hf-hub:{name.removeprefix('hf_hub:')}"
    if name.startswith("local-dir:"):
        return name.removeprefix("local-dir:")
    if Path(name).exists():
        return name
    repo = find_repo(name)
    return f"hf-hub:{repo}" if repo else name


def find_repo(name: str) -> str | None:
    """Return the repository of timm's network `name`; None where timm has no weights by that name."""
    tables = read_networks()
    architecture, _, tag = tables["renamed"].get(name, name).partition(".")
    known = tables["tags"].get(architecture)
    return f"{OF_TIMM}{architecture}.{tag or known}" if known else None


def read_name(text: str, *, known: Collection[str] = (), folders: bool = False) -> str:
    """Return what somebody has typed or pasted: one of the `known` names, a folder or a name of the Hub.

    The latter is `hf-hub:owner/repo[@revision]`, and may be given without `hf-hub:`, as an address of
    huggingface.co, or as timm calls its networks. Nothing on the disk is looked at unless `folders` may be
    named. Raise WeightsError, one sentence with what may have been meant.
    """
    name = text.strip()[:LONGEST]
    if name in known:
        return name
    if folders and (folder := Path(name.removeprefix("local-dir:")).expanduser()).is_dir():
        return str(folder)
    if FOLDER.fullmatch(name):
        raise WeightsError(
            Message("There is no folder {name}", name=repr(name))
            if folders
            else Message("This page opens no folders: name a repository of the Hub, owner/repo")
        )
    match = ON_HUB.fullmatch(name)
    if match is None:
        return f"hf-hub:{check_timm(name, known)}"
    revision = match["at"] or match["revision"]
    owner, _, rest = match["repo"].partition("/")
    repo = check_timm(rest, known) if f"{owner}/" == OF_TIMM else match["repo"]
    named = f"hf-hub:{repo}@{revision}" if revision and revision != "main" else f"hf-hub:{repo}"
    hub.read_address(named)
    return named


def check_timm(name: str, known: Collection[str]) -> str:
    """Return the repository of timm's network `name`. Raise WeightsError for one that cannot be shown."""
    tables = read_networks()
    architecture = tables["renamed"].get(name, name).partition(".")[0]
    if architecture in tables["refused"]:
        reason = tables["refused"][architecture]
        raise WeightsError(
            Message("{name} cannot be shown: it has {reason}", name=architecture, reason=reason)
        )
    if repo := find_repo(name):
        return repo
    if architecture in tables["networks"] and "." in name:
        return OF_TIMM + name
    if near := difflib.get_close_matches(name, [*tables["tags"], *known], n=1):
        raise WeightsError(
            Message("{name} is not known; did you mean {near}?", name=repr(name), near=near[0])
        )
    raise WeightsError(
        Message(
            "{name} is neither a repository of the Hub, owner/repo, nor a Vision Transformer of timm",
            name=repr(name),
        )
    )
