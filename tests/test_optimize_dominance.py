"""What is dropped is dominated, what is kept is not: compared with a look at every pair."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from planner.optimize.dominance import undominated
from planner.optimize.problem import Bools, Floats

FEW = st.sampled_from([0.0, 1.0, 2.0, np.nan])
"""Few values, so that many are equal."""


@st.composite
def choices(draw: st.DrawFn) -> tuple[Bools, list[Floats]]:
    shape = draw(st.tuples(st.integers(0, 4), st.integers(0, 6)))
    costs = [draw(hnp.arrays(np.float64, shape, elements=FEW)) for _ in range(draw(st.integers(1, 3)))]
    usable = draw(hnp.arrays(np.bool_, shape))
    for cost in costs:
        usable &= ~np.isnan(cost)
    return usable, costs


def one_by_one(usable: Bools, costs: list[Floats]) -> Bools:
    """Drop choice after choice that another which is still there is at least as good as."""
    keep = usable.copy()
    for row in range(keep.shape[0]):
        for k in range(keep.shape[1]):
            for other in range(keep.shape[1]):
                if other != k and keep[row, other] and all(cost[row, other] <= cost[row, k] for cost in costs):
                    keep[row, k] = False
    return keep


@given(choices())
def test_what_is_kept_is_what_dropping_one_by_one_leaves(drawn: tuple[Bools, list[Floats]]) -> None:
    usable, costs = drawn
    assert undominated(usable, *costs).tolist() == one_by_one(usable, costs).tolist()
