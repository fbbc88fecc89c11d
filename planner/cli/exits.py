"""The exit codes. Those of errors stand with the errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.plan.models import Plan

YES = 0
NO = 1
"""A proven no: infeasible, or the verification failed."""
NOT_KNOWN = 3
"""The limit came before anything was proven."""
CRASHED = 70
"""A bug of the program, told with a traceback."""
INTERRUPTED = 130

OF_STATUS = {"optimal": YES, "feasible": YES, "infeasible": NO, "unknown": NOT_KNOWN}
"""The exit code of each status of a plan."""


def of_plan(plan: Plan) -> int:
    """Return the exit code of an answer: no where a triage leaves a VM that is neither moved nor shut down."""
    return NO if plan.left else OF_STATUS[plan.status]
