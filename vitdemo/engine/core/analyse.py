"""From a picture to its traces, which all answers but those that run the network again are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo import cost
from vitdemo.config import as_pair
from vitdemo.data import Prepared, preprocess
from vitdemo.decode import decode
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.embedding import take_apart
from vitdemo.engine.core.pool import ModelPool
from vitdemo.engine.core.records import Analysis, Outcome, Request
from vitdemo.engine.core.setting import Setting, check_request, make_pruning, name_setting
from vitdemo.engine.core.shared import Shared
from vitdemo.engine.core.sizes import choose_spec, tell_size
from vitdemo.engine.core.top import name_top
from vitdemo.message import Message, Progress
from vitdemo.models import VisionTransformer
from vitdemo.recording import record, record_pruned
from vitdemo.trace import Trace
from vitdemo.weights import LoadedModel

UPLOAD_EDGE = 448  # pixels; what is kept of the upload for the page


@dataclass(frozen=True, eq=False)
class Job:
    """A request whose picture and model are there.

    `upload`: the picture, at most `UPLOAD_EDGE` pixels, and `size`: what it was before; `picture`: what all
    its results have in common; `key`: where its result is kept.
    """

    setting: Setting
    upload: Image.Image
    size: tuple[int, int]
    prepared: Prepared
    picture: str
    key: str


def analyse(request: Request, shared: Shared, *, progress: Progress) -> Entry:
    """Return what memory holds of an equal request, or else run the network on the picture, dense and pruned.

    Raise ValueError with one sentence for the user: BadImage, WeightsError, an unknown model, selector or
    reduction.
    """
    pool, cache = shared.pool, shared.cache
    request = name_model(request, pool)
    check_request(request, pool.spec(request.model))  # before anything is loaded
    loaded = pool.find(request.model)
    if loaded is None:
        with pool.decoding.turn(progress):  # what is no picture is told before anything is loaded
            decode(request.image, limits=pool.limits)  # and not held: others would decode theirs meanwhile
        loaded = pool.get(request.model, progress=lambda share, text: progress(0.8 * share, text))
    with pool.decoding.turn(progress):
        loaded, job = decode_job(request, loaded, shared)
    if known := cache.find(job.key):  # waits for nobody else's job
        return known
    with pool.compute.turn(progress) as report:  # of two equal requests the second finds what the first left
        entry = cache.find(job.key)
        if entry is None:
            entry = run_job(request, job, loaded, shared, report=report)
            cache.put(entry)
    progress(1.0, Message("Done"))
    return entry


def find(request: Request, shared: Shared) -> Entry | None:
    """Return what an equal request left in memory, or None. Decodes the picture; loads and runs nothing."""
    request = name_model(request, shared.pool)
    loaded = shared.pool.find(request.model)
    if loaded is None:
        return None
    with shared.pool.decoding.turn():
        _, job = decode_job(request, loaded, shared)
    return shared.cache.find(job.key)


def name_model(request: Request, pool: ModelPool) -> Request:
    """Return the request with the name of its model."""
    return request if request.model else replace(request, model=pool.default_model)


def resize(loaded: LoadedModel, request: Request, upload: Image.Image, pool: ModelPool) -> LoadedModel:
    """Return the network as it reads `upload` at the size that is asked for. Raise ValueError naming it."""
    spec = choose_spec(loaded.spec, request.size, picture=upload.size, limits=pool.limits)
    return pool.fit(loaded, spec)


def run_job(request: Request, job: Job, loaded: LoadedModel, shared: Shared, *, report: Progress) -> Entry:
    """Run `job`. It is the caller's turn of `pool.compute`."""
    setting, pixels, pool = job.setting, job.prepared.pixels, shared.pool
    report(0.85, Message("Running {title}", title=setting.spec.title))
    dense, pruned = pool.call(run, loaded.model, pixels.to(pool.device), setting)
    analysis = Analysis(
        key=job.key,
        model=request.model,
        title=setting.spec.title,
        selector=setting.selector,
        pruning_ratio=setting.pruning_ratio if setting.stages else request.pruning_ratio,
        view=job.prepared.view,
        dense=make_outcome(dense, loaded, None),
        pruned=pruned and make_outcome(pruned, loaded, setting),
        kept=tuple(tuple(ids.tolist()) for ids in pruned.kept) if pruned is not None else (),
        source=loaded.origin.source,
        note=loaded.origin.note,
        classes=loaded.classes,
        unfamiliar=is_unfamiliar(dense, loaded),
        picture=job.picture,
        input_size=as_pair(loaded.spec.config.img_size),
        resized=tell_size(loaded.spec.config, loaded.trained_size),
        reduction=setting.reduction,
        stages=setting.stages,
    )
    embedding = take_apart(loaded.model, pixels.to(pool.device))
    config, data = setting.spec.config, setting.spec.data
    return Entry(analysis, config, data, job.upload, job.size, pixels, embedding, dense, pruned)


def is_unfamiliar(dense: Trace, loaded: LoadedModel) -> bool | None:
    """Return whether the picture looks like none of the network's classes; None where nobody can tell."""
    if loaded.familiarity is None or dense.pooled is None or dense.logits is None:
        return None
    return loaded.familiarity.is_unfamiliar(dense.pooled, dense.logits)


def decode_job(request: Request, loaded: LoadedModel, shared: Shared) -> tuple[LoadedModel, Job]:
    """Return `loaded` at the size asked for, and the job. It is the caller's turn of `pool.decoding`."""
    upload = decode(request.image, limits=shared.pool.limits)
    loaded = resize(loaded, request, upload, shared.pool)
    return loaded, prepare_job(request, upload, loaded, shared)


def prepare_job(request: Request, upload: Image.Image, loaded: LoadedModel, shared: Shared) -> Job:
    """Check `request`, preprocess its picture for `loaded`, and name its result.

    `upload`: the decoded picture, which this call shrinks. It is the caller's turn of `pool.decoding`.
    """
    setting = check_request(request, loaded.spec)
    data, limit, cache = setting.spec.data, shared.pool.limits.resize_megapixels, shared.cache
    prepared, size = preprocess(upload, config=data, megapixels=limit), upload.size
    upload.thumbnail((UPLOAD_EDGE, UPLOAD_EDGE))
    images = (upload.tobytes(), prepared.view.tobytes(), prepared.pixels.numpy().tobytes())
    weights, *how = name_setting(request.model, setting, loaded)
    sizes = str((size, prepared.pixels.shape))
    picture = cache.key(weights.encode(), sizes.encode(), *images)
    key = cache.key(*(part.encode() for part in (picture, *how)))
    return Job(setting, upload, size, prepared, picture, key)


def run(
    model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], setting: Setting
) -> tuple[Trace, Trace | None]:
    """Run the network dense and, where the setting prunes, pruned."""
    pruning = make_pruning(setting, model, pixels)
    if pruning is None:
        return record(model, pixels, name=setting.spec.key), None
    return record_pruned(model, pixels, pruning, name=setting.spec.key)


def make_outcome(trace: Trace, loaded: LoadedModel, setting: Setting | None) -> Outcome:
    """Return what `trace` says, in words and numbers; without a `setting` it is of the dense pass."""
    top = () if trace.logits is None else name_top(trace.logits, loaded)
    tokens = (trace.num_patches, *(len(ids) for ids in trace.kept))
    config = loaded.spec.config
    how = {} if setting is None else {"prune_loc": trace.prune_loc, "reduction": setting.reduction}
    return Outcome(top, tokens, cost.macs(config, tokens=tokens, **how))
