"""Terms are found again in logs that were made with them; junk is refused with all its places."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from planner.calibrate import Calibration, calibrate
from planner.calibrate.cases import Cases
from planner.calibrate.classes import class_names
from planner.calibrate.judge import halves
from planner.calibrate.log import LEAST_ROWS, Log, parse_log
from planner.calibrate.robust import least, outliers, weighted_median
from planner.errors import InputError, Problem
from planner.inventory.load import parse_inventory
from planner.inventory.models import VM, Approach, Inventory, Settings
from planner.predict import Prediction, model_for, predict_vm
from planner.render.calibration import settings_block

MIB = 2**20
MBIT = 1e6 / 8

TRUE = Settings(model="saturating", link_efficiency=0.83, fixed_time=2.2, switch_time=0.27, fault_latency=0.0004)


def made(
    settings: Settings,
    sizes_mib: Sequence[int] = (1024, 2048, 4096, 8192),
    rates_mbit: Sequence[float] = (1000.0,),
    approaches: Sequence[Approach] = (Approach.PRECOPY,),
    repeats: int = 4,
    noise: float = 0.002,
    downtimes: bool = True,
) -> list[dict[str, str]]:
    """Make the rows of a log of what a model predicts, give or take some noise."""
    draw = np.random.default_rng(7)
    rows = []
    for repeat in range(repeats):
        for rate in rates_mbit:
            for approach in approaches:
                for size in sizes_mib:
                    vm = VM(
                        name="a", host="h", vcpus=1, memory=size * MIB, read_rate=20e6, write_rate=5e6,
                        working_set=200 * MIB,
                    )  # fmt: skip
                    found = predict_vm(settings, vm, approach, rate * MBIT)
                    time, lost = found.time_s.item(), found.downtime_s.item()
                    rows.append(
                        {
                            "vm": f"v{size}",
                            "memory_mib": str(size),
                            "bandwidth_mbit_s": str(rate),
                            "duration_s": repr(time * (1 + noise * draw.standard_normal())),
                            "approach": approach.value,
                            "read_rate": "20 MB/s",
                            "write_rate": "5 MB/s",
                            "working_set": "200 MiB",
                            "group": f"day {repeat}",
                            **({"downtime_ms": repr(1000 * lost)} if downtimes else {}),
                        }
                    )
    return rows


def text_of(rows: Sequence[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def log_of(rows: Sequence[dict[str, str]]) -> Log:
    return parse_log(text_of(rows), "log.csv")


def fitted(rows: Sequence[dict[str, str]], settings: Settings | None = None) -> Calibration:
    return calibrate(log_of(rows), settings)


def problems_of(text: str, inventory: Inventory | None = None) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        parse_log(text, "log.csv", inventory)
    return list(caught.value.problems)


def test_terms_are_found_again() -> None:
    found = fitted(made(TRUE, approaches=(Approach.PRECOPY, Approach.POSTCOPY)))
    (only,) = found.classes
    assert only.terms.fitted == {"link_efficiency", "fixed_time", "switch_time", "fault_latency"}
    assert only.terms.link_efficiency == pytest.approx(0.83, rel=0.01)
    assert only.terms.fixed_time == pytest.approx(2.2, rel=0.1)
    assert only.terms.switch_time == pytest.approx(0.27, rel=0.02)
    assert only.terms.fault_latency == pytest.approx(0.0004, rel=0.05)
    assert only.outlier_lines == ()
    errors = only.held_out["calibrated"]
    assert errors.mean is not None
    assert errors.mean < 0.01 < (only.held_out["nominal"].mean or 0)
    assert only.held_out["saturating"].mean == pytest.approx(0.09, abs=0.05)
    assert only.repeatability == pytest.approx(0.0025, abs=0.001)
    assert only.lost_service is not None
    assert only.lost_service.mean == pytest.approx(0.0, abs=0.02)
    assert found.calibrated().link_efficiency == only.terms.link_efficiency


def test_odd_migrations_move_nothing_and_are_said() -> None:
    rows = made(TRUE)
    rows[5]["duration_s"] = repr(3 * float(rows[5]["duration_s"]))
    rows[10]["duration_s"] = repr(0.4 * float(rows[10]["duration_s"]))
    (only,) = fitted(rows).classes
    assert only.outlier_lines == (7, 12)
    assert only.terms.link_efficiency == pytest.approx(0.83, rel=0.01)
    assert only.held_out["calibrated"].judged == 8


def test_a_log_without_downtimes_keeps_the_other_terms() -> None:
    (only,) = fitted(made(TRUE, downtimes=False), Settings(switch_time=0.5)).classes
    assert only.terms.fitted == {"link_efficiency", "fixed_time"}
    assert (only.terms.switch_time, only.terms.fault_latency) == (0.5, Settings().fault_latency)
    assert [note.split(":")[0] for note in only.terms.notes] == ["switch_time", "fault_latency"]
    assert only.lost_service is None


def test_one_size_tells_no_fixed_time() -> None:
    (only,) = fitted(made(TRUE, sizes_mib=[4096], repeats=12, noise=0.0)).classes
    assert "fixed_time" not in only.terms.fitted
    assert only.terms.fixed_time == Settings().fixed_time
    assert any("cannot be told from a rate" in note for note in only.terms.notes)
    assert only.terms.link_efficiency == pytest.approx(0.83, rel=0.05)


def test_classes_by_bandwidth_have_their_own_terms() -> None:
    slow = made(TRUE, rates_mbit=[1000.0])
    fast = made(TRUE.model_copy(update={"link_efficiency": 0.5, "fixed_time": 4.0}), rates_mbit=[10_000.0])
    found = fitted([*fast, *slow])
    assert [one.name for one in found.classes] == ["up to 1 Gbit/s", "up to 10 Gbit/s"]
    assert [one.terms.link_efficiency for one in found.classes] == pytest.approx([0.83, 0.5], rel=0.02)
    assert found.told_by_bandwidth
    classes = found.calibrated().link_classes
    assert [one.up_to for one in classes] == [1e9 / 8, 1e10 / 8]
    assert [one.fixed_time for one in classes] == pytest.approx([2.2, 4.0], rel=0.1)


def test_a_class_of_one_size_has_the_fixed_time_of_all() -> None:
    rows = made(TRUE, rates_mbit=[1000.0], noise=0.0)
    rows += made(TRUE, rates_mbit=[4000.0], sizes_mib=[8192], repeats=LEAST_ROWS, noise=0.0)
    first, second = fitted(rows).classes
    assert "fixed_time" in first.terms.fitted
    assert "fixed_time" not in second.terms.fitted
    assert second.terms.fixed_time == pytest.approx(2.2, rel=0.02)


def test_what_one_class_cannot_tell_is_as_in_another_in_all_that_is_written() -> None:
    rows = made(TRUE, approaches=(Approach.PRECOPY, Approach.POSTCOPY))
    rows += [{**row, "downtime_ms": ""} for row in made(TRUE, rates_mbit=[10_000.0])]
    found = fitted(rows)
    assert found.classes[1].terms.fitted == {"link_efficiency", "fixed_time"}
    read = parse_inventory(INVENTORY.replace("hosts:", f"{settings_block(found)}hosts:", 1)).settings
    for settings in (found.calibrated(), read):
        of_links = settings.link_classes
        assert [settings.switch_time, *(one.switch_time for one in of_links)] == pytest.approx([0.27] * 3, rel=0.02)
        latencies = [settings.fault_latency, *(one.fault_latency for one in of_links)]
        assert latencies == pytest.approx([0.0004] * 3, rel=0.05)


def test_a_small_class_is_judged_by_its_own_half() -> None:
    odd = made(TRUE.model_copy(update={"link_efficiency": 0.3}), rates_mbit=[4000.0], repeats=2)
    for found in fitted([*made(TRUE), *odd]).classes:
        assert found.held_out["calibrated"].mean == pytest.approx(0.0, abs=0.02)


def test_equal_migrations_are_predicted_once() -> None:
    cases = Cases.of(log_of(made(TRUE, sizes_mib=[1024, 2048], repeats=6)).migrations)
    asked = []

    class Spy:
        def predict(self, *given: Any) -> Prediction:
            asked.append(given[1].image_bytes.size)
            return model_for(TRUE).predict(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("planner.calibrate.cases.model_for", lambda settings: Spy())
        assert cases.predict(TRUE).time_s.shape == (12,)
    assert asked == [2]


def test_named_classes_whose_bandwidths_overlap_are_not_told_apart() -> None:
    slow, fast = ([{**row, "class": "plain"} for row in made(TRUE, rates_mbit=[rate])] for rate in (1000.0, 25_000.0))
    tunnel = [{**row, "class": "tunnel"} for row in made(TRUE, rates_mbit=[10_000.0])]
    assert fitted([*slow, *tunnel]).told_by_bandwidth
    assert not fitted([*slow, *fast, *tunnel]).told_by_bandwidth


def test_classes_by_name_that_bandwidths_do_not_tell() -> None:
    plain = [{**row, "class": "plain"} for row in made(TRUE)]
    tunnel = [{**row, "class": "tunnel"} for row in made(TRUE.model_copy(update={"link_efficiency": 0.3}), repeats=3)]
    found = fitted([*plain, *tunnel])
    assert [one.name for one in found.classes] == ["plain", "tunnel"]
    assert not found.told_by_bandwidth
    assert found.calibrated().link_efficiency == pytest.approx(0.83, rel=0.01)
    assert found.calibrated().link_classes == ()


def test_a_rate_above_the_nominal_one_is_told_of() -> None:
    rows = [{**row, "bandwidth_mbit_s": "100"} for row in made(TRUE)]
    (only,) = fitted(rows).classes
    assert only.terms.link_efficiency == pytest.approx(1.0, abs=1e-3)
    assert any("check that column's unit" in note for note in only.terms.notes)


def test_a_rate_far_below_the_nominal_one_is_told_of() -> None:
    rows = [{**row, "bandwidth_mbit_s": "400000"} for row in made(TRUE)]
    (only,) = fitted(rows).classes
    assert any("far slower" in note and "check that column's unit" in note for note in only.terms.notes)


def test_migrations_that_never_end_by_the_model_tell_nothing() -> None:
    rows = [{**row, "write_rate": "900 MB/s", "working_set": ""} for row in made(TRUE)]
    (only,) = fitted(rows).classes
    assert only.terms.link_efficiency == Settings().link_efficiency
    assert not {"link_efficiency", "fixed_time"} & only.terms.fitted
    assert only.terms.notes[0].startswith("link_efficiency, fixed_time: by the model none of these migrations ends")
    assert only.held_out["calibrated"].no_figure == 8


def test_of_very_many_some_are_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.calibrate.fit.MOST_FITTED", 30)
    (only,) = fitted(made(TRUE, repeats=20)).classes
    assert only.terms.link_efficiency == pytest.approx(0.83, rel=0.01)
    assert (only.used, only.held_out["calibrated"].judged) == (80, 40)


def test_the_model_without_a_figure_is_counted_not_hidden() -> None:
    rows = [{**row, "write_rate": "500 MB/s", "working_set": ""} for row in made(TRUE)]
    errors = fitted(rows).classes[0].held_out["paper"]
    assert (errors.judged, errors.no_figure, errors.mean) == (8, 8, None)


def test_a_tunnel_is_not_fitted() -> None:
    with pytest.raises(InputError, match="tunnel_bandwidth is what counts"):
        fitted(made(TRUE), Settings(tunnelled=True))


def test_halves_keep_groups_together_and_take_turns() -> None:
    log = log_of(made(TRUE, repeats=3))
    assert list(halves(log.migrations, ["x"] * 12)) == [True] * 4 + [False] * 4 + [True] * 4
    lone = log_of([{**row, "group": ""} for row in made(TRUE, repeats=3)])
    assert list(halves(lone.migrations, ["x"] * 12)) == [True, False] * 6
    assert list(halves(lone.migrations, ["x", "x", "y", "y"] * 3)) == [True, False] * 6


def test_few_migrations_of_a_bandwidth_join_their_neighbours() -> None:
    rows = [{**row, "bandwidth_mbit_s": rate} for rate in ("1000", "1100", "10000") for row in made(TRUE, repeats=2)]
    names = class_names(log_of([*rows, *rows[:2], {**rows[0], "bandwidth_mbit_s": "40000"}]).migrations)
    assert set(names) == {"up to 1.1 Gbit/s", "up to 40 Gbit/s"}
    assert names[-1] == names[16]


def test_robust_pieces() -> None:
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0])) == 2.0
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([9.0, 1.0, 1.0])) == 3.0
    assert least(lambda x: abs(x - 0.37), np.geomspace(0.02, 1.0, 24)) == pytest.approx(0.37, rel=1e-3)
    assert least(lambda x: x, np.geomspace(0.02, 1.0, 24)) == pytest.approx(0.02)
    off = outliers(np.full(9, 10.0), np.array([10.0, 10.1, 9.9, 10.2, 9.8, 10.0, 11.9, 30.0, np.nan]))
    assert list(np.flatnonzero(off)) == [7]


# Reading


HEAD = "memory,bandwidth,duration\n"
ROW = "8 GiB,1 Gbit/s,34 s\n"


def test_units_in_values_and_in_names_say_the_same() -> None:
    by_value = parse_log(HEAD + ROW * 8, "log.csv").migrations
    by_name = parse_log("Memory_GiB,bandwidth_mbit_s,duration_ms\n" + "8,1000,34000\n" * 8, "log.csv").migrations
    bare = parse_log(HEAD + f"{8 * 2**30},125000000,34\n" * 8, "log.csv").migrations
    for first, second, third in zip(by_value, by_name, bare, strict=True):
        assert (first.vm, first.rate_bytes_per_s, first.duration_s) == (VM_8, 125e6, 34.0)
        assert (second.vm, second.rate_bytes_per_s, second.duration_s) == (VM_8, 125e6, 34.0)
        assert (third.vm, third.rate_bytes_per_s, third.duration_s) == (VM_8, 125e6, 34.0)


VM_8 = VM(name="vm", host="host", vcpus=1, memory=8 * 2**30, read_rate=0.0, write_rate=0.0)


def test_unknown_columns_are_named_and_empty_lines_skipped() -> None:
    log = parse_log("memory,bandwidth,duration,start,Rack Nr\n" + "8 GiB,1 Gbit/s,34 s,7,8\n\n" * 8, "log.csv")
    assert (len(log.migrations), log.unread) == (8, ("start", "Rack Nr"))
    assert [row.line for row in log.migrations][:2] == [2, 4]


def test_hot_memory_alone_gives_the_one_rate_too() -> None:
    text = "memory,bandwidth,duration,hot_memory,hot_duration\n" + "8 GiB,1 Gbit/s,34 s,96 MB,2 s\n" * 8
    vm = parse_log(text, "log.csv").migrations[0].vm
    assert (vm.write_rate, vm.cold_rate) == (48e6, 0.0)


INVENTORY = """\
format: evac/inventory/1
name: lab
hosts: [{name: h, cpus: 8, memory: 64 GiB}]
vms:
  - {name: a, host: h, vcpus: 2, memory: 4 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s, working_set: 1 GiB}
