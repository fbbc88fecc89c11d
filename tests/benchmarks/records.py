"""What a run writes down: one JSON line for each answer, and one for the machine."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.plan.models import Plan, Verification
from tests.benchmarks.generator import Instance

OURS = "evac"
CPSAT = "cp-sat"
TOLERANCE_S = 1e-6
"""An end no later than this after the deadline is in time, as for the verifier [s]."""


@dataclass(frozen=True)
class Case:
    """An instance with its deadline.

    Parameters
    ----------
    size, seed, gbit
        See `tests.benchmarks.generator.generate`.
    kappa
        Deadline over the fluid deadline [1].
    """

    size: str
    seed: int
    gbit: float
    kappa: float


@dataclass(frozen=True)
class Record:
    """An answer to a case.

    Parameters
    ----------
    method
        Who answers.
    case, movers, deadline_s
        What is asked; how many VMs have to move by when [count, s].
    status
        The planner's own word, or CP-SAT's; of a baseline ``in time`` or ``late``; ``failed`` where a process ended
        badly.
    weighted_downtime_s, finish_s, late_vms
        Of the plan as replayed; None where there is none [s, s, count].
    bound_s, finish_bound_s
        Proven lower bounds; None where there is none [s].
    seconds, first_s
        Wall time in all, and to the first verified plan where that is known [s].
    memory_bytes
        Peak resident memory of the process [bytes].
    verified
        Whether the verifier finds nothing wrong, lateness of baselines apart; None where there is nothing to replay.
    violations
        What else it finds.
    note
        What the reader has to know.
    """

    method: str
    case: Case
    movers: int
    deadline_s: float
    status: str
    weighted_downtime_s: float | None = None
    finish_s: float | None = None
    late_vms: int = 0
    bound_s: float | None = None
    finish_bound_s: float | None = None
    seconds: float | None = None
    first_s: float | None = None
    memory_bytes: int | None = None
    verified: bool | None = None
    violations: tuple[str, ...] = ()
    note: str = ""

    @property
    def gap(self) -> float | None:
        """(weighted downtime - bound) / weighted downtime, or None [1]."""
        if self.weighted_downtime_s is None or self.bound_s is None:
            return None
        if self.weighted_downtime_s <= 0:
            return 0.0
        return max(0.0, (self.weighted_downtime_s - self.bound_s) / self.weighted_downtime_s)

    @property
    def in_time(self) -> bool:
        """Whether there is a plan without late VMs and without violations."""
        return self.weighted_downtime_s is not None and self.late_vms == 0 and bool(self.verified)

    def line(self) -> str:
        """Return the record as a line of JSON."""
        return json.dumps(dataclasses.asdict(self))


@dataclass(frozen=True)
class Run:
    """A file of records.

    Parameters
    ----------
    machine
        What the records were made on and with; of a run in several parts what any of them says.
    records
        The records, the last of each method and case.
    """

    machine: dict[str, str]
    records: tuple[Record, ...]


def movers_of(instance: Instance) -> int:
    """Return how many VMs have to move [count]."""
    leaving = set(instance.evacuate)
    return sum(vm.host in leaving for vm in instance.inventory.vms)


def judged(record: Record, instance: Instance, plan: Plan, verification: Verification) -> Record:
    """Return a record with what the replay of its plan shows; lateness is counted, other violations are kept."""
    weight = {vm.name: vm.weight for vm in instance.inventory.vms}
    wrong = [violation for violation in verification.violations if violation.check != "deadline"]
    return dataclasses.replace(
        record,
        weighted_downtime_s=sum(weight[move.vm] * move.downtime_s for move in plan.moves),
        finish_s=max((move.end_s for move in plan.moves), default=0.0),
        late_vms=sum(move.end_s > record.deadline_s + TOLERANCE_S for move in plan.moves),
        verified=not wrong,
        violations=tuple(f"{violation.check}: {violation.message}" for violation in wrong[:5]),
    )


def parse(line: str) -> Record:
    """Read a record from a line of JSON."""
    fields = json.loads(line)
    return Record(**{**fields, "case": Case(**fields["case"]), "violations": tuple(fields["violations"])})


def read(path: Path) -> Run:
    """Read a file of records; where a method answered a case twice, the last answer counts."""
    machine: dict[str, str] = {}
    records: dict[tuple[str, Case], Record] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        if "machine" in found:
            for key, value in found["machine"].items():
                machine[key] = _joined(machine.get(key, ""), value)
        else:
            record = parse(line)
            records[record.method, record.case] = record
    return Run(machine, tuple(records.values()))


def _joined(known: str, more: str) -> str:
    """Return what several parts of a run say, each once: a run that was continued may have other limits."""
    return ", ".join(dict.fromkeys(part for part in (*known.split(", "), *more.split(", ")) if part))


def machine_line(limits_s: Sequence[str]) -> str:
    """Return the line that says on what and with what a run is made."""
    return json.dumps({"machine": {**machine(), "limits": ", ".join(limits_s)}})


def machine() -> dict[str, str]:
    """Describe the machine in a few words."""
    versions = []
    for name in ("evac", "highspy", "PuLP", "ortools", "numpy"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory_gib:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(versions),
    }


def _cpu() -> str:
    """Return the name of the processor, where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.split(":", 1)[1].split())
    return platform.processor() or platform.machine()
