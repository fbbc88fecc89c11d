"""Puts questions to the planner, whether there is a plan for this and that."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from planner.explain import certify
from planner.inventory.models import Inventory
from planner.network import Network
from planner.optimize.clock import Clock
from planner.optimize.problem import compile_problem
from planner.optimize.room_problem import unhindered
from planner.optimize.search import tables_and_columns
from planner.plan.models import Plan, Request, Status
from planner.planned import planned

FACTOR_FOR_BEST = 3.0
"""How many times as long a question for the best plan may take as one for any [1]."""


class Verdict(StrEnum):
    """What the planner says."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass
class Oracle:
    """The planner, asked again and again within one time.

    Parameters
    ----------
    clock
        The time for all questions.
    seed
        Seed of all random choices.
    each_s
        The most that one question may take [s].

    Attributes
    ----------
    asked
        Number of questions so far.
    """

    clock: Clock
    seed: int
    each_s: float
    asked: int = field(default=0)

    def ask(self, inventory: Inventory, request: Request, *, best: bool = False) -> tuple[Verdict, Plan]:
        """Return whether there is a plan, and the plan, which has been verified, or what is known of there being none.

        Parameters
        ----------
        best
            Whether to look for the best plan; else any will do.
        """
        self.asked += 1
        limit_s = min(self.each_s * (FACTOR_FOR_BEST if best else 1.0), self.clock.left_s)
        plan = planned(inventory, request, seed=self.seed, time_limit_s=limit_s, first_only=not best, reasons=False)
        return verdict_of(plan), plan


def certified(inventory: Inventory, request: Request) -> bool:
    """Return whether a no follows by arithmetic, without any search; no more than a quick look."""
    if request.make_room == "auto":
        inventory = unhindered(inventory, request.evacuate)
    problem = compile_problem(inventory, Network(inventory), request.evacuate, request.deadline_s)
    _, tables, columns = tables_and_columns(problem)
    return certify(inventory, request.evacuate, problem, tables, columns) is not None


def verdict_of(plan: Plan) -> Verdict:
    """Return what a plan says."""
    match plan.status:
        case Status.INFEASIBLE:
            return Verdict.NO
        case Status.UNKNOWN:
            return Verdict.UNKNOWN
        case _:
            return Verdict.YES