"""


def test_what_the_log_does_not_say_the_inventory_does() -> None:
    inventory = parse_inventory(INVENTORY)
    text = "vm,memory,bandwidth,duration,write_rate\n" + "a,,1 Gbit/s,34 s,\na,2 GiB,1 Gbit/s,34 s,7 MB/s\n" * 4
    first, second, *_ = parse_log(text, "log.csv", inventory).migrations
    assert (first.vm.memory, first.vm.write_rate, first.vm.working_set) == (4 * 2**30, 2e6, 2**30)
    assert (second.vm.memory, second.vm.write_rate, second.vm.working_set) == (2 * 2**30, 7e6, None)
    assert second.vm.read_rate == 3e6


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("", "no-header", 1, "no header line"),
        ("memory,bandwidth\n8 GiB,1 Gbit/s\n", "missing-column", 1, "no column duration"),
        ("memory,memory_mib,bandwidth,duration\n", "duplicate-column", 1, "two columns for memory"),
        (HEAD, "too-few-rows", None, "there are 0 migrations"),
        (HEAD + ROW * 7, "too-few-rows", None, "needs 8 at least"),
        (HEAD + ROW * 8 + "8 GiB,1 Gbit/s\n", "wrong-length", 10, "2 cells"),
        (HEAD + ROW * 8 + "8 GiB,1 Gbit/s,34 s,5\n", "wrong-length", 10, "4 cells"),
        (HEAD + ROW * 8 + "-8 GiB,1 Gbit/s,34 s\n", "wrong-value", 10, "must not be negative"),
        (HEAD + ROW * 8 + "8 GiB,1 Gbit/s,nan\n", "wrong-value", 10, "a duration expected"),
        (HEAD + ROW * 8 + "8 GB/s,1 Gbit/s,34 s\n", "wrong-value", 10, "unit"),
        (HEAD + ROW * 8 + "8 GiB,1 GB,34 s\n", "wrong-value", 10, "is a size, not a rate"),
        (HEAD + ROW * 8 + "8 GiB,0,34 s\n", "not-positive", 10, "the bandwidth is 0"),
        (HEAD + ROW * 8 + "8 GiB,1 Gbit/s,0 s\n", "not-positive", 10, "the duration is 0"),
        (HEAD + ROW * 8 + "8 GiB,1 Gbit/s,\n", "missing-value", 10, "the duration is not given"),
        (HEAD + ROW * 8 + ",1 Gbit/s,34 s\n", "missing-value", 10, "the memory is not given"),
        (HEAD + ROW * 8 + "0 B,1 Gbit/s,34 s\n", "wrong-value", 10, "no VM can have this memory"),
        (HEAD + ROW * 8 + "8,1 Gbit/s,34 s\n", "implausibly-small", 10, "memory of 8 bytes"),
        (
            HEAD + ROW * 8 + "8 GiB,1000,34 s\n",
            "implausibly-small",
            10,
            "bandwidth is implausibly small: 1e+03 bytes/s",
        ),
        (HEAD + ROW * 8 + "8 GiB,1 Gbit/s,1e-320\n", "implausibly-small", 10, "duration is implausibly small"),
        ("memory,bandwidth,duration,switch_point\n8 GiB,1 Gbit/s,34 s,1e9\n", "wrong-value", 2, "100 passes"),
        (HEAD + 'a"b,1,"2\n', "not-csv", 2, "no CSV"),
        ("memory,bandwidth,duration_s\n" + "8 GiB,1 Gbit/s,inf\n" * 1, "wrong-value", 2, "a finite number"),
        ("memory,bandwidth,duration_s\n" + "8 GiB,1 Gbit/s,34 s\n" * 1, "wrong-value", 2, "a number of s expected"),
        ("memory,bandwidth,duration,approach\n8 GiB,1 Gbit/s,34 s,teleport\n", "wrong-value", 2, "no approach"),
        ("memory,bandwidth,duration,downtime\n8 GiB,1 Gbit/s,34 s,35 s\n", "longer-than-migration", 2, "downtime"),
        ("memory,bandwidth,duration,working_set\n8 GiB,1 Gbit/s,34 s,9 GiB\n", "larger-than-memory", 2, "working_set"),
        ("memory,bandwidth,duration,hot_memory\n8 GiB,1 Gbit/s,34 s,1 GiB\n", "hot-memory-without-duration", 2, "hot"),
        (
            "memory,bandwidth,duration,hot_memory,hot_duration,working_set\n8 GiB,1 Gbit/s,34 s,1 GiB,2 s,1 GiB\n",
            "two-ways-of-dirtying",
            2,
            "both given",
        ),
    ],
)
def test_junk_is_refused_with_its_place(text: str, code: str, line: int | None, words: str) -> None:
    (problem,) = problems_of(text)
    assert (problem.code, problem.place.file, problem.place.line) == (code, "log.csv", line), str(problem)
    assert words in problem.message
    assert problem.mend


def test_all_problems_at_once_and_not_without_end() -> None:
    found = problems_of(HEAD + "8 GB/s,0,x\n" + "8 GiB,1 Gbit/s\n" * 3000)
    assert [problem.place.path for problem in found[:3]] == ["bandwidth", "duration", "memory"]
    assert len(found) < 1100
