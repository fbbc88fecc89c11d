"""Arenas with lanes: schedules that keep to them, and plans where links are filled that are no worse than without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from planner import api
from planner.inventory.models import Inventory
from planner.lanes import Division, divisions, turns
from planner.optimize import search
from planner.optimize.backend import Outcome, solve
from planner.optimize.clock import Clock
from planner.optimize.dispatch import Schedule
from planner.optimize.laned import LaneArena
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.records import Records
from planner.optimize.state import State
from planner.plan.models import Plan
from planner.verify import verify_plan
from tests.optimize_support import GIB, Compiled, check, compiled, host, inventory, vm

NIC = 1e9
"""What a host's link carries [bytes/s]."""
UPLINK = 2.5 * NIC
LONG_S = 60.0


def rack(seed: int, hosts: int = 4, movers: int = 16, spine: float = 100 * NIC, **more: Any) -> Inventory:
    """Return a rack of sources behind an uplink that two and a half hosts fill, and targets beyond the spine."""
    rng = np.random.default_rng(seed)
    sources, targets = [f"s{i}" for i in range(hosts)], [f"t{i}" for i in range(4)]
    wires = [(name, "near", NIC) for name in sources] + [(name, "far", NIC) for name in targets]
    wires += [("near", "spine", UPLINK), ("spine", "far", spine)]
    memory = np.clip(rng.lognormal(np.log(8), 1.0, movers), 1, 64)
    write = rng.lognormal(np.log(10e6), 1.2, movers)
    hot = rng.random(movers) < 0.1
    write = np.where(hot, rng.uniform(0.5, 1.3, movers) * NIC, write).round()
    vms = [
        vm(
            f"vm{i:02d}",
            sources[i % hosts],
            memory=int(memory[i] * GIB),
            write_rate=float(write[i]),
            read_rate=3e7,
            weight=float(rng.choice([1.0, 1.0, 2.0, 3.0])),
        )
        for i in range(movers)
    ]
    return inventory(map(host, (*sources, *targets)), wires, vms, **more)


def sources_of(cluster: Inventory) -> list[str]:
    return [each.name for each in cluster.hosts if each.name.startswith("s")]


@cache
def least_s(seed: int, hosts: int, movers: int) -> float:
    """Return the least deadline of the relaxation without whole choices [s]."""
    cluster = rack(seed, hosts, movers)
    made = compiled(cluster, sources_of(cluster), 1e6)
    program = AssignmentModel(made.problem, made.classes, made.columns()).program(Aim(1e6, finish=True))
    found = solve(
        program.relaxed(np.zeros(program.row_count, dtype=np.bool_), linear=True), seed=0, time_limit_s=LONG_S
    )
    assert found.outcome is Outcome.OPTIMAL
    return found.bound


@dataclass(frozen=True)
class Night:
    """A rack, and the deadline as a multiple of the least."""

    seed: int
    hosts: int
    movers: int
    kappa: float

    def plan(self, seed: int = 0) -> tuple[Inventory, Plan]:
        cluster = rack(self.seed, self.hosts, self.movers)
        deadline_s = self.kappa * least_s(self.seed, self.hosts, self.movers)
        return cluster, api.plan(cluster, sources_of(cluster), deadline_s, seed=seed, make_room="never")


BETTER = (Night(1, 4, 16, 1.15), Night(5, 3, 14, 1.2))
"""Nights at which dividing the uplink brings a plan, or one with less downtime."""
ALIKE = (Night(3, 4, 16, 1.15),)
"""A night at which a division into lanes has no assignment: that once ended the search without any plan."""


@cache
def laned(night: Night) -> tuple[Inventory, Plan]:
    return night.plan()


def gap(plan: Plan) -> float:
    """Return how far a plan is from its bound [1]; 1 without a plan."""
    return 1.0 if plan.objective is None or plan.objective.gap is None else plan.objective.gap


