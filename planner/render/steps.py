"""From a plan to ordered steps: data only, for every form of the runbook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from planner.errors import InputError, Place, Problem
from planner.inventory.models import Approach, Name, Settings
from planner.plan.models import Move, Plan, PowerStep
from planner.plan.waits import order_problems, overrun_s, waits_of
from planner.render import virsh
from planner.render.room import room_notes
from planner.render.virsh import Command
from planner.render.words import APPROACH_WORDS
from planner.units import format_duration

_NAME: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True, slots=True)
class Step:
    """One move with all that carrying it out needs.

    Parameters
    ----------
    number
        1-based place in the order of start.
    move
        The move.
    after
        Numbers of the steps that must have ended well before this one starts.
    realised
        The approach as which it is carried out.
    migrate
        The command that starts it and stays until its end.
    resume
        The same to go on after a connection that broke after the switch; None where it does not switch.
    beside
        Commands for a second terminal while it runs.
    switch_when
        Count of virsh's job statistics and its value at which it is to be switched to post-copy by hand; None where it
        is not.
    checks
        Commands that show that it has ended well.
    overrun_s
        Time after its start from which it is called overrun [s].
    notes
        What a reader must know of this step, one sentence each.
    """

    number: int
    move: Move
    after: tuple[int, ...]
    realised: Approach
    migrate: Command
    resume: Command | None
    beside: tuple[Command, ...]
    switch_when: tuple[str, int] | None
    checks: tuple[Command, ...]
    overrun_s: float
    notes: tuple[str, ...]


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """Return the steps of a plan in the order of start.

    What a step waits for is told by `planner.plan.waits.waits_of`.

    Raises
    ------
    InputError
        If a name is not one that a command line may carry, a VM moves twice, or a move waits for one that does
        not end before it.
    """
    moves = [virsh.with_switch_point(move, plan.settings) for move in sorted(plan.moves, key=lambda move: move.start_s)]
    _check(plan, moves)
    notes = room_notes(plan)
    on = {step.host: step for step in plan.power if step.turn == "on"}
    waits = waits_of(moves)

    def migrate(move: Move, *extra: str) -> Command:
        flows = plan.settings.flows(move.approach, move.disk_bytes)
        return virsh.migrate(move, *virsh.counted_on(move, plan.settings), *extra, flows=flows)

    return tuple(
        Step(
            number=number,
            move=move,
            after=tuple(index + 1 for index in waits[number - 1]),
            realised=virsh.realised(move),
            migrate=migrate(move),
            resume=migrate(move, "--postcopy-resume") if virsh.switches(move) else None,
            beside=virsh.beside(move, plan.settings),
            switch_when=virsh.switch_when(move),
            checks=virsh.checks(move),
            overrun_s=overrun_s(move),
            notes=(*_power_note(on.get(move.target)), *_room_note(notes[number - 1]), *_notes(move, plan.settings)),
        )
        for number, move in enumerate(moves, start=1)
    )


def _power_note(step: PowerStep | None) -> Iterable[str]:
    if step is not None:
        after = format_duration(step.end_s)
        yield f"{step.host} is switched on at the start and can receive after {after}, not before."


def _room_note(note: str) -> Iterable[str]:
    if note:
        yield f"{note[0].upper()}{note[1:]}."


def _check(plan: Plan, moves: Sequence[Move]) -> None:
    problems = [*_bad_names(plan), *order_problems(moves)]
    if problems:
        raise InputError(problems)


def _bad_names(plan: Plan) -> Iterable[Problem]:
    """Yield a problem for each name that could mean something else on a command line or in a URI."""
    named = [("request.evacuate", host) for host in plan.request.evacuate]
    for i, one in enumerate(plan.shutdowns):
        named += [(f"shutdowns[{i}].{key}", getattr(one, key)) for key in ("vm", "host")]
    for i, move in enumerate(plan.moves):
        named += [(f"moves[{i}].{key}", getattr(move, key)) for key in ("vm", "source", "target")]
    for path, name in named:
        try:
            _NAME.validate_python(name)
        except ValidationError:
            yield Problem(
                "bad-name",
                f"{name[:80]!r} is not a name that may stand on a command line",
                "use letters, digits and . _ - : @ +, not beginning with -",
                Place(path=path),
            )


def _notes(move: Move, settings: Settings) -> Iterable[str]:
    change = virsh.rounding_change(move.bandwidth_bytes_per_s)
    if change < -virsh.ROUNDING_WORTH_SAYING:
        yield (
            f"virsh takes whole MiB/s: the bandwidth is {-change:.0%} less than planned, so allow"
            f" {1 / (1 + change) - 1:.0%} more time."
        )
    elif change > virsh.ROUNDING_WORTH_SAYING:
        yield f"virsh knows no bandwidth below 1 MiB/s: this step uses {change:.0%} more than planned."
    if move.disk_bytes > 0:
        yield from _disk_notes(move)
    compressed = settings.model == "saturating" and settings.compression_ratio > 1
    if compressed and virsh.realised(move) is not Approach.POSTCOPY:
        yield (
            f"The plan counts on memory being compressed {settings.compression_ratio:g} times on the link: add the"
            " options with which that was measured, such as `--parallel --compressed --comp-methods zstd`."
        )
    if virsh.switch_pass(move) is not None:
        yield (
            "If pre-copy ends by itself before the switch, nothing is left to be done: the VM has moved, with the pause"
            " of a pre-copy."
        )
    elif move.approach is Approach.HYBRID and virsh.realised(move) is Approach.HYBRID and move.switch_point is None:
        yield (
            "The plan's hybrid sends a share by pre-copy and the rest after the switch; libvirt knows only the moment"
            " of the switch, so it is made when that share of the image has been sent."
        )
        if move.memory_bytes == 0:
            yield "The plan does not say how large the VM is: the switch comes by itself after the first pass."
    if move.approach is not virsh.realised(move):
        how = APPROACH_WORDS[virsh.realised(move)]
        yield f"With nothing to send on the other side of the switch this hybrid is a plain {how}, and is done so."
    if move.vm.isdigit():
        asked = " and ".join(f"`{virsh.domain_name(host, move.vm).line}`" for host in (move.source, move.target))
        yield (
            f"The name {move.vm} is a number, and virsh takes a number for a domain ID first: see what {asked} say; if"
            " either names another VM, use the UUID in all commands."
        )


def _disk_notes(move: Move) -> Iterable[str]:
    yield (
        "The disk moves with the VM: images of the same size must exist at the same paths on the target. libvirt copies"
        " the disk first, while the VM runs, then the memory."
    )
    if virsh.realised(move) is Approach.COLD:
        yield "The VM is paused only while its memory is sent: the downtime should be less than planned."
