"""Which switch points are offered: against the rule said in plain Python, and what must not be lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from planner.inventory.models import ALL_APPROACHES, Approach, Settings
from planner.predict.registry import model_for
from planner.predict.ways import Way, ways_of
from planner.predict.worth import worth_offering

WAYS = ways_of(model_for(Settings(model="saturating")))
figures = st.lists(
    st.tuples(st.booleans(), st.floats(0.1, 100.0), st.floats(0.0, 20.0)), min_size=len(WAYS), max_size=len(WAYS)
)


def plainly(ways: tuple[Way, ...], rows: list[tuple[bool, float, float]]) -> set[int]:
    """Return the ways on offer, by index."""
    kept: list[int] = []
    for k in sorted((k for k, row in enumerate(rows) if row[0]), key=lambda k: rows[k][1]):
        quicker = [rows[other][2] for other in kept]
        saves = not quicker or (rows[k][2] <= 0.98 * min(quicker) and rows[k][2] <= min(quicker) - 0.025)
        if ways[k].switch_point is None or saves:
            kept.append(k)
    return set(kept)


@given(figures, figures)
def test_what_saves_next_to_nothing_is_left_out(
    one: list[tuple[bool, float, float]], other: list[tuple[bool, float, float]]
) -> None:
    # Two VMs at one rate, and the same two the other way round at another.
    table = np.array([[one, other], [other, one]], dtype=np.float64).transpose(0, 2, 1, 3)
    usable, time_s, downtime_s = table[..., 0] > 0, table[..., 1], table[..., 2]
    offered = worth_offering(WAYS, usable, time_s, downtime_s)
    for mover in range(2):
        for rate in range(2):
            rows = one if mover == rate else other
            assert set(np.flatnonzero(offered[mover, :, rate]).tolist()) == plainly(WAYS, rows)


@given(figures)
def test_nothing_is_lost_but_a_fiftieth_or_25_ms_of_downtime(rows: list[tuple[bool, float, float]]) -> None:
    table = np.array(rows)[None, :, None, :]
    offered = worth_offering(WAYS, table[..., 0] > 0, table[..., 1], table[..., 2])[0, :, 0]
    for usable, time_s, downtime_s in rows:
        if usable:
            stands_in = [rows[k][2] for k in np.flatnonzero(offered).tolist() if rows[k][1] <= time_s and rows[k][0]]
            assert min(stands_in) <= max(downtime_s / 0.98, downtime_s + 0.025) * (1 + 1e-12)


def test_models_without_switch_points_keep_all() -> None:
    ways = tuple(Way(approach) for approach in ALL_APPROACHES)
    usable = np.ones((1, 4, 1), dtype=np.bool_)
    same = np.ones((1, 4, 1))
    assert worth_offering(ways, usable, same, same).all()
    only = (*ways[:3], Way(Approach.HYBRID, 2.0))
    assert worth_offering(only, usable, same, same).all(), "the only switch point that the settings allow stays"
