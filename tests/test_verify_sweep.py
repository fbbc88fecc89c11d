"""The event sweep finds the first overload, as trying every moment does."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from planner.verify.sweep import Hold, Overload, first_overload

TIMES = st.integers(0, 8).map(float)


@st.composite
def holds(draw: st.DrawFn) -> list[Hold]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        start_s = draw(TIMES | st.just(-math.inf))
        end_s = draw(TIMES | st.just(math.inf))
        made.append(Hold(f"vm{number}", start_s, end_s, draw(st.integers(1, 4))))
    return made


@given(holds(), st.integers(1, 8))
@example([Hold("a", 0, 1, 1), Hold("b", 1, 2, 1)], 1)
@example([Hold("a", 0, 1, 1), Hold("b", 0.5, 0.5, 1)], 1)
def test_finds_the_first_moment_of_too_much(held: list[Hold], limit: int) -> None:
    first = None
    for moment in sorted({hold.start_s for hold in held}):
        now = [hold for hold in held if hold.start_s <= moment < hold.end_s]
        if sum(hold.amount for hold in now) > limit:
            first = moment, sum(hold.amount for hold in now), {hold.who for hold in now}
            break
    found = first_overload(held, limit)
    assert (found and (found.at_s, found.total, set(found.holders))) == first
    if found is not None:
        assert set(found.newcomers) == {hold.who for hold in held if hold.start_s == found.at_s < hold.end_s}


def test_whole_numbers_are_added_exactly() -> None:
    much = 2**60
    held = [Hold("a", 0, 9, much), Hold("b", 1, 9, 1)]
    assert first_overload(held, much + 1) is None
    assert first_overload(held, much) == Overload(1, much + 1, ("a", "b"), ("b",))
