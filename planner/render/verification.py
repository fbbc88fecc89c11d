"""What the replay of a plan found, as a report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from planner.plan.models import Plan, Verification
from planner.render.clock import Clock
from planner.render.words import plain, plural

_SHOWN = 50


def verification_lines(verification: Verification, clock: Clock | None = None) -> list[str]:
    """Return the report of a replay, a line each.

    Parameters
    ----------
    verification
        What the replay found.
    clock
        Tells the time of day of violations, where the plan's start is known.
    """
    clock = clock or Clock()
    if verification.ok:
        made = ", ".join(verification.checks)
        return [f"Yes: the plan keeps every rule; {plural(len(verification.checks), 'check')} passed: {made}."]
    found = verification.violations
    lines = [f"No: the replay found {plural(len(found), 'violation')}."]
    for violation in found[:_SHOWN]:
        when = f" at {clock.both(violation.at_s)}" if violation.at_s is not None else ""
        lines.append(f"- {violation.check}{when}: {violation.message}")
    if len(found) > _SHOWN:
        lines.append(f"- and {len(found) - _SHOWN} more; --format json lists them all.")
    failed = Counter(violation.check for violation in found)
    passed = [check for check in verification.checks if check not in failed]
    lines.append(f"{plural(len(failed), 'check')} of {len(verification.checks)} said no, {len(passed)} passed.")
    return [plain(line) for line in lines]


def without_plan_lines(plan: Plan, verification: Verification) -> list[str]:
    """Return what can be said of an answer without a plan, whose checks have all passed."""
    lines = [f"There is nothing to replay: the file holds an answer without a plan, {plan.status}."]
    if plan.infeasibility is not None and verification.checks:
        if plan.infeasibility.proof in ("certificate", "no-room"):
            lines.append("Its reasons were held against the inventory, and those that have figures hold.")
        else:
            lines.append("Its proof is the solver's; it is not made again here.")
    return lines


def verification_json(verification: Verification, answer: str | None = None) -> str:
    """Return the report of a replay for programs.

    Parameters
    ----------
    verification
        What the replay found.
    answer
        What is answered where there was nothing to replay, and ``ok`` is null; by what was found if None.
    """
    found = verification.model_dump(mode="json")
    if answer is not None:
        return json.dumps({"answer": answer} | found | {"ok": None}, indent=2)
    return json.dumps({"answer": "yes" if verification.ok else "no"} | found, indent=2)


def stale_json(changes: Sequence[str]) -> str:
    """Return for programs that a plan is stale, and what has changed."""
    return json.dumps({"answer": "stale", "changes": list(changes)}, indent=2)
