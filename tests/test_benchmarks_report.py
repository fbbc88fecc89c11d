"""The report says what the records say: scores, growth, words, and the same bytes every time."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import tables
from tests.benchmarks.goals import goals
from tests.benchmarks.records import CPSAT, OURS, Case, Record, machine_line, parse, read
from tests.benchmarks.summary import FAMILIES, Results, compare, growth, steps

needs_bench = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs the extra bench")


def made(
    method: str = OURS, size: str = "m", kappa: float = 1.1, seed: int = 11, gbit: float = 10.0, **fields: Any
) -> Record:
    record = Record(
        method=method,
        case=Case(size, seed, gbit, kappa),
        movers=40,
        deadline_s=100.0,
        status="feasible",
        weighted_downtime_s=20.0,
        finish_s=90.0,
        bound_s=19.0,
        finish_bound_s=80.0,
        seconds=2.0,
        first_s=0.5,
        memory_bytes=200 * 2**20,
        verified=True,
    )
    return dataclasses.replace(record, **fields)


def no_plan(method: str = OURS, **fields: Any) -> Record:
    nothing: dict[str, Any] = {"status": "unknown", "weighted_downtime_s": None, "finish_s": None, "verified": None}
    return made(method, **{**nothing, **fields})


def test_records_read_back_as_they_were_written(tmp_path: Path) -> None:
    records = [made(), no_plan(CPSAT, violations=("a: b",), note="why")]
    assert [parse(record.line()) for record in records] == records
    path = tmp_path / "out.jsonl"
    lines = [machine_line(["m 10 s"]), made(seconds=1.0).line(), made(seconds=3.0).line()]
    lines.append(machine_line(["m 10 s", "l 10 s"]))
    path.write_text("\n".join(lines), encoding="utf-8")
    found = read(path)
    assert found.machine["limits"] == "m 10 s, l 10 s"
    assert [record.seconds for record in found.records] == [3.0]


def test_gap_and_being_in_time() -> None:
    assert made().gap == pytest.approx(0.05)
    assert made(weighted_downtime_s=0.0, bound_s=0.0).gap == 0.0
    assert made(bound_s=None).gap is None
    assert made(bound_s=20.0000001).gap == 0.0
    assert made().in_time
    assert not made(late_vms=1).in_time
    assert not made(verified=False).in_time
    assert not no_plan().in_time


@pytest.mark.parametrize(
    ("mine", "theirs", "score"),
    [
        (made(), made(CPSAT, weighted_downtime_s=21.0), 1),
        (made(), made(CPSAT, weighted_downtime_s=20.000001), 0),
        (made(), made(CPSAT, weighted_downtime_s=19.9), -1),
        (made(), no_plan(CPSAT), 1),
        (no_plan(), made(CPSAT), -1),
        (no_plan(), no_plan(CPSAT), 0),
        (made(), made("largest-full", weighted_downtime_s=1.0, late_vms=3), 1),
        (made(verified=False), made(CPSAT), -1),
    ],
)
def test_who_is_better(mine: Record, theirs: Record, score: int) -> None:
    assert compare(mine, theirs) == score


def test_the_best_of_a_family_is_in_time_first_and_then_least_down() -> None:
    case = made().case
    late = made("maintenance-1-full", weighted_downtime_s=5.0, late_vms=2)
    timely = made("maintenance-1-fair", weighted_downtime_s=30.0)
    other = made("shortest-best-fit", weighted_downtime_s=25.0)
    results = Results([late, timely, other])
    assert results.family(("maintenance-1-full", "maintenance-1-fair"), case) == timely
    assert results.best_baseline(case) == other
    assert Results([late]).best_baseline(case) is None


def test_every_policy_belongs_to_a_family() -> None:
    from tests.benchmarks.baselines import POLICIES

    assert sorted(itertools.chain.from_iterable(FAMILIES.values())) == sorted(policy.name for policy in POLICIES)


def test_growth_finds_the_exponent() -> None:
    sizes = [10.0, 100.0, 1000.0, 10_000.0]
    found = growth(sizes, [3 * size**1.5 for size in sizes])
    assert found is not None
    assert found.exponent == pytest.approx(1.5)
    assert found.bend is None
    assert growth([10.0], [1.0]) is None
    assert steps([(10.0, 1.0), (100.0, 10.0), (1000.0, 1000.0)]) == pytest.approx([1.0, 2.0])


def test_growth_finds_where_a_line_bends() -> None:
    sizes = [10.0, 50.0, 200.0, 1000.0, 5000.0, 20_000.0]
    found = growth(sizes, [0.1 * max(1.0, size / 200.0) ** 1.4 for size in sizes])
    assert found is not None
    assert found.bend == pytest.approx(200.0)
    assert found.before == pytest.approx(0.0, abs=1e-9)
    assert found.after == pytest.approx(1.4)
    assert [value for _, value in found.line][:2] == pytest.approx([0.1, 0.1])


def test_figures_are_short_and_do_not_hide_what_is_there() -> None:
    assert [tables.figure(value) for value in (None, 0.123, 9.999, 12.34, 99.97, 1234.5)] == [
        "–",
        "0.12",
        "10.0",
        "12.3",
        "100",
        "1,234",
    ]
    assert [tables.share(value) for value in (None, 0.0, 0.00001, 0.0123, 0.0999, 0.5)] == [
        "–",
        "0%",
        "< 0.01%",
        "1.23%",
        "10%",
        "50%",
    ]


def run_of_everything() -> list[Record]:
    records = []
    for size, kappa, seed in itertools.product(("xs", "s", "m", "l"), (1.1, 2.0), (11, 12)):
        where: dict[str, Any] = {"size": size, "kappa": kappa, "seed": seed}
        records.append(made(OURS, seconds=1.0 + seed, **where))
        records.append(made(CPSAT, weighted_downtime_s=20.0 + (seed == 12), **where))
        records += [
            made(method, weighted_downtime_s=40.0, finish_s=120.0, late_vms=3, **where)
            for methods in FAMILIES.values()
            for method in methods
        ]
    return records


def test_tables_say_who_is_better_and_name_where_we_are_worse() -> None:
    results = Results(
        [*run_of_everything(), made(gbit=1.0, status="optimal"), made(CPSAT, gbit=1.0, weighted_downtime_s=2.0)]
    )
    told = tables.against_cpsat(results)
    assert "in 8, the same in 8 and more in 1 of 17 cases" in told
    assert "m at 1 Gbit/s, kappa 1.1, seed 11 (20.0 s against 2.00 s)" in told
    assert "In 0 of 16 cases at least one baseline is in time" in tables.against_baselines(results)
    assert "| m, 1 Gbit/s | 40 | 1.1 | 100 | 1 of 1 | 1 |" in tables.ours(results)
    assert "| l | 1.1 | 20.0 / 90% / 0 | 40.0 / 120% / 6 |" in tables.baselines(results)
    assert "No baselines" in tables.baselines(Results([made()]))
    assert "CP-SAT was not asked" in tables.cpsat(Results([made()]))


def test_a_goal_is_reached_only_with_a_plan_a_small_gap_and_in_time() -> None:
    records = [
        made(size="l", seed=1, bound_s=19.9, seconds=10.5),
        made(size="l", seed=2, bound_s=19.0),
        made(size="l", seed=3, bound_s=20.0, seconds=12.0),
        made(size="l", seed=4, bound_s=20.0, verified=False),
        no_plan(size="l", seed=5),
        made(size="xl", kappa=1.03, bound_s=19.0),
        made(size="xxl", bound_s=20.0, memory_bytes=5 * 2**30),
    ]
    told = goals(Results(records))
    assert "| gap at most 1%, 10 s | 1 of 5 | 2 | 5% | 12.0 |" in told
    assert "| xl | 1.03 | gap at most 5%, 60 s | 1 of 1 | 0 | 5% | 2.00 |" in told
    assert "memory at most 4 GiB | 0 of 1 |" in told
    assert "none of the cases" in goals(Results([made(gbit=1.0)]))


def test_a_run_without_plans_is_reported_too() -> None:
    results = Results([no_plan(), no_plan(CPSAT)])
    assert "| 0 of 1 | 0 |" in tables.ours(results)
    assert "| – | – | 0 of 1 | 0 of 1 |" in tables.cpsat(results)


@needs_bench
@pytest.mark.parametrize("records", [run_of_everything(), [made()], [no_plan()]], ids=["all", "one", "none"])
def test_the_page_is_written_with_the_same_bytes_every_time(records: list[Record], tmp_path: Path) -> None:
    from tests.benchmarks.report import write

    source = tmp_path / "results.jsonl"
    source.write_text("\n".join([machine_line(["m 10 s"]), *(r.line() for r in records)]) + "\n", encoding="utf-8")
    section = tmp_path / "section.md"
    section.write_text("## Against another\n\nMore.\n", encoding="utf-8")
    first, second = (
        {path.name: path.read_bytes() for path in write(source, tmp_path / name, [section], "A note.")}
        for name in ("a", "b")
    )
    assert first == second
    page = first["benchmarks.md"].decode()
    assert "\n\nA note.\n\n" in page
    assert "\n\n## Against another\n\nMore.\n\n## Growth\n" in page
    assert set(first) - {"benchmarks.md"} == {name for name in first if f"images/{name}" in page}
    assert json.loads(machine_line([]))["machine"]["cpu"] in page
    if len(records) > 1:
        assert set(first) == {"benchmarks.md", "bench-gap.svg", "bench-baselines.svg", "bench-growth.svg"}
