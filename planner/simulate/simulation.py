"""A plan held against many nights: how likely all are out in time, when, at which downtime, and what breaks it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.inventory.models import Inventory
from planner.plan.models import Plan
from planner.predict.protocol import Floats
from planner.simulate.blame import Blame, Culprit
from planner.simulate.draws import Nights
from planner.simulate.engine import Played, play
from planner.simulate.odds import Quantiles, Share, quantiles, share_of
from planner.simulate.setting import Setting, setting_of

DEADLINE_SLACK_S = 1e-6
"""By how much a night may end after the deadline and still be in time [s]."""
CELLS_AT_ONCE = 500_000
"""Moves times nights that are played at once [count]."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a plan meets in many nights.

    Parameters
    ----------
    name
        The inventory's.
    runs, seed
        Nights that were played [count], and their seed.
    deadline_s, planned_finish_s
        The deadline, and when the plan itself ends and its hosts are off [s].
    in_time
        In which share of the nights all VMs are out and the hosts off by the deadline.
    never_out
        Nights in which some VM is not out at all [count].
    finish_s
        Quantiles of the end [s].
    planned_downtime_s, planned_weighted_downtime_s
        The plan's sums [s].
    downtime_s, weighted_downtime_s
        Quantiles of them, over the nights in which all are out [s]; None where there is none.
    culprits
        VMs that make nights late, the worst first.
    each_finish_s
        The end of each night, shape (runs,) [s].
    fell_back, gave_up
        By VM in which share of the nights it was aborted on overrun, and given up [1].
    """

    name: str
    runs: int
    seed: int
    deadline_s: float
    planned_finish_s: float
    in_time: Share
    never_out: int
    finish_s: Quantiles
    planned_downtime_s: float
    planned_weighted_downtime_s: float
    downtime_s: Quantiles | None
    weighted_downtime_s: Quantiles | None
    culprits: tuple[Culprit, ...]
    each_finish_s: Floats
    fell_back: dict[str, float]
    gave_up: dict[str, float]


def simulate(inventory: Inventory, plan: Plan, runs: int, seed: int) -> Simulation:
    """Play a plan in so many nights.

    Parameters
    ----------
    inventory
        What the nights differ from.
    plan
        A plan with moves.
    runs
        At least 1 [count].
    seed
        0 or more; the same seed gives the same nights.

    Raises
    ------
    InputError
        If the plan has no moves, or does not fit the inventory.
    """
    setting = setting_of(inventory, plan)
    nights = Nights(inventory.settings, setting.vms, setting.links, setting.names, seed)
    weights = np.array([vm.weight for vm in setting.vms])[setting.vm]
    blame, finishes, downs, weighted = Blame.of(setting), [], [], []
    fell, gave = np.zeros(len(setting.vms)), np.zeros(len(setting.vms))
    at_once = max(1, CELLS_AT_ONCE // len(setting.moves))
    for first in range(0, runs, at_once):
        played = play(setting, nights.draw(min(at_once, runs - first)))
        finish_s = finishes_of(setting, played)
        finishes.append(finish_s)
        downs.append(played.downtime_s.sum(axis=1))
        weighted.append(played.downtime_s @ weights)
        blame.add(setting, played, np.flatnonzero(finish_s > plan.request.deadline_s + DEADLINE_SLACK_S))
        np.add.at(fell, setting.vm, played.fell_back.sum(axis=0))
        np.add.at(gave, setting.vm, played.given_up.sum(axis=0))
    finish_s, names = np.concatenate(finishes), [vm.name for vm in setting.vms]
    out = np.isfinite(finish_s)
    in_time = int((finish_s <= plan.request.deadline_s + DEADLINE_SLACK_S).sum())
    return Simulation(
        name=inventory.name,
        runs=runs,
        seed=seed,
        deadline_s=plan.request.deadline_s,
        planned_finish_s=planned_finish_s(plan),
        in_time=share_of(in_time, runs),
        never_out=int((~out).sum()),
        finish_s=quantiles(finish_s),
        planned_downtime_s=sum(move.downtime_s for move in setting.moves),
        planned_weighted_downtime_s=float(sum(w * m.downtime_s for w, m in zip(weights, setting.moves, strict=True))),
        downtime_s=quantiles(np.concatenate(downs)[out]) if out.any() else None,
        weighted_downtime_s=quantiles(np.concatenate(weighted)[out]) if out.any() else None,
        culprits=blame.culprits(names),
        each_finish_s=finish_s,
        fell_back=dict(zip(names, (fell / runs).tolist(), strict=True)),
        gave_up=dict(zip(names, (gave / runs).tolist(), strict=True)),
    )


def finishes_of(setting: Setting, played: Played) -> Floats:
    """Return when each night all moves have ended and the evacuated hosts are off, shape (R,) [s]."""
    finish_s = played.end_s.max(axis=1)
    for host, shutdown_s in setting.shutdown_s.items():
        own = [index for index, move in enumerate(setting.moves) if move.source == host]
        empty_s = played.end_s[:, own].max(axis=1) if own else np.zeros(len(finish_s))
        if shutdown_s > 0:
            finish_s = np.maximum(finish_s, empty_s + shutdown_s)
    return finish_s


def planned_finish_s(plan: Plan) -> float:
    """Return when the last move of a plan has ended and the last host is off [s]."""
    return max((*(move.end_s for move in plan.moves), *(step.end_s for step in plan.power)), default=0.0)
