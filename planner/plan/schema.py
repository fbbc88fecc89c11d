"""The JSON Schema of plans, made from the models."""

from __future__ import annotations

from typing import Any

from planner.plan.models import Plan


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of the format ``evac/plan/1``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:evac:plan:1",
        **Plan.model_json_schema(),
        "title": "evac plan, version 1",
    }
