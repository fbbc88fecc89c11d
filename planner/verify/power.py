"""Hosts that are not ready at once, and hosts that take their time to switch off."""

from __future__ import annotations

import math
from collections.abc import Iterator

from planner.inventory.models import Host
from planner.plan.models import PowerStep
from planner.verify.findings import Finding, say_time
from planner.verify.replay import TIME_TOLERANCE_S, Replay


def left_s(replay: Replay, host: str) -> float:
    """Return when the last VM has left a host or is down there, 0 where none has to [s]."""
    down_s = (one.start_s + one.duration_s for one in replay.plan.shutdowns if one.host == host)
    return max((*(step.end_s for step in replay.steps if step.move.source == host), *down_s), default=0.0)


def finish_s(replay: Replay) -> float:
    """Return when the last move has ended and the last evacuated host is off [s]."""
    off_s = (left_s(replay, host.name) + host.shutdown_time for host in _switched_off(replay))
    told_s = (step.end_s for step in replay.plan.power if step.turn == "off")
    return max((*(step.end_s for step in replay.steps), *off_s, *told_s), default=0.0)


def check_ready(replay: Replay) -> Iterator[Finding]:
    """Check that no move starts before its target can receive."""
    for step in replay.steps:
        if step.target is None:
            continue
        early_s = step.target.ready_after - step.move.start_s
        if early_s > TIME_TOLERANCE_S:
            yield Finding(
                f"{step.move.vm} starts {say_time(early_s)} before {step.target.name} is ready,"
                f" {say_time(step.target.ready_after)} after the start",
                (step.move.vm, step.target.name),
                step.move.start_s,
            )


def check_shutdown(replay: Replay) -> Iterator[Finding]:
    """Check that every evacuated host is off by the deadline."""
    deadline_s = replay.plan.request.deadline_s
    for host in _switched_off(replay):
        empty_s = left_s(replay, host.name)
        late_s = empty_s + host.shutdown_time - deadline_s
        # Moves that end after the deadline themselves are reported as such.
        if late_s > TIME_TOLERANCE_S and empty_s - deadline_s <= TIME_TOLERANCE_S:
            yield Finding(
                f"{host.name} is empty {say_time(empty_s)} after the start and takes {say_time(host.shutdown_time)} to"
                f" switch off: {say_time(late_s)} after the deadline",
                (host.name,),
                empty_s,
            )


def check_power(replay: Replay) -> Iterator[Finding]:
    """Check that hosts are switched on and off as the plan says; one that says nothing is not asked."""
    told = replay.plan.power
    for step in told:
        wrong = _wrong_on(replay, step) if step.turn == "on" else _wrong_off(replay, step)
        if wrong:
            yield Finding(f"{step.host} is switched {step.turn}, but {wrong}", (step.host,), step.start_s)
    if not told:
        return
    for host in _switched_off(replay):
        if not any(step.host == host.name and step.turn == "off" for step in told):
            yield Finding(f"{host.name} is evacuated, but not switched off", (host.name,))
    for name in sorted({step.target.name for step in replay.steps if step.target and step.target.ready_after > 0}):
        if not any(step.host == name and step.turn == "on" for step in told):
            yield Finding(f"{name} receives, but is not switched on", (name,))


def _switched_off(replay: Replay) -> list[Host]:
    """Return the hosts that have to be off: in a triage not those where a VM is left, or that take too long anyway."""
    off = [host for host in replay.hosts.values() if host.name in replay.evacuated and host.shutdown_time > 0]
    if not replay.triage:
        return off
    kept_on = {one.host for one in replay.plan.left}
    deadline_s = replay.plan.request.deadline_s
    return [host for host in off if host.name not in kept_on and host.shutdown_time <= deadline_s]


def _wrong_on(replay: Replay, step: PowerStep) -> str:
    host = replay.hosts.get(step.host)
    if host is None:
        return "there is no such host"
    if not math.isclose(step.end_s, host.ready_after, abs_tol=TIME_TOLERANCE_S):
        return f"ready {say_time(step.end_s)} after the start and not after {say_time(host.ready_after)}"
    return ""


def _wrong_off(replay: Replay, step: PowerStep) -> str:
    host = replay.hosts.get(step.host)
    if host is None:
        return "there is no such host"
    if step.host not in replay.evacuated:
        return "it is not evacuated"
    if any(one.host == step.host for one in replay.plan.left):
        return "a VM is left on it"
    if not math.isclose(step.duration_s, host.shutdown_time, abs_tol=TIME_TOLERANCE_S):
        return f"in {say_time(step.duration_s)} and not in {say_time(host.shutdown_time)}"
    early_s = left_s(replay, step.host) - step.start_s
    if early_s > TIME_TOLERANCE_S:
        return f"its last VM leaves {say_time(early_s)} later"
    late_s = step.end_s - replay.plan.request.deadline_s
    return f"{say_time(late_s)} after the deadline" if late_s > TIME_TOLERANCE_S else ""
