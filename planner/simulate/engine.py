"""Plays many nights of a plan at once: each step takes every night to its own next event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Approach
from planner.predict.protocol import Floats, Ints
from planner.simulate.costs import Costs, downtime_at, predict_costs, time_at
from planner.simulate.draws import Draws
from planner.simulate.fair import fair_rates
from planner.simulate.fallback import fallback_of
from planner.simulate.setting import Setting

SAME_MOMENT_S = 1e-9
"""What happens within so long is one event [s]."""
FULL_RATE = 1.0 - 1e-9
"""From this share of its reservation on, a move counts as having all of it [1]."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Played:
    """What R nights brought to M moves; arrays of shape (R, M), infinite where a move never started or ended.

    Parameters
    ----------
    start_s, end_s
        When a move first started, and when it had ended well [s].
    downtime_s
        How long its VM was down, in attempts that failed too [s].
    failed_s
        Time from its start that went with attempts that failed, and with waiting after them [s].
    aborted_s
        Time that went with an attempt that was aborted on overrun [s].
    alone_s
        What its last attempt takes at the rate that it reserved [s].
    fell_back
        Whether it was aborted on overrun and tried in another way.
    given_up
        Whether it failed more often than it is tried again, or never ends.
    """

    start_s: Floats
    end_s: Floats
    downtime_s: Floats
    failed_s: Floats
    aborted_s: Floats
    alone_s: Floats
    fell_back: Flags
    given_up: Flags


def play(setting: Setting, draws: Draws) -> Played:
    """Play the nights that were drawn."""
    night = _Nights(setting, draws)
    while night.step():
        pass
    return night.played()


