"""How soon a no comes with all that is said of it: mid-size clusters with deadlines that are too short."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner import api
from planner.plan.advice import Advice
from planner.plan.models import Status
from tests.benchmarks.fluid import cached_deadline_s
from tests.benchmarks.generator import generate


@dataclass(frozen=True)
class Answered:
    """One answer.

    Parameters
    ----------
    seed, share
        The cluster, and the deadline as a share of the fluid one, below which there is none [1].
    status
        What is answered.
    seconds
        Wall time of the whole answer [s].
    members, minimal
        Of the smallest conflict [count].
    ends_s
        The two ends of the smallest deadline, over the fluid deadline [1].
    choices
        What would help.
    """

    seed: int
    share: float
    status: Status
    seconds: float
    members: int
    minimal: bool
    ends: tuple[float, float]
    choices: tuple[str, ...]

    def line(self) -> str:
        """Return the answer as a line of a table."""
        low, high = self.ends
        minimal = "minimal" if self.minimal else "not settled"
        return (
            f"seed {self.seed}  {self.share:4.2f}  {self.status:10}  {self.seconds:5.1f} s  {self.members:3} members,"
            f" {minimal:11}  deadline {low:.4f} to {high:.4f}  {', '.join(self.choices)}"
        )


def measure(size: str, seeds: Sequence[int], shares: Sequence[float], cache: Path) -> Iterator[Answered]:
    """Answer all cases, one after the other."""
    for seed in seeds:
        instance = generate(size, seed)
        fluid_s = cached_deadline_s(instance, cache)
        for share in shares:
            begun = time.monotonic()
            found = api.check(instance.inventory, instance.evacuate, share * fluid_s, advise=True)
            seconds = time.monotonic() - begun
            advice = found.advice
            assert advice is not None
            yield Answered(
                seed,
                share,
                found.status,
                seconds,
                len(advice.conflict.members) if advice.conflict else 0,
                bool(advice.conflict and advice.conflict.minimal),
                _ends(advice, fluid_s),
                tuple(choice.kind for choice in advice.choices),
            )


def _ends(advice: Advice, fluid_s: float) -> tuple[float, float]:
    found = advice.smallest_deadline
    if found is None:
        return 0.0, math.inf
    high_s = math.inf if found.possible_s is None else found.possible_s
    return found.impossible_below_s / fluid_s, high_s / fluid_s
