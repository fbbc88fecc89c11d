"""Plans as JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner.errors import InputError, Problem
from planner.files import read_text, write_text
from planner.inventory.models import Inventory
from planner.inventory.places import limited
from planner.inventory.read_json import read_json
from planner.inventory.translate import translate
from planner.plan.models import PLAN_FORMAT, Plan

_HINT = "check that it is the right file: a plan is what `evac plan -o` writes"


def read_plan(path: str | Path) -> Plan:
    """Read a plan.

    Parameters
    ----------
    path
        A JSON file.

    Returns
    -------
    Plan
        The plan as it stands there: whether it can be carried out is for the verifier to say.

    Raises
    ------
    InputError
        If the file is no plan: all problems, with file, line and path.
    """
    return parse_plan(read_text(path), str(path))


def parse_plan(text: str, file: str | None = None) -> Plan:
    """Read a plan from JSON text.

    Raises
    ------
    InputError
        If the text is no plan: all problems, with line and path.
    """
    document = read_json(text, file, "a plan", _HINT)
    document.require_kind(PLAN_FORMAT)
    problems = list(document.problems)
    try:
        plan = Plan.model_validate_json(text, strict=True)
    except ValidationError as error:
        problems += [
            Problem(finding.code, finding.message, finding.mend, document.place(finding.path))
            for finding in translate(error, (Plan,))
        ]
    if problems:
        raise InputError(limited(problems))
    return plan


def plan_json(plan: Plan) -> str:
    """Write a plan as JSON, one move a line; numbers read back exactly as they are.

    Returns
    -------
    str
        JSON text that ends with a line break.
    """
    document = plan.model_dump(mode="json", exclude={"snapshot"})
    parts = [
        f'  "{key}": {_lines(value, "  ") if key == "moves" else _pretty(value)}' for key, value in document.items()
    ]
    parts.append(f'  "snapshot": {_snapshot(plan.snapshot)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write_plan(plan: Plan, path: str | Path) -> None:
    """Write a plan to a file, all of it or nothing.

    Raises
    ------
    InputError
        If the file cannot be written. What stood there before stands there still.
    """
    write_text(path, plan_json(plan))


def _snapshot(inventory: Inventory | None) -> str:
    """Write an inventory, a line for each host, link, VM and rule; what is at its default is left out."""
    if inventory is None:
        return "null"
    document = inventory.model_dump(mode="json", exclude_defaults=True)
    listed = ("hosts", "links", "vms", "rules")
    parts = [
        f'    "{key}": {_lines(value, "    ") if key in listed else _text(value)}' for key, value in document.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n  }"


def _lines(entries: list[Any], indent: str) -> str:
    lines = ",\n".join(f"{indent}  {_text(entry)}" for entry in entries)
    return f"[\n{lines}\n{indent}]" if entries else "[]"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).replace("\n", "\n  ")
