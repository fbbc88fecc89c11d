"""The model named btrplace: its published durations, its limits, and what it says of downtime."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from planner.inventory.models import VM, Approach, Settings
from planner.predict import MODELS, model_for, predict_vm
from planner.predict.protocol import Outside

GIGABIT = 1e9 / 8
SETTINGS = Settings(model="btrplace")


def vm(memory_mb: float, hot_mb: int = 0, hot_s: float | None = None, cold_mb_per_s: float = 0.0, **more: Any) -> VM:
    return VM(
        name="v",
        host="h",
        vcpus=1,
        memory=int(memory_mb * 1e6),
        read_rate=0.0,
        write_rate=more.pop("write_rate", 0.0),
        hot_memory=hot_mb * 10**6,
        hot_duration=hot_s,
        cold_write_rate=cold_mb_per_s * 1e6,
        **more,
    )


def seconds(machine: VM, rate: float = GIGABIT) -> float:
    return predict_vm(SETTINGS, machine, Approach.PRECOPY, rate).time_s.item()


def by_the_formula(memory: float, hot: float, period: float, cold: float, mbit: float) -> float:
    """The formula of the design in its own units, MB and Mbit/s, one VM at a time."""
    copy = mbit / 9
    first, heat = memory / copy, hot / period
    if first > period:
        total = first + (hot + (first - period) * cold) / (copy - cold) + hot / copy * heat / (copy - heat)
    else:
        total = first + first * heat / (copy - heat)
    return max(1, math.floor(total + 0.5))


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (vm(2000, 5, 3), 18.0),
        (vm(2000, 96, 2, 3), 20.0),
        (vm(4000, 5, 3), 36.0),
        (vm(4000, 96, 2, 3), 38.0),
    ],
)
def test_the_published_templates_take_their_published_times(machine: VM, expected: float) -> None:
    assert seconds(machine) == expected


def test_many_vms_at_many_rates_agree_with_the_formula_by_hand() -> None:
    rng = np.random.default_rng(3)
    for _ in range(300):
        memory, hot, period = rng.integers(50, 9000), int(rng.integers(0, 50)), float(rng.integers(1, 20))
        cold, mbit = float(rng.uniform(0, 20)), float(rng.choice([1000, 2500, 10_000]))
        found = seconds(vm(float(memory), hot, period, cold), mbit * 1e6 / 8)
        assert found == by_the_formula(float(memory), hot, period, cold, mbit)


def test_no_move_is_quicker_than_a_second() -> None:
    assert seconds(vm(16), 1e9) == 1.0


def test_a_vm_that_dirties_faster_than_the_copy_does_not_converge() -> None:
    for machine in (vm(2000, 300, 2), vm(2000, 5, 3, 120)):
        found = predict_vm(SETTINGS, machine, Approach.PRECOPY, GIGABIT)
        assert Outside(int(found.outside.item())) is Outside.WRITES_OUTRUN_LINK
        assert math.isnan(found.time_s.item())
        assert math.isnan(found.downtime_s.item())


def test_a_cold_rate_does_not_count_where_the_copy_ends_within_the_hot_time() -> None:
    assert seconds(vm(100, 5, 3, 120)) == 1.0


@pytest.mark.parametrize("approach", [Approach.COLD, Approach.POSTCOPY, Approach.HYBRID])
def test_other_approaches_are_not_in_the_model(approach: Approach) -> None:
    found = predict_vm(SETTINGS, vm(2000, 5, 3), approach, GIGABIT)
    assert Outside(int(found.outside.item())) is Outside.NOT_IN_MODEL
    assert "no formula for this approach" in Outside.NOT_IN_MODEL.reason
    assert math.isnan(found.time_s.item())


def test_the_downtime_is_the_last_part_of_the_hot_set_within_the_limit() -> None:
    def downtime_s(machine: VM, settings: Settings = SETTINGS) -> float:
        return predict_vm(settings, machine, Approach.PRECOPY, GIGABIT).downtime_s.item()

    assert downtime_s(vm(2000, 5, 3)) == pytest.approx(5e6 / GIGABIT)
    assert downtime_s(vm(2000, 96, 2, 3)) == pytest.approx(0.3), "the default downtime limit"
    assert downtime_s(vm(2000, 96, 2, 3), Settings(model="btrplace", stop_threshold=10**6)) == pytest.approx(0.008)
    assert downtime_s(vm(2000)) == 0.0


def test_without_hot_memory_the_write_rate_is_the_cold_rate() -> None:
    plain = VM(name="v", host="h", vcpus=1, memory=2 * 10**9, read_rate=0.0, write_rate=30e6)
    assert seconds(plain) == seconds(vm(2000, cold_mb_per_s=30)) > seconds(vm(2000))


def test_the_bytes_sent_are_what_the_copy_carries() -> None:
    found = predict_vm(SETTINGS, vm(2000, 5, 3), Approach.PRECOPY, GIGABIT)
    assert found.transferred_bytes.item() == pytest.approx(18 * GIGABIT * 8 / 9)
    assert found.precopy_share.item() == 1.0


def test_the_settings_name_it() -> None:
    assert model_for(SETTINGS).name == "btrplace"
    assert MODELS["btrplace"](Settings()) == model_for(SETTINGS)
