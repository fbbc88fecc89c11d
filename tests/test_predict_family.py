"""The model saturating as one family: the ends of its curve, what must be monotone, arrays beside single numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from planner.inventory.models import ALL_APPROACHES, VM, Approach
from planner.predict import Outside, Prediction, model_for, predict_vm, workload_of
from planner.predict.saturating import SWITCH_POINTS, SaturatingModel
from tests.predict_support import GIB, MB, figures, predicted, saturating, vm

quick = examples(max_examples=40)

# --- one curve -----------------------------------------------------------------------------------------------

machines = st.builds(
    lambda memory, r, w, share, zero: vm(
        memory=memory,
        read_rate=r,
        write_rate=w,
        working_set=max(1, int(memory * share)),
        nonzero_memory=int(memory * zero),
    ),
    st.integers(64 * MB, 256 * GIB),
    st.floats(0, 2e9),
    st.floats(0, 2e9),
    st.floats(1e-3, 1),
    st.floats(0, 1),
)
rates = st.floats(1e6, 1e10)
points = st.floats(0, 8)


@quick
@given(machine=machines, rate=rates)
def test_a_switch_at_once_is_postcopy(machine: VM, rate: float) -> None:
    assert predicted(machine, Approach.HYBRID, rate, saturating(), 0.0) == predicted(
        machine, Approach.POSTCOPY, rate, saturating()
    )


@quick
@given(machine=machines, rate=rates, auto_converge=st.booleans())
def test_a_switch_beyond_the_passes_is_precopy(machine: VM, rate: float, auto_converge: bool) -> None:
    settings = saturating(auto_converge=auto_converge)
    whole = predict_vm(settings, machine, Approach.PRECOPY, rate)
    if whole.outside.item() == Outside.INSIDE and whole.passes.item() < 90:
        assert figures(whole) == predicted(machine, Approach.HYBRID, rate, settings, 90.0)


@quick
@given(machine=machines, rate=rates, point=points)
@example(machine=vm(working_set=GIB, write_rate=3e8), rate=1e8, point=60.0)
def test_a_hybrid_always_ends_however_much_is_written(machine: VM, rate: float, point: float) -> None:
    found = predicted(machine, Approach.HYBRID, rate, saturating(), point)
    assert found is not None
    assert all(math.isfinite(part) and part >= 0 for part in found)


@quick
@given(machine=machines, rate=rates, point=points, auto_converge=st.booleans())
def test_no_downtime_outlasts_its_migration_and_nothing_arrives_unsent(
    machine: VM, rate: float, point: float, auto_converge: bool
) -> None:
    settings = saturating(auto_converge=auto_converge, fixed_time=0.0, switch_time=0.2)
    for approach in ALL_APPROACHES:
        found = predicted(machine, approach, rate, settings, point if approach is Approach.HYBRID else None)
        if found is not None:
            downtime_s = found.blackout_s + found.stall_s + found.slowed_s
            assert 0.2 <= downtime_s <= found.time_s * (1 + 1e-9)
            assert machine.nonzero_memory is not None
            assert machine.nonzero_memory <= found.transferred_bytes * (1 + 1e-9)
            assert found.transferred_bytes <= rate * found.time_s * (1 + 1e-9)


@quick
@given(machine=machines, rate=rates)
def test_the_curve_has_no_leaps(machine: VM, rate: float) -> None:
    settings = saturating()
    whole = predict_vm(settings, machine, Approach.PRECOPY, rate)
    goes_on = whole.outside.item() != Outside.INSIDE or whole.passes.item() > 1
    assume((machine.nonzero_memory or 0) > rate)  # else there is nothing to do before the VM may be stopped
    for near, far in ((0.0, 1e-9), (0.5, 0.5 + 1e-9), *([(1.0 - 1e-9, 1.0)] if goes_on else [])):
        before, after = (predicted(machine, Approach.HYBRID, rate, settings, point) for point in (near, far))
        assert before == pytest.approx(after, rel=1e-4, abs=1e-4)


# --- what must be monotone -----------------------------------------------------------------------------------


@quick
@given(machine=machines, rate=rates, more=st.floats(1, 10))
def test_more_bandwidth_is_never_slower_beyond_what_the_larger_threshold_costs(
    machine: VM, rate: float, more: float
) -> None:
    for approach in (Approach.COLD, Approach.POSTCOPY):
        slow, fast = (predicted(machine, approach, mu, saturating()) for mu in (rate, rate * more))
        assert slow is not None
        assert fast is not None
        assert fast.time_s <= slow.time_s * (1 + 1e-9)
        assert fast.stall_s <= slow.stall_s * (1 + 1e-9)


@quick
@given(machine=machines, rate=rates, more=st.floats(1, 10))
def test_more_reads_stall_longer_and_end_sooner(machine: VM, rate: float, more: float) -> None:
    eager = machine.model_copy(update={"read_rate": machine.read_rate * more})
    settings = saturating(background_efficiency=0.3)
    less, much = (predicted(one, Approach.POSTCOPY, rate, settings) for one in (machine, eager))
    assert less is not None
    assert much is not None
    assert much.stall_s >= less.stall_s * (1 - 1e-9) - 1e-9
    assert much.time_s <= less.time_s * (1 + 1e-9)


@quick
@given(machine=machines, rate=rates, more=st.floats(1, 10))
def test_who_writes_more_converges_no_better(machine: VM, rate: float, more: float) -> None:
    eager = machine.model_copy(update={"write_rate": machine.write_rate * more})
    calm, busy = (predicted(one, Approach.PRECOPY, rate, saturating()) for one in (machine, eager))
    if busy is not None:
        assert calm is not None
        assert calm.time_s <= busy.time_s * (1 + 1e-9)


# --- arrays --------------------------------------------------------------------------------------------------


@quick
@given(
    several=st.lists(machines, min_size=1, max_size=5),
    columns=st.lists(rates, min_size=1, max_size=3),
    point=points,
    ratio=st.sampled_from((1.0, 2.0)),
    auto_converge=st.booleans(),
)
def test_arrays_give_what_single_numbers_give(
    several: list[VM], columns: list[float], point: float, ratio: float, auto_converge: bool
) -> None:
    settings = saturating(compression_ratio=ratio, auto_converge=auto_converge)
    mu = np.array([columns])
    for approach in ALL_APPROACHES:
        switch = np.full((len(several), 1), np.nan)
        switch[::2] = point
        table = model_for(settings).predict(approach, workload_of(several), mu, mu * 0.3, switch)
        for row, column in np.ndindex(len(several), len(columns)):
            one = predict_vm(settings, several[row], approach, columns[column], point if row % 2 == 0 else None)
            for field in Prediction.__dataclass_fields__:
                together, single = getattr(table, field)[row, column], getattr(one, field).item()
                assert together == pytest.approx(single, rel=1e-9, abs=1e-12, nan_ok=True), (approach, field)


def test_the_curve_is_the_hybrid_at_each_of_its_points() -> None:
    model, several = SaturatingModel(saturating()), [vm(), vm(write_rate=2e9, working_set=2 * GIB)]
    mu = np.array([[1e8, 1e9]])
    offered = (0.0, *SWITCH_POINTS)
    for point, found in zip(offered, model.curve(workload_of(several), mu, mu * 0.3, offered), strict=True):
        single = model.predict(Approach.HYBRID, workload_of(several), mu, mu * 0.3, np.array(point))
        np.testing.assert_array_equal(found.downtime_s, single.downtime_s)
        np.testing.assert_array_equal(found.time_s, single.time_s)
        assert found.time_s.shape == (2, 2)


def test_no_vms_no_figures() -> None:
    mu = np.array([[1e8, 1e9]])
    for approach in ALL_APPROACHES:
        assert SaturatingModel(saturating()).predict(approach, workload_of([]), mu, mu).time_s.shape == (0, 2)
