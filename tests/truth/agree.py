"""What a plan must say of a case whose truth is known."""

from __future__ import annotations

import pytest

from planner.plan.models import Objective, Plan, Status
from planner.verify import verify_plan
from tests.truth.brute import Optimum
from tests.truth.inventories import Case


def agreed_objective(case: Case, plan: Plan, truth: Optimum | None) -> Objective | None:
    """Check that a plan is what brute force finds, and return what it reaches; None where there is no plan."""
    if truth is None or any(vm.pinned for vm in case.inventory.vms if vm.host in case.evacuate):
        assert plan.status is Status.INFEASIBLE, "under-filtering: a plan where none exists"
        assert plan.infeasibility is not None
        return None
    assert plan.status is Status.OPTIMAL, "over-filtering, or the proof was not finished"
    assert plan.objective is not None
    assert verify_plan(case.inventory, plan).violations == ()
    assert plan.objective.weighted_downtime_s == pytest.approx(truth.weighted_downtime_s, rel=2e-6, abs=1e-9)
    assert plan.objective.finish_s == pytest.approx(truth.finish_s, rel=2e-6)
    assert plan.objective.lower_bound_finish_s is not None
    assert plan.objective.lower_bound_finish_s <= truth.finish_s * (1 + 2e-6)
    return plan.objective
