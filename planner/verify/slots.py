"""How many migrations a host takes part in at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from planner.verify.findings import Finding
from planner.verify.replay import Replay
from planner.verify.sweep import Hold, first_overload


def check_outgoing(replay: Replay) -> Iterator[Finding]:
    """Check that no host sends more migrations at once than it may."""
    default = replay.inventory.settings.max_outgoing
    limits = {host.name: default if host.max_outgoing is None else host.max_outgoing for host in replay.hosts.values()}
    ends = [(step.source.name, step) for step in replay.steps if step.source is not None]
    yield from _too_many(
        ((host, Hold(step.move.vm, step.move.start_s, step.held_until_s)) for host, step in ends), limits, "leave"
    )


def check_incoming(replay: Replay) -> Iterator[Finding]:
    """Check that no host receives more migrations at once than it may."""
    default = replay.inventory.settings.max_incoming
    limits = {host.name: default if host.max_incoming is None else host.max_incoming for host in replay.hosts.values()}
    ends = [(step.target.name, step) for step in replay.steps if step.target is not None]
    yield from _too_many(
        ((host, Hold(step.move.vm, step.move.start_s, step.held_until_s)) for host, step in ends), limits, "enter"
    )


def _too_many(holds: Iterator[tuple[str, Hold]], limits: dict[str, int], verb: str) -> Iterator[Finding]:
    by_host: defaultdict[str, list[Hold]] = defaultdict(list)
    for host, hold in holds:
        by_host[host].append(hold)
    for host, here in by_host.items():
        over = first_overload(here, limits[host])
        if over is not None:
            yield Finding(
                f"{', '.join(over.holders)} {verb} {host} at once; it allows {limits[host]}",
                (host, *over.holders),
                over.at_s,
            )
