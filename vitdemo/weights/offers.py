"""Networks that nobody has listed: what one is, before its weights are fetched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vitdemo.limits import MEGABYTE, Limits
from vitdemo.message import Message, Progress
from vitdemo.registry import ModelSpec
from vitdemo.weights import hub, pairs
from vitdemo.weights.reading import WEIGHTS
from vitdemo.weights.records import Description
from vitdemo.weights.store import read_description
from vitdemo.weights.transfer import check_size

OFFICIAL = "hf-hub:timm/"  # the repositories whose tag tells what a network was trained on


@dataclass(frozen=True)
class Offer:
    """A network that can be loaded.

    `nbytes`: of its weights. `apart`: as in `hub.Terms`; the source of such a network names the
    commit that was looked at, so that nothing else is fetched.
    """

    spec: ModelSpec
    nbytes: int = 0
    apart: Path | None = None

    @property
    def is_cached(self) -> bool:
        """Whether its weights need no download."""
        return not self.spec.on_hub or pairs.is_cached(hub.read_address(self.spec.source), self.apart)


def look_up(
    name: str,
    *,
    deadline: float = hub.Terms.deadline,
    download_megabytes: int = Limits.download_megabytes,
    progress: Progress | None = None,
    apart: Path | None = None,
) -> Offer:
    """Return what `name`, of `read_name`, stands for; nothing but its configuration is fetched.

    The options are those of `load_model`, and `apart` of `hub.Terms`. Raise WeightsError, one sentence: there
    is no such network, it is of a kind that is not followed, or its weights are too large.
    """
    terms = hub.Terms(deadline, download_megabytes * MEGABYTE, progress, apart)
    if not name.startswith("hf-hub:"):
        label = Path(name).name
        base, nbytes, _ = pairs.inquire_base(Path(name), terms, label=label)
        described = read_description(Path(name), label=label, base=base)
        return Offer(make_spec(name, described, Message("folder {name}", name=label)), nbytes)
    found, nbytes = hub.inquire(name, terms)
    repo = hub.read_address(name).repo
    base, more, address = pairs.inquire_base(found.folder, terms, label=repo)
    check_size(max(nbytes, more), limit=terms.max_bytes, file=WEIGHTS, repo=repo)
    official = (address or name).startswith(OFFICIAL)
    described = read_description(found.folder, label=repo, official=official, base=base)
    source = f"hf-hub:{repo}@{found.revision}" if apart else name
    spec = replace(make_spec(name, described, name), title=repo, source=source)
    return Offer(spec, nbytes + more, apart)


def make_spec(name: str, described: Description, source: str) -> ModelSpec:
    """Return the entry of a network that the menu does not have. `source`: where its weights come from."""
    summary = Message("Weights from {source}.", source=source)
    return ModelSpec(name, described.name, summary, described.config, described.data, name)
