"""The answers to a case: ours, the baselines', CP-SAT's. Each is asked for in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from planner import api
from planner.errors import RejectedPlanError
from planner.plan.progress import Progress
from planner.verify import verify_plan
from tests.benchmarks.baselines import POLICIES, allowed_to, operate
from tests.benchmarks.decisions import plan_of
from tests.benchmarks.fluid import cached_deadline_s
from tests.benchmarks.generator import Instance, generate
from tests.benchmarks.memory import peak_memory_bytes
from tests.benchmarks.records import CPSAT, OURS, Case, Record, judged, movers_of
from tests.benchmarks.rival import Form, decisions_of, document, task_of

SOLVER_SEED = 1
GRACE_S = 120.0
"""Wall time that a process may take beside the limit of its solver [s]."""


def instance_of(case: Case, cache: Path) -> tuple[Instance, float]:
    """Return the instance of a case and its deadline [s]."""
    instance = generate(case.size, case.seed, case.gbit)
    return instance, case.kappa * cached_deadline_s(instance, cache)


def blank(method: str, case: Case, instance: Instance, deadline_s: float) -> Record:
    """Return a record without an answer."""
    return Record(method=method, case=case, movers=movers_of(instance), deadline_s=deadline_s, status="unknown")


def ours(case: Case, cache: Path, limit_s: float) -> list[Record]:
    """Let the planner answer."""
    instance, deadline_s = instance_of(case, cache)
    record = blank(OURS, case, instance, deadline_s)
    first: list[float] = []

    def listen(progress: Progress) -> None:
        if progress.incumbent_s is not None and not first:
            first.append(progress.elapsed_s)

    begin = time.monotonic()
    try:
        plan = api.plan(
            instance.inventory,
            instance.evacuate,
            deadline_s,
            seed=SOLVER_SEED,
            time_limit_s=limit_s,
            progress=listen,
        )
    except RejectedPlanError as error:
        return [replace(record, status="failed", verified=False, note=str(error)[:500])]
    seconds = time.monotonic() - begin
    record = replace(
        record,
        status=plan.status.value,
        seconds=seconds,
        first_s=first[0] if first else None,
        memory_bytes=peak_memory_bytes(),
    )
    if plan.objective is None:
        return [record]
    record = replace(
        record,
        bound_s=plan.objective.lower_bound_weighted_downtime_s,
        finish_bound_s=plan.objective.lower_bound_finish_s,
    )
    return [judged(record, instance, plan, verify_plan(instance.inventory, plan))]


def baselines(case: Case, cache: Path) -> list[Record]:
    """Let the rules of operators answer."""
    instance, deadline_s = instance_of(case, cache)
    records = []
    for policy in POLICIES:
        inventory = allowed_to(instance, policy)
        begin = time.monotonic()
        decisions = operate(instance, policy)
        seconds = time.monotonic() - begin
        plan = plan_of(inventory, instance.evacuate, deadline_s, decisions)
        record = replace(blank(policy.name, case, instance, deadline_s), seconds=seconds)
        record = judged(record, instance, plan, verify_plan(inventory, plan))
        records.append(replace(record, status="late" if record.late_vms else "in time"))
    return records


def cpsat(
    case: Case, cache: Path, limit_s: float, form: Form = "classes", options: tuple[str, ...] = ()
) -> list[Record]:
    """Let CP-SAT answer, in a further process, and replay what it says."""
    instance, deadline_s = instance_of(case, cache)
    record = blank(CPSAT, case, instance, deadline_s)
    task = task_of(instance, deadline_s, form)
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "instance.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(document(task)), encoding="utf-8")
        command = [sys.executable, "-m", "tests.benchmarks.cpsat", str(asked), str(answered)]
        subprocess.run(
            [*command, "--limit", str(limit_s), *options],
            check=True,
            timeout=limit_s + GRACE_S,
            stdin=subprocess.DEVNULL,
        )
        answer = json.loads(answered.read_text(encoding="utf-8"))
    record = replace(
        record,
        status=answer["status"],
        seconds=answer["seconds"],
        first_s=answer["first_s"],
        bound_s=answer["bound_s"],
        memory_bytes=answer["memory_bytes"],
    )
    if answer["choices"] is None:
        return [record]
    decisions = decisions_of(task, answer["choices"], answer["starts_s"])
    if decisions is None:
        return [replace(record, note="no hosts were found within the classes of its answer")]
    plan = plan_of(instance.inventory, instance.evacuate, deadline_s, decisions)
    return [judged(record, instance, plan, verify_plan(instance.inventory, plan))]
