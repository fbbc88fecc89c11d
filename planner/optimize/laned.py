"""The arena of links divided into lanes: packs the moves into the lanes, and lets one follow the other in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np

from planner.optimize.arena import Arena, Placed
from planner.optimize.backend import Outcome, Session, Solution
from planner.optimize.classes import Classes
from planner.optimize.dispatch import Schedule, Urgency
from planner.optimize.lanes import Division
from planner.optimize.model import Aim
from planner.optimize.pack import Packing, pack
from planner.optimize.pooled import pack_pools
from planner.optimize.problem import Bools, Floats, Ints
from planner.optimize.program import Program
from planner.optimize.state import State
from planner.optimize.turns import take_turns

STEPS = 2000
"""Steps of the first packing of a link [count]."""
FEWER_STEPS = 600
"""Steps of a packing that begins at another [count]."""
TURNS = 60
"""Schedules tried for each packing [count]."""
MOST_SECONDS = 1.0
"""Wall time that the program of one host's turns may take [s]."""
PACKINGS = 8
"""Times that the lanes of an assignment are packed, each shorter by what the schedule before was late [count]."""


@dataclass(frozen=True)
class _Options:
    """What movers can do in the lanes of a link.

    Parameters
    ----------
    time_s, cost, column
        Shape (n, L, O) [s, s, index]; time and cost are inf where there is no such option.
    """

    time_s: Floats
    cost: Floats
    column: Ints


@dataclass(frozen=True)
class Record:
    """The best packing of a link that was found so far.

    Parameters
    ----------
    cost_s
        Weighted downtime of its moves [s].
    division
        How the link is divided.
    choice
        Class, approach and rate index of each of its movers.
    lane
        Lane of each of its movers, counted within the link.
    """

    cost_s: float
    division: Division
    choice: Mapping[int, tuple[int, int, int]]
    lane: Mapping[int, int]


