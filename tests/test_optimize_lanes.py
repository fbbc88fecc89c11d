"""Lanes fill a link and nothing more; the menu offers their rates, and the program keeps to their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, pairwise, product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from planner.inventory.models import ALL_APPROACHES, Approach
from planner.lanes import Division, divisions, turns
from planner.menu import bandwidth_menu
from planner.optimize.backend import Outcome, solve
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import NO_LANES, Columns, build_tables
from planner.optimize.problem import Ints
from tests.optimize_support import Compiled, compiled, compiled_case, host, inventory, shared_link_case, vm

NIC = 1e9
"""What a host's link carries here [bytes/s]."""
LIVE = (Approach.PRECOPY, Approach.POSTCOPY)

Approaches = tuple[Approach, ...] | None

fastest = st.floats(1e6, 1e11)
wider = st.tuples(fastest, st.floats(1.001, 40.0)).map(lambda drawn: (drawn[0] * drawn[1], drawn[0]))
"""What a link carries, and the most that one move may have of it."""


@given(wider)
def test_lanes_side_by_side_are_just_what_the_link_carries(link: tuple[float, float]) -> None:
    capacity, most = link
    found = divisions(capacity, most)
    assert found, "a link that several moves share can be divided"
    for division in found:
        for lanes in division:
            assert sum(lanes) == pytest.approx(capacity, rel=1e-9)


@given(wider)
def test_no_lane_is_faster_than_a_move_may_be(link: tuple[float, float]) -> None:
    capacity, most = link
    for lanes in chain(*divisions(capacity, most)):
        assert lanes[0] <= most
        assert lanes[-1] > 0
        assert all(slower <= faster for faster, slower in pairwise(lanes))


# Of a link that two and a half moves fill two of the divisions are the same.
@example((2.5e9, 1e9))
@given(wider)
def test_divisions_differ_and_each_has_lanes_for_slow_moves(link: tuple[float, float]) -> None:
    found = divisions(*link)
    assert len(set(found)) == len(found)
    for lanes in chain(*found):
        assert lanes[-1] <= lanes[0] / 2


@given(fastest, st.floats(0.01, 1.0))
def test_a_link_that_one_move_can_fill_is_not_divided(most: float, part: float) -> None:
    assert divisions(most * part, most) == ()
    assert divisions(most * (1 + 1e-12), most) == ()


@given(fastest)
def test_turns_are_one_move_at_full_rate_or_two_at_half(capacity: float) -> None:
    assert turns(capacity) == ((capacity,), (capacity / 2, capacity / 2))


@given(wider)
def test_the_menu_has_the_rates_of_the_lanes_of_wider_links_where_asked(link: tuple[float, float]) -> None:
    capacity, most = link
    plain, rich = bandwidth_menu((most, capacity, most)), bandwidth_menu((most, capacity, most), lanes=True)
    rates = np.array(list(chain(*chain(*divisions(capacity, most)))))
    for rate in rates.tolist():
        assert np.isclose(rich, rate, rtol=2e-9, atol=0).any()
    for rate in rich:
        assert np.isclose([*plain, *rates], rate, rtol=2e-9, atol=0).any()
    assert rich[0] == plain[0] == most
    assert all(slower < faster * (1 - 1e-9) for faster, slower in pairwise(rich))


def racks(
    count: int, uplink: float, hosts: int = 3, seed: int = 0, *, deadline_s: float = 1e5, approaches: Approaches = None
) -> Compiled:
    """Return an evacuation over one uplink: sources on one side, targets that are never short on the other."""
    rng = np.random.default_rng(seed)
    sources, targets = [f"s{i}" for i in range(hosts)], ["t0", "t1"]
    wires = [(name, "near", NIC) for name in sources] + [("near", "far", uplink)]
    wires += [(name, "far", 100 * NIC) for name in targets]
    vms = [
        vm(
            f"vm{i}",
            sources[i % hosts],
            memory=int(rng.integers(5, 40)) * 10**8,
            write_rate=float(rng.choice([1e7, 5e7, 3e8, 6e8])),
            read_rate=1e7,
            weight=float(rng.choice([1.0, 2.0, 3.0])),
        )
        for i in range(count)
    ]
    every = [host(name, max_outgoing=50, max_incoming=50) for name in (*sources, *targets)]
    return compiled(inventory(every, wires, vms, approaches=approaches or ALL_APPROACHES), sources, deadline_s)


