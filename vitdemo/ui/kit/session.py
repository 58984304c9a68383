"""What all tabs share: the values of the left column, errors for users, results that have expired."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from vitdemo.engine import Engine, Expired, Progress, Request, Result
from vitdemo.ui.kit.html import CRASHED, FULL, escaped, sentence
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.pictures import Upload
from vitdemo.ui.kit.visit import Unwanted, analyse, may_run_networks, reported

Values = dict[Any, Any]  # component -> its value, as gradio hands them over for a set of inputs


@dataclass(frozen=True)
class Follower:
    """A part of the page that follows the shown result: if it `wants(values)` to know of another one, an
    event with these `options` has `run` update `outputs`. All from `inputs` and those of the left column."""

    wants: Callable[[Values], bool]
    run: Callable[..., Values]
    inputs: set[Any]
    outputs: list[Any]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Left:
    """The left column. `key`: the key of the shown result, nothing else of it; `active`: the elem_id of the
    open tab; `followers`: who may want to know of another key, and `jobs`: the events whose answers another
    key makes worthless (see results.py)."""

    image: Upload
    note: gr.HTML
    examples: gr.Gallery
    uploads: gr.UploadButton
    strip: gr.Gallery
    paths: gr.State
    sample: gr.Button
    model: gr.Dropdown
    ratio: gr.Slider
    counts: gr.HTML
    selector: gr.Dropdown
    key: gr.State
    active: gr.State
    followers: list[Follower] = field(default_factory=list)
    jobs: list[Any] = field(default_factory=list)

    @property
    def asked(self) -> dict[str, Any]:
        """What a request is made of, by name."""
        return {"image": self.image, "model": self.model, "ratio": self.ratio, "selector": self.selector}

    @property
    def inputs(self) -> set[Any]:
        """Everything that a request, or a picture of its result, needs."""
        return {self.key, *self.asked.values()}

    def request(self, engine: Engine, values: Values) -> Request:
        """What the visitor asks for now."""
        model = values[self.model]
        selector = fitting(values[self.selector], engine.info(model).selectors)
        return Request(values[self.image], model, values[self.ratio] / 100, selector)


def fitting(selector: str | None, known: tuple[str, ...]) -> str:
    """`selector` if the model has it, else the model's best."""
    return selector if selector in known else known[0]


@contextmanager
def told(*, html: bool = True) -> Iterator[None]:
    """Turns errors into one sentence for the visitor; what was not foreseen goes to the log as well.

    `html`: the page shows it, and the sentence may hold the visitor's own words; False for other programs."""
    try:
        yield
    except gr.Error:
        raise
    except Unwanted:
        raise gr.Error("", visible=False, print_exception=False) from None
    except ValueError as error:
        words = sentence(translate(error))
        raise gr.Error(escaped(words) if html else words, print_exception=False) from None
    except Exception as error:
        raise unforeseen(error) from None


def unforeseen(error: Exception) -> gr.Error:
    """The sentence for an error that nobody has foreseen; it is logged."""
    logging.getLogger(__name__).error("an event of the page failed", exc_info=error)
    return gr.Error(say(FULL if is_full(error) else CRASHED), print_exception=False)


def is_full(error: Exception) -> bool:
    """Whether `error` says that the disk is full, or the share of it that we may use."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def open_result(engine: Engine, left: Left, values: Values, report: Progress | None = None) -> Result:
    """Return the shown result, whose jobs tell `report`. Runs the network if memory has dropped it.

    Raise Expired, whose message is one sentence for the visitor, where that would run a network past the line
    of those that wait for one.
    """
    report = report or reported()
    try:
        return engine.recall(values[left.key], progress=report)
    except Expired:
        if not may_run_networks():
            raise
        return analyse(engine, left.request(engine, values), report)


def chosen_class(values: Values, left: Left, chosen: gr.State) -> str:
    """The clicked class of the shown result, or "" for its answer."""
    picked = values[chosen]
    return picked[1] if picked is not None and picked[0] == values[left.key] else ""
