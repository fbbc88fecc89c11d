"""An assignment as jobs: what each move holds while it runs, in shares of what there is, and when it may run.

Here hosts and choices are settled, and only the order is open. Resources that can never be short are left out, so that
a schedule looks at few of them.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable
from dataclasses import dataclass

from planner.optimize.classes import Classes
from planner.optimize.options import Columns
from planner.optimize.problem import Ints, Problem

FIT = 1e-10
"""Share of a resource by which rounding may overfill it [1]."""


@dataclass(frozen=True)
class Jobs:
    """Moves that compete for resources. Resources are referred to by their index.

    Parameters
    ----------
    time_s, head_s, tail_s, weight
        Duration of each job, when its target is ready, the time that its source takes to switch off after it [s], and
        what its end counts.
    uses
        Resources that each job holds while it runs, with the share that it takes [1].
    users
        Jobs that use each resource.
    single
        Whether no two jobs fit side by side on a resource.
    after
        Jobs that wait for the end of each job.
    """

    time_s: list[float]
    head_s: list[float]
    tail_s: list[float]
    weight: list[float]
    uses: list[list[tuple[int, float]]]
    users: list[list[int]]
    single: list[bool]
    after: list[list[int]]

    def __len__(self) -> int:
        return len(self.time_s)

    def loads(self) -> list[float]:
        """Return for how long each resource is taken in all, as if its jobs filled it to the brim [s]."""
        load = [0.0] * len(self.users)
        for j, mine in enumerate(self.uses):
            for x, share in mine:
                load[x] += share * self.time_s[j]
        return load

    def finish_s(self, starts: Iterable[float]) -> float:
        """Return when the last job has ended and its source is off [s]."""
        ends = (s + t + off for s, t, off in zip(starts, self.time_s, self.tail_s, strict=True))
        return max(ends, default=0.0)

    def ends_s(self, starts: Iterable[float]) -> float:
        """Return the weighted sum of ends [s]."""
        return sum(w * (s + t) for s, t, w in zip(starts, self.time_s, self.weight, strict=True))


def jobs_of(problem: Problem, classes: Classes, columns: Columns, choice: Ints, host: Ints) -> Jobs:
    """Return the jobs of an assignment.

    Parameters
    ----------
    choice, host
        Column and target of each mover, shape (M,).
    """
    capacity: list[float] = problem.network.capacity_bytes_per_s.tolist()
    max_out, max_in = problem.max_out.tolist(), problem.max_in.tolist()
    source, klass = problem.source_of.tolist(), columns.klass[choice].tolist()
    rate, hosts = columns.rate[choice].tolist(), host.tolist()
    shares: dict[Hashable, dict[int, float]] = {}
    for v, (s, h) in enumerate(zip(source, hosts, strict=True)):
        for link in classes.links(s, klass[v], h):
            shares.setdefault(("link", link), {})[v] = rate[v] / capacity[link]
        shares.setdefault(("out", s), {})[v] = 1.0 / max_out[s]
        shares.setdefault(("in", h), {})[v] = 1.0 / max_in[h]
    for g, group in enumerate(problem.not_at_once):
        shares["group", g] = dict.fromkeys(group, 1.0)
    kept = _that_can_be_short(list(shares.values()), (source, hosts))
    uses: list[list[tuple[int, float]]] = [[] for _ in source]
    for x, taken in enumerate(kept):
        for v, share in taken.items():
            uses[v].append((x, share))
    after: list[list[int]] = [[] for _ in source]
    for a, b in problem.before:
        after[a].append(b)
    return Jobs(
        time_s=columns.time_s[choice].tolist(),
        head_s=problem.ready_s[host].tolist(),
        tail_s=problem.tail_s.tolist(),
        weight=problem.weight.tolist(),
        uses=uses,
        users=[list(taken) for taken in kept],
        single=[_is_single(taken) for taken in kept],
        after=after,
    )


def _is_single(taken: dict[int, float]) -> bool:
    least = sorted(taken.values())[:2]
    return sum(least) > 1.0 + FIT


def _that_can_be_short(resources: list[dict[int, float]], ends: tuple[list[int], list[int]]) -> list[dict[int, float]]:
    """Return the resources that their users can overfill, each kind of users once; ends are sources and targets."""
    single: dict[tuple[int, ...], dict[int, float]] = {}
    shared: list[dict[int, float]] = []
    for taken in resources:
        if sum(taken.values()) <= 1.0 + FIT:
            continue
        if _is_single(taken):
            single.setdefault(tuple(sorted(taken)), taken)
        else:
            shared.append(taken)
    kept = list(single.values())
    if shared:
        # Of the moves out of a host, or into it, often only one runs at a time, which bounds what they take elsewhere.
        alone = [_one_at_a_time(hosts, single) for hosts in ends]
        kept += [taken for taken in shared if not any(_most(taken, groups) <= 1.0 + FIT for groups in alone)]
    return kept


def _one_at_a_time(hosts: list[int], single: Container[tuple[int, ...]]) -> list[int]:
    """Return the group of each job, by host where the jobs of a host run one at a time, else on its own."""
    members: dict[int, list[int]] = {}
    for v, host in enumerate(hosts):
        members.setdefault(host, []).append(v)
    groups = [-1 - v for v in range(len(hosts))]
    for host, mine in members.items():
        if len(mine) == 1 or tuple(mine) in single:
            for v in mine:
                groups[v] = host
    return groups


def _most(taken: dict[int, float], groups: list[int]) -> float:
    """Return the most that is taken of a resource at once, where one job of each group runs at a time."""
    most: dict[int, float] = {}
    for v, share in taken.items():
        most[groups[v]] = max(most.get(groups[v], 0.0), share)
    return sum(most.values())
