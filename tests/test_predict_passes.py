"""What the model saturating is made of: dirtying, passes, the plateau, the throttle, each against its definition."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from planner.inventory.models import Approach
from planner.predict.dirtying import dirtying_of, one_set
from planner.predict.passes import MOST_PASSES, Passes, Setting, copy_in_passes
from planner.predict.plateau import lambert_w0, plateau_bytes
from planner.predict.throttle import Throttle
from tests.predict_support import GIB, dirtied_bytes, must, predicted, reached_bytes, saturating, vm

quick = examples(max_examples=60)

# --- dirtying ------------------------------------------------------------------------------------------------

VECTOR = ({"after": 1, "dirtied": 100}, {"after": 3, "dirtied": 140}, {"after": 7, "dirtied": 160})
KINDS = [
    vm(memory=1000, write_rate=50),
    vm(memory=1000, write_rate=50, working_set=200),
    vm(memory=1000, write_rate=50, working_set=200, cold_write_rate=3),
    vm(memory=1000, dirty_sets=({"size": 100, "rate": 50}, {"size": 300, "rate": 5}, {"size": 10, "rate": 0})),
    vm(memory=1000, dirty_vector=VECTOR),
    vm(memory=1000, hot_memory=300, hot_duration=3, cold_write_rate=0),
    vm(memory=1000, write_rate=0),
]


@pytest.mark.parametrize("time_s", [0.0, 1e-6, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 8.0, 100.0, 1e5])
def test_vms_of_all_kinds_side_by_side_dirty_what_each_would_alone(time_s: float) -> None:
    machines = [machine for machine in KINDS if not machine.hot_memory]
    found = dirtying_of(machines).dirtied(np.arange(len(machines)), np.full(len(machines), time_s))
    assert found.tolist() == pytest.approx([dirtied_bytes(machine, time_s) for machine in machines], abs=1e-9)


@pytest.mark.parametrize(
    ("time_s", "bytes_"),
    [(0, 0), (0.5, 50), (1, 100), (2, 120), (3, 140), (5, 150), (7, 160), (9, 170), (1e3, 1000)],
)
def test_a_vector_is_linear_between_its_points_and_beyond_the_last_until_all_is_dirty(
    time_s: float, bytes_: float
) -> None:
    dirtying = dirtying_of([vm(memory=1000, dirty_vector=VECTOR)])
    assert dirtying.dirtied(np.array([0]), np.array([float(time_s)])).item() == pytest.approx(bytes_)


def test_hot_memory_is_a_set_that_is_written_once_in_its_time() -> None:
    dirtying = dirtying_of([vm(memory=1000, hot_memory=300, hot_duration=3, cold_write_rate=0)])
    assert dirtying.dirtied(np.array([0]), np.array([3.0])).item() == pytest.approx(300 * (1 - math.exp(-1)))
    assert dirtying.rate_at_first().item() == pytest.approx(100)


def test_what_writes_reach_and_how_fast_they_begin() -> None:
    dirtying = dirtying_of(KINDS)
    assert dirtying.reached_bytes().tolist() == [1000, 200, 1000, 400, 1000, 300, 0]
    assert dirtying.rate_at_first().tolist() == pytest.approx([50, 50, 53, 55, 100, 100, 0])


def test_no_more_is_dirty_than_there_is() -> None:
    many = vm(memory=1000, dirty_sets=[{"size": 900, "rate": 1e4}] * 3)
    assert dirtying_of([many]).dirtied(np.array([0]), np.array([1e3])).item() == 1000


# --- Lambert's W and the plateau -----------------------------------------------------------------------------

OMEGA = 0.5671432904097838


@pytest.mark.parametrize(
    ("x", "w"), [(0.0, 0.0), (1.0, OMEGA), (math.e, 1.0), (-1 / math.e, -1.0), (2 * math.e**2, 2.0)]
)
def test_known_values_of_lamberts_w(x: float, w: float) -> None:
    assert lambert_w0(np.array(x)).item() == pytest.approx(w, abs=1e-7)


@given(st.floats(-1 / math.e + 1e-12, 1e12))
def test_lamberts_w_by_its_equation(x: float) -> None:
    w = lambert_w0(np.array(x)).item()
    assert w >= -1
    assert w * math.exp(w) == pytest.approx(x, rel=1e-9, abs=1e-12)


def test_lamberts_w_has_no_real_value_below_its_branch_point() -> None:
    assert np.isnan(lambert_w0(np.array([-0.4, -1.0, -1e9]))).all()


@pytest.mark.parametrize("rho", [1.05, 1.5, 2.0, 10.0, 500.0])
def test_the_plateau_is_where_whole_passes_settle(rho: float) -> None:
    set_bytes, left = 5e8, 4e9
    for _ in range(3000):
        left = set_bytes * (1 - math.exp(-rho * left / set_bytes))
    found = plateau_bytes(np.array(set_bytes), np.array(rho * 1e8), np.array(1e8)).item()
    assert found == pytest.approx(left, rel=1e-9)


def test_below_the_rate_of_the_link_passes_shrink_to_nothing() -> None:
    assert plateau_bytes(np.array(5e8), np.array([0.0, 0.5e8, 1e8]), np.array(1e8)).tolist() == [0, 0, 0]


# --- passes --------------------------------------------------------------------------------------------------


def passes_of(
    first: float, reached: float, write: float, mu: float, limit: float, *, whole: bool, keep: int = 0
) -> tuple[Passes, Setting]:
    def one(value: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.array([value])

    setting = Setting(
        np.array([0]), one(first), one(reached), one(mu), one(limit), one_set(one(reached), one(write)), 1.0, whole
    )
    return copy_in_passes(setting, Throttle.of(saturating(), 1), keep), setting


@quick
@given(
    reached=st.floats(1e6, 1e10),
    above=st.floats(1, 10),
    rho=st.floats(0, 5),
    mu=st.floats(1e7, 1e10),
    limit=st.floats(1e-3, 1),
    whole=st.booleans(),
)
@example(reached=1e9, above=2.0, rho=1.0, mu=1e8, limit=0.3, whole=True)
@example(reached=1e9, above=2.0, rho=1.0, mu=1e8, limit=0.3, whole=False)
@example(reached=1e9, above=2.0, rho=1.2, mu=1e8, limit=0.3, whole=False)
def test_what_is_said_never_to_end_does_not(
    reached: float, above: float, rho: float, mu: float, limit: float, whole: bool
) -> None:
    """And what ends is not said to; tried by brute force, pass after pass."""
    first, threshold = reached * above, limit * mu
    passes, setting = passes_of(first, reached, rho * mu, mu, threshold, whole=whole)
    left, count = first, 0
    unsent = 0.0 if whole else threshold
    slack = 0.0 if whole else 4096.0
    while left > threshold * (1 + 1e-9) + slack and count < MOST_PASSES:
        among = reached if count else first
        dirtied = -reached * math.expm1(-rho * (left - unsent) / reached)
        left, count = unsent + dirtied * max(0.0, 1 - unsent / among), count + 1
    ended = left <= threshold * (1 + 1e-9) + slack
    assert passes.end.running.item() == (not ended)
    if ended:
        assert passes.count.item() == count
        assert passes.end.left_bytes.item() == pytest.approx(left)
        assert not (setting.never_ends().item() and first > threshold + slack)


def test_whole_passes_end_with_what_was_dirtied_and_the_others_at_the_threshold() -> None:
    whole, _ = passes_of(4e9, 4e9, 3e7, 1e8, 3e7, whole=True)
    at_threshold, _ = passes_of(4e9, 4e9, 3e7, 1e8, 3e7, whole=False)
    assert whole.end.left_bytes.item() < 3e7
    assert at_threshold.end.left_bytes.item() == pytest.approx(3e7, abs=4096)
    assert whole.count.item() <= at_threshold.count.item()


def test_whole_passes_settle_where_lambert_says() -> None:
    never, _ = passes_of(4e9, 1e9, 3e8, 1e8, 3e7, whole=True, keep=80)
    assert never.end.running.item()
    plateau = plateau_bytes(np.array(1e9), np.array(3e8), np.array(1e8)).item()
    assert never.starts[-1].left_bytes.item() == pytest.approx(plateau)


def test_passes_go_on_for_those_who_switch_later_though_they_have_settled() -> None:
    kept, _ = passes_of(4e9, 1e9, 3e8, 1e8, 3e7, whole=False, keep=60)
    assert len(kept.starts) == 60
    assert kept.starts[59].running.item()
    steps = np.diff([start.time_s.item() for start in kept.starts])
    assert (steps > 0).all()


def test_what_has_ended_stands_still_at_all_later_passes() -> None:
    ended, _ = passes_of(4e9, 4e9, 1e6, 1e8, 3e7, whole=True, keep=9)
    assert [start.running.item() for start in ended.starts] == [True, True, *[False] * 7]
    last = ended.starts[-1]
    for part in dataclasses.fields(last):
        assert getattr(last, part.name).item() == getattr(ended.end, part.name).item()


# --- auto-converge -------------------------------------------------------------------------------------------

HEAVY = vm(memory=8 * GIB, working_set=4 * GIB, write_rate=2.5e8)


def test_auto_converge_makes_a_vm_converge_that_did_not_and_counts_the_time_that_it_takes() -> None:
    assert predicted(HEAVY, Approach.PRECOPY, 1.25e8, saturating()) is None
    found = must(HEAVY, Approach.PRECOPY, 1.25e8, saturating(auto_converge=True))
    assert 0.2 * 60 < found.slowed_s < found.time_s
    gentle = must(HEAVY, Approach.PRECOPY, 1.25e8, saturating(auto_converge=True, cpu_throttle_initial=60))
    assert gentle.time_s < found.time_s, "a stronger throttle converges sooner"


def test_auto_converge_leaves_alone_who_converges_at_once() -> None:
    for rate in (1e9, 1e10):
        calm = vm(write_rate=1e7)
        assert predicted(calm, Approach.PRECOPY, rate, saturating(auto_converge=True)) == predicted(
            calm, Approach.PRECOPY, rate, saturating()
        )


def test_a_throttle_that_may_not_rise_far_enough_does_not_make_it_converge() -> None:
    strong = vm(memory=8 * GIB, working_set=6 * GIB, write_rate=4e9)
    assert predicted(strong, Approach.PRECOPY, 1.25e8, saturating(auto_converge=True, max_cpu_throttle=50)) is None
    assert predicted(strong, Approach.PRECOPY, 1.25e8, saturating(auto_converge=True)) is not None


def test_the_throttle_rises_with_every_second_look_that_finds_too_much_dirty() -> None:
    throttle, all_ = Throttle.of(saturating(auto_converge=True), 1), np.array([0])

    def after(seconds: float, dirtied: float) -> float:
        throttle.after_pass(all_, np.array([seconds]), np.array([dirtied]), np.array([100.0]))
        return float(throttle.taken.item())

    assert after(2.0, 60.0) == 0.0
    assert after(2.0, 60.0) == 0.2
    assert after(2.0, 50.0) == 0.2, "half of what was sent does not count"
    assert after(2.0, 51.0) == 0.2
    assert after(0.4, 90.0) == 0.2, "too soon for a look"
    assert after(0.6, 90.0) == pytest.approx(0.3)
    assert [after(2.0, 99.0) for _ in range(20)][-1] == 0.99
    idle = Throttle.of(saturating(), 1)
    idle.after_pass(all_, np.array([9.0]), np.array([99.0]), np.array([100.0]))
    assert idle.most == idle.taken.item() == 0.0


def test_the_last_step_of_the_throttle_has_its_pass() -> None:
    """Passes that grow, for most of the memory was zero at first, make it rise to the most that is allowed at once."""
    fresh = vm(memory=8 * GIB, nonzero_memory=GIB // 4, write_rate=1.5e8)
    light = saturating(auto_converge=True, max_cpu_throttle=20)
    assert predicted(fresh, Approach.PRECOPY, 1.25e8 / 0.9, saturating()) is None
    assert must(fresh, Approach.PRECOPY, 1.25e8 / 0.9, light).slowed_s > 0


def test_the_support_of_these_tests_agrees_on_what_is_reached() -> None:
    for machine in KINDS:
        if machine.write_rate and not machine.hot_memory:
            assert reached_bytes(machine) == dirtying_of([machine]).reached_bytes().item()
