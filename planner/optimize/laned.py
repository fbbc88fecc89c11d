"""The arena of links divided into lanes: packs the moves into the lanes, and lets one follow the other in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np

from planner.lanes import Division
from planner.optimize.arena import Arena, Placed
from planner.optimize.backend import Outcome, Session, Solution
from planner.optimize.classes import Classes
from planner.optimize.dispatch import Schedule, Urgency
from planner.optimize.favourites import favourites
from planner.optimize.lane_options import LaneMenu, LaneOptions, spread_out
from planner.optimize.model import Aim
from planner.optimize.pack import Hosts, Packing, pack
from planner.optimize.pooled import pack_pools
from planner.optimize.problem import Floats, Ints
from planner.optimize.program import Program
from planner.optimize.records import Record, Records
from planner.optimize.state import State
from planner.optimize.turns import take_turns

STEPS = 2000
"""Steps of the first packing of a link [count]."""
FEWER_STEPS = 600
"""Steps of a packing that begins at another, or takes little effort [count]."""
ROUNDS, LIGHT_ROUNDS = 80, 8
"""Rounds of filling the lanes of a link, and with little effort [count]."""
TURNS = 60
"""Schedules tried for each packing [count]."""
MOST_SECONDS = 5.0
"""Wall time that the program of one host's turns may take; it ends by its nodes before [s]."""
MOST_BUSY = 0.95
"""Share of the window that one host's moves over a shared link should take, for its lanes to stand idle never [1]."""
BUSY_HOST = 0.6
"""Share of the window from which a host counts as the reason why its moves are late [1]."""
RELIEF = 0.92
"""Part of what such a host takes that it is left [1]."""
ROUNDING = 1e-9
"""Share of a link by which sums of rates may miss it in floating point [1]."""
NO_PROGRESS = 20
"""Schedules of a packing that end no sooner after which it is given up [count]."""
PACKINGS = 8
"""Times that the lanes of an assignment are packed, each shorter by what the schedule before was late [count]."""


