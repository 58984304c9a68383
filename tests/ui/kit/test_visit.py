"""In which line each event of the page waits."""

from __future__ import annotations

import gradio as gr
import pytest

from vitdemo.engine import Engine
from vitdemo.ui import build
from vitdemo.ui.kit.visit import AHEAD, HEAVY, HUB, LIGHT, NEWER

# What only draws, or looks up: by the name of its function; most are the session's.
DRAWS = {"choose", "expand", "go", "lambda", "look", "models", "open", "run", "send"}


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return build(Engine(device="cpu"))


def test_every_event_that_waits_stands_in_one_of_four_lines(page: gr.Blocks) -> None:
    """None writes its own limit by hand: gradio would give it a line of its own."""
    queued = [fn for fn in page.fns.values() if fn.queue and fn.fn is not None]
    lines = {(fn.concurrency_id, fn.concurrency_limit) for fn in queued}
    assert lines == {tuple(line.values()) for line in (HEAVY, LIGHT, AHEAD, HUB)}
    light = [fn for fn in queued if fn.concurrency_id == LIGHT["concurrency_id"]]
    assert {str(fn.api_name).split("_")[0] for fn in light} == DRAWS
    (ahead,) = [fn for fn in queued if fn.concurrency_id == AHEAD["concurrency_id"]]
    assert str(ahead.api_name) == "ahead"
    (load,) = [fn for fn in page.fns.values() if any(event == "load" for _, event in fn.targets)]
    assert load in light


def test_the_page_asks_for_another_result_by_the_event_that_is_named(page: gr.Blocks) -> None:
    (newer,) = [fn for fn in page.fns.values() if fn.api_name == NEWER]
    assert (newer.concurrency_id, newer.api_visibility) == (HEAVY["concurrency_id"], "private")
