"""CP-SAT's answer to an instance: optional intervals and cumulatives on a grid of time.

Run as ``python -m tests.benchmarks.cpsat instance.json out.json``, in a process of its own: ortools and highspy cannot
be loaded together, so nothing here imports the planner's solver. What stands in the instance says
`tests.benchmarks.rival`.

Times are rounded up to the grid and the deadline down, so that every answer is one of the true problem. Each choice is
an optional interval of fixed length that starts with its VM; each link is a cumulative of rates, each limit on
migrations at once a cumulative of ones. Sums of volumes and of times over the deadline are added as rows, which CP-SAT
does not find by itself: they lift its bound.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ortools.sat.python import cp_model

from tests.benchmarks.memory import peak_memory_bytes

GRID_S = 0.001
"""Step of time where nothing else is said: with 10 ms plans near the deadline are lost to rounding [s]."""
RATE_STEPS = 12_000
"""Whole steps into which the fastest rate is divided; every rate of the menus is a whole number of them [count]."""
PROBED = 3000
"""Choices up to which CP-SAT probes: with more this alone takes it the time that it has [count]."""
MICRO = 1_000_000
"""Weighted downtimes are counted in microseconds [1/s]."""


def ticks_up(seconds: float, grid_s: float) -> int:
    """Return a duration in steps of the grid, rounded up."""
    return math.ceil(seconds / grid_s - 1e-9)


def ticks_down(seconds: float, grid_s: float) -> int:
    """Return a deadline in steps of the grid, rounded down."""
    return math.floor(seconds / grid_s + 1e-9)


def steps_up(rate: float, step: float) -> int:
    """Return a rate in whole steps, rounded up where it is none."""
    near = round(rate / step)
    return near if abs(rate / step - near) < 1e-6 else math.ceil(rate / step)


def steps_down(capacity: float, step: float) -> int:
    """Return a capacity in whole steps, rounded down where it is none."""
    near = round(capacity / step)
    return near if abs(capacity / step - near) < 1e-6 else math.floor(capacity / step)


class Model:
    """The model of one instance.

    Parameters
    ----------
    document
        What `tests.benchmarks.rival.document` gives.
    grid_s
        Step of time [s].
    rows
        Whether sums of volumes and times are added.
    """

    def __init__(self, document: dict[str, Any], *, grid_s: float = GRID_S, rows: bool = True) -> None:
        self.model = cp_model.CpModel()
        self._document, self._rows = document, rows
        self._horizon = ticks_down(document["deadline_s"], grid_s)
        choices = document["choices"]
        self._mover: list[int] = choices["mover"]
        self._ticks = [ticks_up(seconds, grid_s) for seconds in choices["time_s"]]
        step = max(choices["rate"], default=1.0) / RATE_STEPS
        self._step = step
        self._demand = [steps_up(rate, step) for rate in choices["rate"]]
        self.chosen = [self.model.new_bool_var("") for _ in self._mover]
        self.starts = [self.model.new_int_var(0, self._horizon, "") for _ in document["weight"]]
        self._intervals = self._make_intervals()
        self._one_choice_each()
        for link in document["links"]:
            self._cumulative(link["choices"], self._demand, steps_down(link["capacity"], step))
        for slot in document["slots"]:
            self._cumulative(slot["choices"], [1] * len(self._mover), slot["capacity"])
        self._room()
        self.cost = [
            round(document["weight"][v] * downtime * MICRO)
            for v, downtime in zip(self._mover, choices["downtime_s"], strict=True)
        ]
        self.model.minimize(cp_model.LinearExpr.weighted_sum(self.chosen, self.cost))

    def _make_intervals(self) -> list[Any]:
        """Each choice is an optional interval from its VM's start, within the deadline."""
        intervals = []
        for k, v in enumerate(self._mover):
            if self._ticks[k] > self._horizon:
                self.model.add(self.chosen[k] == 0)
            else:
                self.model.add(self.starts[v] <= self._horizon - self._ticks[k]).only_enforce_if(self.chosen[k])
            intervals.append(
                self.model.new_optional_fixed_size_interval_var(self.starts[v], self._ticks[k], self.chosen[k], "")
            )
        return intervals

    def _one_choice_each(self) -> None:
        choices: list[list[Any]] = [[] for _ in self.starts]
        for k, v in enumerate(self._mover):
            choices[v].append(self.chosen[k])
        for mine in choices:
            self.model.add_exactly_one(mine)

    def _cumulative(self, here: Sequence[int], demand: Sequence[int], capacity: int) -> None:
        """What runs at once fits; and so does, as a row, the sum over the deadline."""
        self.model.add_cumulative([self._intervals[k] for k in here], [demand[k] for k in here], capacity)
        if self._rows:
            used = cp_model.LinearExpr.weighted_sum(
                [self.chosen[k] for k in here], [demand[k] * self._ticks[k] for k in here]
            )
            self.model.add(used <= capacity * self._horizon)

    def _room(self) -> None:
        """Memory and vCPUs of each class of destinations: nothing leaves it, so the end is the tightest moment."""
        klass = self._document["choices"]["klass"]
        for size, free in (("memory", "free_memory"), ("vcpus", "free_vcpus")):
            sizes = self._document[size]
            unit = math.gcd(*sizes) or 1
            for c, room in enumerate(self._document[free]):
                here = [k for k, other in enumerate(klass) if other == c]
                used = cp_model.LinearExpr.weighted_sum(
                    [self.chosen[k] for k in here], [sizes[self._mover[k]] // unit for k in here]
                )
                self.model.add(used <= room // unit)


def solve(
    document: dict[str, Any], *, limit_s: float, workers: int, seed: int, grid_s: float = GRID_S, rows: bool = True
) -> dict[str, Any]:
    """Solve an instance.

    Parameters
    ----------
    document
        What `tests.benchmarks.rival.document` gives.
    limit_s
        Wall time for making the model and solving it [s].
    workers
        Threads of CP-SAT [count].
    grid_s
        Step of time [s].
    """
    begin = time.monotonic()
    made = Model(document, grid_s=grid_s, rows=rows)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    if len(made.chosen) > PROBED:
        solver.parameters.cp_model_probing_level = 0
    solver.parameters.max_time_in_seconds = max(0.1, limit_s - (time.monotonic() - begin))
    first = _First(begin)
    status = solver.solve(made.model, first)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    bound = solver.best_objective_bound / MICRO
    answer: dict[str, Any] = {
        "status": solver.status_name(status).lower(),
        "seconds": time.monotonic() - begin,
        "bound_s": bound if math.isfinite(bound) and status != cp_model.INFEASIBLE else None,
        "first_s": first.seconds,
        "choices": None,
        "starts_s": None,
        "memory_bytes": peak_memory_bytes(),
    }
    if found:
        chosen = [-1] * len(made.starts)
        for k, v in enumerate(document["choices"]["mover"]):
            if solver.boolean_value(made.chosen[k]):
                chosen[v] = k
        answer["choices"] = chosen
        answer["starts_s"] = [solver.value(start) * grid_s for start in made.starts]
    return answer


class _First(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]  # ortools is not followed by mypy
    """Notes when the first solution came."""

    def __init__(self, begin: float) -> None:
        super().__init__()
        self._begin = begin
        self.seconds: float | None = None

    def on_solution_callback(self) -> None:
        if self.seconds is None:
            self.seconds = time.monotonic() - self._begin


def main() -> None:
    """Read an instance, solve it, write the answer."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.cpsat", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("instance", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--limit", type=float, default=60.0, help="wall time [s]")
    parser.add_argument("--workers", type=int, default=8, help="threads [count]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--grid", type=float, default=GRID_S, help="step of time [s]")
    parser.add_argument("--no-rows", action="store_true", help="leave out the sums of volumes and times")
    arguments = parser.parse_args()
    document = json.loads(arguments.instance.read_text(encoding="utf-8"))
    answer = solve(
        document,
        limit_s=arguments.limit,
        workers=arguments.workers,
        seed=arguments.seed,
        grid_s=arguments.grid,
        rows=not arguments.no_rows,
    )
    arguments.out.write_text(json.dumps(answer) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