@pytest.mark.parametrize(("movers", "offered"), [(12, False), (13, True)])
def test_rates_of_lanes_are_on_the_menu_where_movers_are_many(movers: int, offered: bool) -> None:
    made = racks(movers, 2.5 * NIC)
    lanes = list(chain(*chain(*divisions(2.5 * NIC, NIC))))
    for tables, expected in ((made.tables, offered), (build_tables(made.problem, made.classes, lanes=True), True)):
        assert all(np.isclose(tables.rates, rate).any() for rate in lanes) is expected


def uplink_of(made: Compiled) -> int:
    link = made.problem.network.link_index("near", "far")
    assert link is not None
    return link


def assignments(columns: Columns, movers: int) -> Iterator[Ints]:
    """Yield all choices of all movers."""
    for choice in product(*(np.flatnonzero(columns.mover == v).tolist() for v in range(movers))):
        yield np.array(choice)


def least(made: Compiled, columns: Columns, division: Division, window_s: float) -> float:
    """Return the least weighted downtime of all assignments whose moves have places in lanes: for good, or in turns."""
    cost = made.problem.weight[columns.mover] * columns.downtime_s
    best = np.inf
    for choice in assignments(columns, len(made.problem.movers)):
        rate, seconds = columns.rate[choice], columns.time_s[choice]
        if float(cost[choice].sum()) < best and _has_places(rate.tolist(), seconds.tolist(), division, window_s):
            best = float(cost[choice].sum())
    return best


def _has_places(rate: list[float], seconds: list[float], division: Division, window_s: float) -> bool:
    if len(division) == 1:
        return all(
            sum(s for r, s in zip(rate, seconds, strict=True) if r >= step)
            <= window_s * sum(lane >= step * (1 - 1e-9) for lane in division[0]) * (1 + 1e-9)
            for step in rate
        )
    # One at full rate, or two at half of it: what is fast runs alone, the others share what is left.
    full, half = division[0][0], division[1][0]
    alone = sum(s for r, s in zip(rate, seconds, strict=True) if r > half * (1 + 1e-9))
    assert max(rate) <= full * (1 + 1e-9)
    return alone <= window_s * (1 + 1e-9) and alone + (sum(seconds) - alone) / 2 <= window_s * (1 + 1e-9)


LANES: tuple[Division, ...] = (
    ((NIC, 0.5 * NIC, 0.5 * NIC),),
    ((NIC, NIC),),
    ((0.75 * NIC, 0.5 * NIC, 0.5 * NIC, 0.25 * NIC),),
    ((0.5 * NIC,) * 4,),
)


@pytest.mark.parametrize("seed", range(12))
def test_the_program_keeps_to_the_places_in_lanes(seed: int) -> None:
    division = LANES[seed % len(LANES)]
    for tightness in (0.6 + 0.05 * seed, 1.0 + 0.1 * seed):
        deadline_s = tightness * fastest_s(racks(4, 2 * NIC, hosts=4, seed=seed, approaches=LIVE))
        made = racks(4, 2 * NIC, hosts=4, seed=seed, approaches=LIVE, deadline_s=deadline_s)
        keeps_to(made, uplink_of(made), division)


@pytest.mark.parametrize("seed", range(8))
def test_the_program_keeps_to_turns(seed: int) -> None:
    for tightness in (0.9 + 0.1 * seed, 1.2 + 0.1 * seed):
        deadline_s = tightness * fastest_s(racks(4, 50 * NIC, hosts=1, seed=seed, approaches=LIVE))
        made = racks(4, 50 * NIC, hosts=1, seed=seed, approaches=LIVE, deadline_s=deadline_s)
        link = made.problem.network.link_index("s0", "near")
        assert link is not None
        keeps_to(made, link, turns(NIC))


