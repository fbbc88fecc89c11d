"""The front of time and downtime, and what would make a pre-copy converge that does not."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from planner.errors import InputError
from planner.inventory.models import VM, Approach, Host, Inventory, Link
from planner.predict import Outside, predict_vm
from planner.predict.front import FINE_POINTS, NOTABLE, FrontPoint, fronts
from planner.predict.remedy import MOST_TIMES, Remedy, remedies
from planner.predict.saturating import SWITCH_POINTS
from planner.predict.table import prediction_rows
from tests.predict_support import GIB, saturating, vm

RATE = 1.25e8


def inventory(*vms: VM, **settings: object) -> Inventory:
    return Inventory(
        format="evac/inventory/1",
        name="tiny",
        settings=saturating(**settings),
        hosts=tuple(Host(name=name, cpus=8, memory=64 * GIB) for name in ("hv", "other")),
        links=(Link(between=("hv", "other"), bandwidth=RATE),),
        vms=vms or (vm(write_rate=5e7),),
    )


def front(machine: VM, **settings: object) -> tuple[FrontPoint, ...]:
    (found,) = fronts(inventory(machine, **settings))
    assert found.vm == machine.name
    assert found.rate_bytes_per_s == RATE
    return found.points


def best(points: tuple[FrontPoint, ...]) -> list[FrontPoint]:
    return [point for point in points if not point.beaten]


def test_each_point_is_what_the_model_says() -> None:
    machine = vm(write_rate=5e7)
    points = front(machine)
    assert len(points) > 20
    for point in points:
        found = predict_vm(saturating(), machine, point.approach, RATE, point.switch_point)
        assert found.time_s.item() == pytest.approx(point.time_s)
        assert found.downtime_s.item() == pytest.approx(point.downtime_s)
        assert found.transferred_bytes.item() == pytest.approx(point.transferred_bytes)
        assert point.downtime_s == pytest.approx(point.blackout_s + point.stall_s + point.slowed_s)


@examples(max_examples=30, deadline=None)
@given(
    read_rate=st.floats(0, 1e9),
    write_rate=st.floats(0, 1e9),
    share=st.floats(0.01, 1),
    auto_converge=st.booleans(),
)
def test_the_front_is_what_nothing_is_as_good_as(
    read_rate: float, write_rate: float, share: float, auto_converge: bool
) -> None:
    machine = vm(read_rate=read_rate, write_rate=write_rate, working_set=int(8 * GIB * share))
    points = front(machine, auto_converge=auto_converge)
    kept = best(points)
    assert [point.time_s for point in kept] == sorted(point.time_s for point in kept)
    assert all(later.downtime_s < earlier.downtime_s * (1 - NOTABLE) for earlier, later in pairwise(kept))
    for point in points:
        as_good = [
            other
            for other in kept
            if other.time_s <= point.time_s and other.downtime_s * (1 - NOTABLE) <= point.downtime_s
        ]
        assert as_good, "what is left out is beaten by something on the front, or the thing itself is on it"


def test_the_switch_points_are_a_fine_grid_of_which_plans_may_use_some() -> None:
    assert len(FINE_POINTS) >= 16
    assert set(SWITCH_POINTS) <= set(FINE_POINTS)
    hybrids = [
        point for point in front(vm(write_rate=2e8)) if point.approach is Approach.HYBRID and not point.paper_share
    ]
    assert {point.switch_point for point in hybrids} == set(FINE_POINTS)
    assert {point.switch_point for point in hybrids if point.offered} == set(SWITCH_POINTS)


def test_a_hybrid_whose_precopy_ends_before_the_switch_stands_there_as_precopy_alone() -> None:
    points = front(vm(write_rate=0, read_rate=0))
    alone = [point for point in points if not point.paper_share]
    assert len({(point.time_s, point.downtime_s) for point in alone}) == len(alone)
    assert all(point.switch_point is None or point.switch_point <= 1 for point in points)
    assert any(point.approach is Approach.PRECOPY for point in points)


def test_only_what_settings_and_vm_allow() -> None:
    narrow = vm(write_rate=5e7, approaches=("cold", "postcopy"))
    assert {point.approach for point in front(narrow)} == {Approach.COLD, Approach.POSTCOPY}
    assert {point.approach for point in front(vm(), approaches=("precopy",))} == {Approach.PRECOPY}
    gentle = front(vm(write_rate=5e7, max_downtime=5.0))
    assert {point.approach for point in gentle} == {Approach.PRECOPY, Approach.HYBRID}
    assert max(point.downtime_s for point in gentle) <= 5.0
    assert {point.approach for point in front(vm(), tunnelled=True)} == {Approach.COLD, Approach.PRECOPY}
    assert front(vm(approaches=("precopy",), write_rate=5e9)) == ()


def test_the_papers_share_stands_there_under_its_name() -> None:
    machine = vm(read_rate=3e7, write_rate=1e7)
    (share,) = [point for point in front(machine) if point.paper_share]
    assert share.switch_point == 0.25
    assert not share.offered
    (named,) = [point for point in front(machine, hybrid_switch="paper") if point.approach is Approach.HYBRID]
    assert (named.switch_point, named.paper_share, named.offered) == (0.25, True, True)
    assert named.downtime_s == share.downtime_s


def test_a_switch_point_that_the_settings_fix_is_the_only_one() -> None:
    (fixed,) = [point for point in front(vm(write_rate=9e7), hybrid_switch=2.0) if point.approach is Approach.HYBRID]
    assert (fixed.switch_point, fixed.offered, fixed.paper_share) == (2.0, True, False)


def test_models_without_switch_points_have_their_approaches() -> None:
    machine = vm(read_rate=3e7, write_rate=1e7)
    points = front(machine, model="paper")
    assert {point.approach for point in points} == set(Approach)
    (share,) = [point for point in points if point.approach is Approach.HYBRID]
    assert share.paper_share
    assert share.switch_point == 0.25
    assert {point.approach for point in front(machine, model="btrplace")} == {Approach.PRECOPY}


def test_which_vms_and_at_which_bandwidth() -> None:
    several = inventory(vm(name="a"), vm(name="b"), vm(name="c"))
    assert [found.vm for found in fronts(several, ["c", "a", "c"])] == ["c", "a"]
    assert {found.rate_bytes_per_s for found in fronts(several, None, 5e7)} == {5e7}
    with pytest.raises(InputError, match="there is no VM 'd'"):
        fronts(several, ["d"])
    assert fronts(several.model_copy(update={"vms": ()})) == []


# --- remedies ------------------------------------------------------------------------------------------------

NEVER = vm(working_set=4 * GIB, write_rate=2e8)


def remedy(machine: VM, rate: float = RATE, **settings: object) -> Remedy:
    (found,) = remedies(saturating(**settings), [machine], [rate])
    return found


def converges(machine: VM, rate: float, **settings: object) -> bool:
    found = predict_vm(saturating(**settings), machine, Approach.PRECOPY, rate)
    return bool(found.outside.item() == Outside.INSIDE)


def test_the_least_bandwidth_is_the_least() -> None:
    least = remedy(NEVER).least_bandwidth_bytes_per_s
    assert least is not None
    assert converges(NEVER, least)
    assert not converges(NEVER, least * 0.99)


def test_the_least_downtime_limit_is_the_least() -> None:
    for settings in ({}, {"stop_threshold": 10**7}):
        least = remedy(NEVER, **settings).least_downtime_limit_s
        assert least is not None
        assert converges(NEVER, RATE, downtime_limit=least)
        assert not converges(NEVER, RATE, downtime_limit=least * 0.99)


def test_auto_converge_is_named_where_it_helps_and_is_not_on() -> None:
    assert remedy(NEVER).auto_converge_slowed_s == pytest.approx(
        predict_vm(saturating(auto_converge=True), NEVER, Approach.PRECOPY, RATE).slowed_s.item()
    )
    assert remedy(NEVER, max_cpu_throttle=1).auto_converge_slowed_s is None
    assert remedy(NEVER, auto_converge=True, max_cpu_throttle=1).auto_converge_slowed_s is None


@pytest.mark.parametrize(
    "machine",
    [
        NEVER,
        vm(write_rate=5e8),
        vm(dirty_sets=({"size": GIB, "rate": 2e8}, {"size": 2 * GIB, "rate": 1e7})),
        vm(working_set=GIB, write_rate=2e8, cold_write_rate=1e6),
        vm(dirty_vector=({"after": 1, "dirtied": 4e8}, {"after": 90, "dirtied": 3e9})),
    ],
    ids=["set", "all", "sets", "steady", "vector"],
)
def test_passes_settle_where_it_is_said(machine: VM) -> None:
    """After ever more passes that is what the hybrid finds left; without headers after the switch, page by page."""
    settled = remedy(machine).settles_at_bytes
    assert settled is not None
    before, after = (
        predict_vm(saturating(fixed_time=0.0), machine, Approach.HYBRID, RATE, passes).transferred_bytes.item()
        for passes in (98.0, 99.0)
    )
    threshold = 0.3 * RATE * 0.9
    assert settled == pytest.approx(threshold + after - before, rel=1e-6), "each pass sends all but the threshold"


def test_the_vm_is_stopped_with_what_the_pages_own_rate_carries_within_the_limit() -> None:
    assert remedy(NEVER, link_efficiency=0.5).stops_at_bytes == pytest.approx(0.3 * RATE * 0.5)
    assert remedy(NEVER, stop_threshold=10**7, link_efficiency=0.5).stops_at_bytes == 10**7
    assert remedy(NEVER, model="paper").stops_at_bytes == pytest.approx(0.3 * RATE)


def test_passes_that_shrink_too_slowly_settle_nowhere() -> None:
    slow = vm(working_set=4 * GIB, write_rate=1.13e8)
    assert not converges(slow, RATE)
    assert remedy(slow).settles_at_bytes is None


def test_passes_that_grow_without_end_settle_nowhere() -> None:
    found = remedies(saturating(model="paper"), [NEVER], [RATE])[0]
    assert found.settles_at_bytes is None
    assert found.least_bandwidth_bytes_per_s == pytest.approx(2e8, rel=0.003)
    assert found.auto_converge_slowed_s is None


def test_where_nothing_within_reach_helps_none_is_named() -> None:
    wild = vm(memory=2**42, working_set=2**42, write_rate=1e12)
    found = remedy(wild, rate=1e6, stop_threshold=1000)
    assert found.least_bandwidth_bytes_per_s is None
    assert MOST_TIMES == 1000
    assert remedies(saturating(), [], []) == []


def test_rows_carry_the_remedy_of_precopy_where_it_does_not_converge() -> None:
    rows = prediction_rows(inventory(vm(name="calm", write_rate=1e6), NEVER))
    assert {(row.vm, row.approach) for row in rows if row.remedy} == {("vm", Approach.PRECOPY)}
    (row,) = [row for row in rows if row.remedy]
    assert row.remedy == remedy(NEVER)
    assert row.time_s is None


def test_rows_tell_the_parts_of_the_downtime() -> None:
    for row in prediction_rows(inventory(NEVER, auto_converge=True)):
        assert row.downtime_s is not None
        parts = (row.blackout_s, row.stall_s, row.slowed_s)
        assert math.fsum(part for part in parts if part is not None) == pytest.approx(row.downtime_s)
        assert (row.slowed_s or 0) > 0 or row.approach is not Approach.PRECOPY
