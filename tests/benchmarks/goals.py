"""What the planner is to reach on these instances, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.records import Record
from tests.benchmarks.summary import Results
from tests.benchmarks.tables import figure, share, table

OVER_S = 1.0
"""By how much a limit on time may be missed: that much the planner may take to stop [s]."""
GIB = 2**30


@dataclass(frozen=True)
class Goal:
    """What is to be reached on some cases.

    Parameters
    ----------
    sizes, kappas
        On which, at 10 Gbit/s.
    gap, seconds, memory_bytes
        At most so much [1, s, bytes].
    """

    sizes: tuple[str, ...]
    kappas: tuple[float, ...]
    gap: float
    seconds: float
    memory_bytes: float = float("inf")

    def reached(self, record: Record) -> bool:
        """Return whether a record is as good as that."""
        return (
            record.in_time
            and record.gap is not None
            and record.gap <= self.gap
            and (record.seconds or 0.0) <= self.seconds + OVER_S
            and (record.memory_bytes or 0) <= self.memory_bytes
        )


GOALS = (
    Goal(("xs", "s", "m", "l"), (1.03, 1.1, 1.3, 2.0), 0.01, 10.0),
    Goal(("xl",), (1.1, 1.3, 2.0), 0.02, 60.0),
    Goal(("xl",), (1.03,), 0.05, 60.0),
    Goal(("xxl",), (1.1, 1.3, 2.0), 0.05, 300.0, 4 * GIB),
)


def goals(results: Results) -> str:
    """Return the table of the goals that the records say something about."""
    rows = []
    for goal in GOALS:
        found = [
            record
            for case in results.cases
            if case.size in goal.sizes and case.kappa in goal.kappas and case.gbit == 10
            if (record := results.ours(case)) is not None
        ]
        if found:
            without = sum(not record.in_time for record in found)
            worst = max((record.gap for record in found if record.gap is not None), default=None)
            memory = "" if goal.memory_bytes == float("inf") else f", memory at most {goal.memory_bytes / GIB:g} GiB"
            rows.append(
                (
                    ", ".join(goal.sizes),
                    ", ".join(f"{kappa:g}" for kappa in goal.kappas),
                    f"gap at most {share(goal.gap)}, {goal.seconds:g} s{memory}",
                    f"{sum(map(goal.reached, found))} of {len(found)}",
                    str(without),
                    share(worst),
                    figure(max((record.seconds for record in found if record.seconds is not None), default=None)),
                )
            )
    head = ("sizes", "kappa", "goal", "reached", "without a plan", "worst gap of a plan", "most seconds")
    return table(head, rows) if rows else "This run has none of the cases that goals are set for.\n"
