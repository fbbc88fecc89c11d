"""The model saturating: golden figures, the ends of its curve, each of its terms, and that arrays are single numbers.

Golden values: level 1 recomputed for V = 11264 MB, mu = 12.5 MB/s, alpha = 0.3, nothing but copying taking time; the
closed loop after the switch was confirmed there by a simulation of pages.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from planner.inventory.models import ALL_APPROACHES, Approach
from planner.inventory.settings import LinkClass
from planner.predict import Outside, Workload, predict_vm, workload_of
from planner.predict.saturating import SWITCH_POINTS, SaturatingModel, own_switch
from tests.predict_support import GIB, MB, NO_TERMS, figures, must, predicted, saturating, step_by_step, vm

BARE = SaturatingModel(
    saturating(background_efficiency=0.3, stop_threshold=1, **NO_TERMS),
    header_bytes=0.0,
    whole_passes=True,
    writes_fault=False,
)
"""The model as the golden values have it."""


def bare(approach: Approach, r: float, w: float, switch_point: float | None = None) -> tuple[float, float]:
    """Return Tm and Td [s] for rates in MB/s."""
    rates = Workload(np.array([[11264.0 * MB]]), np.array([[r * MB]]), np.array([[w * MB]]))
    switch = None if switch_point is None else np.array([[switch_point]])
    found = BARE.predict(approach, rates, np.array([[12.5 * MB]]), np.array([[1.0]]), switch)
    return found.time_s.item(), found.downtime_s.item()


@pytest.mark.parametrize(("r", "time_s", "stall_s"), [(3, 2446, 239), (12, 1844, 497), (100, 1163, 789)])
def test_postcopy_as_published(r: float, time_s: float, stall_s: float) -> None:
    assert bare(Approach.POSTCOPY, r, 0) == pytest.approx((time_s, stall_s), abs=0.51)


@pytest.mark.parametrize(
    ("both", "switch_point", "time_s", "stall_s"),
    [(3, 0, 2446, 239), (3, 1, 1508, 15), (3, 2, 1241, 1), (9, 0, 1973, 442), (9, 1, 2067, 161), (9, 2, 2128, 70)],
)
def test_hybrids_as_published(both: float, switch_point: float, time_s: float, stall_s: float) -> None:
    assert bare(Approach.HYBRID, both, both, switch_point) == pytest.approx((time_s, stall_s), abs=0.51)


# --- the rule, told once more in plain Python ----------------------------------------------------------------

MACHINES = {
    "rates": vm(),
    "set": vm(working_set=2 * GIB, write_rate=2e8),
    "sets": vm(dirty_sets=({"size": GIB, "rate": 1e8}, {"size": 4 * GIB, "rate": 1e7})),
    "steady": vm(working_set=GIB, write_rate=9e7, cold_write_rate=4e6),
    "zeros": vm(nonzero_memory=GIB // 2, write_rate=6e7),
    "vector": vm(
        dirty_vector=({"after": 1, "dirtied": 2e8}, {"after": 9, "dirtied": 9e8}, {"after": 30, "dirtied": 1e9})
    ),
    "disk": vm(disk=20 * GIB, disk_write_rate=3e7),
    "calm": vm(write_rate=0, read_rate=0),
    "busy": vm(working_set=6 * GIB, write_rate=3e9, read_rate=1e9),
}
WAYS: dict[str, dict[str, object]] = {
    "plain": {},
    "compressed": {"compression_ratio": 2.5},
    "throttled": {"auto_converge": True},
    "throttled lightly": {
        "auto_converge": True,
        "cpu_throttle_initial": 5,
        "cpu_throttle_increment": 3,
        "max_cpu_throttle": 40,
    },
    "in bytes": {"stop_threshold": 100 * MB},
    "all costs": {
        "background_efficiency": 0.4,
        "fixed_time": 7.0,
        "switch_time": 0.4,
        "fault_latency": 0.004,
        "link_efficiency": 0.8,
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("machine", MACHINES)
def test_step_by_step_in_plain_python(machine: str, way: str) -> None:
    settings = saturating(**WAYS[way])
    for rate in (1.1e8, 1.25e9):
        precopy = step_by_step(MACHINES[machine], rate, settings)
        found = predicted(MACHINES[machine], Approach.PRECOPY, rate, settings)
        assert found == (pytest.approx(precopy, rel=1e-6) if precopy else None), rate
        for point in (0.0, 0.01, 0.5, 1.0, 1.5, 2.0, 3.25, 7.0):
            hybrid = predicted(MACHINES[machine], Approach.HYBRID, rate, settings, point)
            assert hybrid == pytest.approx(step_by_step(MACHINES[machine], rate, settings, point), rel=1e-6), point


def test_the_cases_told_in_plain_python_are_of_all_kinds() -> None:
    found = [
        predict_vm(saturating(**way), machine, Approach.PRECOPY, rate)
        for machine in MACHINES.values()
        for way in WAYS.values()
        for rate in (6e7, 1.25e8, 1.25e9)
    ]
    outside = [one.outside.item() for one in found]
    assert min(outside.count(Outside.INSIDE), outside.count(Outside.WRITES_OUTRUN_LINK)) > 20
    assert {0, 1, 5} < {one.passes.item() for one in found}
    assert sum(one.slowed_s.item() > 0 for one in found) > 5


# --- the terms -----------------------------------------------------------------------------------------------


def test_cold_is_everything_sent_once_while_the_vm_stands_still() -> None:
    machine = vm(memory=4 * GIB, nonzero_memory=GIB, disk=10 * GIB, disk_write_rate=9e9, write_rate=9e9)
    found = must(machine, Approach.COLD, 1e8, saturating(link_efficiency=0.8, fixed_time=2.0, switch_time=0.5))
    sent = GIB * (1 + 8 / 4096) + 3 * GIB / 4096 * 8 + 10 * GIB
    assert found == pytest.approx((2.0 + sent / 8e7, 0.5 + sent / 8e7, 0.0, 0.0, sent))


def test_fixed_times_and_switch_over_are_added_once() -> None:
    slow = saturating(fixed_time=7.0, switch_time=0.4)
    none = saturating(fixed_time=0.0, switch_time=0.0)
    for approach in ALL_APPROACHES:
        with_terms, without = (must(vm(), approach, 1e9, settings) for settings in (slow, none))
        assert with_terms.time_s == pytest.approx(without.time_s + 7.0)
        assert with_terms.blackout_s == pytest.approx(without.blackout_s + 0.4)
        assert with_terms[2:] == without[2:]


def test_a_switch_over_that_is_longer_than_the_fixed_time_is_in_the_migration_time() -> None:
    long = must(vm(), Approach.PRECOPY, 1e9, saturating(fixed_time=0.0, switch_time=5.0))
    none = must(vm(), Approach.PRECOPY, 1e9, saturating(fixed_time=0.0, switch_time=0.0))
    assert long.time_s == pytest.approx(none.time_s + 5.0)


def test_pages_of_zeros_cost_their_header() -> None:
    settings = saturating(**NO_TERMS)
    empty = must(vm(memory=4 * GIB, nonzero_memory=0, write_rate=0), Approach.COLD, 1e9, settings)
    assert empty.transferred_bytes == GIB // 1024 * 8
    full = must(vm(memory=4 * GIB, write_rate=0), Approach.COLD, 1e9, settings)
    assert full.transferred_bytes == pytest.approx(4 * GIB * (1 + 8 / 4096))


def test_compression_counts_before_the_switch_only() -> None:
    none = saturating(stop_threshold=1, **NO_TERMS)
    settings = none.model_copy(update={"compression_ratio": 2.0})
    calm = vm(write_rate=0, read_rate=0)
    assert must(calm, Approach.PRECOPY, 1e9, settings).time_s == must(calm, Approach.PRECOPY, 1e9, none).time_s / 2
    assert must(calm, Approach.POSTCOPY, 1e9, settings) == must(calm, Approach.POSTCOPY, 1e9, none)
    half = must(calm, Approach.HYBRID, 1e9, settings, 0.5)
    assert half.time_s == pytest.approx(0.75 * must(calm, Approach.HYBRID, 1e9, none, 0.5).time_s)
    busy = vm(working_set=4 * GIB, write_rate=1.2e9)
    assert predicted(busy, Approach.PRECOPY, 1e9, none) is None
    assert predicted(busy, Approach.PRECOPY, 1e9, settings) is not None


def test_a_tunnel_is_slower_and_has_no_postcopy() -> None:
    open_, tunnel = saturating(), saturating(tunnelled=True, tunnel_bandwidth=1e8)
    same = must(vm(), Approach.PRECOPY, 1e8 / 0.9, open_)
    found = must(vm(), Approach.PRECOPY, 1e10, tunnel)
    assert found.time_s == pytest.approx(same.time_s)
    for approach in (Approach.POSTCOPY, Approach.HYBRID):
        prediction = predict_vm(tunnel, vm(), approach, 1e10)
        assert prediction.outside.item() == Outside.TUNNELLED
        assert math.isnan(prediction.downtime_s.item())


def test_a_disk_goes_first_and_only_the_rest_of_the_memory_is_in_the_downtime() -> None:
    settings = saturating(**NO_TERMS)
    moving, shared = vm(disk=10 * GIB, disk_write_rate=2e7), vm(disk_write_rate=2e7)
    pre, alone = must(moving, Approach.PRECOPY, 1.2e8, settings), must(shared, Approach.PRECOPY, 1e8, settings)
    assert pre.time_s == pytest.approx(10 * GIB / 1e8 + alone.time_s, rel=1e-3)
    assert pre.blackout_s == pytest.approx(alone.blackout_s / 1.2, rel=1e-3), "the disk is still when the VM is"
    post = must(moving, Approach.POSTCOPY, 1.2e8, settings)
    assert post.time_s == pytest.approx(10 * GIB / 1e8 + must(shared, Approach.POSTCOPY, 1.2e8, settings).time_s)
    assert post.transferred_bytes == pytest.approx(10 * GIB * 1.2 + must(shared, Approach.POSTCOPY, 1e8, settings)[4])


def test_a_disk_that_is_written_faster_than_the_link_sends_moves_cold_only() -> None:
    machine = vm(disk=GIB, disk_write_rate=1e8)
    for approach in ALL_APPROACHES:
        outside = predict_vm(saturating(), machine, approach, 1e8).outside.item()
        assert outside == (Outside.INSIDE if approach is Approach.COLD else Outside.DISK_WRITES_OUTRUN_LINK)
    assert must(machine.model_copy(update={"disk": 0}), Approach.POSTCOPY, 1e8, saturating())


def test_terms_go_by_the_class_of_the_link() -> None:
    classes = (
        LinkClass(up_to=1e9, link_efficiency=0.5, fixed_time=9.0),
        LinkClass(up_to=1e8, switch_time=1.0, fault_latency=0.01),
    )
    settings = saturating(link_classes=classes, link_efficiency=0.9, fixed_time=2.0, switch_time=0.1)
    slow = saturating(link_efficiency=0.9, fixed_time=2.0, switch_time=1.0, fault_latency=0.01)
    middle = saturating(link_efficiency=0.5, fixed_time=9.0, switch_time=0.1)
    above = saturating(link_efficiency=0.9, fixed_time=2.0, switch_time=0.1)
    for approach in ALL_APPROACHES:
        for rate, same in ((5e7, slow), (1e8, slow), (1.01e8, middle), (1e9, middle), (2e9, above)):
            assert predicted(vm(), approach, rate, settings) == predicted(vm(), approach, rate, same), rate


def test_after_the_switch_writes_fault_too() -> None:
    writer = vm(read_rate=0, write_rate=5e7, working_set=GIB)
    found = must(writer, Approach.POSTCOPY, 1e8, saturating())
    assert found.stall_s > 1.0
    assert must(vm(read_rate=0, write_rate=0), Approach.POSTCOPY, 1e8, saturating()).stall_s == 0.0


def test_the_threshold_is_what_the_pages_of_the_link_carry_within_the_limit() -> None:
    found = must(vm(), Approach.PRECOPY, 1e9, saturating(downtime_limit=0.5, switch_time=0.0))
    assert found.blackout_s == pytest.approx(0.5, rel=1e-3)
    in_bytes = must(vm(), Approach.PRECOPY, 1e9, saturating(stop_threshold=90 * MB, switch_time=0.0))
    assert in_bytes.blackout_s == pytest.approx(0.1, rel=1e-3)


# --- which switch point --------------------------------------------------------------------------------------


def test_the_settings_say_which_switch_points_there_are() -> None:
    assert SaturatingModel(saturating()).switch_points == SWITCH_POINTS
    assert SaturatingModel(saturating(hybrid_switch=2.5)).switch_points == (2.5,)
    assert SaturatingModel(saturating(hybrid_switch="paper")).switch_points == ()


def test_the_papers_share_is_a_switch_point_of_each_vm() -> None:
    workload = workload_of([vm(read_rate=3e7, write_rate=1e7), vm(read_rate=0, write_rate=0)])
    assert own_switch("paper", workload).ravel().tolist() == [0.25, 1.0]
    assert own_switch("front", workload) == 1.0
    assert own_switch(2.5, workload) == 2.5
    quarter = vm(read_rate=3e7, write_rate=1e7)
    named = predict_vm(saturating(hybrid_switch="paper"), quarter, Approach.HYBRID, 1e8)
    assert figures(named) == predicted(quarter, Approach.HYBRID, 1e8, saturating(), 0.25)
    assert named.precopy_share.item() == 0.25