class LaneArena(Arena):
    """An arena that divides links into lanes for the whole window, and fills them to the brim.

    Parameters
    ----------
    lanes
        How each directed link is divided.
    records
        Best packings by link, to which this arena adds.
    """

    def __init__(
        self, state: State, classes: Classes, lanes: Mapping[int, Division], records: dict[int, Record]
    ) -> None:
        super().__init__(state, classes, lanes=lanes)
        self._records = records

    def over(self, classes: Classes) -> LaneArena:
        """Return the same arena over other classes."""
        # Classes have other numbers there, so that nothing can be kept.
        return LaneArena(self._state, classes, self.lanes, {})

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
        return self._rounded(program, relaxed)

    def _rounded(self, program: Program, relaxed: Solution) -> Solution:
        assert relaxed.values is not None
        count = len(self.columns)
        values = relaxed.values.copy()
        order = np.lexsort((np.arange(count), -values[:count], self.columns.mover))
        _, first = np.unique(self.columns.mover[order], return_index=True)
        values[:count] = 0.0
        values[order[first]] = 1.0
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
            stuck = best is not None and schedule.finish_s >= best.finish_s
            if best is None or schedule.finish_s < best.finish_s:
                best = schedule
            if stuck or schedule.finish_s <= deadline or state.clock.expired:
                break
            late = {link: end - deadline for link, end in self.ends(schedule).items() if end > deadline}
            for link in windows.keys() & late.keys() or windows:
                windows[link] -= late.get(link, schedule.finish_s - deadline)
        assert best is not None
        return best

    def replay(self) -> Schedule | None:
        """Schedule the best packings of all links together; None if they do not tell of all movers, or fit no hosts."""
        columns, movers = self.columns, len(self._state.problem.movers)
        keys = zip(
            columns.mover.tolist(),
            columns.klass.tolist(),
            columns.approach.tolist(),
            columns.rate_index.tolist(),
            strict=True,
        )
        index = {key: k for k, key in enumerate(keys)}
        choice = np.full(movers, -1, dtype=np.int64)
        lanes: list[tuple[int, ...]] = [()] * movers
        count = 0
        for link, division in self.lanes.items():
            record = self._records[link]
            for v, kind in record.choice.items():
                choice[v] = index[v, *kind]
                lanes[v] = (count + record.lane[v],)
            count += sum(map(len, division))
        if (choice < 0).any():
            return None
        home, _ = self._spreader.spread(choice, self._state.clock.left_s)
        return None if home is None else self._follow(Placed(choice, home, {}), lanes)

    def _record(self, link: int, movers: Ints, choice: Ints, found: Packing) -> None:
        """Keep a packing of a link if it holds and is the best so far."""
        if found.overflow_s > 0 or len(self.lanes[link]) > 1:
            return
        columns, of = self.columns, choice[movers]
        cost = float(self._state.problem.weight[movers] @ columns.downtime_s[of])
        best = self._records.get(link)
        if best is None or cost < best.cost_s - 1e-9:
            kinds = zip(
                columns.klass[of].tolist(), columns.approach[of].tolist(), columns.rate_index[of].tolist(), strict=True
            )
            names = movers.tolist()
            self._records[link] = Record(
                cost,
                self.lanes[link],
                dict(zip(names, kinds, strict=True)),
                dict(zip(names, found.lane.tolist(), strict=True)),
            )

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
        key = self.columns.time_s[placed.choice].copy()
        grease = float(key.mean())
        # Earlier turns are more urgent than all that may add up.
        np.add.at(key, mover, -1e6 * grease * self._turn_of()[lane])
        best: Schedule | None = None
        for _ in range(TURNS):
            schedule = self._dispatcher.run(placed.choice, placed.home, Urgency(key, by_source=False), None, lanes)
            if best is None or schedule.finish_s < best.finish_s:
                best = schedule
            if state.offer(self.classes, self.columns, schedule) or best.finish_s <= deadline or state.clock.expired:
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
            if len(movers):
                options = self._options(choice[movers], rates, seen[movers])
                found = self._pack_link(options, turns, choice[movers], packings.get(link), window_s)
                packings[link] = found
                choice[movers] = options.column[np.arange(len(movers)), found.lane, found.option]
                seen[movers] = True
                self._record(link, movers, choice, found)
                for v, lane in zip(movers.tolist(), found.lane.tolist(), strict=True):
                    lanes[v].append(count + lane)
            count += len(rates)
        return choice, [tuple(mine) for mine in lanes]

    def _pack_link(
        self, options: _Options, turns: list[list[int]], choice: Ints, before: Packing | None, window_s: float
    ) -> Packing:
        """Pack the moves over one link, beginning where the last packing ended."""
        state = self._state
        if len(turns) > 1:
            limit_s = min(state.clock.left_s, MOST_SECONDS)
            found = take_turns(options.time_s, options.cost, turns, window_s, seed=state.seed, time_limit_s=limit_s)
            if found is not None:
                return found
        time_s, cost = options.time_s, options.cost
        if before is not None:
            start, steps = (before.lane, before.option), FEWER_STEPS
        else:
            pooled = pack_pools(time_s, cost, window_s, rng=state.rng, clock=state.clock)
            start, steps = pooled or _spread_out(options, choice), STEPS
        return pack(time_s, cost, *start, window_s, rng=state.rng, steps=steps, clock=state.clock)

    def _options(self, choice: Ints, rates: list[float], settled: Bools) -> _Options:
        """Return what each mover can do in each lane; what is settled keeps its choice."""
        columns, block = self.columns, self._blocks
        rows: list[list[list[int]]] = []
        for k, fixed in zip(choice.tolist(), settled.tolist(), strict=True):
            here = [k] if fixed else block[int(columns.mover[k]), int(columns.klass[k])]
            rows.append([self._undominated(here, rate) for rate in rates])
        most = max(len(options) for row in rows for options in row)
        column = np.array([[options + [-1] * (most - len(options)) for options in row] for row in rows], dtype=np.int64)
        none = column < 0
        cost = self._state.problem.weight[columns.mover[column]] * columns.downtime_s[column]
        return _Options(np.where(none, np.inf, columns.time_s[column]), np.where(none, np.inf, cost), column)

    @cached_property
    def _blocks(self) -> dict[tuple[int, int], list[int]]:
        """The columns of each mover and class."""
        blocks: dict[tuple[int, int], list[int]] = {}
        for k, key in enumerate(zip(self.columns.mover.tolist(), self.columns.klass.tolist(), strict=True)):
            blocks.setdefault(key, []).append(k)
        return blocks

    def _undominated(self, here: list[int], rate: float) -> list[int]:
        """Return the columns that a lane of a rate can take, less those that another is as good as."""
        columns = self.columns
        fitting = [k for k in here if columns.rate[k] <= rate * (1 + 1e-9)]
        fitting.sort(key=lambda k: (columns.time_s[k], columns.downtime_s[k]))
        kept: list[int] = []
        for k in fitting:
            if not kept or columns.downtime_s[k] < columns.downtime_s[kept[-1]]:
                kept.append(k)
        return kept


def _after_gaps(schedule: Schedule, mover: Ints, lane: Ints, deadline_s: float) -> Ints:
    """Return the movers that started after a gap in a lane that ends late."""
    order = np.lexsort((schedule.start_s[mover], lane))
    mover, lane = mover[order], lane[order]
    first = np.append(True, lane[1:] != lane[:-1])
    free_s = np.where(first, 0.0, np.append(0.0, schedule.end_s[mover[:-1]]))
    end_s = np.zeros(int(lane.max(initial=-1)) + 1)
    np.maximum.at(end_s, lane, schedule.end_s[mover])
    return mover[(schedule.start_s[mover] > free_s) & (end_s[lane] > deadline_s)]


def _spread_out(options: _Options, choice: Ints) -> tuple[Ints, Ints]:
    """Return a start: the moves as chosen, the longest first, each in the lane that is then the shortest."""
    time = options.time_s
    n, lanes, _ = time.shape
    load = np.zeros(lanes)
    lane, option = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    same = options.column == choice[:, None, None]
    chosen_time = np.where(same, time, -np.inf).max(axis=(1, 2))
    for v in np.argsort(-chosen_time, kind="stable").tolist():
        # A choice that another is as good as in a lane is replaced by the fastest there.
        where = np.flatnonzero(same[v].any(axis=1)) if same[v].any() else np.flatnonzero(np.isfinite(time[v, :, 0]))
        best = int(where[np.argmin(load[where])])
        lane[v] = best
        option[v] = int(np.argmax(same[v, best])) if same[v, best].any() else 0
        load[best] += time[v, best, option[v]]
    return lane, option


def _numbered(division: Division) -> list[list[int]]:
    """Return the numbers of the lanes of each turn."""
    ends = [0, *accumulate(map(len, division))]
    return [list(range(first, last)) for first, last in pairwise(ends)]
