"""BtrPlace's published decommissioning instances, planned here: ``python -m tests.benchmarks.btrplace DIR``.

DIR holds instances as BtrPlace writes them, with names such as ``decommissioning_vms_scale_x4_1.json``; they are not
part of this project. Each is imported with its fences and durations and planned twice, for the earliest finish and for
the least sum of ends, to which BtrPlace's makespan and MTTR correspond. Every plan is verified.

What the seconds contain. *import*: reading the file, checking it, making the inventory. *finish* and *ends*: from the
inventory to the moves: network, routes, predictions, bounds, schedules. *verify*: replaying one plan. Python and the
libraries are imported before. BtrPlace's are the published medians over ten instances of a size, and of its solving
alone.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from planner import api
from planner.answer import Effort, Found, find
from planner.importers.btrplace import SOURCE_LABEL, import_btrplace
from planner.inventory.models import Inventory
from planner.inventory.select import select_hosts
from planner.optimize.clock import Clock
from planner.plan.models import Aim, Objective, Plan, Request
from planner.plan.power import power_steps
from planner.verify import verify_plan

DEADLINE_S = 86_400.0
"""A deadline that none of the instances comes near [s]."""
TIME_LIMIT_S = 60.0
PART = 5.0
"""Into how many parts BtrPlace's seconds are divided for the comparison [count]."""
PUBLISHED_S = {
    ("vms", 1): 0.4,
    ("vms", 8): 5.1,
    ("vms", 18): 47.0,
    ("infra", 1): 0.4,
    ("infra", 4): 1.3,
    ("infra", 10): 8.1,
}
"""BtrPlace's median seconds by family and size; vms x1 and infra x1 are drawn alike. Others are not published."""
NAME = re.compile(r"decommissioning_(vms|infra)_scale_x(\d+)_\w+")


@dataclass(frozen=True)
class Row:
    """What one instance brought.

    Parameters
    ----------
    name, family, size
        Name of the file without its ending; the family, and its size as a factor, where the name tells them.
    vms, nodes
        How many there are [count].
    finish, ends
        Value and bound of each aim [s].
    seconds
        Wall times of import, finish, ends and verification [s].
    ok
        Whether both plans were verified.
    """

    name: str
    family: str
    size: int
    vms: int
    nodes: int
    finish: tuple[float, float]
    ends: tuple[float, float]
    seconds: tuple[float, float, float, float]
    ok: bool

    @property
    def allowed_s(self) -> float | None:
        """A fifth of BtrPlace's seconds, where they are published [s]."""
        published = PUBLISHED_S.get((self.family, self.size))
        return None if published is None else published / PART


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a plan was not verified."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=1, help="measure so many times and take the shortest of each")
    asked = parser.parse_args(arguments)
    files = sorted(asked.directory.glob("*.json"), key=_by_number)
    if not files:
        parser.error(f"there are no instances in {asked.directory}")
    rows = []
    print("\n".join(head()))
    for file in files:
        rows.append(measure(file, asked.seed, asked.repeat))
        print(line(rows[-1]), flush=True)
    return 0 if all(row.ok for row in rows) else 1


def measure(file: Path, seed: int = 0, repeat: int = 1) -> Row:
    """Import, plan and verify one instance."""
    import_s, imported = _shortest(repeat, lambda: import_btrplace(str(file)))
    inventory = imported.inventory
    evacuate = select_hosts(inventory, [f"@{SOURCE_LABEL}"])
    sides: dict[Aim, tuple[float, float]] = {}
    seconds = [import_s]
    plans: list[Plan] = []
    for aim in ("finish", "ends"):
        request = Request(evacuate=evacuate, deadline_s=DEADLINE_S, objective=aim)
        taken_s, found = _shortest(repeat, partial(_find, inventory, request, seed))
        seconds.append(taken_s)
        sides[aim] = _sides(found, request, inventory)
        plans.append(api.plan(inventory, evacuate, DEADLINE_S, objective=aim, seed=seed, time_limit_s=TIME_LIMIT_S))
    verify_s, _ = _shortest(repeat, lambda: verify_plan(inventory, plans[0]))
    known = NAME.fullmatch(file.stem)
    return Row(
        name=file.stem,
        family=known[1] if known else file.stem,
        size=int(known[2]) if known else 0,
        vms=len(inventory.vms),
        nodes=len(inventory.hosts),
        finish=sides["finish"],
        ends=sides["ends"],
        seconds=(seconds[0], seconds[1], seconds[2], verify_s),
        ok=all(plan.verification is not None and plan.verification.ok for plan in plans),
    )


def _find(inventory: Inventory, request: Request, seed: int) -> Found:
    return find(inventory, request, Effort(seed, Clock(TIME_LIMIT_S)))


def _sides(found: Found, request: Request, inventory: Inventory) -> tuple[float, float]:
    assert found.moves is not None
    objective = found.objective(request, power_steps(inventory, request.evacuate, found.moves))
    assert isinstance(objective, Objective)
    value, bound = objective.sides(request.objective)
    return value or 0.0, bound or 0.0


def _shortest[T](repeat: int, work: Callable[[], T]) -> tuple[float, T]:
    """Return the shortest of some wall times [s], and what the last run brought."""
    best = float("inf")
    for _ in range(max(1, repeat)):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
    return best, result


def head() -> list[str]:
    """Return the head of the table."""
    columns = (
        *("instance", "VMs", "nodes", "makespan", "bound", "gap", "sum of ends", "bound", "gap"),
        *("import", "finish", "ends", "verify", "BtrPlace/5", "within"),
    )
    return [f"| {' | '.join(columns)} |", "|" + " - |" * len(columns)]


def line(row: Row) -> str:
    """Return the table's line of an instance; times in seconds."""
    allowed = row.allowed_s
    within = "" if allowed is None else ("yes" if max(row.seconds[1:3]) <= allowed else "no")
    cells = (
        row.name,
        str(row.vms),
        str(row.nodes),
        *_cells(*row.finish),
        *_cells(*row.ends),
        *(f"{seconds:.3f}" for seconds in row.seconds),
        "" if allowed is None else f"{allowed:.2f}",
        within if row.ok else "NOT VERIFIED",
    )
    return f"| {' | '.join(cells)} |"


def _cells(value: float, bound: float) -> Iterable[str]:
    return f"{value:.0f}", f"{bound:.1f}", f"{100 * (value - bound) / bound:.2f}%"


def _by_number(file: Path) -> list[tuple[int, str]]:
    """Sort key: numbers within names by their size."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.stem)]


if __name__ == "__main__":
    sys.exit(main())
