"""Patterns are all that fits side by side on a link, and nothing else."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from planner.optimize.patterns import MOST_PATTERNS, patterns


def naive(rates: list[float], capacity: float, slots: int) -> set[tuple[int, ...]]:
    """Return every multiset of rates that fits, as counts of each rate."""
    limits = [range(slots + 1)] * len(rates)
    return {
        counts
        for counts in product(*limits)
        if sum(counts) <= slots
        and sum(n * rate for n, rate in zip(counts, rates, strict=True)) <= capacity * (1 + 1e-9)
    }


def cumulative(counts: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(np.cumsum(counts).tolist())


def covers(larger: tuple[int, ...], smaller: tuple[int, ...]) -> bool:
    return all(a >= b for a, b in zip(larger, smaller, strict=True))


def random_link(seed: int) -> tuple[list[float], float, int]:
    rng = np.random.default_rng(seed)
    capacity = float(rng.choice([1.0, 1e9, 4.1667e9, 0.3]))
    shares = rng.choice([1, 1 / 2, 1 / 3, 1 / 4, 1 / 6, 0.3, 0.34, 0.7, 2 / 3, 1 / 7], size=4, replace=False)
    return sorted((float(share) * capacity for share in shares), reverse=True), capacity, int(rng.integers(1, 5))


@pytest.mark.parametrize("seed", range(40))
def test_patterns_are_the_maximal_multisets_that_fit(seed: int) -> None:
    rates, capacity, slots = random_link(seed)
    found = patterns(np.array(rates), capacity, slots)
    assert found is not None
    rows = [tuple(row) for row in found.tolist()]
    fitting = {cumulative(counts) for counts in naive(rates, capacity, slots)}
    assert set(rows) <= fitting, "a pattern that does not fit"
    assert all(any(covers(row, counts) for row in rows) for counts in fitting), "a multiset without a pattern"
    assert not [(a, b) for a in rows for b in rows if a != b and covers(a, b)], "a pattern at most another"
    assert len(set(rows)) == len(rows)


def test_a_place_may_be_taken_by_a_slower_move() -> None:
    found = patterns(np.array([1.0, 0.5]), 1.0, 2)
    assert found is not None
    assert found.tolist() == [[0, 2], [1, 1]]


def test_slots_limit_the_patterns() -> None:
    found = patterns(np.array([0.1]), 1.0, 3)
    assert found is not None
    assert found.tolist() == [[3]]


def test_rates_that_fill_a_link_to_the_brim_fit_in_spite_of_rounding() -> None:
    for count in (3, 6, 7, 49):
        found = patterns(np.array([4.1667e9 / count]), 4.1667e9, 100)
        assert found is not None
        assert found.tolist() == [[count]]


def test_too_many_patterns_are_none_and_not_some() -> None:
    rates = np.array([1.0 / n for n in range(2, 14)])
    assert patterns(rates, 1.0, 30) is None
    few = patterns(rates[:4], 1.0, 30)
    assert few is not None
    assert len(few) <= MOST_PATTERNS
