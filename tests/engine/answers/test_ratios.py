"""A picture at every ratio: the same as asking for each, once, and without keeping anybody waiting."""

from __future__ import annotations

from threading import Event, Thread
from time import sleep

import pytest

from tests.engine.bundle import LAB_MODEL, draw_picture
from vitdemo.engine import Engine, Request, Result
from vitdemo.engine.answers import ratios
from vitdemo.engine.answers.ratios import PERCENTS, step_of


def is_same(one: ratios.RatioStep, other: ratios.RatioStep) -> bool:
    return (
        one.stages == other.stages
        and one.tokens == other.tokens
        and [label for label, _ in one.top] == [label for label, _ in other.top]
        and [share for _, share in one.top] == pytest.approx([share for _, share in other.top], abs=1e-5)
    )


@pytest.mark.parametrize("selector", ["learned", "random"])
def test_each_step_is_what_its_own_request_says(engine: Engine, result: Result, selector: str) -> None:
    steps = result.ratio_steps(selector)
    assert list(steps) == list(PERCENTS) == list(range(0, 91, 5))
    for percent, step in list(steps.items())[:: 1 if selector == "learned" else 3]:
        asked = engine.open(Request(draw_picture(), LAB_MODEL, percent / 100, selector))
        assert is_same(step, step_of(asked.analysis)), percent


def test_what_the_result_has_run_is_taken_as_it_is(engine: Engine, result: Result) -> None:
    steps = result.ratio_steps("learned")
    assert steps[30] == step_of(result.analysis)
    assert (steps[0].top, steps[0].tokens) == (result.analysis.dense.top, (64,))
    later = engine.open(Request(draw_picture(), LAB_MODEL, 0.6))
    assert later.ratio_steps("learned")[60] == step_of(later.analysis)
    assert list(steps) == list(PERCENTS)


def test_a_byte_a_patch_tells_the_stage_that_dropped_it(result: Result) -> None:
    stages = result.ratio_steps("learned")[30].stages
    for stage, kept in enumerate(result.analysis.kept, start=1):
        assert kept == tuple(patch for patch, drop in enumerate(stages) if drop == 0 or drop > stage)
    assert set(result.ratio_steps("learned")[0].stages) == {0}


def test_they_are_run_once_for_a_picture_whatever_its_ratio(engine: Engine, result: Result) -> None:
    result.ratio_steps("learned")
    other = engine.open(Request(draw_picture(), LAB_MODEL, 0.6))
    before = engine.forwards
    assert other.analysis.picture == result.analysis.picture
    assert other.ratio_steps("learned") is result.ratio_steps("")
    assert engine.forwards == before
    other.ratio_steps("random")
    assert engine.forwards > before


def test_another_picture_or_network_has_steps_of_its_own(engine: Engine, result: Result) -> None:
    requests = Request(draw_picture(seed=1), LAB_MODEL), Request(draw_picture(), "vit_cifar10")
    others = {engine.open(request).analysis.picture for request in requests}
    assert len(others | {result.analysis.picture}) == 3


def test_what_was_found_before_the_visitor_left_is_kept(engine: Engine, result: Result) -> None:
    def leave(share: float, text: str) -> None:
        if share >= 0.4:
            raise InterruptedError

    before = engine.forwards
    with pytest.raises(InterruptedError):
        engine.recall(result.key, progress=leave).ratio_steps("learned")
    assert engine.forwards == before + 6  # of 8, since the result has run 0 and 30 %
    result.ratio_steps("learned")
    assert engine.forwards == before + len(PERCENTS) - 2


def test_another_visitor_waits_for_one_pass_at_most(
    engine: Engine, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, order, begun, go_on = ratios.run_step, [], Event(), Event()

    def slow(*given: object) -> ratios.RatioStep:
        begun.set()
        assert go_on.wait(60)
        order.append("step")
        return run(*given)  # type: ignore[arg-type]

    def visit() -> None:
        engine.open(Request(draw_picture(seed=2), LAB_MODEL))
        order.append("visitor")

    monkeypatch.setattr(ratios, "run_step", slow)
    background = Thread(target=lambda: result.ratio_steps("learned"))
    background.start()
    assert begun.wait(60)
    visitor = Thread(target=visit)
    visitor.start()
    while not engine._pool.compute._line:
        sleep(0.01)
    go_on.set()
    visitor.join(60)
    background.join(60)
    assert order.index("visitor") <= 2
    assert order.count("step") == len(PERCENTS) - 2


def test_an_unknown_selector_or_reduction_is_refused(result: Result) -> None:
    with pytest.raises(ValueError, match="selector must be one of"):
        result.ratio_steps("best")
    with pytest.raises(ValueError, match="reduction must be one of"):
        result.ratio_steps("", "melt")


def test_the_table_counts_the_patches_at_every_percent(engine: Engine) -> None:
    table = engine.token_table(LAB_MODEL, engine.info(LAB_MODEL).num_patches)
    assert len(table) == 91
    for percent in (0, 1, 30, 90):
        assert table[percent] == engine.token_counts(LAB_MODEL, percent / 100)
    assert (table[0], table[30]) == ((64,), (64, 44, 31, 21))
