"""The way a move takes through the network, and what it reserves there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from planner.units import format_rate
from planner.verify.findings import Finding
from planner.verify.replay import RELATIVE_TOLERANCE, Replay, Step
from planner.verify.sweep import Hold, first_overload


def check_path(replay: Replay) -> Iterator[Finding]:
    """Check that a path leads from source to target over links that exist and through switches, none of them twice."""
    switches = frozenset(replay.inventory.switches)
    for step in replay.steps:
        for wrong in _faults(replay, step, switches):
            yield Finding(f"the path of {step.move.vm} {wrong}", (step.move.vm,), step.move.start_s)


def _faults(replay: Replay, step: Step, switches: frozenset[str]) -> Iterator[str]:
    move, path = step.move, step.move.path
    if path[0] != move.source:
        yield f"begins at {path[0]}, not at its source {move.source}"
    if path[-1] != move.target:
        yield f"ends at {path[-1]}, not at its target {move.target}"
    for node in path[1:-1]:
        if node not in switches:
            yield f"leads through {node}, which is no switch"
    if len(set(path)) < len(path):
        yield "visits a node twice"
    for a, b in pairwise(path):
        if (a, b) not in replay.capacity_bytes_per_s:
            yield f"uses a link {a} - {b}, which does not exist"


def check_bandwidth(replay: Replay) -> Iterator[Finding]:
    """Check that the reserved bandwidths fit on each link, in each direction and at all times."""
    holds: defaultdict[tuple[str, str], list[Hold]] = defaultdict(list)
    for step in replay.steps:
        hold = Hold(step.move.vm, step.move.start_s, step.held_until_s, step.move.bandwidth_bytes_per_s)
        for link in dict.fromkeys(step.links):
            holds[link].append(hold)
    for link, here in holds.items():
        capacity = replay.capacity_bytes_per_s[link]
        over = first_overload(here, capacity * (1 + RELATIVE_TOLERANCE))
        if over is not None:
            a, b = link
            yield Finding(
                f"the link {a} > {b} has {format_rate(capacity)} for migrations;"
                f" {format_rate(over.total - capacity)} more are reserved, by {', '.join(over.holders)}",
                (a, b, *over.holders),
                over.at_s,
            )
