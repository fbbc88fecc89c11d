"""The runbook in Markdown: what a night shift prints or opens beside the terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.inventory.models import Approach, Settings
from planner.plan.models import Move, Plan
from planner.render import virsh
from planner.render.clock import Clock
from planner.render.shutdowns import left_lines, shutdown_steps_of
from planner.render.steps import Step, steps_of
from planner.render.templating import environment
from planner.render.triage import weight_words
from planner.render.words import finish_sentence, status_sentence, verification_sentence
from planner.units import format_duration, format_size

_LONGEST_SHOWN = 3
_QUICK_S = 60.0
"""Steps shorter than this are better started by the script [s]."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What arrives on a target: its name, the number of VMs, and their memory for people."""

    name: str
    vms: int
    memory: str


def markdown_runbook(plan: Plan) -> str:
    """Return the runbook of a plan in Markdown.

    Raises
    ------
    InputError
        If the plan's names or order cannot be carried out; see `planner.render.steps.steps_of`.
    """
    steps = steps_of(plan)
    shutdowns = shutdown_steps_of(plan, steps)
    moves = [step.move for step in steps]
    objective = plan.objective
    weighted_s = sum(move.weight * move.downtime_s for move in moves)
    return (
        environment()
        .get_template("runbook.md.j2")
        .render(
            plan=plan,
            hosts=plan.request.evacuate,
            all_hosts=list(
                dict.fromkeys((*plan.request.evacuate, *sorted({h for m in moves for h in (m.source, m.target)})))
            ),
            steps=steps,
            triaged=plan.triaged,
            shutdowns=shutdowns,
            left=tuple(left_lines(plan)),
            weight=_weight(plan),
            domain_name=lambda host, vm: virsh.domain_name(host, vm).line,
            vms=len({move.vm for move in moves}),
            quick=_quick(steps),
            clock=Clock(plan.request.start_clock),
            clocked=plan.request.start_clock is not None,
            status=status_sentence(plan),
            verified=verification_sentence(plan.verification),
            finish=finish_sentence(plan),
            spare_s=_spare_s(plan),
            turn_on=[step for step in plan.power if step.turn == "on"],
            turn_off=[step for step in plan.power if step.turn == "off"],
            targets=_arrivals(steps),
            disks=[step for step in steps if step.move.disk_bytes > 0],
            network=plan.settings.migration_network,
            switching=[step for step in steps if virsh.switches(step.move)],
            longest=sorted(steps, key=lambda step: -step.move.downtime_s)[:_LONGEST_SHOWN],
            total_downtime_s=sum(move.downtime_s for move in moves),
            weighted_downtime_s=weighted_s,
            bound=format_duration(objective.lower_bound_weighted_downtime_s) if objective else "",
            total_bytes=sum(move.transferred_bytes for move in moves),
            version=lambda host: virsh.virsh(host, "version", purpose="answers").line,
            list_all=lambda host: virsh.virsh(host, "list", "--all", purpose="lists nothing").line,
            while_it_runs=lambda step: "\n".join(_while_it_runs(step)),
            overrun=lambda step: "\n".join(_overrun(step, steps, plan.settings)),
        )
    )


def _spare_s(plan: Plan) -> float:
    """Return by how much a plan ends before its deadline, or 0; shutdowns use all the time there is [s]."""
    off_s = {step.host: step.duration_s for step in plan.power if step.turn == "off"}
    power_s = () if plan.shutdowns else tuple(step.end_s for step in plan.power)
    ends_s = (move.end_s + off_s.get(move.source, 0.0) for move in plan.moves)
    return max(0.0, plan.request.deadline_s - max((*ends_s, *power_s), default=0.0))


def _weight(plan: Plan) -> str:
    """Return the weight that a triage saves, in words; nothing where it is not told."""
    objective = plan.objective
    if objective is None or objective.saved_weight is None or objective.total_weight is None:
        return ""
    return weight_words(objective.saved_weight, objective.total_weight, objective.upper_bound_saved_weight)


def _quick(steps: Sequence[Step]) -> int:
    """Return how many steps are too quick for hands; 0 where they are not most of them."""
    quick = sum(step.move.duration_s < _QUICK_S for step in steps)
    return quick if 2 * quick > len(steps) else 0


def _arrivals(steps: Sequence[Step]) -> list[Arrivals]:
    by_target: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_target[step.move.target].append(step)
    return [
        Arrivals(
            target,
            len(arriving),
            format_size(sum(step.move.memory_bytes for step in arriving))
            if all(step.move.memory_bytes for step in arriving)
            else "not in the plan",
        )
        for target, arriving in sorted(by_target.items())
    ]


