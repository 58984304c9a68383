"""What the address of a page asks for: its parameters, read against what this page has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from vitdemo.engine import MAX_PRUNING_RATIO, REDUCTIONS, Engine
from vitdemo.engine.look import by_text, choose, from_link
from vitdemo.examples import EXAMPLES
from vitdemo.ui.kit.html import say_html

UNKNOWN = "The link's {name}={value} was left out: this page has no such {name}."
FORMER_TABS = {"referee": "trust"}  # names that links of former versions have
OF_ANY_NETWORK = ("example", "ratio", "reduction", "tab")  # what makes sense whatever the network is
LONGEST = 40  # characters of a wrong value that are repeated to the visitor


def read_parameters(
    engine: Engine, parameters: Mapping[str, str], *, tabs: Collection[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return what the link asks for, by parameter, and the parameters that make no sense on this page.

    What it asks of the Attention tab stands under "look". Parameters that are not the link's are passed over.
    """
    wanted = parameters.get("model", engine.default_model)
    models = [wanted] if engine.networks.is_known(wanted) else []
    info = engine.info(wanted if models else engine.default_model)
    sizes = engine.sizes(info.key)
    known: dict[str, dict[str, Any]] = {
        "example": by_text(EXAMPLES),
        "model": by_text(models),
        "ratio": by_text(range(0, round(100 * MAX_PRUNING_RATIO) + 1, 5)),
        "size": by_text(filter(None, sizes)),
        "selector": by_text(info.selectors),
        "reduction": by_text(REDUCTIONS),
        "tab": by_text(tabs) | {old: new for old, new in FORMER_TABS.items() if new in tabs},
    }
    found, wrong = choose(known, parameters)
    patches = sizes[found.get("size", "")].patches
    look, more = from_link(parameters, info, patches=patches)
    return found | ({"look": look} if look else {}), wrong + more


def set_another(
    engine: Engine, found: dict[str, Any], wrong: list[str], parameters: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Return `found` and `wrong` with a model that is not at hand as "another", which is to be looked up.

    The page opens with one that is, of which nothing was asked: what is a network's own waits in "search".
    """
    if "model" not in parameters or ("model" in found and engine.networks.is_at_hand(found["model"])):
        return found, wrong
    rest = {name: value for name, value in found.items() if name in OF_ANY_NETWORK}
    asked = {"another": parameters["model"], "search": urlencode(parameters)}
    return {**rest, **asked}, [name for name in wrong if name in OF_ANY_NETWORK]


def warn_of(wrong: list[str], parameters: Mapping[str, str]) -> None:
    """Tell the visitor which of a link's `parameters` were left out."""
    for name in wrong:
        gr.Warning(say_html(UNKNOWN, name=name, value=parameters[name][:LONGEST]))
