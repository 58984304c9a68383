"""The files of a folder in Hub layout, read: JSON, and tensors from one safetensors file or from shards."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vitdemo.kinds import take
from vitdemo.message import Message
from vitdemo.weights.records import Description, WeightsError, unwrap

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
OPEN_CLIP_CONFIG = "open_clip_config.json"
CONFIGS = (CONFIG, OPEN_CLIP_CONFIG)  # that may tell what a network is; the first counts
WEIGHTS, INDEX, OPEN_CLIP = "model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors"
FORMS = (WEIGHTS, INDEX, OPEN_CLIP)  # in which the weights may be there; the first counts
SHARD = re.compile(r"[\w-][\w.-]{0,200}\.safetensors", re.ASCII)  # a name in the same folder, never a path
MOST_SHARDS = 100  # one request each, before anything is fetched
LARGEST_JSON = 2**21  # bytes; transformers' two tables of the 21,841 names of ImageNet-22k take 1.7 MB


def read_state(folder: Path) -> tuple[tuple[int, ...], ...]:
    """Return what differs once a file that describes the network in `folder` is another one."""
    states = []
    for file in (*CONFIGS, PREPROCESSOR, INDEX):
        with suppress(OSError):  # there is none
            found = (folder / file).stat()
            states.append((found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
    return tuple(states)


def find_form(folder: Path) -> str:
    """Return the file of FORMS that `folder` has, the first of them where it has none."""
    return next((name for name in FORMS if (folder / name).is_file()), WEIGHTS)


def find_config(folder: Path) -> str:
    """Return the file of CONFIGS that `folder` has, the first of them where it has none."""
    return next((name for name in CONFIGS if (folder / name).is_file()), CONFIG)


def read_index(folder: Path, described: Description, *, label: str) -> list[str]:
    """Return the shards with tensors of the network that is `described`, as INDEX names them.

    Raise WeightsError for an index that is not one.
    """
    index = read_json(folder / INDEX, label=label)
    try:
        shards = take(index, "weight_map", dict)
    except ValueError as error:
        raise WeightsError(f"{INDEX} of {label}: {error}") from error
    for name in shards.values():
        if not isinstance(name, str) or not SHARD.fullmatch(name):
            raise WeightsError(
                f"{INDEX} of {label}: weight_map must name files beside it that end in .safetensors, "
                f"got {name!r}"
            )
    needed = sorted({shard for key, shard in unwrap(shards).items() if described.rename(key)})
    if len(needed) > MOST_SHARDS:
        raise WeightsError(
            f"{INDEX} of {label}: weights in {len(needed):,} files, and at most {MOST_SHARDS} are read"
        )
    return needed


def read_tensors(folder: Path, form: str, described: Description, *, label: str) -> dict[str, Tensor]:
    """Return the tensors in `folder` by the names that they have there.

    Raise WeightsError for a file that is missing, damaged or not the one that the config was written for, and
    for a tensor in two shards.
    """
    found: dict[str, Tensor] = {}
    places: dict[str, str] = {}
    for file in [form] if form != INDEX else read_index(folder, described, label=label):
        sha256 = described.sha256 if file == WEIGHTS else ""
        for key, tensor in read_file(folder / file, label=label, sha256=sha256).items():
            if key in found:
                raise WeightsError(f"{key} of {label} is in {places[key]}, and in {file} again")
            found[key], places[key] = tensor, file
    return found


def read_file(path: Path, *, label: str, sha256: str = "") -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, which has the checksum `sha256` where one is given."""
    what = {"file": path.name, "model": label}
    if not path.is_file():
        raise WeightsError(Message("{model} has no {file}", **what))
    try:
        if sha256 and hash_file(path) != sha256:
            raise WeightsError(
                Message("{file} of {model} is damaged: its sha256 is not the one in config.json", **what)
            )
        return load_file(path)
    except OSError as error:
        raise _unreadable(path.name, label, error) from error
    except SafetensorError as error:
        raise WeightsError(
            Message("{file} of {model} is truncated or damaged ({error})", **what, error=error)
        ) from error


def read_json(path: Path, *, label: str) -> dict[str, Any]:
    """Return a JSON object. Raise WeightsError when it is missing or is not one."""
    if not path.is_file():
        raise WeightsError(Message("{model} has no {file}", model=label, file=path.name))
    try:
        check_description(path.stat().st_size, file=path.name, label=label)
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path.name, label, error) from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path.name} of {label} is not valid JSON ({error})") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{path.name} of {label} is not a JSON object")
    return values


def check_description(size: int, *, file: str, label: str) -> None:
    """Raise WeightsError where a JSON file has more bytes than are read of one."""
    if size > LARGEST_JSON:
        raise WeightsError(
            Message(
                "{file} of {model} is larger than {limit} MB: no more is read of what describes a network",
                file=file,
                model=label,
                limit=f"{LARGEST_JSON / 1e6:.0f}",
            )
        )


def _unreadable(file: str, label: str, error: OSError) -> WeightsError:
    """Return the sentence for a file that the system does not give out; its own would tell the path."""
    return WeightsError(
        Message("{file} of {model} cannot be read ({error})", file=file, model=label, error=error.strerror)
    )


def hash_file(*paths: Path) -> str:
    """Return the checksum of a file, or of several, one behind the other, in hex digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()
