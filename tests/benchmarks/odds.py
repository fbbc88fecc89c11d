"""Hold promises against fresh nights: ``python -m tests.benchmarks.odds`` prints the table of docs/design/odds.md.

Each night has a seed of its own, and is none of those that plans were chosen or judged by.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from planner import api
from planner.inventory.load import load_inventory
from planner.inventory.models import Inventory
from planner.inventory.synthesize import synthesize
from planner.plan.models import Plan

ROOT = Path(__file__).resolve().parent.parent.parent
NIGHTS = 200
FIRST_SEED = 40_000_000


def shipped(name: str) -> Inventory:
    """Return an inventory that comes with the project."""
    return load_inventory(ROOT / "inventories" / f"{name}.yaml")


def instances() -> Sequence[tuple[str, Inventory, tuple[str, ...], float, float]]:
    """Return instances with the hosts to empty, the deadline [s] and what is promised [1]."""
    small, middle = synthesize(12, 100, 3), synthesize(20, 200, 7)
    return (
        ("demo", shipped("demo"), ("hv01",), 1200.0, 0.95),
        ("demo", shipped("demo"), ("hv01",), 1500.0, 0.9),
        ("fabric", shipped("fabric"), ("hv01",), 150.0, 0.95),
        ("12 hosts, seed 3", small, ("hv01", "hv02"), 480.0, 0.95),
        ("20 hosts, seed 7", middle, ("hv01",), 960.0, 0.95),
        ("20 hosts, seed 7", middle, ("hv01", "hv02", "hv03", "hv04"), 1200.0, 0.95),
        ("20 hosts, seed 7", middle, ("hv01", "hv02", "hv03", "hv04"), 1200.0, 0.99),
        ("30 hosts, seed 5", synthesize(30, 300, 5), tuple(f"hv{i:02d}" for i in range(1, 9)), 1260.0, 0.95),
    )


def in_time(plan: Plan) -> str:
    """Return in how many nights a plan is in time."""
    if not plan.moves:
        return "no plan"
    seeds = range(FIRST_SEED, FIRST_SEED + NIGHTS)
    return str(sum(round(api.simulate(plan, runs=1, seed=seed).in_time.share) for seed in seeds))


def line(name: str, inventory: Inventory, evacuate: tuple[str, ...], deadline_s: float, promised: float) -> str:
    """Return a row of the table."""
    plain = api.plan(inventory, evacuate, deadline_s)
    began = time.monotonic()
    sure = api.plan(inventory, evacuate, deadline_s, confidence=promised, time_limit_s=120.0)
    took_s, odds = time.monotonic() - began, sure.odds
    assert odds is not None
    before, after = plain.objective, sure.objective
    assert before is not None
    more_s = "" if after is None else f"{after.weighted_downtime_s - before.weighted_downtime_s:.2f}"
    cells = (
        name,
        str(len(plain.moves)),
        f"{promised:.0%}",
        in_time(plain),
        in_time(sure),
        f"{odds.probability:.1%}",
        f"{odds.margin_s:.0f}",
        more_s,
        f"{took_s:.0f}",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    head = (
        "instance",
        "moves",
        "promised",
        "plain",
        "promising",
        "told",
        "margin s",
        "more downtime s",
        "planned in s",
    )
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("-" for _ in head) + " |")
    for instance in instances():
        print(line(*instance), flush=True)


if __name__ == "__main__":
    main()
