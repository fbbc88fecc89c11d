"""The job from Python: load an inventory, check it, plan, verify, write the runbook.

Run as ``python examples/plan_with_api.py [RUNBOOK.md]`` in the checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path

from planner import api
from planner.inventory.load import load_inventory
from planner.render.markdown import markdown_runbook
from planner.units import format_duration, parse_duration

INVENTORIES = Path(__file__).resolve().parent.parent / "inventories"


def main(runbook: str = "runbook.md") -> int:
    inventory = load_inventory(INVENTORIES / "demo.yaml")

    answer = api.check(inventory, ["hv01"], parse_duration("5 min"))
    print(f"in 5 min: {answer.status.value}")
    if answer.infeasibility is not None:
        for reason in answer.infeasibility.reasons:
            print(f"  {reason.model_dump_json(exclude_defaults=True)}")

    plan = api.plan(inventory, ["hv01"], parse_duration("15 min"))
    print(f"in 15 min: {plan.status.value}")
    if plan.objective is None:
        return 1
    for move in plan.moves:
        print(f"  {move.start_s:6.1f} s  {move.vm} to {move.target}, {move.approach.value}")
    print(f"weighted downtime {format_duration(plan.objective.weighted_downtime_s)}, gap {plan.objective.gap:.0%}")

    print(f"verified: {api.verify(inventory, plan).ok}")
    Path(runbook).write_text(markdown_runbook(plan), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
