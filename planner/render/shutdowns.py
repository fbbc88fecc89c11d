"""Shutdowns of a triage as ordered steps, numbered after the moves: data only, for every form of the runbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.plan.models import Left, Plan, Shutdown
from planner.render import virsh
from planner.render.steps import Step
from planner.render.triage import why_words
from planner.render.virsh import Command


@dataclass(frozen=True, slots=True)
class ShutdownStep:
    """One shutdown with all that carrying it out needs.

    Parameters
    ----------
    number
        1-based place behind the moves, in the order of start.
    shutdown
        The shutdown.
    after
        Numbers of the steps that must have ended well before this one starts.
    command
        Asks the guest to shut down.
    check
        Shows that it is down.
    last_resort
        Cuts its power; told, and never done by the script.
    why
        Why the VM does not move, in words.
    """

    number: int
    shutdown: Shutdown
    after: tuple[int, ...]
    command: Command
    check: Command
    last_resort: Command
    why: str

    @property
    def wait_s(self) -> int:
        """How long to wait for its end, in whole seconds [s]."""
        return max(1, round(self.shutdown.duration_s))


def shutdown_steps_of(plan: Plan, steps: Sequence[Step]) -> tuple[ShutdownStep, ...]:
    """Return the shutdowns of a plan in the order of start.

    Parameters
    ----------
    steps
        The steps of its moves, which have checked its names.
    """
    numbers = {step.move.vm: step.number for step in steps}
    shutdowns = sorted(plan.shutdowns, key=lambda one: one.start_s)
    numbers |= {one.vm: number for number, one in enumerate(shutdowns, start=len(steps) + 1)}
    saved = plan.objective.saved_weight if plan.objective is not None else None
    return tuple(
        ShutdownStep(
            number=numbers[one.vm],
            shutdown=one,
            after=tuple(sorted(numbers[name] for name in one.after if name in numbers)),
            command=virsh.virsh(one.host, "shutdown", one.vm, purpose="asks the guest to shut down"),
            check=virsh.virsh(one.host, "domstate", one.vm, purpose="says: shut off"),
            last_resort=virsh.virsh(one.host, "destroy", one.vm, purpose="cuts its power"),
            why=why_words(one.why, saved),
        )
        for one in shutdowns
    )


def left_lines(plan: Plan) -> Iterator[tuple[Left, str]]:
    """Yield those that are left, each with the reason in words."""
    for one in plan.left:
        yield one, why_words(one.why)
