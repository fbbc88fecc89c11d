"""The earliest finish of jobs with settled hosts: schedule, make what ends late more urgent, schedule again.

Squeaky wheel optimisation: what ends after the bound gets more urgent, and so does some of what shares its resources.
Where several jobs run side by side on the busiest link, its parts are filled evenly first, see
`planner.optimize.listing.Tracks`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations_with_replacement

from planner.optimize.clock import Clock
from planner.optimize.jobs import FIT, Jobs
from planner.optimize.listing import Tracks, list_schedule

WORK = 30_000
"""Jobs scheduled at the most, in all schedules tried together [count]."""
FEWEST, MOST = 12, 200
"""Schedules tried at the least, where that takes longer, and at the most [count]."""
PATIENCE = 80
"""Schedules without an earlier finish after which the search ends [count]."""
NEIGHBOURS = 6
"""Users of a resource up to which they are made more urgent together [count]."""
FEW_DISTINCT = 6
"""Distinct durations of a track up to which pairs of them change tracks [count]."""
LONG_JOB = 1e-2
"""What the duration of a job adds to its urgency, beside the load of its resources [1]."""


def earliest(jobs: Jobs, bound_s: float, clock: Clock, *, seed: int, enough: float = 0.0) -> list[float]:
    """Return starts with an early finish [s].

    Parameters
    ----------
    bound_s
        No schedule ends sooner [s].
    clock
        The time given.
    seed
        Seed of the random choices.
    enough
        Relative distance to the bound at which the search ends [1].
    """
    rng = random.Random(seed)
    urgency = _first_urgency(jobs)
    near = _neighbours(jobs)
    tracks = _tracks(jobs, rng)
    best = list_schedule(jobs, urgency)
    best_s, since = jobs.finish_s(best), 0
    for number in range(min(MOST, max(FEWEST, WORK // max(1, len(jobs))))):
        if best_s <= bound_s * (1 + enough) + 1e-9 or since > PATIENCE or clock.expired:
            break
        # The first passes tell who is late, with and without tracks in turn.
        starts = list_schedule(jobs, urgency, next(tracks) if number % 4 else None)
        finish_s = jobs.finish_s(starts)
        since += 1
        if finish_s < best_s:
            best, best_s, since = starts, finish_s, 0
        for j, start in enumerate(starts):
            late = start + jobs.time_s[j] + jobs.tail_s[j] - bound_s
            if late > 1e-9:
                urgency[j] += late * rng.uniform(0.2, 1.5)
                for i in near[j]:
                    if rng.random() < 0.3:
                        urgency[i] += late * 0.3 * rng.random()
    return best


def _first_urgency(jobs: Jobs) -> list[float]:
    """Return what the busiest resource of each job still has to do from it on, the longest job of a resource first."""
    ahead = [0.0] * len(jobs)
    for x, users in enumerate(jobs.users):
        if jobs.single[x]:
            left = 0.0
            for j in sorted(users, key=jobs.time_s.__getitem__):
                left += jobs.time_s[j]
                ahead[j] = max(ahead[j], left)
    return [max(a, t) + LONG_JOB * t + tail for a, t, tail in zip(ahead, jobs.time_s, jobs.tail_s, strict=True)]


def _neighbours(jobs: Jobs) -> list[list[int]]:
    """Return the jobs with which each job shares a resource of few users."""
    return [
        [i for x, _ in mine if len(jobs.users[x]) <= NEIGHBOURS for i in jobs.users[x] if i != j]
        for j, mine in enumerate(jobs.uses)
    ]


def _tracks(jobs: Jobs, rng: random.Random) -> Iterator[Tracks | None]:
    """Yield divisions of the busiest shared resource into tracks, a new one now and then; None where there is none."""
    load = jobs.loads()
    busiest = max(range(len(load)), key=load.__getitem__, default=-1)
    if busiest < 0 or jobs.single[busiest]:
        while True:
            yield None
    share = [part for j in jobs.users[busiest] for x, part in jobs.uses[j] if x == busiest]
    durations = [jobs.time_s[j] for j in jobs.users[busiest]]
    if max(share) > min(share) * (1 + FIT):
        while True:
            yield None
    while True:
        tracks = Tracks(busiest, even_tracks(durations, int(1.0 / max(share) + FIT), rng))
        for _ in range(8):
            yield tracks


def even_tracks(durations: list[float], count: int, rng: random.Random) -> list[list[float]]:
    """Divide durations into tracks of about equal length: the longest first, then by handing over and swapping.

    Parameters
    ----------
    durations
        To be divided [s].
    count
        How many tracks.
    rng
        Decides which tracks are looked at first.
    """
    tracks: list[list[float]] = [[] for _ in range(count)]
    length = [0.0] * count
    for duration in sorted(durations, reverse=True):
        shortest = min(range(count), key=length.__getitem__)
        tracks[shortest].append(duration)
        length[shortest] += duration
    for _ in range(2 * len(durations)):
        longest = max(range(count), key=length.__getitem__)
        change = _better(tracks, length, longest, rng.sample(range(count), count))
        if change is None:
            break
        other, give, take = change
        for this, that, bundle in ((longest, other, give), (other, longest, take)):
            for duration in bundle:
                tracks[this].remove(duration)
                tracks[that].append(duration)
                length[this] -= duration
                length[that] += duration
    return tracks


Bundle = tuple[float, ...]
"""Durations that change tracks together; few."""


def _better(
    tracks: list[list[float]], length: list[float], longest: int, order: list[int]
) -> tuple[int, Bundle, Bundle] | None:
    """Return a track, and what to give to it and to take for it, that leaves both the shortest; None if none helps."""
    best: tuple[float, int, Bundle, Bundle] | None = None
    gives = _bundles(tracks[longest])
    for other in order:
        room = length[longest] - length[other]
        for take in _bundles(tracks[other]) if other != longest else ():
            for give in gives:
                less = sum(give) - sum(take)
                # The longer of both, as it then is, over the shorter before.
                then = max(room - less, less)
                if 1e-9 < less < room - 1e-9 and (best is None or length[other] + then < best[0]):
                    best = length[other] + then, other, give, take
    return None if best is None else best[1:]


def _bundles(track: list[float]) -> list[Bundle]:
    """Return nothing, each duration of a track, and each pair of them; pairs only where few durations differ."""
    distinct = sorted(set(track))
    found: list[Bundle] = [(), *((duration,) for duration in distinct)]
    if len(distinct) <= FEW_DISTINCT:
        found += [
            pair
            for pair in combinations_with_replacement(distinct, 2)
            if pair[0] != pair[1] or track.count(pair[0]) > 1
        ]
    return found