def _while_it_runs(step: Step) -> Iterator[str]:
    """Yield what to do from a second terminal while the step runs."""
    move = step.move
    match step.realised:
        case Approach.COLD:
            yield (
                "Without `--live` the VM is paused while its memory is sent, and runs on by itself on the target; if"
                " the migration fails, on the source."
            )
        case Approach.PRECOPY:
            yield from _set_downtime(step)
        case Approach.POSTCOPY:
            yield "In a second terminal, at once; repeat it until it answers without an error:"
            yield from _block(virsh.switch(move).line)
            yield (
                "Forgotten, the switch comes by itself after the first pass (`--postcopy-after-precopy`), and the step"
                " takes longer. From the switch on the VM runs on the target."
            )
        case Approach.HYBRID if step.switch_when is None:
            yield "The switch to post-copy comes by itself after the first pass. From then on it runs on the target."
        case Approach.HYBRID:
            yield f"In a second terminal: when {_switch_moment(move, *step.switch_when)}, switch to post-copy:"
            yield from _block(virsh.job(move).line, virsh.switch(move).line)
            if virsh.switch_pass(move) is None:
                forgotten = "the switch comes by itself after the first pass (`--postcopy-after-precopy`)"
            else:
                forgotten = "it stays a pre-copy, which may never end"
            yield f"Forgotten, {forgotten}. From the switch on the VM runs on the target."


def _switch_moment(move: Move, count: str, value: int) -> str:
    """Return when a hybrid is to be switched, in the words of `virsh domjobinfo`."""
    match count:
        case "memory_iteration":
            return f"`Iteration` has reached **{value}**, that is after {value - 1} passes"
        case "memory_remaining":
            share = f"{move.switch_point:.0%} of the first pass"
            return f"`Memory remaining` has fallen to **{format_size(value)}** ({share})"
        case _:
            after = format_duration(value / move.bandwidth_bytes_per_s)
            share = f"{move.precopy_share:.0%} of the image, after about {after}"
            return f"`Data processed` has reached **{format_size(value)}** ({share})"


def _set_downtime(step: Step) -> Iterator[str]:
    if not step.beside:
        yield "Nothing else to do while it runs: QEMU's own downtime limit of 300 ms is what the plan assumes."
        return
    yield "In a second terminal, while it runs; the plan assumes that it may pause this many milliseconds at the end:"
    yield from _block(*(command.line for command in step.beside))


def _block(*lines: str) -> Iterator[str]:
    yield ""
    yield "```sh"
    yield from lines
    yield "```"
    yield ""


def _overrun(step: Step, steps: Sequence[Step], settings: Settings) -> Iterator[str]:
    """Yield when the step is overrun and what to do then."""
    move = step.move
    waiting = [other.number for other in steps if step.number in other.after]
    yield (
        f"**Overrun** if it has not ended {format_duration(step.overrun_s)} after its start. Look how far it is:"
        f" `{virsh.job(move).line}`."
    )
    yield ""
    match step.realised:
        case Approach.COLD:
            yield "- The VM stands still all this time. `Data remaining` must fall; if not, look at the network."
            yield f"- To give up: `{virsh.abort(move).line}`; the VM runs on, on `{move.source}`."
        case Approach.PRECOPY:
            longer = virsh.set_downtime(move, virsh.longer_limit_ms(move, settings)).line
            rate = virsh.bandwidth_mib_per_s(move.bandwidth_bytes_per_s)
            yield (
                "- If `Data remaining` no longer falls from pass to pass, the VM writes faster than expected. If it"
                f" bears a longer pause, allow it: `{longer}`."
            )
            yield (f"- If `Memory bandwidth` stays far below {rate} MiB/s, something else uses the path: find it.")
            yield f"- To give up: `{virsh.abort(move).line}`; the VM stays on `{move.source}` and loses nothing."
        case Approach.POSTCOPY | Approach.HYBRID:
            yield (
                f"- Before the switch: `{virsh.abort(move).line}` gives up; the VM stays on `{move.source}` and loses"
                " nothing."
            )
            yield (
                f"- **After the switch never abort it, and touch neither `{move.source}` nor `{move.target}`:** its"
                " memory is split between them, and only the end of the migration makes it whole. Wait."
            )
            if step.resume is not None:
                yield "- If the connection breaks after the switch, the VM stands still. Mend the network, then resume:"
                yield f"  `{step.resume.line}`"
    if waiting:
        yield (
            f"- Step{'s' if len(waiting) > 1 else ''} {', '.join(map(str, waiting))} must not start before it has ended"
            " well. If you gave it up, plan again (section 5)."
        )
