"""What is joined, divided and filled holds what it claims; on little it is compared with all there is."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from planner.optimize.clock import FOREVER, Clock
from planner.optimize.fill import Choices, Filler
from planner.optimize.joins import Changes, join
from planner.optimize.pooled import divide, pack_pools
from planner.optimize.problem import Floats, Ints

SEEDS = range(30)
RATES = (1.0, 1.0, 0.6, 0.3)


def changes_of(seed: int) -> tuple[Changes, Floats, float]:
    """Draw a few changes of moves, what is left of two resources, and what of the first may be left over."""
    rng = np.random.default_rng(seed)
    count = 7
    value = rng.uniform(-3.0, 3.0, count)
    changes = Changes(rng.integers(0, 5, count), rng.uniform(-5.0, 5.0, (count, 2)), value, value)
    return changes, rng.uniform(-2.0, 4.0, 2), float(rng.uniform(0.5, 3.0))


def best_of_all(changes: Changes, left_s: Floats, band_s: float, price: float) -> float:
    """Return the least cost of all sets of changes of different moves that fit."""
    best = np.inf
    for size in range(7):
        for some in combinations(range(len(changes.move)), size):
            more_s = changes.more_s[list(some)].sum(axis=0)
            apart = len(set(changes.move[list(some)].tolist())) == size
            if apart and (more_s <= left_s).all() and more_s[0] >= left_s[0] - band_s:
                best = min(best, float(changes.value[list(some)].sum() + price * (left_s[0] - more_s[0])))
    return best


@pytest.mark.parametrize("seed", SEEDS)
def test_joined_changes_are_the_best_of_all_that_fit(seed: int) -> None:
    changes, left_s, band_s = changes_of(seed)
    found = join(changes, left_s, band_s, price=0.7, rng=np.random.default_rng(0))
    best = best_of_all(changes, left_s, band_s, 0.7)
    if found is None:
        assert best == np.inf
        return
    more_s = changes.more_s[found].sum(axis=0)
    assert len(set(changes.move[found].tolist())) == len(found)
    assert (more_s <= left_s + 1e-9).all()
    assert changes.value[found].sum() + 0.7 * (left_s[0] - more_s[0]) == pytest.approx(best)


def test_some_draws_have_joined_changes_and_some_do_not() -> None:
    found = [join(*changes_of(seed), rng=np.random.default_rng(0)) is None for seed in SEEDS]
    assert any(found)
    assert not all(found)


def test_changes_must_cost_less_than_asked() -> None:
    changes = Changes(np.arange(2), np.array([[1.0], [2.0]]), np.array([-1.0, -3.0]), np.array([-1.0, -3.0]))
    found = join(changes, np.array([5.0]), 9.0, below=-3.5, rng=np.random.default_rng(0))
    assert found is not None
    assert sorted(found.tolist()) == [0, 1]
    assert join(changes, np.array([5.0]), 9.0, below=-4.5, rng=np.random.default_rng(0)) is None


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_lanes_of_a_pool_are_as_long_as_they_may_be(lanes: int) -> None:
    rng = np.random.default_rng(lanes)
    seconds = rng.uniform(1.0, 20.0, 20 * lanes)
    length_s = seconds.sum() / lanes * (1 + 1e-5)
    lane = divide(seconds, lanes, length_s, rng)
    assert lane is not None
    assert set(lane.tolist()) == set(range(lanes))
    assert np.bincount(lane, weights=seconds).max() <= length_s
    assert divide(seconds, lanes, length_s * (1 - 1e-4), rng) is None


def draw(seed: int, count: int) -> tuple[Floats, Floats, float]:
    """Draw moves that are cold or not in lanes of several rates, so that not all can be warm: times, costs, window."""
    rng = np.random.default_rng(seed)
    rates = np.array(RATES[:2] if count < 10 else RATES)
    size, stop = rng.uniform(5.0, 40.0, count), rng.uniform(0.05, 0.2, count)
    volume = size[:, None] * np.stack([np.ones(count), 1.0 + stop], axis=1)
    time_s = volume[:, None, :] / rates[None, :, None]
    # Where it writes faster than the lane sends, only the cold way is left.
    time_s[rng.random(count) < 0.2, -1, 1] = np.inf
    cost = np.stack([time_s[:, :, 0], np.full((count, len(rates)), 0.3)], axis=2)
    window_s = float((size * (1 + stop / 2)).sum() / rates.sum())
    return time_s, np.where(np.isfinite(time_s), cost, np.inf), window_s


def cost_of(time_s: Floats, cost: Floats, length_s: Floats, lane: Ints, option: Ints) -> float:
    """Return what a packing costs, inf where a lane overflows."""
    every = np.arange(len(lane))
    load = np.bincount(lane, weights=time_s[every, lane, option], minlength=len(length_s))
    return float(cost[every, lane, option].sum()) if (load <= length_s + 1e-9).all() else np.inf


def packed(seed: int, count: int, rounds: int = 12) -> tuple[float, tuple[Ints, Ints] | None]:
    time_s, cost, window_s = draw(seed, count)
    length_s = np.full(time_s.shape[1], window_s)
    rng = np.random.default_rng(seed)
    found = pack_pools(time_s, cost, length_s, rng=rng, rounds=rounds, clock=FOREVER)
    return (np.inf if found is None else cost_of(time_s, cost, length_s, *found)), found


def test_packings_of_few_moves_are_no_better_than_the_best_of_all_and_mostly_that() -> None:
    same = held = 0
    for seed in SEEDS:
        time_s, cost, window_s = draw(seed, 5)
        length_s = np.full(2, window_s)
        reached, found = packed(seed, 5)
        choices = list(product(range(2), repeat=5))
        best = min(
            cost_of(time_s, cost, length_s, np.array(lane), np.array(option)) for lane in choices for option in choices
        )
        assert found is None or best - 1e-9 <= reached < np.inf
        held += best < np.inf
        same += best < np.inf and reached <= best + 1e-9
    assert held >= 20
    assert same >= 0.6 * held


@pytest.mark.parametrize("seed", range(4))
def test_many_moves_are_packed_close_to_the_relaxation(seed: int) -> None:
    time_s, cost, window_s = draw(seed, 60)
    move, lane, option = np.nonzero(np.isfinite(time_s))
    choices = Choices(move, lane, time_s[move, lane, option], cost[move, lane, option], np.full(4, window_s))
    bound = Filler(choices, 60, rng=np.random.default_rng(0), clock=FOREVER).bound()
    reached, found = packed(seed, 60)
    assert found is not None
    assert bound <= reached <= 1.05 * bound


def test_more_rounds_are_no_worse_and_a_seed_gives_one_packing() -> None:
    few, many = packed(1, 60, rounds=1)[0], packed(1, 60, rounds=20)[0]
    assert many <= few
    once, again = packed(2, 60)[1], packed(2, 60)[1]
    assert once is not None
    assert again is not None
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))


def test_what_cannot_be_packed_and_what_has_no_time_is_not() -> None:
    time_s, cost, window_s = draw(0, 20)
    rng = np.random.default_rng(0)
    assert pack_pools(time_s, cost, np.full(4, window_s / 2), rng=rng, rounds=3, clock=FOREVER) is None
    assert pack_pools(time_s, cost, np.full(4, window_s), rng=rng, rounds=3, clock=Clock(0.0)) is None
