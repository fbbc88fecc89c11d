"""The way a move takes through the network, and what it reserves there."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from planner.inventory.models import VM, Approach
from planner.plan.models import Move
from planner.units import format_rate
from planner.verify.findings import Finding
from planner.verify.replay import RELATIVE_TOLERANCE, Replay, Step
from planner.verify.sweep import Hold, first_overload
from planner.verify.ways import Ends, Path, shares_of, ways_of

LEAST_SHARE = 1e-6
"""Smallest share of a path that is told from none where links side by side are counted [1]."""


def check_path(replay: Replay) -> Iterator[Finding]:
    """Check that a path leads from source to target over links that exist and through switches, none of them twice."""
    switches = frozenset(replay.inventory.switches)
    for step in replay.steps:
        for path in dict.fromkeys((step.move.path, *(path for path, _ in ways_of(step.move)))):
            for wrong in _faults(replay, step.move, path, switches):
                yield Finding(f"the path of {step.move.vm} {wrong}", (step.move.vm,), step.move.start_s)


def _faults(replay: Replay, move: Move, path: Path, switches: frozenset[str]) -> Iterator[str]:
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
        if (a, b) not in replay.joined:
            yield f"uses a link {a} - {b}, which does not exist"


def check_network(replay: Replay) -> Iterator[Finding]:
    """Check that moves use only links that carry the migration network."""
    network = replay.inventory.settings.migration_network
    for step in replay.steps:
        for a, b in shares_of(step.move):
            if (a, b) in replay.joined and (a, b) not in replay.links:
                yield Finding(
                    f"{step.move.vm} moves over the link {a} - {b}, which does not carry the network {network}",
                    (step.move.vm, a, b),
                    step.move.start_s,
                )


def check_paths(replay: Replay) -> Iterator[Finding]:
    """Check that a move takes one path, or where moves are split all those with the fewest links, in equal shares."""
    split = replay.inventory.settings.equal_cost_paths == "split"
    for step in replay.steps:
        wrong = _misspread(replay, step.move, split=split)
        if wrong:
            yield Finding(f"{step.move.vm} {wrong}", (step.move.vm,), step.move.start_s)


def _misspread(replay: Replay, move: Move, *, split: bool) -> str:
    """Return what is wrong with the paths over which a move is spread, or nothing."""
    ways = ways_of(move)
    if move.path != ways[0][0]:
        return "has another path than the first of its paths"
    expected = replay.ways.shortest(move.source, move.target) if split else frozenset({move.path})
    if not expected:
        return ""  # there is no way at all, which the other checks say
    taken = {path for path, _ in ways}
    if len(taken) < len(ways):
        return "is spread over the same path twice"
    if not split and len(ways) > 1:
        return f"is spread over {len(ways)} paths; the settings have one for each move (equal_cost_paths: hash)"
    if taken - expected:
        return "takes a path that is not one of those with the fewest links (equal_cost_paths: split)"
    if taken != expected:
        return f"takes {len(taken)} of the {len(expected)} paths with the fewest links (equal_cost_paths: split)"
    even = 1 / len(expected)
    if any(abs(share - even) > RELATIVE_TOLERANCE for _, share in ways):
        return f"has shares {', '.join(f'{share:g}' for _, share in ways)} on its paths; each carries {even:g}"
    return ""


def check_flow(replay: Replay) -> Iterator[Finding]:
    """Check that no move is faster than its TCP flows may be on bonds and on links side by side.

    A flow takes one member of one of the links that lie side by side. With fewer flows than links, or than members of
    each link, all may meet on one.
    """
    for step in replay.steps:
        if step.vm is None:
            continue
        flows = _flows(replay, step, step.vm)
        limits = [
            (limit, ends)
            for ends, share in shares_of(step.move).items()
            if (limit := _flow_limit(replay, ends, max(1, round(1 / max(share, LEAST_SHARE))), flows)) is not None
        ]
        limit, (a, b) = min(limits, default=(math.inf, ("", "")))
        if step.move.bandwidth_bytes_per_s > limit * (1 + RELATIVE_TOLERANCE):
            word = "a flow" if flows == 1 else f"{flows} flows"
            yield Finding(
                f"{step.move.vm} moves at {format_rate(step.move.bandwidth_bytes_per_s)} over {a} > {b};"
                f" {word} may have {format_rate(limit)} there",
                (step.move.vm, a, b),
                step.move.start_s,
            )


def _flows(replay: Replay, step: Step, vm: VM) -> int:
    several = step.move.approach in (Approach.COLD, Approach.PRECOPY) and vm.disk == 0
    return replay.inventory.settings.multifd_channels if several else 1


def _flow_limit(replay: Replay, ends: Ends, side_by_side: int, flows: int) -> float | None:
    """Return the most that so many flows may have [bytes/s]; None where that is all there is."""
    link = replay.links.get(ends)
    if link is None:
        return None
    links, each = (1, flows) if flows < side_by_side else (side_by_side, flows // side_by_side)
    members = 1 if each < link.members else link.members
    if links == side_by_side and members == link.members:
        return None
    return replay.capacity_bytes_per_s[ends] * links * members / link.members


def check_bandwidth(replay: Replay) -> Iterator[Finding]:
    """Check that the reserved bandwidths fit on each link, in each direction and at all times."""
    holds: defaultdict[Ends, list[Hold]] = defaultdict(list)
    for step in replay.steps:
        for ends, share in shares_of(step.move).items():
            if ends in replay.links:
                rate = step.move.bandwidth_bytes_per_s * share
                holds[ends].append(Hold(step.move.vm, step.move.start_s, step.held_until_s, rate))
    for ends, here in holds.items():
        capacity = replay.capacity_bytes_per_s[ends]
        over = first_overload(here, capacity * (1 + RELATIVE_TOLERANCE))
        if over is not None:
            a, b = ends
            yield Finding(
                f"the link {a} > {b} has {format_rate(capacity)} for migrations;"
                f" {format_rate(over.total - capacity)} more are reserved, by {', '.join(over.holders)}",
                (a, b, *over.holders),
                over.at_s,
            )
