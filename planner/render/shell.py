"""The runbook as a POSIX shell script that keeps the order and the parallelism of the plan."""

from __future__ import annotations

from planner.plan.models import Plan
from planner.render.clock import Clock
from planner.render.shutdowns import shutdown_steps_of
from planner.render.steps import steps_of
from planner.render.templating import environment


def shell_runbook(plan: Plan) -> str:
    """Return a script that prints the commands of a plan, and with ``RUN=1`` in the environment runs them.

    Raises
    ------
    InputError
        If the plan's names or order cannot be carried out; see `planner.render.steps.steps_of`.
    """
    steps = steps_of(plan)
    shutdowns = shutdown_steps_of(plan, steps)
    template = environment().get_template("runbook.sh.j2")
    return template.render(
        hosts=plan.request.evacuate,
        inventory=plan.inventory.name,
        sha256=plan.inventory.sha256 or "not recorded",
        deadline_s=plan.request.deadline_s,
        finish_s=max((step.move.end_s for step in steps), default=0.0),
        verified=plan.verification is not None,
        steps=steps,
        shutdowns=shutdowns,
        left=[one.vm for one in plan.left],
        clock=Clock(plan.request.start_clock),
    )