class _Nights:
    """R nights under way. Arrays over nights and moves have the shape (R, M)."""

    def __init__(self, setting: Setting, draws: Draws) -> None:
        self.setting, self.draws = setting, draws
        runs, moves = len(draws.link_share), len(setting.moves)
        shape = (runs, moves)
        self.room = setting.capacity * draws.link_share
        self.now = np.zeros(runs)
        self.unmet = np.tile(np.array([len(wait) for wait in setting.waits], dtype=np.int64), (runs, 1))
        # When a move that waits for nothing more begins, or begins again; infinite for all others.
        self.begin_s = np.where(self.unmet == 0, setting.ready_s, np.inf)
        self.start_s, self.end_s = np.full(shape, np.inf), np.full(shape, np.inf)
        self.running = np.zeros(shape, dtype=np.bool_)
        self.given_up, self.fell_back = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        self.downtime_s, self.failed_s, self.aborted_s = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.tries, self.failures = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        # Of the attempt under way: when it began, what is left of it and with how much left it fails, both in seconds
        # at the reserved rate, when it counts as overrun, and the integral of its rate.
        self.began_s, self.left_s, self.fails_with_s = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.overrun_at_s, self.sent = np.full(shape, np.inf), np.zeros(shape)
        self.most = np.tile(setting.reserved, (runs, 1))
        costs = _planned(setting, draws)
        self.time_s = costs.time_s.reshape(runs, moves, -1)
        self.table_s = costs.downtime_s.reshape(runs, moves, -1)
        approach = np.array([move.approach for move in setting.moves])
        self.abortable = np.tile(approach == Approach.PRECOPY, (runs, 1))
        # Of these the VM stands still or waits for pages from the first moment on.
        self.down_at_once = np.tile(np.isin(approach, (Approach.COLD, Approach.POSTCOPY)), (runs, 1))

    def step(self) -> bool:
        """Take each night to its next event; False where no night has any."""
        self._begin()
        run, move = np.nonzero(self.running)
        rate, slow = self._rates(run, move)
        left, until = self.left_s[run, move], self.fails_with_s[run, move]
        with np.errstate(divide="ignore", invalid="ignore"):
            needs_s = np.where(slow > 0, (left - until) / slow, np.inf)
        overrun_s = np.maximum(self.overrun_at_s[run, move] - self.now[run], 0.0)
        next_s = np.maximum(self.begin_s.min(axis=1, initial=np.inf) - self.now, 0.0)
        if run.size:
            first = np.flatnonzero(np.diff(run, prepend=-1))
            own = np.minimum.reduceat(np.minimum(needs_s, overrun_s), first)
            next_s[run[first]] = np.minimum(next_s[run[first]], own)
        going = np.isfinite(next_s)
        if not going.any():
            self.given_up |= self.running
            return False
        took = np.where(going, next_s, 0.0)
        self.now += took
        self.left_s[run, move] = left - np.where(slow > 0, took[run] * slow, 0.0)
        self.sent[run, move] += took[run] * rate
        due = going[run]
        ended = due & (needs_s <= took[run] + SAME_MOMENT_S)
        well = ended & (until == 0.0)
        over = due & ~ended & (overrun_s <= took[run] + SAME_MOMENT_S)
        if well.any():
            self._land(run[well], move[well])
        if (ended & ~well).any():
            self._fail(run[ended & ~well], move[ended & ~well])
        if over.any():
            self._overrun(run[over], move[over], slow[over])
        return True

    def played(self) -> Played:
        """Return what the nights brought."""
        return Played(
            self.start_s,
            self.end_s,
            self.downtime_s,
            self.failed_s,
            self.aborted_s,
            self.time_s[:, :, 0],
            self.fell_back,
            self.given_up,
        )

    def _begin(self) -> None:
        """Start what is due, for the first time or again."""
        run, move = np.nonzero(self.begin_s <= (self.now + SAME_MOMENT_S)[:, None])
        if not run.size:
            return
        now = np.maximum(self.begin_s[run, move], self.now[run])
        self.begin_s[run, move] = np.inf
        self.running[run, move] = True
        self.start_s[run, move] = np.minimum(self.start_s[run, move], now)
        self.began_s[run, move], self.sent[run, move] = now, 0.0
        whole_s = self.time_s[run, move, 0]
        self.left_s[run, move] = whole_s
        fails_at = self.draws.fails_at[run, move, self.tries[run, move]]
        # What never ends fails by being given up.
        fails = np.isfinite(fails_at) & np.isfinite(whole_s)
        with np.errstate(invalid="ignore"):
            self.fails_with_s[run, move] = np.where(fails, (1.0 - fails_at) * whole_s, 0.0)
        self.overrun_at_s[run, move] = now + self.setting.overrun_s[move]
        self.tries[run, move] += 1

    def _rates(self, run: Ints, move: Ints) -> tuple[Floats, Floats]:
        """Return of running moves the rate [bytes/s], and how fast that is beside the reserved rate [1]."""
        most = self.most[run, move]
        rate = fair_rates(run, self.setting.link[move], self.setting.share[move], self.room, most)
        whole_s = self.time_s[run, move, 0]
        slow = np.where(np.isfinite(whole_s), 1.0, 0.0)
        held = np.flatnonzero((rate < most * FULL_RATE) & np.isfinite(whole_s))
        if held.size:
            times = time_at(self.time_s[run[held], move[held]], rate[held] / most[held])
            slow[held] = whole_s[held] / times
        return rate, slow

    def _down(self, run: Ints, move: Ints) -> Floats:
        """Return the downtime of attempts at the mean of the rates that they had so far [s]."""
        lasted_s, most = self.now[run] - self.began_s[run, move], self.most[run, move]
        mean = np.divide(self.sent[run, move], lasted_s, out=most.copy(), where=lasted_s > 0)
        share = np.where(mean >= most * FULL_RATE, 1.0, mean / most)
        return downtime_at(self.table_s[run, move], share)

    def _land(self, run: Ints, move: Ints) -> None:
        self.running[run, move] = False
        self.end_s[run, move] = self.now[run]
        self.downtime_s[run, move] += self._down(run, move)
        for one in np.unique(move).tolist():
            here = run[move == one]
            for other in self.setting.successors[one]:
                self.unmet[here, other] -= 1
                free = here[self.unmet[here, other] == 0]
                self.begin_s[free, other] = np.maximum(self.now[free], self.setting.ready_s[other])

    def _fail(self, run: Ints, move: Ints) -> None:
        """Try again after a while what failed, but not for ever."""
        settings = self.setting.inventory.settings
        done = 1.0 - self.left_s[run, move] / self.time_s[run, move, 0]
        self.downtime_s[run, move] += np.where(self.down_at_once[run, move], done * self._down(run, move), 0.0)
        self.running[run, move] = False
        self.failures[run, move] += 1
        lost = self.failures[run, move] > settings.max_retries
        self.given_up[run, move] |= lost
        again_s = self.now[run] + settings.retry_after
        self.failed_s[run, move] += again_s - self.began_s[run, move]
        self.begin_s[run, move] = np.where(lost, np.inf, again_s)

    def _overrun(self, run: Ints, move: Ints, slow: Floats) -> None:
        """Abort what is overrun and may be aborted, and begin it anew in another way where there is one."""
        self.overrun_at_s[run, move] = np.inf
        abort = self.abortable[run, move] | (slow <= 0)
        run, move = run[abort], move[abort]
        if not run.size:
            return
        vm = self.setting.vm[move]
        other = fallback_of(self.setting, move, self.draws.write_factor[run, vm], self.draws.read_factor[run, vm])
        can = other.possible
        run, move = run[can], move[can]
        self.running[run, move] = False
        self.fell_back[run, move] = True
        self.aborted_s[run, move] += self.now[run] - self.began_s[run, move]
        self.abortable[run, move] = False
        self.down_at_once[run, move] = True
        self.most[run, move] = other.most[can]
        self.time_s[run, move], self.table_s[run, move] = other.time_s[can], other.downtime_s[can]
        self.begin_s[run, move] = self.now[run]


def _planned(setting: Setting, draws: Draws) -> Costs:
    """Predict every move in every night, flattened to shape (R M, G)."""
    runs, moves = len(draws.link_share), len(setting.moves)
    found: list[tuple[Ints, Costs]] = []
    for approach in dict.fromkeys(move.approach for move in setting.moves):
        own = np.flatnonzero([move.approach == approach for move in setting.moves])
        vm, several = setting.vm[own], np.repeat(np.arange(runs), len(own))
        each = np.tile(own, runs)
        costs = predict_costs(
            setting.inventory.settings,
            setting.vms,
            approach,
            np.tile(vm, runs),
            draws.write_factor[:, vm].reshape(-1),
            draws.read_factor[:, vm].reshape(-1),
            setting.reserved[each],
            setting.switch_point[each],
        )
        found.append((several * moves + each, costs))
    grid = found[0][1].time_s.shape[1]
    whole = Costs(np.empty((runs * moves, grid)), np.empty((runs * moves, grid)))
    for place, costs in found:
        whole.time_s[place], whole.downtime_s[place] = costs.time_s, costs.downtime_s
    return whole
