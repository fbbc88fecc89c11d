"""VMs that do not leave because not all can: who they are, when they are shut down, and what weight is saved."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from planner.inventory.models import VM, Before, rule_name
from planner.plan.models import WhyKind
from planner.verify.findings import Finding, say_time
from planner.verify.replay import RELATIVE_TOLERANCE, TIME_TOLERANCE_S, Replay


def check_triage(replay: Replay) -> Iterator[Finding]:
    """Check that only VMs of evacuated hosts are shut down or left, each once and none that moves, as asked for."""
    plan = replay.plan
    told = [*((one.vm, one.host, one.weight, one.why) for one in plan.shutdowns)]
    told += [(one.vm, one.host, one.weight, one.unmoved) for one in plan.left]
    if told and not replay.triage:
        yield Finding("VMs are shut down or left, but the request asks for no triage", tuple(name for name, *_ in told))
        return
    times = Counter(name for name, *_ in told)
    for name in sorted(name for name, count in times.items() if count > 1):
        yield Finding(f"{name} is said to be shut down or left {times[name]} times", (name,))
    for name, host, weight, why in told:
        vm = replay.vms.get(name)
        if vm is None:
            wrong = "the inventory has no such VM"
        elif vm.host not in replay.evacuated:
            wrong = f"its host {vm.host} is not evacuated"
        elif vm.host != host:
            wrong = f"it runs on {vm.host}, not on {host}"
        elif vm.weight != weight:
            wrong = f"its weight is {vm.weight:.12g}, the plan says {weight:.12g}"
        elif name in replay.steps_of:
            wrong = "it moves, too"
        elif (why.kind is WhyKind.PINNED) != vm.pinned:
            wrong = "it is pinned" if vm.pinned else "it is not pinned, as the plan says"
        else:
            continue
        yield Finding(f"{name} is said to be shut down or left, but {wrong}", (name,))


def check_shutdown_time(replay: Replay) -> Iterator[Finding]:
    """Check that each shutdown has the time that it may take, and ends while its host can still be off in time."""
    for one in replay.plan.shutdowns:
        vm = replay.vms.get(one.vm)
        if vm is None:
            continue
        needed_s = _needed_s(replay, vm)
        if not math.isclose(one.duration_s, needed_s, rel_tol=RELATIVE_TOLERANCE, abs_tol=TIME_TOLERANCE_S):
            yield Finding(
                f"{vm.name} is shut down in {say_time(one.duration_s)}, but that may take {say_time(needed_s)}",
                (vm.name,),
                one.start_s,
            )
        late_s = one.start_s + one.duration_s - _cutoff_s(replay, vm)
        if not late_s <= TIME_TOLERANCE_S:
            yield Finding(
                f"{vm.name} is down {say_time(late_s)} after it has to be, for {vm.host} to be off by the deadline",
                (vm.name, vm.host),
                one.start_s,
            )


def check_shutdown_order(replay: Replay) -> Iterator[Finding]:
    """Check that a VM is shut down only once every earlier member of its `before` rules has landed or is down.

    Members on hosts that are not evacuated and do not move count as landed.
    """
    down = {one.vm: one for one in replay.plan.shutdowns}
    left = {one.vm for one in replay.plan.left}
    for rule in replay.inventory.rules:
        if not isinstance(rule, Before):
            continue
        last, last_s = "", -math.inf
        for name in rule.members:
            mine = down.get(name)
            if mine is not None and mine.start_s < last_s - TIME_TOLERANCE_S:
                wrong = "has landed or is down" if math.isfinite(last_s) else "is ever down: that is left running"
                yield Finding(
                    f"the shutdown of {name} starts before {last} {wrong}, against {rule_name(rule)}",
                    (last, name),
                    mine.start_s,
                )
            end_s = max((step.end_s for step in replay.steps_of.get(name, ())), default=-math.inf)
            if mine is not None:
                end_s = max(end_s, mine.start_s + mine.duration_s)
            if name in left:
                end_s = math.inf
            if end_s > last_s:
                last, last_s = name, end_s


def check_left(replay: Replay) -> Iterator[Finding]:
    """Check that a VM is left only where no time is left for its shutdown, after those that come first by a rule."""
    earliest_s = _earliest_down_s(replay)
    for one in replay.plan.left:
        vm = replay.vms.get(one.vm)
        if vm is None or vm.host not in replay.evacuated:
            continue
        spare_s = _cutoff_s(replay, vm) - earliest_s.get(vm.name, math.inf)
        if spare_s > TIME_TOLERANCE_S:
            yield Finding(
                f"{vm.name} is left running, but could be down {say_time(spare_s)} before it has to be", (vm.name,)
            )


def check_saved_weight(replay: Replay) -> Iterator[Finding]:
    """Check the weights that the objective of a triage states, and that its bound is not below what is saved."""
    objective = replay.plan.objective
    if objective is None:
        return
    if objective.saved_weight is None:
        if replay.not_moving:
            yield Finding("VMs are shut down or left, but the objective does not tell the weight that is saved")
        return
    here = [vm for vm in replay.inventory.vms if vm.host in replay.evacuated]
    saved = sum(vm.weight for vm in here if vm.name in replay.steps_of)
    for stated, found, what in (
        (objective.saved_weight, saved, "weight saved"),
        (objective.total_weight, sum(vm.weight for vm in here), "weight of all that had to leave"),
    ):
        if stated is None or not math.isclose(stated, found, rel_tol=RELATIVE_TOLERANCE, abs_tol=RELATIVE_TOLERANCE):
            said = "not told" if stated is None else f"{stated:.12g}"
            yield Finding(f"the {what} is {said} in the objective, but {found:.12g} by the inventory and the moves")
    most = objective.upper_bound_saved_weight
    if most is not None and most < saved - RELATIVE_TOLERANCE * max(1.0, saved):
        yield Finding(f"the upper bound {most:.12g} is below the weight saved, {saved:.12g}")


def _needed_s(replay: Replay, vm: VM) -> float:
    settings = replay.inventory.settings
    return settings.vm_shutdown_time if vm.shutdown_time is None else vm.shutdown_time


def _cutoff_s(replay: Replay, vm: VM) -> float:
    """Return when a VM must be down for its host to be off by the deadline [s]."""
    host = replay.hosts.get(vm.host)
    return replay.plan.request.deadline_s - (host.shutdown_time if host is not None else 0.0)


def _earliest_down_s(replay: Replay) -> dict[str, float]:
    """Return when each VM that does not leave could be down at the earliest, infinite where that is too late [s]."""
    names = {name for name in replay.not_moving if name in replay.vms}
    landed_s = {name: max(step.end_s for step in steps) for name, steps in replay.steps_of.items()}
    rules = [rule.members for rule in replay.inventory.rules if isinstance(rule, Before)]
    ready_s = dict.fromkeys(names, 0.0)

    def down_s(name: str) -> float:
        end_s = ready_s[name] + _needed_s(replay, replay.vms[name])
        return end_s if end_s <= _cutoff_s(replay, replay.vms[name]) + TIME_TOLERANCE_S else math.inf

    # Each pass settles at least one more VM of a chain of rules.
    for _ in range(len(names) + 1):
        changed = False
        for members in rules:
            since_s = 0.0
            for name in members:
                if name in names:
                    if since_s > ready_s[name]:
                        ready_s[name], changed = since_s, True
                    since_s = max(since_s, down_s(name))
                else:
                    since_s = max(since_s, landed_s.get(name, 0.0))
        if not changed:
            break
    return {name: down_s(name) for name in names}
