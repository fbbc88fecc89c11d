"""``evac schema``: the formats as JSON Schema."""

from __future__ import annotations

import click

from planner.cli.options import help_text

HELP = help_text(
    """
    Print the JSON Schema of the inventory or of the plan.
    """,
    "evac schema inventory > inventory.schema.json",
    "evac schema plan",
)


@click.command(help=HELP)
@click.argument("document", type=click.Choice(["inventory", "plan"]))
def command(*, document: str) -> None:
    """Run the command."""
    import json

    from planner.cli import screen

    if document == "inventory":
        from planner.inventory.schema import inventory_schema

        schema = inventory_schema()
    else:
        from planner.plan.schema import plan_schema

        schema = plan_schema()
    screen.show_text(json.dumps(schema, indent=2))
