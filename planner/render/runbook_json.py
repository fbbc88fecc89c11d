"""The runbook for machines: the steps with their commands, in JSON."""

from __future__ import annotations

import json
from typing import Any

from planner.plan.models import Plan
from planner.render import virsh
from planner.render.clock import Clock
from planner.render.shutdowns import ShutdownStep, left_lines, shutdown_steps_of
from planner.render.steps import Step, steps_of
from planner.render.virsh import Command

RUNBOOK_FORMAT = "evac/runbook/1"


def json_runbook(plan: Plan) -> str:
    """Return the steps of a plan as a JSON document, units in the names.

    Raises
    ------
    InputError
        If the plan's names or order cannot be carried out; see `planner.render.steps.steps_of`.
    """
    steps = steps_of(plan)
    document = {
        "format": RUNBOOK_FORMAT,
        "inventory": plan.inventory.model_dump(mode="json", include={"name", "sha256"}),
        "request": plan.request.model_dump(mode="json"),
        "status": plan.status,
        "verified": plan.verification is not None and plan.verification.ok,
        "totals": {
            "steps": len(steps),
            "finish_s": max((step.move.end_s for step in steps), default=0.0),
            "downtime_s": sum(step.move.downtime_s for step in steps),
            "weighted_downtime_s": sum(step.move.weight * step.move.downtime_s for step in steps),
            "transferred_bytes": sum(step.move.transferred_bytes for step in steps),
        },
        "steps": [_step(step, Clock(plan.request.start_clock)) for step in steps],
        "shutdowns": [_shutdown(one, Clock(plan.request.start_clock)) for one in shutdown_steps_of(plan, steps)],
        "left": [one.model_dump(mode="json") | {"text": why} for one, why in left_lines(plan)],
    }
    return json.dumps(document, indent=2) + "\n"


def _step(step: Step, clock: Clock) -> dict[str, Any]:
    move = step.move
    return {
        "number": step.number,
        "vm": move.vm,
        "source": move.source,
        "target": move.target,
        "approach": move.approach,
        "after": list(step.after),
        "makes_room_for": list(move.makes_room_for),
        "start_s": move.start_s,
        "start_clock": clock.time_of_day(move.start_s) or None,
        "duration_s": move.duration_s,
        "end_s": move.end_s,
        "downtime_s": move.downtime_s,
        "transferred_bytes": move.transferred_bytes,
        "bandwidth_bytes_per_s": move.bandwidth_bytes_per_s,
        "bandwidth_mib_per_s": virsh.bandwidth_mib_per_s(move.bandwidth_bytes_per_s),
        "path": list(move.path),
        "paths": [{"path": list(way.path), "share": way.share} for way in move.paths],
        "overrun_s": step.overrun_s,
        "migrate": list(step.migrate.argv),
        "beside": [list(command.argv) for command in step.beside],
        "switch_to_postcopy_at_bytes": virsh.switch_bytes(move),
        "switch_to_postcopy_at_bytes_left": virsh.switch_left(move),
        "switch_to_postcopy_at_pass": virsh.switch_pass(move),
        "checks": [_command(check) for check in step.checks],
        "progress": list(virsh.job(move).argv),
        "abort": list(virsh.abort(move).argv),
        "abort_until": "switch to post-copy" if virsh.switches(move) else "end",
        "resume": None if step.resume is None else list(step.resume.argv),
        "notes": list(step.notes),
    }


def _shutdown(step: ShutdownStep, clock: Clock) -> dict[str, Any]:
    one = step.shutdown
    return {
        "number": step.number,
        "vm": one.vm,
        "host": one.host,
        "after": list(step.after),
        "start_s": one.start_s,
        "start_clock": clock.time_of_day(one.start_s) or None,
        "duration_s": one.duration_s,
        "end_s": one.end_s,
        "weight": one.weight,
        "shutdown": list(step.command.argv),
        "checks": [_command(step.check)],
        "last_resort": list(step.last_resort.argv),
        "why": one.why.model_dump(mode="json") | {"text": step.why},
    }


def _command(command: Command) -> dict[str, Any]:
    return {"argv": list(command.argv), "expect": command.purpose}
