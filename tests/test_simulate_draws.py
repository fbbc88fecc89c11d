"""Draws of nights have the spreads that the inventory says, links are shared fairly, intervals are Wilson's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.inventory.models import VM, Settings, Spread
from planner.simulate.costs import SHARES, downtime_at, time_at
from planner.simulate.draws import Draws, Nights
from planner.simulate.fair import fair_rates
from planner.simulate.odds import quantile, share_of

RUNS = 20_000


def vm(name: str, **fields: object) -> VM:
    whole = {"name": name, "host": "h", "vcpus": 1, "memory": 2**30, "read_rate": 4e6, "write_rate": 2e6}
    return VM.model_validate(whole | fields)


def drawn(settings: Settings, *vms: VM, seed: int = 1, runs: int = RUNS) -> Draws:
    return Nights(settings, vms, [("a", "b"), ("b", "a")], [one.name for one in vms], seed).draw(runs)


def within(values: np.ndarray, low: float, high: float) -> float:
    return float(np.mean((values >= low) & (values <= high)))


def test_spreads_hold_ninety_per_cent_of_nights() -> None:
    spreads = (Spread(write_rate=2.0, read_rate=3.0), Spread(workload="db", write_rate=1.2, read_rate=1.0))
    draws = drawn(
        Settings(spreads=spreads, link_spread=1.3, migration_failures=0.1),
        vm("a"),
        vm("b", workload="db"),
        vm("c", workload="other", write_rate_range=[1e6, 3e6]),
    )
    write, read = draws.write_factor, draws.read_factor
    assert within(write[:, 0], 1 / 2, 2) == pytest.approx(0.9, abs=0.01)
    assert within(read[:, 0], 1 / 3, 3) == pytest.approx(0.9, abs=0.01)
    assert within(write[:, 1], 1 / 1.2, 1.2) == pytest.approx(0.9, abs=0.01)
    assert np.all(read[:, 1] == 1.0)
    assert np.quantile(write[:, 2], (0.05, 0.5, 0.95)) == pytest.approx([0.5, 1.0, 1.5], rel=0.02)
    assert np.median(write, axis=0) == pytest.approx(1.0, rel=0.02)
    assert within(draws.link_share, 1 / 1.3, 1.0) == pytest.approx(0.9, abs=0.01)
    assert draws.link_share.max() <= 1.0
    assert np.isfinite(draws.fails_at).mean() == pytest.approx(0.1, abs=0.005)
    assert abs(np.corrcoef(write[:, 0], write[:, 1])[0, 1]) < 0.03


def test_of_what_nothing_is_said_the_assumptions_count() -> None:
    draws = drawn(Settings(), vm("a"))
    assert within(draws.write_factor, 1 / 1.5, 1.5) == pytest.approx(0.9, abs=0.01)
    assert within(draws.link_share, 1 / 1.1, 1.0) == pytest.approx(0.9, abs=0.01)
    assert np.isfinite(draws.fails_at).mean() == pytest.approx(0.005, abs=0.002)


def test_a_vm_has_its_nights_whoever_else_moves_and_however_many_are_drawn() -> None:
    alone, beside = drawn(Settings(), vm("a"), runs=7), drawn(Settings(), vm("z"), vm("a"), runs=5)
    np.testing.assert_array_equal(alone.write_factor[:5, 0], beside.write_factor[:, 1])
    np.testing.assert_array_equal(alone.fails_at[:5, 0], beside.fails_at[:, 1])
    nights = Nights(Settings(), [vm("a")], [("a", "b"), ("b", "a")], ["a"], 1)
    parts = [nights.draw(3), nights.draw(4)]
    np.testing.assert_array_equal(np.concatenate([part.write_factor for part in parts]), alone.write_factor)
    np.testing.assert_array_equal(np.concatenate([part.link_share for part in parts]), alone.link_share)
    assert not np.array_equal(drawn(Settings(), vm("a"), seed=2, runs=7).write_factor, alone.write_factor)


def fair(most: list[float], links: list[list[int]], shares: list[list[float]], room: list[float]) -> list[float]:
    run = np.zeros(len(most), dtype=np.int64)
    found = fair_rates(run, np.array(links), np.array(shares), np.array([room]), np.array(most))
    return [float(rate) for rate in found]


def test_links_are_shared_max_min_fairly() -> None:
    one, two = [[0], [0], [0]], [[1.0], [1.0], [1.0]]
    assert fair([4.0, 4.0, 4.0], one, two, [12.0]) == [4.0, 4.0, 4.0]
    assert fair([1.0, 9.0, 9.0], one, two, [9.0]) == [1.0, 4.0, 4.0]
    # The first is held to 1 by its second link, and what it leaves is the others'.
    assert fair([5.0, 5.0, 5.0], [[0, 1], [0, 0], [0, 0]], [[1, 1], [1, 0], [1, 0]], [9.0, 1.0]) == [1.0, 4.0, 4.0]
    # A split move has half its rate on each of two links.
    assert fair([8.0, 8.0], [[0, 1], [0, 0]], [[0.5, 0.5], [1.0, 0.0]], [6.0, 9.0]) == pytest.approx([4.0, 4.0])


@given(st.data())
def test_no_link_is_over_full_and_nobody_could_have_more(data: st.DataObject) -> None:
    moves, links, runs = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4)), 2
    amount = st.floats(0.5, 10.0)
    run = np.sort(np.array([data.draw(st.integers(0, runs - 1)) for _ in range(moves)]))
    own = [data.draw(st.lists(st.integers(0, links - 1), min_size=1, max_size=2, unique=True)) for _ in range(moves)]
    link = np.array([[*places, places[0]][:2] for places in own])
    share = np.array([[1.0, 1.0 if len(places) == 2 else 0.0] for places in own])
    room = np.array([[data.draw(amount) for _ in range(links)] for _ in range(runs)])
    most = np.array([data.draw(amount) for _ in range(moves)])
    rate = fair_rates(run, link, share, room, most)
    assert np.all(rate <= most)
    load = np.zeros_like(room)
    np.add.at(load, (run[:, None], link), share * rate[:, None])
    assert np.all(load <= room * (1 + 2e-9))
    for i in np.flatnonzero(rate < most * (1 - 1e-9)):
        # Held by a full link on which nobody has more.
        held = False
        for place in own[i]:
            beside = [rate[j] for j in range(moves) if run[j] == run[i] and place in own[j]]
            full = load[run[i], place] >= room[run[i], place] * (1 - 1e-6)
            held |= bool(full and rate[i] >= max(beside) * (1 - 1e-6))
        assert held


def test_between_rates_what_goes_over_the_link_is_linear() -> None:
    # A fixed time of 2 s and 10 s at full rate.
    known = np.array([2.0 + 10.0 / SHARES])
    for share in (1.0, 0.95, 0.8, 0.6, 0.3):
        assert time_at(known, np.array([share])) == pytest.approx(2.0 + 10.0 / share)
        assert downtime_at(known, np.array([share])) == pytest.approx(2.0 + 10.0 / share)
    assert time_at(known, np.array([0.125])) == pytest.approx(2 * known[:, -1])
    stuck = np.array([[10.0, 20.0, np.inf, np.inf, np.inf]])
    assert time_at(stuck, np.array([0.9])) == 20.0
    assert time_at(stuck, np.array([0.825])) == pytest.approx(40.0)
    assert time_at(stuck, np.array([0.75])) == np.inf
    assert time_at(stuck, np.array([0.3])) == np.inf


@pytest.mark.parametrize(
    ("count", "runs", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_of_the_literature(count: int, runs: int, low: float, high: float) -> None:
    found = share_of(count, runs)
    assert found.share == count / runs
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)
    assert share_of(runs, runs).high == 1.0


def test_a_quantile_is_a_value_that_so_many_do_not_exceed() -> None:
    values = np.array([5.0, 1.0, np.inf, 3.0])
    assert [quantile(values, share) for share in (0.0, 0.25, 0.5, 0.75, 0.76, 1.0)] == [1, 1, 3, 5, np.inf, np.inf]