class LaneArena(Arena):
    """An arena that divides links into lanes for the whole window, and fills them to the brim.

    Parameters
    ----------
    lanes
        How each directed link is divided.
    records
        What is known of the links, to which this arena adds.
    light
        Whether to pack with little effort.
    kept
        Links whose best packing is taken as it is.
    """

    def __init__(
        self,
        state: State,
        classes: Classes,
        lanes: Mapping[int, Division],
        records: Records,
        *,
        light: bool = False,
        kept: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__(state, classes, lanes=lanes)
        self._records = records
        self._light = light
        self._most_busy = np.full(len(state.problem.sources), MOST_BUSY)
        self._kept = kept
        self._menu = LaneMenu(self.columns, state.problem.weight)

    def over(self, classes: Classes) -> LaneArena:
        """Return the same arena over other classes."""
        # Classes have other numbers there, so that nothing can be kept.
        return LaneArena(self._state, classes, self.lanes, Records(), light=self._light)

    def solve(self, aim: Aim) -> Solution:
        """Solve the linear relaxation and take the choice that it favours of each mover that it splits.

        What then overflows is put right by the packing, which changes choices as well, and is faster than a search for
        whole numbers that fit to the brim.
        """
        state = self._state
        program = self.program(aim)
        relaxed = Session(program, seed=state.seed, linear=True).solve(time_limit_s=state.clock.left_s)
        if relaxed.values is None:
            return relaxed
        costs = program.cost[: len(self.columns)] * relaxed.values[: len(self.columns)]
        for link in self.lanes:
            cost_s = float(costs[self._model.users[link]].sum())
            self._records.least_s[link] = min(cost_s, self._records.least_s.get(link, np.inf))
        return self._rounded(program, relaxed)

    def _rounded(self, program: Program, relaxed: Solution) -> Solution:
        assert relaxed.values is not None
        count = len(self.columns)
        values = relaxed.values.copy()
        chosen = favourites(self.columns.mover, values[:count])
        values[:count] = 0.0
        values[chosen] = 1.0
        return Solution(Outcome.FEASIBLE, values, float(program.cost @ values), relaxed.bound)

    def dispatch(self, placed: Placed, tries: int) -> Schedule:
        """Pack the lanes and schedule; shorten the lanes of links that end late and do it again."""
        state = self._state
        deadline = state.problem.deadline_s
        windows = dict.fromkeys(self.lanes, deadline)
        packings: dict[int, Packing] = {}
        best: Schedule | None = None
        choice = placed.choice
        for _ in range(PACKINGS):
            choice, lanes = self._pack(choice, windows, packings)
            packed = replace(placed, choice=choice)
            schedule = self._follow(packed, lanes)
            self._record_all(schedule, lanes, packings)
            stuck = best is not None and schedule.finish_s >= best.finish_s
            if best is None or schedule.finish_s < best.finish_s:
                best = schedule
            if stuck or schedule.finish_s <= deadline or state.clock.expired:
                break
            if self._relieve(schedule):
                continue
            late = {link: end - deadline for link, end in self.ends(schedule).items() if end > deadline}
            for link in windows.keys() & late.keys() or windows:
                windows[link] -= late.get(link, schedule.finish_s - deadline)
        assert best is not None
        return best

    def replay(self) -> Schedule | None:
        """Schedule the best packings of all links together.

        None if they do not tell of all movers, if a choice is not on offer beside the lanes of other links on its way,
        or if they fit no hosts.
        """
        movers = len(self._state.problem.movers)
        choice = np.full(movers, -1, dtype=np.int64)
        lanes: list[tuple[int, ...]] = [()] * movers
        count = 0
        for link, division in self.lanes.items():
            record = self._records.best[link]
            choice[list(record.choice)] = self._columns_of(record, record.choice)
            for v, lane in record.lane.items():
                lanes[v] = (count + lane,)
            count += sum(map(len, division))
        if (choice < 0).any():
            return None
        home, _ = self._spreader.spread(choice, self._state.clock.left_s)
        return None if home is None else self._follow(Placed(choice, home, {}), lanes)

    @cached_property
    def _index(self) -> dict[tuple[int, int, int, int], int]:
        """The columns by mover, class, approach and rate index."""
        columns = self.columns
        parts = (columns.mover, columns.klass, columns.approach, columns.rate_index)
        return {key: k for k, key in enumerate(zip(*(part.tolist() for part in parts), strict=True))}

    def _columns_of(self, record: Record, movers: Iterable[int]) -> Ints:
        """Return the columns of what a record has chosen for some of its movers; -1 where that is not on offer here."""
        return np.array([self._index.get((v, *record.choice[v]), -1) for v in movers], dtype=np.int64)

    def _as_kept(self, link: int, movers: Ints, choice: Ints) -> tuple[Ints, Ints] | None:
        """Return columns and lanes of the best packing of a link, or None where classes or movers are others."""
        record = self._records.best.get(link)
        if link not in self._kept or record is None or record.division != self.lanes[link]:
            return None
        names = movers.tolist()
        if set(names) != set(record.choice):
            return None
        columns = self._columns_of(record, names)
        klass = self.columns.klass
        if (columns < 0).any() or (klass[columns] != klass[choice[movers]]).any():
            return None
        return columns, np.array([record.lane[v] for v in names], dtype=np.int64)

    def _relieve(self, schedule: Schedule) -> bool:
        """Give less room to busy hosts whose moves end late; return whether there are any."""
        problem, columns = self._state.problem, self.columns
        source = problem.source_of
        taken_s = self._taken_s(schedule.choice, float(columns.rate.min()))
        busy = np.max([np.bincount(source, weights=each_s) for each_s in taken_s], axis=0) / problem.deadline_s
        late = np.unique(source[schedule.end_s > problem.deadline_s])
        late = late[busy[late] > BUSY_HOST]
        self._most_busy[late] = np.minimum(self._most_busy[late], RELIEF * busy[late])
        return len(late) > 0

    def _record_all(self, schedule: Schedule, lanes: list[tuple[int, ...]], packings: Mapping[int, Packing]) -> None:
        """Keep the packings of links that end in time, where they are the best so far."""
        columns, weight = self.columns, self._state.problem.weight
        choice, ends, first = schedule.choice, self.ends(schedule), 0
        for link, division in self.lanes.items():
            count = sum(map(len, division))
            here = {v: n - first for v, mine in enumerate(lanes) for n in mine if first <= n < first + count}
            first += count
            if link not in packings or len(division) > 1 or not ends[link] <= self._state.problem.deadline_s:
                continue
            movers = np.array(list(here), dtype=np.int64)
            of = choice[movers]
            cost_s = float(weight[movers] @ columns.downtime_s[of])
            best = self._records.best.get(link)
            if best is None or cost_s < best.cost_s - 1e-9:
                kinds = (columns.klass[of].tolist(), columns.approach[of].tolist(), columns.rate_index[of].tolist())
                chosen = dict(zip(here, zip(*kinds, strict=True), strict=True))
                self._records.best[link] = Record(cost_s, division, chosen, here)

    def _turn_of(self) -> Ints:
        """Return the turn of each lane, counted within its link."""
        turns = [turn for link in self.lanes for turn, lanes in enumerate(self.lanes[link]) for _ in lanes]
        return np.array(turns, dtype=np.int64)

    def _follow(self, placed: Placed, lanes: list[tuple[int, ...]]) -> Schedule:
        """Return the schedule that ends first of those in which moves follow each other in their lanes.

        A lane that ends late has stood idle because the hosts of its moves were busy with moves in other lanes. The
        moves after such a gap are more urgent from then on, until no lane is late: the squeaky wheel gets the grease.
        """
        state = self._state
        deadline = state.problem.deadline_s
        mover = np.repeat(np.arange(len(lanes)), [len(mine) for mine in lanes])
        lane = np.array([number for mine in lanes for number in mine], dtype=np.int64)
        time_s, source = self.columns.time_s[placed.choice], state.problem.source_of
        # Moves of hosts that are busy for long begin early.
        work_s = np.bincount(source, weights=time_s)
        key = time_s + time_s.mean() * work_s[source] / deadline
        grease = float(time_s.mean())
        # Earlier turns are more urgent than all that may add up.
        np.add.at(key, mover, -1e6 * grease * self._turn_of()[lane])
        best: Schedule | None = None
        since = 0
        for _ in range(TURNS):
            schedule = self._dispatcher.run(placed.choice, placed.home, Urgency(key, by_source=False), None, lanes)
            since += 1
            if best is None or schedule.finish_s < best.finish_s:
                best, since = schedule, 0
            if state.offer(self.classes, self.columns, schedule) or best.finish_s <= deadline or state.clock.expired:
                break
            if since > NO_PROGRESS:
                break
            late = _after_gaps(schedule, mover, lane, deadline)
            late = late if len(late) else np.flatnonzero(schedule.end_s > deadline)
            key[late] += grease * state.rng.uniform(0.5, 1.5, len(late))
        assert best is not None
        return best

    def _pack(
        self, choice: Ints, windows: Mapping[int, float], packings: dict[int, Packing]
    ) -> tuple[Ints, list[tuple[int, ...]]]:
        """Return the choices after packing every link, and the lanes that each mover takes."""
        lanes: list[list[int]] = [[] for _ in choice]
        choice = choice.copy()
        count, seen = 0, np.zeros(len(choice), dtype=np.bool_)
        for link, window_s in windows.items():
            movers = self.columns.mover[np.intersect1d(choice, self._model.users[link], assume_unique=True)]
            turns = _numbered(self.lanes[link])
            rates = [rate for lanes_of_turn in self.lanes[link] for rate in lanes_of_turn]
            kept = None if link in packings else self._as_kept(link, movers, choice)
            lane = np.zeros(0, dtype=np.int64)
            if kept is not None:
                choice[movers], lane = kept
            elif len(movers):
                options = self._menu.options(choice[movers], rates, seen[movers])
                # What is settled elsewhere, or can only be fast, may fit no lane: it goes without one.
                fitting = np.isfinite(options.time_s).any(axis=(1, 2))
                movers, options = movers[fitting], options.of(fitting)
            if kept is None and len(movers):
                found = self._pack_link(options, turns, choice[movers], packings.get(link), window_s)
                packings[link] = found
                choice[movers] = options.column[np.arange(len(movers)), found.lane, found.option]
                lane = found.lane
            seen[movers] = True
            for v, mine in zip(movers.tolist(), lane.tolist(), strict=True):
                lanes[v].append(count + mine)
            count += len(rates)
        return choice, [tuple(mine) for mine in lanes]

    def _pack_link(
        self, options: LaneOptions, turns: list[list[int]], choice: Ints, before: Packing | None, window_s: float
    ) -> Packing:
        """Pack the moves over one link, beginning where the last packing ended."""
        state = self._state
        if len(turns) > 1:
            limit_s = min(state.clock.left_s, MOST_SECONDS)
            found = take_turns(options.time_s, options.cost, turns, window_s, seed=state.seed, time_limit_s=limit_s)
            if found is not None:
                return found
        time_s, cost = options.time_s, options.cost
        hosts = self._hosts(options.column, window_s)
        # What was settled over another link since may not fit where it was.
        if before is not None and options.have(before):
            start, steps = (before.lane, before.option), FEWER_STEPS
        else:
            rounds = LIGHT_ROUNDS if self._light else ROUNDS
            length_s = np.full(time_s.shape[1], window_s)
            pooled = pack_pools(time_s, cost, length_s, rng=state.rng, rounds=rounds, clock=state.clock)
            start = pooled or spread_out(options, choice)
            steps = FEWER_STEPS if self._light else STEPS
            found = pack(time_s, cost, *start, window_s, hosts=hosts, rng=state.rng, steps=0)
            if pooled is not None and found.overflow_s <= 0:
                return found
        return pack(time_s, cost, *start, window_s, hosts=hosts, rng=state.rng, steps=steps, clock=state.clock)

    def _hosts(self, column: Ints, window_s: float) -> tuple[Hosts, ...]:
        """Return what the moves take of the hosts that send them, by each way of reckoning."""
        source = self._state.problem.source_of[self.columns.mover[column[:, :, 0].max(axis=1)]]
        present, of = np.unique(source, return_inverse=True)
        room_s = self._most_busy[present] * window_s
        slowest = float(self.columns.rate[column].min())
        return tuple(Hosts(of, taken_s, room_s) for taken_s in self._taken_s(column, slowest))

    def _taken_s(self, column: Ints, slowest: float) -> tuple[Floats, Floats]:
        """Return what choices take of the time of the hosts that send them, reckoned in two ways [s]; -1 takes nothing.

        Of moves that need more than half of a host's link only one runs at once; and of all moves no more than there
        are slots, or than one where beside it there is not even room for the slowest rate.
        """
        problem, columns = self._state.problem, self.columns
        source = problem.source_of[columns.mover[column]]
        part = columns.rate[column] / self._speed[source]
        alone = part + slowest / self._speed[source] > 1 + ROUNDING
        time_s = np.where(column < 0, 0.0, columns.time_s[column])
        return time_s * (part > 0.5 + ROUNDING), time_s * np.where(alone, 1.0, 1.0 / problem.max_out[source])

    @cached_property
    def _speed(self) -> Floats:
        """What the first link of each source carries, shape (S,) [bytes/s]."""
        problem, trunk = self._state.problem, self.classes.trunk
        firsts = [next((links[0] for links in row if links), None) for row in trunk]
        speeds = [np.inf if link is None else float(problem.network.capacity_bytes_per_s[link]) for link in firsts]
        return np.array(speeds)


def _after_gaps(schedule: Schedule, mover: Ints, lane: Ints, deadline_s: float) -> Ints:
    """Return the movers that started after a gap in a lane that ends late."""
    order = np.lexsort((schedule.start_s[mover], lane))
    mover, lane = mover[order], lane[order]
    first = np.append(True, lane[1:] != lane[:-1])
    free_s = np.where(first, 0.0, np.append(0.0, schedule.end_s[mover[:-1]]))
    end_s = np.zeros(int(lane.max(initial=-1)) + 1)
    np.maximum.at(end_s, lane, schedule.end_s[mover])
    return mover[(schedule.start_s[mover] > free_s) & (end_s[lane] > deadline_s)]


def _numbered(division: Division) -> list[list[int]]:
    """Return the numbers of the lanes of each turn."""
    ends = [0, *accumulate(map(len, division))]
    return [list(range(first, last)) for first, last in pairwise(ends)]
