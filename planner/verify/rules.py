"""The four rules: separate, together, not at once, before."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from planner.inventory.models import Before, NotAtOnce, Separate, Together, rule_name
from planner.verify.findings import Finding
from planner.verify.replay import Replay
from planner.verify.sweep import Hold, first_overload


def check_separate(replay: Replay) -> Iterator[Finding]:
    """Check that no two members are on one host at any moment; a moving VM is on its source and on its target."""
    for rule in replay.inventory.rules:
        if not isinstance(rule, Separate):
            continue
        holds: defaultdict[str, list[Hold]] = defaultdict(list)
        for name in dict.fromkeys(rule.members):
            vm = replay.vms.get(name)
            if vm is not None:
                for host, since, until in replay.presence(vm):
                    holds[host].append(Hold(name, since, until))
        for host, here in holds.items():
            over = first_overload(here, 1)
            if over is not None:
                at_s = over.at_s if math.isfinite(over.at_s) else None
                yield Finding(
                    f"{', '.join(over.holders)} are on {host} at one time, against {rule_name(rule)}",
                    (host, *over.holders),
                    at_s,
                )


def check_together(replay: Replay) -> Iterator[Finding]:
    """Check that members that move end on one host: where members stay, the host of one that stays.

    In a triage those that do not leave their evacuated host bind nobody.
    """
    unbound: frozenset[str] = replay.evacuated if replay.triage else frozenset()
    for rule in replay.inventory.rules:
        if not isinstance(rule, Together):
            continue
        movers = [replay.steps_of[name][-1].move for name in dict.fromkeys(rule.members) if name in replay.steps_of]
        stay = [replay.vms[name] for name in rule.members if name in replay.vms and name not in replay.steps_of]
        targets = {move.target for move in movers}
        stay = [vm for vm in stay if vm.host not in unbound]
        homes = {vm.host for vm in stay}
        if len(targets) > 1 or (homes and not targets <= homes):
            where = [f"{move.vm} goes to {move.target}" for move in movers]
            where += [f"{vm.name} stays on {vm.host}" for vm in stay]
            yield Finding(f"{', '.join(where)}, against {rule_name(rule)}", tuple(move.vm for move in movers))


def check_not_at_once(replay: Replay) -> Iterator[Finding]:
    """Check that no two members are in migration at the same time."""
    for rule in replay.inventory.rules:
        if not isinstance(rule, NotAtOnce):
            continue
        steps = [step for name in dict.fromkeys(rule.members) for step in replay.steps_of.get(name, ())]
        over = first_overload([Hold(step.move.vm, step.move.start_s, step.held_until_s) for step in steps], 1)
        if over is not None:
            yield Finding(
                f"{', '.join(over.holders)} migrate at one time, against {rule_name(rule)}", over.holders, over.at_s
            )


def check_before(replay: Replay) -> Iterator[Finding]:
    """Check that each member that moves has landed before any later member starts; one that stays counts as landed."""
    for rule in replay.inventory.rules:
        if not isinstance(rule, Before):
            continue
        last, last_free_s = "", -math.inf
        for name in rule.members:
            steps = replay.steps_of.get(name, ())
            for step in steps:
                if step.move.start_s < last_free_s:
                    yield Finding(
                        f"{name} starts before {last} has landed, against {rule_name(rule)}",
                        (last, name),
                        step.move.start_s,
                    )
            for step in steps:
                if step.held_until_s > last_free_s:
                    last, last_free_s = name, step.held_until_s
