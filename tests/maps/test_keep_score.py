"""Keep score: the selector's numbers, untouched and in their places."""

import numpy as np
import pytest

from tests.maps.traces import make_trace
from vitdemo.maps import explain


@pytest.mark.parametrize("cuts", [{1: 8, 3: 3}, {0: 9, 2: 4}], ids=["inner", "at block 0"])
@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_scores_stand_on_the_candidates(cuts, prefix):
    trace = make_trace(grid=(3, 4), prefix=prefix, cuts=cuts)
    first, second = (explain(trace, "keep-score", stage=stage) for stage in (0, 1))
    np.testing.assert_array_equal(first, trace.scores[0].reshape(3, 4))
    candidates = trace.kept[0]
    np.testing.assert_array_equal(second.reshape(-1)[candidates], trace.scores[1])
    assert np.isnan(np.delete(second.reshape(-1), candidates)).all()


def test_a_dense_trace_has_no_keep_score():
    with pytest.raises(ValueError, match="keep-score needs a pass in which a selector scored patches"):
        explain(make_trace(), "keep-score")
