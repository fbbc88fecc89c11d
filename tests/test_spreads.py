"""How far a night may be from the inventory: fields, their contradictions, and VMs in a night of their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import InputError
from planner.inventory.load import parse_inventory
from planner.inventory.models import VM, Approach, DirtyPoint, DirtySet, Settings
from planner.inventory.scale import scaled
from planner.inventory.write import inventory_yaml
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.scale import scaled_workload

GIB = 2**30
TEXT = """\
format: evac/inventory/1
name: lab
settings: {SETTINGS}
hosts: [{name: hv01, cpus: 8, memory: 64 GiB}]
vms:
  - {name: a, host: hv01, vcpus: 2, memory: 4 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s, FIELDS}
"""
ALL = "write_rate_range: [1 MB/s, 5 MB/s], read_rate_range: [3 MB/s, 3 MB/s], workload: db"
SPREADS = "spreads: [{workload: db, write_rate: 3}, {read_rate: 2}], link_spread: 1.2, migration_failures: 0.01"
FAULTS = [
    ("write_rate_range: [5 MB/s, 1 MB/s]", "range-reversed", "write_rate_range"),
    ("write_rate_range: [3 MB/s, 5 MB/s]", "median-outside-range", "write_rate_range"),
    ("read_rate_range: [1 MB/s, 2 MB/s]", "median-outside-range", "read_rate_range"),
    ("read_rate_range: [0, 5 MB/s]", "range-from-nothing", "read_rate_range"),
]


def text(fields: str = "pinned: false", settings: str = "") -> str:
    return TEXT.replace("SETTINGS", settings).replace("FIELDS", fields)


def test_what_is_said_of_nights_reads_back_as_it_was_written() -> None:
    inventory = parse_inventory(text(ALL, f"{SPREADS}, retry_after: 2 min, max_retries: 1"))
    assert parse_inventory(inventory_yaml(inventory)) == inventory
    assert "retry_after: 2 min" in inventory_yaml(inventory)
    assert "write_rate_range: [1 MB/s, 5 MB/s]" in inventory_yaml(inventory)


def test_digests_of_inventories_that_say_nothing_stay() -> None:
    plain = parse_inventory(text())
    assert "link_spread" not in str(plain._content())
    assert "workload" not in str(plain._content())
    assert parse_inventory(text("workload: db")).sha256() != plain.sha256()


@pytest.mark.parametrize(("fields", "code", "place"), FAULTS)
def test_ranges_that_cannot_be(fields: str, code: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_inventory(text(fields))
    assert [(problem.code, problem.place and problem.place.path) for problem in caught.value.problems] == [
        (code, f"vms[0].{place}")
    ]


def test_one_spread_for_each_class() -> None:
    with pytest.raises(InputError) as caught:
        parse_inventory(text(settings="spreads: [{workload: db}, {}, {workload: db}, {}]"))
    assert [problem.code for problem in caught.value.problems] == ["duplicate-spread"] * 2


KNOWN: list[dict[str, object]] = [
    {},
    {"working_set": GIB},
    {"dirty_sets": (DirtySet(size=GIB, rate=9e6), DirtySet(size=2 * GIB, rate=1e6))},
    {"dirty_vector": (DirtyPoint(after=1.0, dirtied=GIB // 8), DirtyPoint(after=9.0, dirtied=GIB))},
    {"hot_memory": GIB, "hot_duration": 20.0, "cold_write_rate": 1e6},
    {"disk": 10 * GIB, "disk_write_rate": 5e6, "nonzero_memory": 2 * GIB},
]
VMS = [
    VM.model_validate(
        {"name": f"vm{i}", "host": "h", "vcpus": 1, "memory": 4 * GIB, "read_rate": 3e7, "write_rate": 2e7} | known
    )
    for i, known in enumerate(KNOWN)
]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0.2, 5.0), st.floats(0.2, 5.0)), min_size=1, max_size=6),
    st.sampled_from(["paper", "saturating", "btrplace"]),
)
def test_many_nights_at_once_are_each_what_one_vm_has(nights: list[tuple[int, float, float]], model: str) -> None:
    settings = Settings.model_validate({"model": model})
    vm, write, read = (np.array(column) for column in zip(*nights, strict=True))
    at_once = scaled_workload(workload_of(VMS), vm, write, read)
    each = workload_of([scaled(VMS[i], w, r) for i, w, r in nights])
    rates = np.array([[1.25e8, 1.25e9]])
    for approach in Approach:
        if model == "btrplace" and approach is not Approach.PRECOPY:
            continue
        one, other = (
            model_for(settings).predict(approach, workload, rates, thresholds(settings, rates))
            for workload in (at_once, each)
        )
        np.testing.assert_array_equal(one.outside, other.outside)
        # The model btrplace rounds to whole seconds.
        within = 1.0 if model == "btrplace" else 1e-9
        np.testing.assert_allclose(one.time_s, other.time_s, rtol=1e-9, atol=within)
        np.testing.assert_allclose(one.downtime_s, other.downtime_s, rtol=1e-9, atol=1e-12)


def test_a_vm_in_a_busy_night_reaches_the_same_memory_sooner() -> None:
    busy = scaled(VMS[3], 2.0, 3.0)
    assert [(point.after, point.dirtied) for point in busy.dirty_vector or ()] == [(0.5, GIB // 8), (4.5, GIB)]
    assert (busy.write_rate, busy.read_rate) == (4e7, 9e7)
    assert scaled(VMS[4], 2.0, 1.0).hot_duration == 10.0
    assert scaled(VMS[4], 2.0, 1.0).cold_rate == 2e6
    assert [one.rate for one in scaled(VMS[2], 2.0, 1.0).dirty_sets or ()] == [1.8e7, 2e6]
    assert scaled(VMS[5], 2.0, 1.0).disk_write_rate == 1e7
    assert scaled(VMS[1], 2.0, 1.0).working_set == GIB
