"""What a triage brought: who is saved by which moves, what that weighs, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planner.plan.models import Move, Why

GOOD = 1e-9
"""Relative distance to the bound at which the most weight is saved [1]."""


@dataclass(frozen=True)
class Saved:
    """The VMs that are saved.

    Parameters
    ----------
    names
        Their names.
    weight
        The sum of their weights [1].
    moves
        Moves that save them; verified by nobody yet.
    """

    names: frozenset[str]
    weight: float
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Triaged:
    """Who is saved and who is not.

    Parameters
    ----------
    saved_weight, total_weight
        Weight of those that leave, and of all that had to [1].
    most_weight
        No plan saves more [1].
    unmoved
        Those that do not move, by name in the order of the inventory, and why.
    """

    saved_weight: float
    total_weight: float
    most_weight: float
    unmoved: Mapping[str, Why]

    @property
    def proven(self) -> bool:
        """Whether no plan saves more weight."""
        return self.most_weight <= self.saved_weight + GOOD * max(1.0, self.saved_weight)

    def weights(self) -> dict[str, float]:
        """Return the three weights, as fields of an objective."""
        return {
            "saved_weight": self.saved_weight,
            "total_weight": self.total_weight,
            # The solver's tolerances may put its bound a hair below what is saved.
            "upper_bound_saved_weight": max(self.most_weight, self.saved_weight),
        }
