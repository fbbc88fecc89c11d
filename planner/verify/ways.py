"""The paths between two hosts that have the fewest links, and how a move is spread over paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from itertools import pairwise

from planner.plan.models import Move

Ends = tuple[str, str]
"""A directed link: from, to."""
Path = tuple[str, ...]


def shares_of(move: Move) -> Mapping[Ends, float]:
    """Return the share of its bandwidth that a move reserves on each link of its paths [1]."""
    shares: defaultdict[Ends, float] = defaultdict(float)
    for path, share in ways_of(move):
        for ends in dict.fromkeys(pairwise(path)):
            shares[ends] += share
    return shares


def ways_of(move: Move) -> tuple[tuple[Path, float], ...]:
    """Return the paths of a move with their shares: its only path where it names no others."""
    return tuple((way.path, way.share) for way in move.paths) or ((move.path, 1.0),)


class Ways:
    """The shortest paths over switches.

    Parameters
    ----------
    switches
        Their names: what traffic may cross.
    links
        The directed links that there are.
    """

    def __init__(self, switches: Collection[str], links: Iterable[Ends]) -> None:
        self._switches = frozenset(switches)
        self._links = tuple(links)
        self._distances: dict[frozenset[str], Mapping[str, int]] = {}

    @cached_property
    def _next(self) -> Mapping[str, frozenset[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for a, b in self._links:
            found[a].add(b)
        return {name: frozenset(ends) for name, ends in found.items()}

    def shortest(self, source: str, target: str) -> frozenset[Path]:
        """Return all paths with the fewest links from a host to another; none where there are none."""
        near = self._next.get(source, frozenset())
        if target in near:
            return frozenset({(source, target)})
        goals = frozenset(end for end in self._next.get(target, ()) if end in self._switches)
        distance = self._distance(goals)
        reached = [switch for switch in near if switch in distance]
        fewest = min((distance[switch] for switch in reached), default=0)
        ways: list[Path] = [(source, switch) for switch in reached if distance[switch] == fewest]
        for left in range(fewest, 0, -1):
            ways = [
                (*way, switch) for way in ways for switch in self._next[way[-1]] if distance.get(switch) == left - 1
            ]
        return frozenset((*way, target) for way in ways)

    def _distance(self, goals: frozenset[str]) -> Mapping[str, int]:
        """Return how many links over switches lead from each switch to the nearest of some."""
        if goals not in self._distances:
            distance = dict.fromkeys(goals, 0)
            front = list(goals)
            while front:
                following: list[str] = []
                for here in front:
                    for there in self._next[here]:
                        if there in self._switches and there not in distance:
                            distance[there] = distance[here] + 1
                            following.append(there)
                front = following
            self._distances[goals] = distance
        return self._distances[goals]
