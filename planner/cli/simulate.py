"""``evac simulate``: how sure is a plan."""

from __future__ import annotations

import click

from planner.cli.options import format_option, help_text, read_seed

HELP = help_text(
    """
    Play many nights of a plan, and say how likely it holds.

    In each night VMs write and read more or less than the inventory says, links carry less than
    they have, and some migrations fail and are tried again. How far nights differ is told by the
    inventory; where it says nothing, assumptions count (docs/odds.md). Moves start when those they
    wait for have really ended, as the runbook has it. The same seed gives the same nights.
    """,
    "evac simulate plan.json",
    "evac simulate plan.json --runs 10000 --seed 1 --format json",
    "evac simulate plan.json --inventory tonight.yaml",
)
MOST_RUNS = 1_000_000


@click.command(help=HELP)
@click.argument("plan", metavar="PLAN", type=click.Path())
@click.option(
    "--inventory",
    metavar="INVENTORY",
    type=click.Path(),
    help="Rates and spreads from this inventory; without it from the one that the plan was made for.",
)
@click.option(
    "--runs", type=click.IntRange(1, MOST_RUNS), default=1000, show_default=True, help="How many nights are played."
)
@click.option("--seed", type=int, callback=read_seed, default=0, show_default=True, help="Seed of the nights.")
@format_option
def command(*, plan: str, inventory: str | None, runs: int, seed: int, form: str) -> None:
    """Run the command."""
    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.plan.io import read_plan
    from planner.render.simulation import simulation_json, simulation_text

    found = read_plan(plan)
    result = api.simulate(found, None if inventory is None else load_inventory(inventory), runs=runs, seed=seed)
    if form == "json":
        screen.show_text(simulation_json(result))
    else:
        screen.show(simulation_text(result))