def test_slow_moves_take_a_whole_place_of_a_turn() -> None:
    """At a quarter of the link four would fit side by side, but two by two is what turns give."""
    made = racks(4, 50 * NIC, hosts=1, seed=2, approaches=(Approach.COLD,))
    link = made.problem.network.link_index("s0", "near")
    assert link is not None
    columns = made.columns()
    columns = _only(columns, columns.rate == NIC / 4)
    model = AssignmentModel(made.problem, made.classes, columns, lanes={link: turns(NIC)})
    for part, outcome in ((0.499, Outcome.INFEASIBLE), (0.501, Outcome.OPTIMAL)):
        program = model.program(Aim(float(columns.time_s.sum()) * part))
        assert solve(program, seed=0, time_limit_s=60).outcome is outcome


def fastest_s(made: Compiled) -> float:
    """Return how long the movers take one after the other, each as fast as it can [s]."""
    columns = made.columns()
    return float(sum(columns.time_s[columns.mover == v].min() for v in range(len(made.problem.movers))))


def keeps_to(made: Compiled, link: int, division: Division) -> None:
    """Compare the program of a link with lanes with all assignments."""
    window_s, lanes = made.problem.deadline_s, {link: division}
    columns = made.columns(lanes=lanes)
    model = AssignmentModel(made.problem, made.classes, columns, lanes=lanes)
    found = solve(model.program(Aim(window_s)), seed=0, time_limit_s=60)
    expected = least(made, columns, division, window_s)
    if expected == np.inf:
        assert found.outcome is Outcome.INFEASIBLE
    else:
        assert found.outcome is Outcome.OPTIMAL
        assert found.bound == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(24))
def test_without_what_fits_side_by_side_a_bound_is_no_higher_and_with_lanes_no_lower(seed: int) -> None:
    made = compiled_case(shared_link_case(seed))
    columns, aim = made.columns(), Aim(made.problem.deadline_s)
    if len(np.unique(columns.mover)) < len(made.problem.movers):
        return

    def bound(lanes: Mapping[int, Division] = NO_LANES, *, side_by_side: bool = True) -> float:
        model = AssignmentModel(made.problem, made.classes, columns, lanes=lanes, side_by_side=side_by_side)
        return solve(model.program(aim), seed=0, time_limit_s=60).bound

    usual = bound()
    model = AssignmentModel(made.problem, made.classes, columns)
    capacity = made.problem.network.capacity_bytes_per_s
    lanes = {
        link: (divisions(float(capacity[link]), float(columns.rate[here].max())) or (turns(float(capacity[link])),))[0]
        for link, here in model.users.items()
    }
    rounding = 1e-6
    assert bound(side_by_side=False) <= usual * (1 + rounding) + 1e-9
    assert bound(lanes) >= usual * (1 - rounding) - 1e-9


def test_only_looking_side_by_side_tells_that_three_moves_do_not_fit_in_two_and_a_half() -> None:
    """Volumes alone would have five moves of one second each over in two seconds."""
    made = racks(5, 2.5 * NIC, hosts=5, seed=1, approaches=(Approach.COLD,))
    columns = made.columns()
    columns = _only(columns, columns.rate == NIC)
    total_s = float(columns.time_s.sum())
    window_s = total_s / 2.4
    for side_by_side, outcome in ((False, Outcome.OPTIMAL), (True, Outcome.INFEASIBLE)):
        model = AssignmentModel(made.problem, made.classes, columns, side_by_side=side_by_side)
        assert solve(model.program(Aim(window_s)), seed=0, time_limit_s=60).outcome is outcome


def _only(columns: Columns, keep: np.typing.NDArray[np.bool_]) -> Columns:
    return Columns(
        columns.mover[keep],
        columns.klass[keep],
        columns.approach[keep],
        columns.rate_index[keep],
        columns.rate[keep],
        columns.time_s[keep],
        columns.downtime_s[keep],
    )
