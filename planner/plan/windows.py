"""When to start: what plans cost by the time of day at which they start, as data."""

from __future__ import annotations

from dataclasses import dataclass

from planner.inventory.models import Inventory
from planner.plan.models import Aim, Plan, Status


@dataclass(frozen=True, slots=True)
class StartTried:
    """A start, and the best that was found for it.

    Parameters
    ----------
    offset_s
        Time from the first start that was tried [s].
    clock
        Time of day, HH:MM.
    status
        What is known of it. optimal: no plan from this start costs less; infeasible: none is in time.
    value_s
        What its best plan costs, in what the request minimises [s]; None where there is none.
    bound_s
        No plan from this start costs less [s]; infinite where there is none, 0 where nothing is known.
    plan
        The best plan, for the inventory as it is reckoned with from this start, or None.
    inventory
        That inventory.
    """

    offset_s: float
    clock: str
    status: Status
    value_s: float | None
    bound_s: float
    plan: Plan | None = None
    inventory: Inventory | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Starts that were tried, and the best of them.

    Parameters
    ----------
    name
        Name of the inventory.
    evacuate
        Hosts to empty.
    deadline_s
        Time from the start by which they must be empty [s].
    aim
        What is minimised.
    starts
        The starts in order of time.
    best
        Number of the best start; None where no plan was found.
    proven
        Whether no start that was tried has a plan that costs less.
    """

    name: str
    evacuate: tuple[str, ...]
    deadline_s: float
    aim: Aim
    starts: tuple[StartTried, ...]
    best: int | None
    proven: bool
