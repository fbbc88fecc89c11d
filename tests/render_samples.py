"""Plans written by hand for the tests of what people see."""

from __future__ import annotations

from typing import Any

from planner.inventory.models import Approach, Settings
from planner.plan.models import (
    Infeasibility,
    InventoryRef,
    Move,
    Objective,
    Plan,
    Reason,
    Request,
    SolverInfo,
    Status,
    Verification,
)

GIB = 2**30
MIB = 2**20


def a_move(vm: str = "web-1", approach: Approach = Approach.PRECOPY, **fields: Any) -> Move:
    """Return a move of 8 GiB at 100 MiB/s from hv01 to hv02, altered by fields."""
    shares = {Approach.PRECOPY: 1.0, Approach.HYBRID: 0.25}
    filled: dict[str, Any] = {
        "vm": vm,
        "source": "hv01",
        "target": "hv02",
        "approach": approach,
        "precopy_share": shares.get(approach, 0.0),
        "bandwidth_bytes_per_s": 100.0 * MIB,
        "path": ("hv01", "leaf1", fields.get("target", "hv02")),
        "start_s": 0.0,
        "duration_s": 100.0,
        "downtime_s": 0.3,
        "transferred_bytes": 9.0 * GIB,
        "memory_bytes": 8 * GIB,
    }
    return Move(**(filled | fields))


def a_plan(*moves: Move, **fields: Any) -> Plan:
    """Return a verified plan of some moves, altered by fields."""
    downtime_s = sum(move.downtime_s for move in moves)
    weighted_s = sum(move.weight * move.downtime_s for move in moves)
    filled: dict[str, Any] = {
        "format": "evac/plan/1",
        "inventory": InventoryRef(name="rack-7", sha256="ab" * 32),
        "request": Request(evacuate=("hv01",), deadline_s=1800.0),
        "settings": Settings(),
        "status": Status.OPTIMAL,
        "objective": Objective(
            downtime_s=downtime_s,
            weighted_downtime_s=weighted_s,
            finish_s=max((move.end_s for move in moves), default=0.0),
            lower_bound_weighted_downtime_s=weighted_s,
            gap=0.0,
        ),
        "solver": SolverInfo(name="HiGHS", version="1.15", seed=0, seconds=0.5, time_limit_s=60.0),
        "moves": moves,
        "verification": Verification(ok=True, checks=("coverage", "deadline", "memory")),
    }
    return Plan(**(filled | fields))


def four_ways() -> Plan:
    """Return a plan with a move of each approach, two at a time, from 23:50 on."""
    return a_plan(
        a_move("web-1", target="hv03", duration_s=90.0, downtime_s=0.04),
        a_move("db-07", Approach.POSTCOPY, duration_s=140.0, downtime_s=6.2, memory_bytes=64 * GIB, weight=3.0),
        a_move("cache-1", Approach.HYBRID, target="hv03", start_s=90.0, duration_s=30.0, after=("web-1",)),
        a_move("old-1", Approach.COLD, start_s=140.0, duration_s=60.0, downtime_s=60.0, after=("db-07",)),
        request=Request(evacuate=("hv01",), deadline_s=1800.0, start_clock="23:50"),
        settings=Settings(stop_threshold=4 * MIB),
    )


def a_no(*reasons: Reason, **fields: Any) -> Plan:
    """Return an infeasible plan with these reasons."""
    return a_plan(
        **{
            "status": Status.INFEASIBLE,
            "objective": None,
            "verification": None,
            "infeasibility": Infeasibility(reasons=reasons, proof="certificate"),
        }
        | fields
    )


def not_known() -> Plan:
    """Return a plan of which nothing is known."""
    return a_plan(status=Status.UNKNOWN, objective=None, verification=None)
