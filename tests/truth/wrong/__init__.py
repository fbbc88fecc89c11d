"""Plans that are right but for one thing, each with the checks that reject it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from planner.inventory.models import Inventory
from planner.plan.models import Move, Plan
from tests.truth.handmade import small_inventory, small_moves

Wrong = tuple[Inventory, Plan]


@dataclass(frozen=True)
class No:
    """A plan that some checks reject: ``check``, and those that cannot but reject it too."""

    check: str
    also: tuple[str, ...]
    make: Callable[[], Wrong]

    @property
    def id(self) -> str:
        return f"{self.check}: {self.make.__name__.replace('_', ' ')}"


NOES: list[No] = []
"""All of them; the modules of this package add theirs when they are imported."""


def no(check: str, *also: str) -> Callable[[Callable[[], Wrong]], Callable[[], Wrong]]:
    """Register the maker of a wrong plan."""

    def register(make: Callable[[], Wrong]) -> Callable[[], Wrong]:
        NOES.append(No(check, also, make))
        return make

    return register


INVENTORY = small_inventory()
MOVES = small_moves(INVENTORY)
DB, WEB, APP, CACHE = MOVES


def at(vm: str, start_s: float) -> Move:
    """Return the move of a VM with another start."""
    move = next(move for move in MOVES if move.vm == vm)
    return move.model_copy(update={"start_s": start_s, "after": ()})
