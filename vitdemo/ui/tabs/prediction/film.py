"""The film beside the answer: what pruning leaves of the picture, at every ratio without asking again."""

from __future__ import annotations

import base64
from typing import Any

import gradio as gr

from vitdemo.engine import Analysis, Expired
from vitdemo.engine.answers.payload import to_data_url
from vitdemo.engine.answers.ratios import RatioStep, step_of
from vitdemo.engine.core.records import Top
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import RUN
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.language import find_language, say_both, word
from vitdemo.ui.kit.opening import First
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import take
from vitdemo.ui.kit.visit import AHEAD, make_progress
from vitdemo.ui.tabs.prediction.words import FILM

LEFT_COLUMN = "(ratio, selector, reduction) => ({ ratio, selector, reduction })"


def build(session: Session) -> None:
    """Build the film. It comes with the answer; what other ratios make of the picture is run ahead."""
    first, engine = session.first, session.engine
    # By "ahead" the browser asks for all ratios, by "fewest" for the fewest patches.
    film = build_module(
        "tabs/prediction/film",
        event="ahead fewest",
        elem_id="film",
        words=say_both(FILM),
        value={name: getattr(session, name).value for name in ("ratio", "selector", "reduction")},
        shown=describe_picture(session, first.analysis if first else None),
        steps=describe_first(first) if first else {},
        found={},
    )
    session.show([film], lambda analysis: [gr.HTML(shown=describe_picture(session, analysis))])
    column = [session.ratio, session.selector, session.reduction]
    quiet: dict[str, Any] = {
        "api_visibility": "private",
        "show_progress": "hidden",
        "trigger_mode": "multiple",
    }
    gr.on([part.change for part in column], None, column, film, js=LEFT_COLUMN, queue=False, **quiet)

    def ahead(values: Values, event: gr.EventData) -> Any:
        asked = {name: take(event, name, str) for name in ("selector", "reduction")}
        with tell_errors():
            try:
                result = engine.recall(values[session.key] or "", progress=make_progress())
            except Expired:  # others have just pushed it out
                return gr.skip()
            if result.analysis.picture != take(event, "picture", str):
                return gr.skip()
            return gr.HTML(steps=describe_steps(result.analysis, asked, result.ratio_steps(**asked)))

    def fewest(values: Values, event: gr.EventData) -> Any:
        with tell_errors():
            result = session.open(values)
            if result.analysis.picture != take(event, "picture", str):
                return gr.skip()
            found = result.lab.smallest_set()
        return gr.HTML(
            found={
                "picture": result.analysis.picture,
                "kept": found.kept,
                "answer": word(found.answer),
                "probability": found.probability,
                "dense": found.dense,
                "minimal": found.minimal,
            }
        )

    film.ahead(ahead, {session.key}, film, **AHEAD, **quiet)
    film.fewest(fewest, session.inputs, film, **{**RUN, "show_progress": "minimal"})


def describe_picture(session: Session, analysis: Analysis | None) -> dict[str, Any]:
    """Return the picture that is shown, with the answer to it; nothing where there is none."""
    if analysis is None:
        return {}
    return {
        "picture": analysis.picture,
        "grid": session.engine.info(analysis.model).grid,
        "view": to_data_url(analysis.view),
        "ratio": round(100 * analysis.pruning_ratio),
        "step": pack_step(step_of(analysis)),
        "dense": name_classes(analysis.dense.top[:1]),
    }


def describe_first(first: First) -> dict[str, Any]:
    """Return the same of what the page brings with it."""
    analysis = first.analysis
    asked = {"selector": analysis.selector, "reduction": analysis.reduction}
    return describe_steps(analysis, asked, first.steps)


def describe_steps(analysis: Analysis, asked: dict[str, str], steps: dict[int, RatioStep]) -> dict[str, Any]:
    """Return what becomes of the picture at every ratio, in the visitor's language.

    `asked`: the selector and the reduction.
    """
    packed = {str(percent): pack_step(step) for percent, step in steps.items()}
    return {
        "picture": analysis.picture,
        **asked,
        "language": find_language(),
        "steps": packed,
    }


def pack_step(step: RatioStep) -> dict[str, Any]:
    """Return a step as JSON has it."""
    stages = base64.b64encode(step.stages).decode("ascii")
    return {"top": name_classes(step.top), "tokens": step.tokens, "stages": stages}


def name_classes(top: Top) -> list[tuple[str, float]]:
    """Return the classes as the visitor calls them."""
    return [(word(name), share) for name, share in top]
