"""One night of a plan, played slowly: events one by one in plain Python, predictions one by one of scaled VMs.

Written from docs/odds.md, not from the simulation's code. The wanted agreement is to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from planner.inventory.models import VM, Approach, Inventory
from planner.inventory.scale import scaled
from planner.plan.models import Move, Plan
from planner.predict import predict_vm

GRID = (1.0, 0.9, 0.75, 0.5, 0.25)
MOMENT_S = 1e-9
Ends = tuple[str, str]


@dataclass
class Attempt:
    """A migration under way."""

    approach: Approach
    switch_point: float | None
    most: float
    began_s: float
    fails_at: float
    done: float = 0.0
    rate: float = 0.0
    sent: float = 0.0
    abort_at_s: float = math.inf


@dataclass
class Story:
    """What became of a move."""

    start_s: float = math.inf
    end_s: float = math.inf
    downtime_s: float = 0.0
    tries: int = 0
    failures: int = 0
    given_up: bool = False
    fell_back: bool = False
    begin_s: float = math.inf
    attempt: Attempt | None = None
    way: tuple[Approach, float | None] = (Approach.COLD, None)
    known: dict[tuple[Approach, float | None], list[tuple[float, float]]] = field(default_factory=dict)


@dataclass
class SlowNight:
    """A night with drawn factors: writes and reads by VM, shares by link, and when attempts of each move fail."""

    inventory: Inventory
    plan: Plan
    factors: Mapping[str, tuple[float, float]]
    reach: Mapping[Ends, float]
    fails_at: Mapping[int, Sequence[float]]

    def play(self) -> list[Story]:
        moves = sorted(self.plan.moves, key=lambda move: move.start_s)
        stories = [Story(way=(move.approach, move.switch_point)) for move in moves]
        ready = {host.name: host.ready_after for host in self.inventory.hosts}
        capacity: dict[Ends, float] = {}
        for link in self.inventory.links:
            there, back = link.capacities_bytes_per_s
            a, b = link.between
            capacity |= {(a, b): there * self.reach.get((a, b), 1.0), (b, a): back * self.reach.get((b, a), 1.0)}
        waits = [self.waits(moves, i) for i in range(len(moves))]
        for i, move in enumerate(moves):
            if not waits[i]:
                stories[i].begin_s = ready[move.target]
        now = 0.0
        while True:
            for i, story in enumerate(stories):
                if story.begin_s <= now + MOMENT_S:
                    self.begin(story, i, moves[i], max(now, story.begin_s))
            running = [i for i, story in enumerate(stories) if story.attempt is not None]
            self.share(running, moves, stories, capacity)
            events: list[tuple[float, int]] = [(story.begin_s - now, -1) for story in stories]
            for i in running:
                events += [(dt, i) for dt in self.dues(stories[i], moves[i], now)]
            took = min((dt for dt, _ in events), default=math.inf)
            if not math.isfinite(took):
                for i in running:
                    stories[i].given_up = True
                return stories
            took = max(took, 0.0)
            for i in running:
                attempt, move = stories[i].attempt, moves[i]
                assert attempt is not None
                ends, fails, aborts = self.dues(stories[i], move, now)
                attempt.sent += took * attempt.rate
                time_s = self.time(stories[i], move, attempt.rate)
                attempt.done += took / time_s if math.isfinite(time_s) else 0.0
                if ends <= took + MOMENT_S:
                    story, story_end = stories[i], now + took
                    story.downtime_s += self.down(story, move, story_end)
                    story.end_s, story.attempt = story_end, None
                    for j, after in enumerate(waits):
                        if i in after and all(math.isfinite(stories[k].end_s) for k in after):
                            stories[j].begin_s = max(story_end, ready[moves[j].target])
                elif fails <= took + MOMENT_S:
                    self.fail(stories[i], move, now + took)
                elif aborts <= took + MOMENT_S:
                    self.overrun(stories[i], move, now + took)
            now += took

    def waits(self, moves: Sequence[Move], i: int) -> list[int]:
        """Only for plans of the planner, in which every move says what it waits for."""
        named = [max(j for j in range(len(moves)) if moves[j].vm == name and j < i) for name in moves[i].after]
        own = [j for j in range(i) if moves[j].vm == moves[i].vm]
        return sorted({*named, *own[-1:]})

    def begin(self, story: Story, i: int, move: Move, at_s: float) -> None:
        approach, point = story.way
        overrun_s = max(1.5 * move.duration_s, move.duration_s + 30.0)
        attempt = Attempt(approach, point, move.bandwidth_bytes_per_s, at_s, self.fails_at[i][story.tries])
        attempt.abort_at_s = at_s + overrun_s
        story.begin_s, story.attempt = math.inf, attempt
        story.start_s = min(story.start_s, at_s)
        story.tries += 1

    def share(
        self, running: Sequence[int], moves: Sequence[Move], stories: Sequence[Story], capacity: Mapping[Ends, float]
    ) -> None:
        """Raise all rates together; whoever has what it reserved, or meets a full link, stops."""
        on = {i: self.links(moves[i]) for i in running}
        fixed: dict[int, float] = {}
        while len(fixed) < len(running):
            rising = [i for i in running if i not in fixed]
            limits = {i: moves[i].bandwidth_bytes_per_s for i in rising}
            for ends, room in capacity.items():
                parts = sum(on[i].get(ends, 0.0) for i in rising)
                if parts > 0:
                    left = room - sum(on[i].get(ends, 0.0) * rate for i, rate in fixed.items())
                    for i in rising:
                        if ends in on[i]:
                            limits[i] = min(limits[i], max(left, 0.0) / parts)
            least = min(limits.values())
            fixed |= {i: limit for i, limit in limits.items() if limit <= least * (1 + 1e-12)}
        for i in running:
            attempt = stories[i].attempt
            assert attempt is not None
            full = fixed[i] >= attempt.most * (1 - 1e-9)
            attempt.rate = attempt.most if full else fixed[i]

    def links(self, move: Move) -> dict[Ends, float]:
        shares: dict[Ends, float] = {}
        ways = [(way.path, way.share) for way in move.paths] or [(move.path, 1.0)]
        for path, share in ways:
            for ends in pairwise(path):
                shares[ends] = shares.get(ends, 0.0) + share
        return shares

    def dues(self, story: Story, move: Move, now: float) -> tuple[float, float, float]:
        """Return in which time the attempt ends, fails and is overrun."""
        attempt = story.attempt
        assert attempt is not None
        time_s = self.time(story, move, attempt.rate)
        never = not math.isfinite(time_s)
        ends = math.inf if never else (1.0 - attempt.done) * time_s
        fails = math.inf if never else (attempt.fails_at - attempt.done) * time_s
        if attempt.fails_at < 1.0:
            ends = math.inf
        return ends, fails, max(attempt.abort_at_s - now, 0.0)

    def costs(self, story: Story, move: Move) -> list[tuple[float, float]]:
        """Return time and downtime at the rates of the grid."""
        if story.way not in story.known:
            vm = next(vm for vm in self.inventory.vms if vm.name == move.vm)
            night = scaled(vm, *self.factors[vm.name])
            story.known[story.way] = [self.cost(night, story.way, move.bandwidth_bytes_per_s * g) for g in GRID]
        return story.known[story.way]

    def cost(self, vm: VM, way: tuple[Approach, float | None], rate: float) -> tuple[float, float]:
        approach, point = way
        settings = self.inventory.settings
        if settings.model == "paper" and approach in (Approach.POSTCOPY, Approach.HYBRID):
            vm = vm.model_copy(update={"read_rate": min(vm.read_rate, rate)})
        found = predict_vm(settings, vm, approach, rate, point)
        if found.outside[0, 0]:
            return math.inf, math.nan
        return float(found.time_s[0, 0]), float(found.downtime_s[0, 0])

    def time(self, story: Story, move: Move, rate: float) -> float:
        costs = self.costs(story, move)
        share = rate / move.bandwidth_bytes_per_s
        if share >= 1 or not math.isfinite(costs[0][0]):
            return costs[0][0]
        if share < GRID[-1]:
            return costs[-1][0] * GRID[-1] / share if share > 0 else math.inf
        k = max(k for k in range(len(GRID)) if GRID[k] >= share)
        if k == len(GRID) - 1:
            return costs[k][0]
        (high, _), (low, _) = costs[k], costs[k + 1]
        weight = (share - GRID[k + 1]) / (GRID[k] - GRID[k + 1])
        if math.isinf(high):
            return math.inf
        if math.isinf(low):
            return high / weight if weight > 0 else math.inf
        return (weight * high * GRID[k] + (1 - weight) * low * GRID[k + 1]) / share

    def down(self, story: Story, move: Move, now: float) -> float:
        attempt, costs = story.attempt, self.costs(story, move)
        assert attempt is not None
        lasted = now - attempt.began_s
        share = attempt.sent / lasted / attempt.most if lasted > 0 else 1.0
        if share >= 1 - 1e-9:
            return costs[0][1]
        k = max(k for k in range(len(GRID)) if GRID[k] >= share)
        if k == len(GRID) - 1 or math.isnan(costs[k + 1][1]):
            return costs[k][1] * GRID[k] / share
        weight = (share - GRID[k + 1]) / (GRID[k] - GRID[k + 1])
        return (weight * costs[k][1] * GRID[k] + (1 - weight) * costs[k + 1][1] * GRID[k + 1]) / share

    def fail(self, story: Story, move: Move, now: float) -> None:
        attempt, settings = story.attempt, self.inventory.settings
        assert attempt is not None
        if attempt.approach in (Approach.COLD, Approach.POSTCOPY):
            story.downtime_s += attempt.done * self.down(story, move, now)
        story.attempt = None
        story.failures += 1
        if story.failures > settings.max_retries:
            story.given_up = True
        else:
            story.begin_s = now + settings.retry_after

    def overrun(self, story: Story, move: Move, now: float) -> None:
        """Abort a pre-copy, or what does not get on, if there is another way."""
        attempt = story.attempt
        assert attempt is not None
        attempt.abort_at_s = math.inf
        gets_on = math.isfinite(self.time(story, move, attempt.rate))
        if gets_on and (attempt.approach is not Approach.PRECOPY or story.fell_back):
            return
        vm = next(vm for vm in self.inventory.vms if vm.name == move.vm)
        night = scaled(vm, *self.factors[vm.name])
        for other in (Approach.POSTCOPY, Approach.COLD):
            if other not in self.inventory.settings.approaches or (vm.approaches and other not in vm.approaches):
                continue
            time_s, down_s = self.cost(night, (other, None), move.bandwidth_bytes_per_s)
            if math.isfinite(time_s) and (vm.max_downtime is None or down_s <= vm.max_downtime * (1 + 1e-9)):
                story.way, story.attempt = (other, None), None
                story.begin_s, story.fell_back = now, True
                return
