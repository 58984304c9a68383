"""Weights from the bundled folder, a local folder or the Hugging Face Hub, as safetensors only.

A folder holds `model.safetensors` and a `config.json` in one of three formats: timm's, transformers' (ViT)
and vitdemo's own: `{"format": "vitdemo", "version": 1, "name": ..., "model": ViTConfig, "data": DataConfig,
"classes": [...], "sha256": of model.safetensors; left out where unknown}`.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from vitdemo.limits import MEGABYTE, Limits
from vitdemo.message import Message, Progress
from vitdemo.registry import MODELS, PREFERRED, ModelSpec
from vitdemo.weights import hub
from vitdemo.weights.familiarity import load_familiarity, save_familiarity
from vitdemo.weights.records import LoadedModel, Origin, WeightsError
from vitdemo.weights.store import CONFIG, PICKLES, PREPROCESSOR, read_description, read_folder, save_model

__all__ = [
    "LoadedModel",
    "Origin",
    "WeightsError",
    "find_default_model",
    "folder_of",
    "is_cached",
    "list_models",
    "load_model",
    "save_familiarity",
    "save_model",
    "spec_of",
]

PACKAGE = Path(__file__).resolve().parents[1]
IN_WHEEL = PACKAGE / "checkpoints"  # a wheel has the weights in the package, a checkout beside it
BUNDLED = IN_WHEEL if IN_WHEEL.is_dir() else PACKAGE.parent / "checkpoints"
OFFICIAL = "hf-hub:timm/"  # the repositories whose tag tells what a network was trained on
HUB_REPO = "VITDEMO_HUB_REPO"  # owner/repo[@revision] with a folder for each bundled model, for a Space


def load_model(
    name_or_spec: str | ModelSpec,
    *,
    models_dir: Path | None = None,
    device: str = "cpu",
    deadline: float = 10.0,
    download_megabytes: int = Limits.download_megabytes,
    progress: Progress | None = None,
) -> LoadedModel:
    """Return a network ready for inference on `device`, with 32-bit weights.

    `name_or_spec`: a registry key, a folder, `hf-hub:owner/repo[@revision]`, or a spec. Bundled models
    are looked up in `models_dir` (default: BUNDLED), and before that in the repository that the environment
    variable VITDEMO_HUB_REPO names, if it is set.
    `deadline`: seconds without a byte after which the Hub is given up; a download that moves goes on, but no
    file larger than `download_megabytes` is fetched. While the Hub is waited for, `progress(fraction, text)`
    is called several times a second, from the start; whatever it raises cancels the download, at once and
    with its thread, and is what this raises. Raise WeightsError with one sentence for the user.
    """
    terms = hub.Terms(deadline, download_megabytes * MEGABYTE, progress)
    spec = MODELS.get(name_or_spec) if isinstance(name_or_spec, str) else name_or_spec
    source = str(name_or_spec) if spec is None else spec.source
    if spec is not None and source == "bundled":
        folder, origin = locate_bundled(spec.folder, models_dir or BUNDLED, terms)
    elif source.startswith("hf-hub:"):
        folder, origin = locate_on_hub(source, terms)
    else:
        folder, origin = locate_folder(source)
    official = source.startswith(OFFICIAL)
    label, dense = (source, False) if spec is None else (spec.folder, bool(spec.dense_of))
    model, described = read_folder(folder, label=label, official=official, dense=dense)
    if spec is None:
        summary = f"Weights from {origin.source}."
        spec = ModelSpec(source, described.name, summary, described.config, described.data, source)
    spec = dataclasses.replace(spec, config=described.config, data=described.data)
    familiarity = load_familiarity(folder, described.config, sha256=described.sha256)
    return LoadedModel(model.to(device), spec, described.classes, origin, familiarity)


def spec_of(key: str, *, models_dir: Path | None = None) -> ModelSpec:
    """Return the registry's entry `key`, before its weights are loaded.

    What the config.json of a bundled model says counts, for its weights may be of another size than the
    registry expects. Where it cannot be read the entry stays as it is; `load_model` says why.
    """
    spec = MODELS[key]
    if spec.source != "bundled":
        return spec
    folder = (models_dir or BUNDLED) / spec.folder
    try:
        return describe_spec(spec, folder, state_of(folder))
    except WeightsError:
        return spec


@lru_cache(maxsize=2 * len(MODELS))
def describe_spec(spec: ModelSpec, folder: Path, state: object) -> ModelSpec:
    """Return `spec` as the config in `folder` describes it. Raise WeightsError where it cannot be read.

    It is read anew only once `state` has changed: the menu is asked for with every answer.
    """
    described = read_description(folder, label=spec.folder, dense=bool(spec.dense_of))
    return dataclasses.replace(spec, config=described.config, data=described.data)


def state_of(folder: Path) -> tuple[tuple[int, ...], ...]:
    """Return what differs once a file that describes the network in `folder` is another one."""
    states = []
    for file in (CONFIG, PREPROCESSOR):
        with suppress(OSError):  # there is none
            found = (folder / file).stat()
            states.append((found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
    return tuple(states)


def list_models(models_dir: Path | None = None) -> dict[str, ModelSpec]:
    """Return the menu, each as `spec_of` describes it: the registry without missing optional models."""
    folder = models_dir or BUNDLED
    keys = [key for key, spec in MODELS.items() if not spec.optional or (folder / spec.folder).is_dir()]
    return {key: spec_of(key, models_dir=models_dir) for key in keys}


def folder_of(name: str, loaded: LoadedModel, models_dir: Path | None) -> Path | None:
    """Return where the files beside the weights lie; None for weights from the Hub."""
    if loaded.origin.source == "bundled":
        return (models_dir or BUNDLED) / loaded.spec.folder
    return Path(name) if Path(name).is_dir() else None


def find_default_model(models_dir: Path | None = None) -> str:
    """Return the key of the model that answers where none is named."""
    menu = list_models(models_dir)
    return next(key for key in PREFERRED if key in menu)


def is_cached(name: str) -> bool:
    """Return whether what `hf-hub:owner/repo[@revision]` stands for lies whole in the client's cache."""
    match = hub.NAME.fullmatch(name)
    if match is None:
        return False
    return hub.find_cached(hub.Address(match["repo"], match["revision"] or "main")) is not None


