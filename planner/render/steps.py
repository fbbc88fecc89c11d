"""From a plan to ordered steps: data only, for every form of the runbook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from planner.errors import InputError, Place, Problem
from planner.inventory.models import Approach, Name, Settings
from planner.plan.models import Move, Plan, PowerStep
from planner.render import virsh
from planner.render.room import room_notes
from planner.render.virsh import Command
from planner.render.words import APPROACH_WORDS
from planner.units import format_duration

_SAME_MOMENT_S = 1e-6
"""Times that differ by less are one moment [s]."""
_OVERRUN_FACTOR, _OVERRUN_LEAST_S = 1.5, 30.0
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

    A step waits for what its move names in ``after``. Where a move starts later than 0 and names nothing, as in
    a plan written by hand, it waits for every move that had ended by its start: what the plan kept apart in time
    stays apart, whatever the steps really take.

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
    of_vm = _numbers(moves)

    def migrate(move: Move, *extra: str) -> Command:
        flows = plan.settings.flows(move.approach, move.disk_bytes)
        return virsh.migrate(move, *virsh.counted_on(move, plan.settings), *extra, flows=flows)

    return tuple(
        Step(
            number=number,
            move=move,
            after=_after(move, moves, of_vm),
            realised=virsh.realised(move),
            migrate=migrate(move),
            resume=migrate(move, "--postcopy-resume") if virsh.switches(move) else None,
            beside=virsh.beside(move, plan.settings),
            switch_when=virsh.switch_when(move),
            checks=virsh.checks(move),
            overrun_s=max(_OVERRUN_FACTOR * move.duration_s, move.duration_s + _OVERRUN_LEAST_S),
            notes=(*_power_note(on.get(move.target)), *_room_note(notes[number - 1]), *_notes(move, plan.settings)),
        )
        for number, move in enumerate(moves, start=1)
    )


def _numbers(moves: Sequence[Move]) -> dict[str, list[int]]:
    """Return the numbers of each VM's moves, ascending."""
    of_vm: dict[str, list[int]] = {}
    for number, move in enumerate(moves, start=1):
        of_vm.setdefault(move.vm, []).append(number)
    return of_vm


def _after(move: Move, moves: Sequence[Move], of_vm: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Return the numbers of the moves that a move waits for; of a VM with several moves the last that has ended."""
    waits = {latest for vm in move.after if (latest := _latest(vm, move, moves, of_vm)) is not None}
    if not waits:
        waits = set(_landed_before(move, moves))
    own = _latest(move.vm, move, moves, of_vm)
    return tuple(sorted(waits | ({own} if own is not None else set())))


def _latest(vm: str, move: Move, moves: Sequence[Move], of_vm: Mapping[str, Sequence[int]]) -> int | None:
    """Return the number of the last move of a VM that has ended by the start of a move, or None."""
    ended = [
        number
        for number in of_vm.get(vm, ())
        if moves[number - 1] is not move and moves[number - 1].end_s <= move.start_s + _SAME_MOMENT_S
    ]
    return ended[-1] if ended else None


def _power_note(step: PowerStep | None) -> Iterable[str]:
    if step is not None:
        after = format_duration(step.end_s)
        yield f"{step.host} is switched on at the start and can receive after {after}, not before."


def _room_note(note: str) -> Iterable[str]:
    if note:
        yield f"{note[0].upper()}{note[1:]}."


def _landed_before(move: Move, moves: Sequence[Move]) -> tuple[int, ...]:
    """Return the moves that had ended by the start of this one, without those that others of them wait for."""
    landed = [
        (number, other)
        for number, other in enumerate(moves, start=1)
        if other.end_s <= move.start_s + _SAME_MOMENT_S and other is not move
    ]
    if not landed:
        return ()
    last_start = max(other.start_s for _, other in landed)
    return tuple(number for number, other in landed if other.end_s > last_start + _SAME_MOMENT_S)


def _check(plan: Plan, moves: Sequence[Move]) -> None:
    problems = [*_bad_names(plan), *_bad_order(moves)]
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


def _bad_order(moves: Sequence[Move]) -> Iterable[Problem]:
    """Yield a problem for each VM that moves again from where it is not, and each wait that could not end."""
    by_vm: dict[str, Move] = {}
    for move in moves:
        earlier = by_vm.get(move.vm)
        landed = earlier is None or earlier.end_s <= move.start_s + _SAME_MOMENT_S
        if earlier is not None and not (landed and earlier.target == move.source):
            yield Problem(
                "moves-twice",
                f"VM {move.vm!r} moves twice, and not from where it has landed",
                "keep one of its moves, or let the second begin where and when the first ends",
                Place(path="moves"),
            )
        by_vm[move.vm] = move
    of_vm = _numbers(moves)
    for move in moves:
        for name in move.after:
            if _latest(name, move, moves, of_vm) is None:
                yield Problem(
                    "bad-after",
                    f"{move.vm!r} waits for {name!r}, which does not end before it starts",
                    "name only moves that have ended by its start",
                    Place(path=f"moves: {move.vm}: after"),
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
