"""The JSON Schema of inventories, made from the models."""

from __future__ import annotations

from typing import Any

from planner.inventory.models import Inventory


def inventory_schema() -> dict[str, Any]:
    """Return the JSON Schema of the format ``evac/inventory/1``.

    It holds what one entry must be; how entries fit together is for `load_inventory` to check.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:evac:inventory:1",
        **Inventory.model_json_schema(),
        "title": "evac inventory, version 1",
    }