def locate_on_hub(name: str, terms: hub.Terms, *, subfolder: str = "") -> tuple[Path, Origin]:
    """Return the folder of `hf-hub:owner/repo[@revision]` in the client's cache."""
    found = hub.fetch(name, subfolder=subfolder, terms=terms)
    return found.folder, Origin(f"{name.split('@')[0]}@{found.revision}", found.revision, found.note)


def locate_bundled(name: str, models_dir: Path, terms: hub.Terms) -> tuple[Path, Origin]:
    """Return the folder of a bundled model, in the repository of VITDEMO_HUB_REPO or `models_dir`."""
    folder, note = models_dir / name, ""
    if repo := os.environ.get(HUB_REPO):
        try:
            return locate_on_hub(f"hf-hub:{repo}", terms, subfolder=name)
        except WeightsError as error:
            if not folder.is_dir():
                raise
            note = Message("{error}; the bundled weights are in use", error=error.args[0])
    if not folder.is_dir():
        raise WeightsError(Message("The bundled model {name} is not in the models folder", name=repr(name)))
    return folder, Origin(Message("bundled"), note=note)


def locate_folder(name: str) -> tuple[Path, Origin]:
    """Return a local folder. Raise WeightsError for a pickle, and for a name that nothing has."""
    folder = Path(name)
    if folder.is_dir():
        return folder, Origin(f"folder {folder.resolve().name}")
    if folder.suffix in PICKLES:
        raise WeightsError(f"{folder.name} is a pickle, which could run code; only model.safetensors is read")
    near = difflib.get_close_matches(name, MODELS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise WeightsError(
        f"Unknown model {name!r}: it is not one of {', '.join(MODELS)}, nor a folder, "
        f"nor hf-hub:owner/repo{hint}"
    )