@pytest.mark.parametrize("night", [*BETTER, *ALIKE])
def test_plans_over_a_filled_uplink_are_verified_and_no_worse_than_without_lanes(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, plan = laned(night)
    assert len(plan.moves) == night.movers > search.EXACT_MOVERS
    assert verify_plan(cluster, plan).ok
    monkeypatch.setattr(search, "divisions", lambda capacity, fastest: ())
    monkeypatch.setattr(search, "turns", lambda capacity: ((capacity,),))
    _, plain = night.plan()
    assert gap(plan) <= gap(plain) + 1e-9
    if night in BETTER:
        assert gap(plan) < gap(plain) - 0.01


def test_a_seed_gives_one_plan_over_lanes() -> None:
    _, one = laned(BETTER[0])
    _, two = BETTER[0].plan()
    assert one.moves
    assert one.moves == two.moves


def state_of(made: Compiled) -> State:
    return State(made.problem, made.tables, Clock(LONG_S), 0, None)


def dispatched(
    made: Compiled, lanes: Mapping[int, Division], records: Records | None = None
) -> tuple[LaneArena, Schedule] | None:
    """Return an arena and its schedule of the first assignment, or None where the lanes leave no assignment."""
    arena = LaneArena(state_of(made), made.classes, lanes, Records() if records is None else records)
    solution = arena.solve(Aim(made.problem.deadline_s))
    if solution.values is None:
        return None
    placed, failed = arena.place(solution)
    assert placed is not None, failed
    return arena, arena.dispatch(placed, 1)


def keeps_to(made: Compiled, arena: LaneArena, schedule: Schedule, link: int, division: Division) -> None:
    """Check that what runs over a link at any moment fits the lanes of one turn, each move in its own."""
    columns = arena.columns
    over = [
        v
        for v, k in enumerate(schedule.choice.tolist())
        if link in (made.classes.trunk[int(made.problem.source_of[v])][int(columns.klass[k])] or ())
    ]
    assert over
    for at in schedule.start_s[over].tolist():
        running = [v for v in over if schedule.start_s[v] <= at < schedule.end_s[v]]
        rates = sorted(columns.rate[schedule.choice[running]].tolist(), reverse=True)
        assert any(
            len(rates) <= len(lanes)
            and all(rate <= lane * (1 + 1e-9) for rate, lane in zip(rates, lanes, strict=False))
            for lanes in division
        )


def night_of(seed: int, kappa: float, **more: Any) -> Compiled:
    cluster = rack(seed, **more)
    return compiled(cluster, sources_of(cluster), kappa * least_s(seed, 4, 16))


@cache
def over_uplink(seed: int, way: int) -> tuple[Compiled, int, Division, tuple[LaneArena, Schedule] | None]:
    made = night_of(seed, 1.5, max_outgoing=4, max_incoming=4)
    link = made.problem.network.link_index("near", "spine")
    assert link is not None
    division = divisions(UPLINK, NIC)[way]
    return made, link, division, dispatched(made, {link: division})


DIVIDED = ((0, 0), (1, 1), (2, 2), (1, 0))


@pytest.mark.parametrize(("seed", "way"), DIVIDED)
def test_moves_over_a_divided_link_keep_to_its_lanes(seed: int, way: int) -> None:
    made, link, division, found = over_uplink(seed, way)
    if found is None:
        return
    arena, schedule = found
    check(made, arena.columns, schedule)
    keeps_to(made, arena, schedule, link, division)


def test_most_divisions_leave_an_assignment_that_keeps_the_deadline() -> None:
    found = [over_uplink(*case) for case in DIVIDED]
    held = [each is not None and each[1].finish_s <= made.problem.deadline_s for made, _, _, each in found]
    assert sum(held) >= 0.7 * len(held)


def test_the_moves_of_hosts_take_turns() -> None:
    made = night_of(1, 1.6)
    links = [made.problem.network.link_index(each.name, "near") for each in made.problem.sources]
    lanes = {link: turns(NIC) for link in links if link is not None}
    found = dispatched(made, lanes)
    assert found is not None
    arena, schedule = found
    check(made, arena.columns, schedule)
    for link in lanes:
        keeps_to(made, arena, schedule, link, turns(NIC))


def series(seed: int, kappa: float) -> tuple[Compiled, list[int]]:
    """Return a rack whose moves go over two links, one after the other, of which each can be filled."""
    made = night_of(seed, kappa, spine=UPLINK)
    links = [made.problem.network.link_index(*ends) for ends in (("near", "spine"), ("spine", "far"))]
    return made, [link for link in links if link is not None]


def test_what_a_link_settles_may_fit_other_lanes_than_before_of_the_link_behind() -> None:
    made, links = series(1, 1.1)
    found = dispatched(made, dict.fromkeys(links, divisions(UPLINK, NIC)[0]))
    assert found is not None
    arena, schedule = found
    check(made, arena.columns, schedule)


def test_the_best_packings_of_links_one_behind_the_other_need_not_go_together() -> None:
    """A choice over lanes of the first link may be on no offer where the second is divided in another way."""
    made, links = series(0, 1.5)
    ways, records = divisions(UPLINK, NIC), Records()
    assert dispatched(made, dict.fromkeys(links, ways[0]), records) is not None
    known = records.best[links[0]]
    assert known.division == ways[0]
    records.best.update(dict.fromkeys(links, known))
    outcomes = set()
    for other in ways:
        arena = LaneArena(state_of(made), made.classes, {links[0]: ways[0], links[1]: other}, records)
        schedule = arena.replay()
        outcomes.add(schedule is None)
        if schedule is not None:
            check(made, arena.columns, schedule)
    assert outcomes == {False, True}


def test_the_first_program_goes_on_where_the_others_have_no_assignment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SMALL", 0)
    made = compiled(rack(1), [f"s{i}" for i in range(4)], LONG_S)
    state = State(made.problem, made.tables, Clock(LONG_S), 0, None)
    alone = search._Decomposition(state, made.classes, False)
    assert [alone._turn(step) for step in range(3)] == [0, 0, 0]
