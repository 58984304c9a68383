"""Weights from the bundled folder, a local folder or the Hugging Face Hub, as safetensors only.

A folder holds `model.safetensors` and a `config.json` in one of three formats: timm's, transformers'
and vitdemo's own: `{"format": "vitdemo", "version": 1, "name": ..., "model": ViTConfig, "data": DataConfig,
"classes": [...], "sha256": of model.safetensors; left out where unknown}`. Without a config.json OpenCLIP's
`open_clip_config.json` counts.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from vitdemo.limits import MEGABYTE, Limits
from vitdemo.message import Message, Progress
from vitdemo.registry import MODELS, PREFERRED, ModelSpec, entitle, find_title
from vitdemo.weights import hub, pairs
from vitdemo.weights.download import Terms
from vitdemo.weights.familiarity import load_familiarity, save_familiarity
from vitdemo.weights.names import ON_HUB, read_name, resolve_name
from vitdemo.weights.offers import OFFICIAL, Offer, look_up, make_spec
from vitdemo.weights.reading import read_state
from vitdemo.weights.records import Description, LoadedModel, Origin, WeightsError
from vitdemo.weights.shelf import can_be_shown, find_own, make_own_spec
from vitdemo.weights.store import PICKLES, read_description, read_folder, save_model
from vitdemo.weights.visitors import DESCRIBED, VisitorCache

__all__ = [
    "DESCRIBED",
    "LoadedModel",
    "Offer",
    "Origin",
    "Terms",
    "VisitorCache",
    "WeightsError",
    "can_be_shown",
    "find_default_model",
    "find_names",
    "is_cached",
    "list_models",
    "load_model",
    "locate_model",
    "look_up",
    "read_model",
    "read_name",
    "read_spec",
    "save_familiarity",
    "save_model",
]

PACKAGE = Path(__file__).resolve().parents[1]
IN_WHEEL = PACKAGE / "checkpoints"  # a wheel has the weights in the package, a checkout beside it
BUNDLED = IN_WHEEL if IN_WHEEL.is_dir() else PACKAGE.parent / "checkpoints"
HUB_REPO = "VITDEMO_HUB_REPO"  # owner/repo[@revision] with a folder for each bundled model, for a Space


def load_model(
    name_or_spec: str | ModelSpec,
    *,
    models_dir: Path | None = None,
    device: str = "cpu",
    deadline: float = Terms.deadline,
    download_megabytes: int = Limits.download_megabytes,
    progress: Progress | None = None,
) -> LoadedModel:
    """Return a network ready for inference on `device`, with 32-bit weights.

    `name_or_spec`: a name of the menu, what `resolve_name` knows (a folder, `hf-hub:owner/repo[@revision]`, a
    network's name in timm), or a spec. Bundled models are looked up in `models_dir` (default: BUNDLED), and
    before that in the repository that the environment variable VITDEMO_HUB_REPO names, if it is set.
    `deadline`: seconds without a byte after which the Hub is given up; a download that moves goes on, but no
    file larger than `download_megabytes` is fetched. While the Hub is waited for, `progress(fraction, text)`
    is called several times a second, from the start; whatever it raises cancels the download, at once and
    with its thread, and is what this raises. Raise WeightsError with one sentence for the user.
    """
    terms = Terms(deadline, download_megabytes * MEGABYTE, progress)
    return read_model(locate_model(name_or_spec, models_dir=models_dir, terms=terms), device=device)


@dataclass(frozen=True)
class Located:
    """Where a network lies. `label`: its name in messages; `base`: the folder of its weights."""

    label: str
    spec: ModelSpec | None
    folder: Path
    origin: Origin
    base: Path
    official: bool


def locate_model(name_or_spec: str | ModelSpec, *, models_dir: Path | None = None, terms: Terms) -> Located:
    """Return where a network lies, fetched if need be; otherwise as `load_model`."""
    spec = find_spec(name_or_spec, models_dir or BUNDLED) if isinstance(name_or_spec, str) else name_or_spec
    source = resolve_name(str(name_or_spec)) if spec is None else spec.source
    if spec is not None and source == "bundled":
        folder, origin = locate_bundled(spec.folder, models_dir or BUNDLED, terms)
    elif source.startswith("hf-hub:"):
        folder, origin = locate_on_hub(source, terms)
    else:
        folder, origin = locate_folder(source, name=spec.key if spec else Path(source).resolve().name)
    label = source if spec is None else spec.folder
    base, address = pairs.fetch_base(folder, terms, label=label)
    return Located(label, spec, folder, origin, base, (address or source).startswith(OFFICIAL))


def read_model(located: Located, *, device: str = "cpu") -> LoadedModel:
    """Return the network that was `located`; otherwise as `load_model`."""
    label, spec, folder, origin = located.label, located.spec, located.folder, located.origin
    dense, official = spec is not None and bool(spec.dense_of), located.official
    model, described = read_folder(folder, label=label, official=official, dense=dense, base=located.base)
    spec = make_spec(label, described, origin.source) if spec is None else fit_spec(spec, described)
    familiarity = load_familiarity(folder, described.config, sha256=described.sha256)
    beside = None if origin.revision else folder
    return LoadedModel(model.to(device), spec, described.classes, origin, beside, familiarity)


def find_spec(name: str, models_dir: Path) -> ModelSpec | None:
    """Return the menu's entry `name` before anything is read for it; None for what the menu does not have."""
    own = None if name in MODELS else find_own(models_dir).get(name)
    return MODELS.get(name) if own is None else make_own_spec(name, own)


def fit_spec(spec: ModelSpec, described: Description) -> ModelSpec:
    """Return the menu's entry `spec` of what its config.json describes; networks of the Hub keep titles."""
    spec = replace(spec, config=described.config, data=described.data)
    if spec.on_hub:
        return spec
    what = find_title(spec.data.dataset) if spec.source == "bundled" else spec.key
    title, summary = entitle(spec.config, what)
    return replace(spec, title=title, summary=summary)


def read_spec(name: str, *, models_dir: Path | None = None) -> ModelSpec:
    """Return the menu's entry `name`, before its weights are loaded. Raise KeyError for no such name.

    What the config.json of a bundled model says counts, for its weights may be of another size than the
    registry expects. Where it cannot be read the entry stays as it is; `load_model` says why.
    """
    spec = find_spec(name, models_dir or BUNDLED)
    if spec is None:
        raise KeyError(name)
    if spec.on_hub:
        return spec
    folder = find_config(spec, models_dir or BUNDLED)
    try:
        return describe_spec(spec, folder, read_state(folder))
    except WeightsError:
        return spec


def find_config(spec: ModelSpec, models_dir: Path) -> Path:
    """Return the folder whose config.json tells what a network of the menu is, without a request.

    Of a bundled one it is what the cache has of VITDEMO_HUB_REPO, if that is set, else in `models_dir`.
    """
    if spec.source != "bundled":
        return Path(spec.source)
    if match := hub.NAME.fullmatch(f"hf-hub:{os.environ.get(HUB_REPO, '')}"):
        address = hub.Address(match["repo"], match["revision"] or "main", spec.folder)
        if cached := hub.find_cached(address):
            return cached.folder
    return models_dir / spec.folder


@lru_cache(maxsize=4 * len(MODELS))
def describe_spec(spec: ModelSpec, folder: Path, state: object) -> ModelSpec:
    """Return `spec` as the config in `folder` describes it. Raise WeightsError where it cannot be read.

    It is read anew only once `state` has changed: the menu is asked for with every answer.
    """
    base, dense = pairs.find_base(folder), bool(spec.dense_of)
    return fit_spec(spec, read_description(folder, label=spec.folder, dense=dense, base=base))


def find_names(models_dir: Path | None = None) -> tuple[str, ...]:
    """Return every name that `load_model` knows: the registry's keys, and networks of one's own."""
    return (*MODELS, *find_own(models_dir or BUNDLED))


def list_models(models_dir: Path | None = None) -> dict[str, ModelSpec]:
    """Return the menu, each as `read_spec` describes it.

    The registry without missing optional models comes first, then networks of one's own.
    """
    folder = models_dir or BUNDLED
    keys = [key for key, spec in MODELS.items() if not spec.optional or (folder / spec.folder).is_dir()]
    return {key: read_spec(key, models_dir=models_dir) for key in (*keys, *find_own(folder))}


def find_default_model(models_dir: Path | None = None) -> str:
    """Return the key of the model that answers where none is named."""
    menu = list_models(models_dir)
    return next(key for key in PREFERRED if key in menu)


def is_cached(name: str) -> bool:
    """Return whether what `name` stands for on the Hub lies whole in the client's cache."""
    match = hub.NAME.fullmatch(resolve_name(name))
    if match is None:
        return False
    return pairs.is_cached(hub.Address(match["repo"], match["revision"] or "main"))


def locate_on_hub(name: str, terms: Terms, *, subfolder: str = "") -> tuple[Path, Origin]:
    """Return the folder of `hf-hub:owner/repo[@revision]` in the client's cache."""
    found = hub.fetch(name, subfolder=subfolder, terms=terms)
    return found.folder, Origin(f"{name.split('@')[0]}@{found.revision}", found.revision, found.note)


def locate_bundled(name: str, models_dir: Path, terms: Terms) -> tuple[Path, Origin]:
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
    if models_dir.resolve() == BUNDLED.resolve():
        return folder, Origin(Message("bundled"), note=note)
    return folder, Origin(Message("folder {name}", name=name), note=note)


def locate_folder(place: str, *, name: str) -> tuple[Path, Origin]:
    """Return a local folder, told by `name`. Raise WeightsError for a pickle, and where nothing is there."""
    folder = Path(place)
    if folder.is_dir():
        return folder, Origin(Message("folder {name}", name=name))
    if folder.suffix in PICKLES:
        raise WeightsError(
            f"{folder.name} is a pickle, which could run code; only model.safetensors is read, and "
            "python -m vitdemo.weights convert writes it for an official checkpoint of DynamicViT"
        )
    near = difflib.get_close_matches(place, MODELS, n=1)
    if address := ON_HUB.fullmatch(place):
        near = [f"hf-hub:{address['repo']}"]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise WeightsError(
        f"Unknown model {place!r}: it is not one of {', '.join(MODELS)}, nor a folder, "
        f"nor hf-hub:owner/repo{hint}"
    )
