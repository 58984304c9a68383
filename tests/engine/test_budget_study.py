"""Whether easy pictures use fewer patches: the numbers are the laboratory's, statistics worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vitdemo.decode import decode
from vitdemo.engine import Engine, Request, budget_study
from vitdemo.engine.budget_study import BudgetStudy
from vitdemo.examples import example_paths
from vitdemo.weights import load_model

KEY = "dynamicvit_cifar10"


def test_each_picture_counts_as_the_laboratory_counts_it(engine: Engine, models: Path) -> None:
    paths = list(example_paths().values())[:6]
    loaded = load_model(KEY, models_dir=models)
    config = loaded.spec.config
    blocks = np.diff((0, *config.prune_loc, config.depth))  # between one stage and the next
    found = budget_study.run_study(loaded, map(decode, paths), threshold=1.0)
    for path, confidence, patches in zip(paths, found.confidence, found.patches, strict=True):
        result = engine.open(Request(path, KEY, 0.0))
        assert confidence == pytest.approx(result.analysis.dense.top[0][1], abs=1e-5)
        tokens = result.lab.adaptive(1.0).adaptive.tokens
        assert patches == pytest.approx(np.average(tokens, weights=blocks))
    assert len(set(found.patches)) > 3, "the budget does adapt"
    with pytest.raises(ValueError, match="threshold"):
        budget_study.run_study(loaded, [], threshold=-1)


def test_correlation_and_quarters_by_hand() -> None:
    # Ranks 1 2 3 4 5 and 5 3 4 1 2: squared differences 16 1 1 9 9, so 1 - 6 x 36 / (5 x 24).
    found = BudgetStudy((0.2, 0.4, 0.6, 0.8, 0.9), (50.0, 30.0, 40.0, 10.0, 20.0))
    assert found.correlation == pytest.approx(-0.8)
    assert found.quarters == (50, 20)
    # atanh(-0.8) = -1.0986 and 1.96 / sqrt(2) = 1.3859
    assert found.interval == pytest.approx((np.tanh(-2.4845), np.tanh(0.2873)), abs=1e-4)
    assert budget_study.format_study(found, 0.8) == (
        "threshold 0.8, 5 pictures: Spearman -0.80 (-0.99 to +0.28); mean patches a block 30.0, "
        "of the least sure quarter 50.0, of the surest 20.0"
    )


def test_without_pictures_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert budget_study.main([KEY, "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
