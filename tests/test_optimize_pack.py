"""Packings hold what they claim; on few moves they are compared with all packings there are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import pytest

from planner.optimize.clock import Clock
from planner.optimize.pack import Hosts, Packing, pack
from planner.optimize.problem import Floats, Ints
from planner.optimize.turns import take_turns

STEPS = 200
TINY = range(40)
LONG_S = 60.0


@dataclass(frozen=True)
class Moves:
    """Moves to be packed: time and cost of each in each lane with each option, the window and a start."""

    time_s: Floats
    cost: Floats
    window_s: float
    lane: Ints
    option: Ints

    def packed(self, seed: int = 0, steps: int = STEPS) -> Packing:
        rng = np.random.default_rng(seed)
        return pack(self.time_s, self.cost, self.lane, self.option, self.window_s, rng=rng, steps=steps)

    def loads(self, lane: Ints, option: Ints) -> Floats:
        """Return how long each lane is."""
        load = np.zeros(self.time_s.shape[1])
        for v, (lane_of_v, option_of_v) in enumerate(zip(lane.tolist(), option.tolist(), strict=True)):
            load[lane_of_v] += self.time_s[v, lane_of_v, option_of_v]
        return load

    def overflow_s(self, lane: Ints, option: Ints) -> float:
        return float(np.maximum(self.loads(lane, option) - self.window_s, 0.0).sum())

    def cost_of(self, lane: Ints, option: Ints) -> float:
        return float(self.cost[np.arange(len(lane)), lane, option].sum())


def draw(seed: int, most: int = 6) -> Moves:
    """Draw a few moves whose slower options cost less, in lanes of unlike rates; in some draws the start overflows."""
    rng = np.random.default_rng(seed)
    count, lanes, options = int(rng.integers(2, most + 1)), int(rng.integers(2, 4)), int(rng.integers(1, 3))
    size = rng.integers(2, 30, count).astype(float)
    slower = np.array([1.0, float(rng.choice([1.3, 1.5, 2.0]))])[:options]
    rate = np.sort(rng.choice([1.0, 1.0, 0.5, 0.25], lanes))[::-1]
    time = size[:, None, None] / rate[None, :, None] * slower[None, None, :]
    cost = rng.uniform(1.0, 10.0, (count, 1, options)) * np.ones((1, lanes, 1))
    cost[:, :, -1] *= rng.choice([1.0, 0.3])
    cost += rng.uniform(0.0, 2.0, (1, lanes, 1))
    # Some moves have no such option, or may not run in some lane.
    missing = rng.random(time.shape) < 0.15
    missing[np.arange(count), rng.integers(lanes, size=count), rng.integers(options, size=count)] = False
    time[missing] = cost[missing] = np.inf
    start = [rng.permutation(np.argwhere(~missing[v]))[0] for v in range(count)]
    lane, option = np.array(start).T
    return Moves(time, cost, float(rng.uniform(0.4, 1.8)) * float(size.sum() / rate.sum()) * 1.3, lane, option)


@cache
def tiny(seed: int) -> tuple[Moves, Packing]:
    """Return a draw and its packing."""
    moves = draw(seed)
    return moves, moves.packed(seed)


def every_packing(moves: Moves) -> tuple[Ints, Ints]:
    """Return lane and option of every packing there is, shape (K, n)."""
    each = [np.argwhere(np.isfinite(time)).tolist() for time in moves.time_s]
    packings = np.array(list(product(*each)), dtype=np.int64)
    return packings[:, :, 0], packings[:, :, 1]


def every_load(moves: Moves) -> tuple[Floats, Floats]:
    """Return the length of each lane, shape (K, L), and the cost of every packing, shape (K,)."""
    lane, option = every_packing(moves)
    row = np.arange(moves.time_s.shape[0])
    time, cost = moves.time_s[row, lane, option], moves.cost[row, lane, option].sum(axis=1)
    return np.stack([np.where(lane == one, time, 0.0).sum(axis=1) for one in range(moves.time_s.shape[1])], 1), cost


def least_cost(moves: Moves) -> float:
    """Return the least cost of all packings that hold, or inf."""
    load, cost = every_load(moves)
    return float(cost[(load <= moves.window_s).all(axis=1)].min(initial=np.inf))


def check(moves: Moves, found: Packing) -> None:
    """Check that every move has one lane and an option there, and that the overflow is what it is said to be."""
    assert found.lane.shape == found.option.shape == moves.lane.shape
    assert np.isfinite(moves.time_s[np.arange(len(found.lane)), found.lane, found.option]).all()
    assert found.overflow_s == pytest.approx(moves.overflow_s(found.lane, found.option), abs=1e-9)


@pytest.mark.parametrize("seed", TINY)
def test_packings_are_valid_and_no_better_than_the_best_of_all(seed: int) -> None:
    moves, found = tiny(seed)
    check(moves, found)
    if found.overflow_s == 0:
        assert moves.cost_of(found.lane, found.option) >= least_cost(moves) * (1 - 1e-9)
    else:
        assert found.overflow_s <= moves.overflow_s(moves.lane, moves.option) + 1e-9
    if moves.overflow_s(moves.lane, moves.option) == 0:
        assert found.overflow_s == 0
        assert moves.cost_of(found.lane, found.option) <= moves.cost_of(moves.lane, moves.option) + 1e-9


def test_most_packings_of_few_moves_are_the_best_of_all() -> None:
    best, held, holding = 0, 0, 0
    for seed in TINY:
        moves, found = tiny(seed)
        least = least_cost(moves)
        holding += least < np.inf
        held += found.overflow_s == 0
        best += found.overflow_s == 0 and moves.cost_of(found.lane, found.option) <= least * (1 + 1e-9)
    assert len(TINY) / 3 < holding < len(TINY), "the draws tell nothing"
    assert held >= 0.95 * holding
    assert best >= 0.8 * holding


def test_the_start_is_neither_changed_nor_left_where_there_is_no_time() -> None:
    moves = many(0)
    before = moves.lane.tolist(), moves.option.tolist()
    rng = np.random.default_rng(0)
    start = (moves.time_s, moves.cost, moves.lane, moves.option, moves.window_s)
    found = pack(*start, rng=rng, steps=50, clock=Clock(0.0))
    assert (found.lane.tolist(), found.option.tolist()) == before
    found = pack(*start, rng=rng, steps=50)
    assert (found.lane.tolist(), found.option.tolist()) != before
    assert (moves.lane.tolist(), moves.option.tolist()) == before


@cache
def hosted(seed: int) -> tuple[Moves, Hosts, Packing]:
    """Return a draw whose moves come from two hosts, of whose time each takes a part, and its packing."""
    moves = draw(seed)
    rng = np.random.default_rng([seed, 11])
    part = rng.uniform(0.3, 1.0, (1, moves.time_s.shape[1], 1))
    busy_s = np.where(np.isfinite(moves.time_s), moves.time_s * part, 0.0)
    hosts = Hosts(rng.integers(2, size=len(moves.lane)), busy_s, rng.uniform(0.4, 1.1, 2) * moves.window_s)
    start = (moves.time_s, moves.cost, moves.lane, moves.option, moves.window_s)
    return moves, hosts, pack(*start, hosts=(hosts,), rng=rng, steps=STEPS)


def too_busy_s(hosts: Hosts, lane: Ints, option: Ints) -> float:
    busy_s = np.zeros(len(hosts.room_s))
    for v, host in enumerate(hosts.of.tolist()):
        busy_s[host] += hosts.busy_s[v, lane[v], option[v]]
    return float(np.maximum(busy_s - hosts.room_s, 0.0).sum())


def test_hosts_are_not_busier_than_they_may_be_and_most_packings_are_the_best_of_those() -> None:
    best, held, holding, bound_by_hosts = 0, 0, 0, 0
    for seed in TINY:
        moves, hosts, found = hosted(seed)
        overflow_s = moves.overflow_s(found.lane, found.option) + too_busy_s(hosts, found.lane, found.option)
        assert found.overflow_s == pytest.approx(overflow_s, abs=1e-9)
        lane, option = every_packing(moves)
        load, cost = every_load(moves)
        fits = (load <= moves.window_s).all(axis=1)
        calm = [too_busy_s(hosts, lane[k], option[k]) == 0 for k in np.flatnonzero(fits).tolist()]
        least = float(cost[np.flatnonzero(fits)[calm]].min(initial=np.inf))
        holding += least < np.inf
        bound_by_hosts += least_cost(moves) < least < np.inf
        if found.overflow_s == 0:
            held += 1
            assert moves.cost_of(found.lane, found.option) >= least * (1 - 1e-9)
            best += moves.cost_of(found.lane, found.option) <= least * (1 + 1e-9)
    assert bound_by_hosts >= 3, "the draws tell nothing"
    assert held >= 0.9 * holding
    assert best >= 0.75 * holding


def many(seed: int, window: float = 1.05) -> Moves:
    """Draw forty moves with options like those of a link near the deadline, in six lanes of three rates."""
    rng = np.random.default_rng(seed)
    size = np.clip(rng.lognormal(2.0, 1.0, 40), 1, 60)
    rate = np.array([1.0, 1.0, 0.5, 0.5, 0.25, 0.25])
    time = size[:, None, None] / rate[None, :, None] * np.array([1.0, 1.4])
    cost = np.broadcast_to(np.stack([size, size * rng.uniform(0.05, 0.9, 40)], 1)[:, None, :], time.shape).copy()
    fastest = np.argsort(rng.random(40)) % 2
    return Moves(time, cost, float(size.sum() / rate.sum()) * window, fastest, np.zeros(40, dtype=np.int64))


@pytest.mark.parametrize("seed", range(3))
def test_an_overfull_start_is_put_right(seed: int) -> None:
    """All forty moves begin in two of six lanes; there is a twentieth more room than they need."""
    moves = many(seed)
    assert moves.overflow_s(moves.lane, moves.option) > moves.window_s
    found = moves.packed(seed, steps=2000)
    check(moves, found)
    assert found.overflow_s == 0
    assert (moves.loads(found.lane, found.option) <= moves.window_s).all()


@pytest.mark.parametrize("seed", range(3))
def test_room_left_over_is_used_for_what_costs_less(seed: int) -> None:
    """A third more room than the fastest choices need lets most moves take the slow ones."""
    moves = many(seed, window=1.35)
    found = moves.packed(seed, steps=1200)
    check(moves, found)
    dear, cheap = moves.cost[:, 0, 0].sum(), moves.cost[:, 0, 1].sum()
    assert found.overflow_s == 0
    assert moves.cost_of(found.lane, found.option) <= cheap + 0.12 * (dear - cheap)


def test_a_seed_gives_one_packing() -> None:
    moves = many(1)
    one, two, other = (moves.packed(seed, steps=300) for seed in (3, 3, 4))
    assert (one.lane.tolist(), one.option.tolist()) == (two.lane.tolist(), two.option.tolist())
    assert (one.lane.tolist(), one.option.tolist()) != (other.lane.tolist(), other.option.tolist())


def used_s(load: Floats, turns: list[list[int]]) -> Floats:
    """Return how long all turns together last: each as long as its longest lane, shape (...)."""
    lengths: Floats = sum(load[..., lanes].max(axis=-1) for lanes in turns)  # type: ignore[assignment]  # not 0
    return lengths


TURNS = ([[0], [1, 2]], [[0], [1]], [[0, 1], [2]], [[0, 1]], [[0, 1, 2]])


def draw_turns(seed: int) -> tuple[Moves, list[list[int]]]:
    """Draw moves and lanes that take turns; whole seconds, so that some packings end just with the window."""
    rng = np.random.default_rng([seed, 7])
    turns = TURNS[seed % len(TURNS)]
    lanes, count = sum(map(len, turns)), int(rng.integers(2, 6))
    time = rng.integers(1, 12, (count, lanes, 2)).astype(float)
    cost = rng.integers(1, 40, (count, lanes, 2)).astype(float)
    missing = rng.random(time.shape) < 0.2
    missing[np.arange(count), rng.integers(lanes, size=count), rng.integers(2, size=count)] = False
    time[missing] = cost[missing] = np.inf
    none = np.zeros(count, dtype=np.int64)
    return Moves(time, cost, float(rng.integers(2, 4 * count)), none, none), turns


@pytest.mark.parametrize("seed", range(60))
def test_turns_are_the_best_of_all(seed: int) -> None:
    moves, turns = draw_turns(seed)
    found = take_turns(moves.time_s, moves.cost, turns, moves.window_s, seed=0, time_limit_s=LONG_S)
    assert found is not None
    assert np.isfinite(moves.time_s[np.arange(len(found.lane)), found.lane, found.option]).all()
    lasts_s = float(used_s(moves.loads(found.lane, found.option), turns))
    assert found.overflow_s == pytest.approx(max(0.0, lasts_s - moves.window_s), abs=1e-9)
    load, cost = every_load(moves)
    all_last_s = used_s(load, turns)
    holds = all_last_s <= moves.window_s
    if holds.any():
        assert found.overflow_s == 0
        assert moves.cost_of(found.lane, found.option) == float(cost[holds].min())
    else:
        assert lasts_s == float(all_last_s.min())
        assert moves.cost_of(found.lane, found.option) == float(cost[all_last_s == lasts_s].min())


def test_some_draws_hold_just_so_and_some_do_not() -> None:
    lengths = [(used_s(every_load(moves)[0], turns), moves.window_s) for moves, turns in map(draw_turns, range(60))]
    assert sum(bool((lasts <= window).any()) for lasts, window in lengths) in range(30, 56)
    assert sum(window in lasts for lasts, window in lengths) > 20


def test_without_time_there_are_no_turns() -> None:
    moves, turns = draw_turns(0)
    assert take_turns(moves.time_s, moves.cost, turns, moves.window_s, seed=0, time_limit_s=0.0) is None
