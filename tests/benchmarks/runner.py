"""Asks for every answer in a process of its own, one after the other, and writes each down at once."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.baselines import POLICIES
from tests.benchmarks.generator import SIZES
from tests.benchmarks.records import CPSAT, OURS, Case, Record, machine_line, parse, read

LIMITS_S = {"xs": 10.0, "s": 10.0, "m": 10.0, "l": 10.0, "xl": 60.0, "xxl": 300.0}
"""Wall time that the planner is given for each size, where nothing else is said [s]."""
PATIENCE_S = 600.0
"""Wall time that a process may take beside what it is given, before it is stopped [s]."""
ONE_THREAD = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
}


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Parameters
    ----------
    cases
        The cases, in order.
    limit_s
        Wall time for the planner, or None for that of each size [s].
    baselines
        Whether the baselines answer as well.
    cpsat_s
        Wall time for CP-SAT, or None where it is not asked [s].
    cache
        Directory for what is computed once.
    """

    cases: tuple[Case, ...]
    limit_s: float | None
    baselines: bool
    cpsat_s: float | None
    cache: Path


@dataclass(frozen=True)
class Task:
    """One process to start.

    Parameters
    ----------
    methods
        Whose answers it brings.
    case
        The case.
    kind, limit_s
        What `tests.benchmarks answer` is told; without a limit the process takes as long as it needs.
    """

    methods: tuple[str, ...]
    case: Case
    kind: str
    limit_s: float


def cases_of(sizes: list[str], kappas: list[float], seeds: list[int]) -> tuple[Case, ...]:
    """Return all cases of some sizes, kappas and seeds.

    Parameters
    ----------
    sizes
        Names of sizes, ``m@1`` for size m with 1 Gbit/s instead of 10.

    Raises
    ------
    ValueError
        If there is no such size.
    """
    pairs = []
    for text in sizes:
        name, _, gbit = text.partition("@")
        if name not in SIZES:
            raise ValueError(f"there is no size {name!r}; the sizes are {', '.join(SIZES)}, and m@1 is m at 1 Gbit/s")
        pairs.append((name, float(gbit or 10)))
    return tuple(Case(size, seed, gbit, kappa) for (size, gbit), kappa, seed in itertools.product(pairs, kappas, seeds))


def run(order: Order, out: Path, say: Callable[[str], None]) -> int:
    """Ask for all answers that are not in a file yet or failed there, and append them to it.

    Returns
    -------
    int
        How many of the new answers failed, or were rejected by the verifier.
    """
    before = read(out).records if out.exists() else ()
    known = {(record.method, record.case) for record in before if record.status != "failed"}
    bad = 0
    with out.open("a", encoding="utf-8") as file:
        file.write(machine_line(_limits(order)) + "\n")
        todo = [task for task in _tasks(order) if any((method, task.case) not in known for method in task.methods)]
        for number, task in enumerate(todo, 1):
            for record in _ask(task, order.cache):
                file.write(record.line() + "\n")
                file.flush()
                bad += record.status == "failed" or record.verified is False
                if record.method in (OURS, CPSAT) or record.status == "failed":
                    say(f"{number}/{len(todo)} {told(record)}")
    return bad


def told(record: Record) -> str:
    """Return a record in a line."""
    case = record.case
    network = "" if case.gbit == 10 else f"@{case.gbit:g}"
    parts = [f"{case.size}{network} kappa {case.kappa:g} seed {case.seed}: {record.method} {record.status}"]
    if record.weighted_downtime_s is not None:
        parts.append(f"weighted downtime {record.weighted_downtime_s:.3f} s")
    if record.gap is not None:
        parts.append(f"gap {record.gap:.2%}")
    if record.seconds is not None:
        parts.append(f"in {record.seconds:.2f} s")
    if record.violations or record.note:
        parts.append("; ".join((*record.violations, record.note)))
    return ", ".join(parts)


def _limits(order: Order) -> list[str]:
    sizes = list(dict.fromkeys(case.size for case in order.cases))
    limits = [f"{size} {LIMITS_S[size] if order.limit_s is None else order.limit_s:g} s" for size in sizes]
    return limits if order.cpsat_s is None else [*limits, f"CP-SAT {order.cpsat_s:g} s"]


def _tasks(order: Order) -> Iterator[Task]:
    for case in order.cases:
        limit = LIMITS_S[case.size] if order.limit_s is None else order.limit_s
        yield Task((OURS,), case, OURS, limit)
        if order.baselines:
            yield Task(tuple(policy.name for policy in POLICIES), case, "baselines", 0.0)
        if order.cpsat_s is not None:
            yield Task((CPSAT,), case, CPSAT, order.cpsat_s)


def _ask(task: Task, cache: Path) -> list[Record]:
    """Start a process, wait for it, and return its records; a process that fails is a record too."""
    command = [sys.executable, "-m", "tests.benchmarks", "answer", task.kind, json.dumps(dataclasses.asdict(task.case))]
    command += ["--limit", str(task.limit_s), "--cache", str(cache)]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=task.limit_s + PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [_failed(task, f"stopped after {task.limit_s + PATIENCE_S:g} s")]
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return [_failed(task, last[:500])]
    return [parse(line) for line in done.stdout.splitlines()]


def _failed(task: Task, why: str) -> Record:
    return Record(method=task.methods[0], case=task.case, movers=0, deadline_s=0.0, status="failed", note=why)
