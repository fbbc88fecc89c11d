"""The bandwidth menu, the tables of predictions, and the choices that are left of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.inventory.models import Approach
from planner.menu import bandwidth_menu
from planner.optimize.options import Columns
from planner.predict import predict_vm
from tests.optimize_support import Compiled, compiled, compiled_case, host, inventory, shared_link_case, star, vm
from tests.truth.brute import offered_ways
from tests.truth.inventories import Case, random_case

CASES = [("random", seed) for seed in range(14)] + [("shared", seed) for seed in range(11)]

capacities = st.lists(st.floats(1e6, 1e11), min_size=1, max_size=6).map(tuple)


def case_of(kind: str, seed: int) -> Case:
    return random_case(seed) if kind == "random" else shared_link_case(seed)


@given(capacities)
def test_the_menu_falls_from_the_bottleneck_and_repeats_nothing(path: tuple[float, ...]) -> None:
    menu = bandwidth_menu(path)
    assert menu[0] == min(path)
    assert all(slower < faster * (1 - 1e-9) for faster, slower in pairwise(menu))
    assert menu[-1] > 0


@given(capacities)
def test_the_menu_has_shares_of_the_bottleneck_and_even_shares_of_wider_links(path: tuple[float, ...]) -> None:
    menu, bottleneck = bandwidth_menu(path), min(path)
    for wanted in (bottleneck / 2, bottleneck / 4):
        assert any(math.isclose(rate, wanted, rel_tol=2e-9) for rate in menu)
    for capacity in path:
        count = math.ceil(capacity / bottleneck * (1 - 1e-12))
        for moves in (count, 2 * count):
            assert any(math.isclose(rate * moves, capacity, rel_tol=2e-9) for rate in menu)


@given(capacities)
def test_the_menu_depends_on_the_capacities_alone(path: tuple[float, ...]) -> None:
    assert bandwidth_menu(path) == bandwidth_menu(tuple(sorted(path))) == bandwidth_menu((*path, *path))


def test_rounding_adds_no_rates() -> None:
    assert bandwidth_menu((1e9, 1e9 * (1 + 1e-14))) == bandwidth_menu((1e9,)) == (1e9, 5e8, 2.5e8)
    tripled = 125e6 * 3 * 0.7
    assert tripled / 3 != 87.5e6
    assert bandwidth_menu((87.5e6, tripled)) == (87.5e6, 43.75e6, 21.875e6)


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_tables_hold_what_the_model_predicts_and_the_limits_allow(kind: str, seed: int) -> None:
    made = compiled_case(case_of(kind, seed))
    problem, tables = made.problem, made.tables
    for v, mover in enumerate(problem.movers[:2]):
        for r, rate in enumerate(tables.rates.tolist()):
            offered = offered_ways(problem.settings, mover, rate)
            for a, way in enumerate(problem.ways):
                found = predict_vm(problem.settings, mover, way.approach, rate, way.switch_point)
                inside = not found.outside[0, 0]
                assert bool(tables.inside[v, a, r]) == inside
                assert bool(tables.usable[v, a, r]) == (way in offered)
                if inside:
                    assert tables.time_s[v, a, r] == found.time_s[0, 0]
                    assert tables.downtime_s[v, a, r] == found.downtime_s[0, 0]


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_each_pair_of_hosts_has_the_menu_of_its_route(kind: str, seed: int) -> None:
    made = compiled_case(case_of(kind, seed))
    network, tables = made.problem.network, made.tables
    for s, source in enumerate(made.problem.sources):
        for h, target in enumerate(made.problem.targets):
            route = network.route(source.name, target.name)
            menu = int(tables.menu_of[s, h])
            if route is None:
                assert menu == -1
                continue
            path = tuple(float(network.capacity_bytes_per_s[link]) for link in route.links)
            assert tuple(tables.rates[list(tables.menus[menu])].tolist()) == bandwidth_menu(path)


def offered(made: Compiled, mover: int, klass: int) -> list[tuple[float, float, float]]:
    """Return time, downtime and rate of all that a mover could do to reach a class in time."""
    tables, problem = made.tables, made.problem
    if not any(problem.allowed[mover, h] for h in made.classes.members[klass]):
        return []
    menu = int(tables.menu_of[problem.source_of[mover], made.classes.members[klass][0]])
    return [
        (float(tables.time_s[mover, a, r]), float(tables.downtime_s[mover, a, r]), float(tables.rates[r]))
        for a in range(len(problem.ways))
        for r in tables.menus[menu]
        if tables.usable[mover, a, r] and tables.time_s[mover, a, r] <= problem.deadline_s
    ]


def kept(columns: Columns, mover: int, klass: int) -> list[tuple[float, float, float]]:
    here = np.flatnonzero((columns.mover == mover) & (columns.klass == klass))
    return list(
        zip(columns.time_s[here].tolist(), columns.downtime_s[here].tolist(), columns.rate[here].tolist(), strict=True)
    )


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_what_is_dropped_has_one_at_least_as_good(kind: str, seed: int, lean: bool) -> None:
    """As good in time, downtime and rate; for the lean choices in time, downtime and time x rate."""
    made = compiled_case(case_of(kind, seed))
    columns = made.columns(lean=lean)
    for v in range(len(made.problem.movers)):
        for c in range(len(made.classes.members)):
            everything, left = offered(made, v, c), kept(columns, v, c)
            assert set(left) <= set(everything)
            assert len(set(left)) == len(left)
            for time, down, rate in everything:
                third = time * rate if lean else rate
                assert any(t <= time and d <= down and (t * r if lean else r) <= third for t, d, r in left)


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_of_what_is_kept_none_is_at_least_as_good_as_another(kind: str, seed: int, lean: bool) -> None:
    made = compiled_case(case_of(kind, seed))
    columns = made.columns(lean=lean)
    for v in range(len(made.problem.movers)):
        for c in range(len(made.classes.members)):
            respects = [(t, d, t * r if lean else r) for t, d, r in kept(columns, v, c)]
            for i, one in enumerate(respects):
                assert not [
                    other
                    for j, other in enumerate(respects)
                    if i != j and all(mine <= yours for mine, yours in zip(one, other, strict=True))
                ]


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_a_column_says_what_the_tables_say(kind: str, seed: int) -> None:
    made = compiled_case(case_of(kind, seed))
    columns, tables, problem = made.columns(), made.tables, made.problem
    at = (columns.mover, columns.approach, columns.rate_index)
    assert columns.time_s.tolist() == tables.time_s[at].tolist()
    assert columns.downtime_s.tolist() == tables.downtime_s[at].tolist()
    assert columns.rate.tolist() == tables.rates[columns.rate_index].tolist()
    assert tables.usable[at].all()
    assert (columns.time_s <= problem.deadline_s).all()
    assert made.classes.allowed(problem)[columns.mover, columns.klass].all()
    longest = [math.inf if mover.max_downtime is None else mover.max_downtime for mover in problem.movers]
    assert (columns.downtime_s <= np.array(longest)[columns.mover]).all()
    order = list(zip(columns.mover, columns.klass, columns.approach, columns.rate_index, strict=True))
    assert order == sorted(set(order))


def test_the_deadline_is_kept_to_the_end() -> None:
    cluster = star(map(host, ("src", "t1")), [vm("a", memory=10**9)], approaches=[Approach.COLD])
    assert compiled(cluster, ["src"], 1.0).columns().time_s.tolist() == [1.0]
    assert len(compiled(cluster, ["src"], 0.999).columns()) == 0
    assert sorted(compiled(cluster, ["src"], 2.0).columns().time_s) == [1.0, 2.0]


def test_the_longest_downtime_is_kept_to_the_end() -> None:
    for limit_s, count in ((1.0, 1), (0.999, 0), (2.0, 2)):
        cluster = star(map(host, ("src", "t1")), [vm("a", max_downtime=limit_s)], approaches=[Approach.COLD])
        assert len(compiled(cluster, ["src"], 100.0).columns()) == count


def lanes_case() -> tuple[Compiled, int]:
    """Return two racks joined by a link two and a half times as wide as the three sources', and that link."""
    sources = ["src", "src2", "src3"]
    wires = [*((name, "near", 1e9) for name in (*sources, "t1")), ("t2", "far", 1e9), ("t3", "far", 1e9)]
    wires += [("near", "far", 2.5e9)]
    vms = [vm("a", read_rate=1e7, write_rate=1e7), vm("b"), vm("c", "src2"), vm("d", "src3")]
    made = compiled(inventory(map(host, (*sources, "t1", "t2", "t3")), wires, vms), sources, 100.0)
    link = made.problem.network.link_index("near", "far")
    assert link is not None
    return made, link


def test_over_lanes_only_their_rates_are_offered() -> None:
    made, link = lanes_case()
    thirds = 2.5e9 / 3
    split, whole = made.columns(lanes={link: ((thirds, thirds, thirds / 2, thirds / 2),)}), made.columns()
    over = np.array([link in (made.classes.trunk[0][c] or ()) for c in range(len(made.classes.members))])
    assert 0 < over.sum() < len(over)
    rates = split.rate[over[split.klass]]
    assert len(rates)
    assert np.all(np.isclose(rates, thirds) | np.isclose(rates, thirds / 2))
    assert whole.rate.max() > thirds * 1.1, "the case tells nothing: all rates are those of lanes"
    elsewhere = [columns.rate[~over[columns.klass]].tolist() for columns in (split, whole)]
    assert elsewhere[0] == elsewhere[1]


def test_every_mover_keeps_a_way_over_lanes() -> None:
    made, link = lanes_case()
    for lean in (False, True):
        split = made.columns(lean=lean, lanes={link: ((2.5e9 / 3,) * 3,)})
        pairs = set(zip(split.mover.tolist(), split.klass.tolist(), strict=True))
        assert pairs == {(v, c) for v in range(4) for c in range(len(made.classes.members))}
