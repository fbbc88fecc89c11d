"""From a schedule with extra moves to the moves of a plan."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from planner.optimize.room_schedule import Stock, Task
from planner.optimize.room_ways import Timed, Ways
from planner.plan.chain import Interval, predecessors
from planner.plan.models import Move, PathShare
from planner.predict.registry import predict_vm


@dataclass(frozen=True)
class _Hop:
    """One move of the schedule: VM, column, task, start and end [s], and whether it makes room."""

    vm: int
    column: int
    task: Task
    start_s: float
    end_s: float
    extra: bool


def room_moves(ways: Ways, timed: Timed) -> tuple[Move, ...]:
    """Return the moves of a schedule in order of start, each with those that it waits for and makes room for."""
    room, legs = ways.room, ways.legs
    hops = _hops(ways, timed)
    waits = _waits(ways, hops)
    profits = _profits(ways, hops)
    network = room.network
    moves = []
    for i in sorted(range(len(hops)), key=lambda i: (hops[i].start_s, i)):
        hop = hops[i]
        vm, k, columns = room.vms[hop.vm], hop.column, legs.columns
        way, rate = legs.problem.ways[int(columns.approach[k])], float(columns.rate[k])
        links = legs.links(k)
        paths = network.unfold((network.directed[links[0]][0], *(network.directed[link][1] for link in links)))
        found = predict_vm(room.base.settings, vm, way.approach, rate, way.switch_point)
        moves.append(
            Move(
                vm=vm.name,
                source=room.hosts[int(legs.source[columns.mover[k]])].name,
                target=room.hosts[int(legs.target[k])].name,
                approach=way.approach,
                switch_point=way.switch_point,
                precopy_share=float(found.precopy_share[0, 0]),
                bandwidth_bytes_per_s=rate,
                path=paths[0],
                paths=tuple(PathShare(path=path, share=1 / len(paths)) for path in paths) if len(paths) > 1 else (),
                start_s=hop.start_s,
                duration_s=float(columns.time_s[k]),
                downtime_s=float(columns.downtime_s[k]),
                transferred_bytes=float(found.transferred_bytes[0, 0]),
                memory_bytes=vm.memory,
                disk_bytes=vm.disk,
                weight=vm.weight,
                after=tuple(dict.fromkeys(room.vms[hops[j].vm].name for j in waits[i])),
                makes_room_for=tuple(dict.fromkeys(room.vms[hops[j].vm].name for j in profits[i])),
            )
        )
    return tuple(moves)


def _hops(ways: Ways, timed: Timed) -> list[_Hop]:
    everyone = range(len(timed.ways))
    starts = [start for times in timed.starts for start in times]
    columns = [k for way in timed.ways for k in way]
    further = [number > 0 for way in timed.ways for number in range(len(way))]
    return [
        _Hop(task.vm, k, task, start, start + task.time_s, more or task.vm >= ways.room.forced)
        for task, k, start, more in zip(ways.tasks(timed.ways, everyone), columns, starts, further, strict=True)
    ]


def _waits(ways: Ways, hops: list[_Hop]) -> list[tuple[int, ...]]:
    """Return for each move those whose end it waits for: they hold what it needs, or a rule puts them first."""
    capacity: dict[Hashable, float] = {}
    for hop in hops:
        for flow, _ in hop.task.flows:
            capacity[flow] = _capacity(ways, flow)
    # Stocks that nobody gives back are waited for by nobody.
    given: set[Stock] = {stock for hop in hops for stock, _ in hop.task.gives}
    free = ways.free(range(len(ways.room.vms)))
    capacity |= {stock: float(free[stock]) for stock in given}
    rates = {i: float(ways.legs.columns.rate[hop.column]) for i, hop in enumerate(hops)}
    intervals = [
        Interval(
            hop.start_s,
            hop.end_s,
            {flow: rates[i] if flow[0] == "link" else 1.0 for flow, _ in hop.task.flows},
            hop.task.after,
            keeps={stock: float(amount) for stock, amount in hop.task.takes if stock in given},
            leaves={stock: float(amount) for stock, amount in hop.task.gives},
        )
        for i, hop in enumerate(hops)
    ]
    return predecessors(intervals, capacity)


def _capacity(ways: Ways, flow: tuple[str, int]) -> float:
    kind, which = flow
    room, settings = ways.room, ways.room.base.settings
    match kind:
        case "link":
            return float(room.network.capacity_bytes_per_s[which])
        case "out":
            return float(room.hosts[which].max_outgoing or settings.max_outgoing)
        case "in":
            return float(room.hosts[which].max_incoming or settings.max_incoming)
        case _:
            return 1.0


def _profits(ways: Ways, hops: list[_Hop]) -> list[list[int]]:
    """Return for each extra move those that arrive after it where they would not have fitted without it."""
    free = ways.free(range(len(ways.room.vms)))
    profits: list[list[int]] = [[] for _ in hops]
    for i, hop in enumerate(hops):
        for stock, amount in hop.task.gives if hop.extra else ():
            arrivals = [j for j, other in enumerate(hops) if any(stock == taken for taken, _ in other.task.takes)]
            for j in sorted(arrivals, key=lambda j: hops[j].start_s):
                at = hops[j].start_s
                if at < hop.end_s or j == i:
                    continue
                left = free[stock] - sum(
                    size
                    for k in arrivals
                    if hops[k].start_s <= at
                    for taken, size in hops[k].task.takes
                    if taken == stock
                )
                left += sum(
                    size for other in hops if other.end_s <= at for given, size in other.task.gives if given == stock
                )
                if left - amount < 0 and j not in profits[i]:
                    profits[i].append(j)
    return profits
