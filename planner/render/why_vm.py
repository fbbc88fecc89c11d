"""Why a VM moves as it does: its way, its target and its start, each against the others that there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from planner.plan.models import Plan
from planner.plan.why import Alternative, Elsewhere, Fate, Kind, Load, Refusal, Why, WhyMove, WhyStay
from planner.render.clock import Clock
from planner.render.tables import Column, Fitting, folded
from planner.render.triage import why_words
from planner.render.why_words import NAMED, REFUSALS, blocked_words, longer_words, resource_words, way_words, when
from planner.render.words import APPROACH_WORDS, how_words, listing, percent, plain
from planner.units import format_duration, format_rate

MOST_WAYS = 14
"""Ways that are shown [count]."""
SAVING = 1e-5
"""Less downtime than this share of it is within what rounding leaves [1]."""
FATES = {
    Fate.EVACUATED: "to be emptied, too",
    Fate.REFUSES: "never a target (accepts: false)",
    Fate.NO_ROUTE: "no route leads there",
    Fate.SLOWER: "the route there does not carry so much bandwidth",
}
SHORT = {
    Kind.LINK: "too little bandwidth is free on the way there",
    Kind.OUTGOING: "no outgoing slot is free",
    Kind.INCOMING: "no incoming slot is free there",
    Kind.MEMORY: "too little memory is free there",
    Kind.VCPUS: "too few vCPUs are free there",
    Kind.SEPARATE: "a VM is there that it must be apart from",
    Kind.TOGETHER: "the VMs that it must be with end elsewhere",
    Kind.READY: "not ready by then",
}
"""Why several hosts are out of the question, in a few words each."""


def why_move_parts(why: WhyMove, plan: Plan, clock: Clock) -> list[RenderableType]:
    """Return why a VM moves as it does, in parts."""
    how = f"{how_words(why.approach, why.switch_point)} at {format_rate(why.bandwidth_bytes_per_s)}"
    head = (
        f"{why.vm}: {why.source} to {why.target}, {how}, {when(clock, why.start_s)} to {when(clock, why.end_s)},"
        f" {format_duration(why.downtime_s)} of downtime"
    )
    parts: list[RenderableType] = [Text(plain(head), style="bold"), *map(folded, _extra(why))]
    parts += [Text(), Text(plain(f"Why {how}"), style="bold"), _ways(why, clock)]
    parts += [folded(line) for line in (*_refused(why), *_approach_lines(why, plan, clock))]
    parts += [Text(), Text(plain(f"Why to {why.target}"), style="bold")]
    parts += [folded(line) for line in _target_lines(why, clock)]
    parts += [Text(), Text("Why not sooner", style="bold"), *(folded(line) for line in _start_lines(why, clock))]
    return parts


def why_stay_line(stay: WhyStay, why: Why) -> str:
    """Return that a VM does not move, and why."""
    plan, clock = why.plan, Clock(why.plan.request.start_clock)
    saved = None if plan.objective is None else plan.objective.saved_weight
    for down in plan.shutdowns:
        if down.vm == stay.vm:
            times = f"from {when(clock, down.start_s)} to {when(clock, down.end_s)}"
            return f"{stay.vm} does not move: it is shut down on {stay.host} {times}; {why_words(down.why, saved)}."
    for left in plan.left:
        if left.vm == stay.vm:
            kept = f"{why_words(left.unmoved, saved)}; it is not shut down either: {why_words(left.why)}"
            return f"{stay.vm} does not move and is left on {stay.host}: {kept}."
    evacuated = listing(why.plan.request.evacuate)
    return f"{stay.vm} does not move: it stays on {stay.host}, which is not evacuated ({evacuated} is)."


def _extra(why: WhyMove) -> Iterator[str]:
    if why.makes_room_for:
        yield f"It makes room on {why.source} for {listing(why.makes_room_for)}."
    elif why.extra:
        yield f"Its host is not evacuated, or it has moved before: {why.source} is left to make room."
    if not why.last:
        yield f"It waits on {why.target}, and moves on from there."


def _ways(why: WhyMove, clock: Clock) -> RenderableType:
    had = [one for one in why.alternatives if one.refusal is None]
    chosen = next(place for place, one in enumerate(had) if one.chosen)
    shown = had[:MOST_WAYS] if chosen < MOST_WAYS else [*had[: MOST_WAYS - 1], had[chosen]]
    rows = [
        [
            how_words(one.approach, one.switch_point),
            format_rate(one.bandwidth_bytes_per_s),
            "-" if one.time_s is None else format_duration(one.time_s),
            "-" if one.downtime_s is None else format_duration(one.downtime_s),
            "planned" if one.chosen else _fits(one, clock),
        ]
        for one in shown
    ]
    left = len(had) - len(shown)
    if left:
        rows.append([f"... {left} more", "", "", "", "more downtime; --format json has them"])
    columns = [
        Column("way"),
        Column("bandwidth", "right"),
        Column("time", "right"),
        Column("downtime", "right"),
        Column("in its place, all else as it is"),
    ]
    return Fitting(columns, rows)


def _fits(one: Alternative, clock: Clock) -> str:
    if one.start_s is not None:
        return f"fits at {when(clock, one.start_s)}"
    if not one.blocked:
        return "fits at no start"
    return f"fits at no start: {resource_words(one.blocked[0].resource)}{'' if one.everywhere else ', and others'}"


def _refused(why: WhyMove) -> Iterator[str]:
    """Yield what is not to be had at all: the reason, and by approach at which bandwidths."""
    found: defaultdict[tuple[Refusal, str], dict[str, None]] = defaultdict(dict)
    had = {(one.approach, one.bandwidth_bytes_per_s) for one in why.alternatives if one.refusal is None}
    for one in why.alternatives:
        if one.refusal is not None:
            other = (one.approach, one.bandwidth_bytes_per_s) in had
            words = f"{APPROACH_WORDS[one.approach]}{' with other switch points' if other else ''}"
            found[one.refusal, words][format_rate(one.bandwidth_bytes_per_s)] = None
    for (refusal, approach), rates in found.items():
        limit = ""
        if refusal is Refusal.MAX_DOWNTIME and why.max_downtime_s is not None:
            limit = f" ({format_duration(why.max_downtime_s)})"
        at = "" if refusal in (Refusal.SETTINGS, Refusal.VM) else f" at {listing(list(rates), NAMED + 1)}"
        yield f"- Not {approach}{at}: {REFUSALS[refusal]}{limit}."


def _approach_lines(why: WhyMove, plan: Plan, clock: Clock) -> Iterator[str]:
    """Yield what makes the planned way the choice: of the ways with less downtime, those that come nearest."""
    less = [
        one
        for one in why.alternatives
        if one.tried and one.downtime_s is not None and one.downtime_s < why.downtime_s - SAVING * why.downtime_s
    ]
    if not less:
        yield "No other way to this target that is to be had has less downtime."
        return
    fitting = [one for one in less if one.start_s is not None]
    for one in fitting[:1]:
        yield _better(one, why, plan, clock)
    quickest = min((one for one in less if one.start_s is None), key=lambda one: one.time_s or 0.0, default=None)
    if quickest is None or fitting:
        return
    assert quickest.downtime_s is not None
    assert quickest.time_s is not None
    saved_s, longer_s = why.downtime_s - quickest.downtime_s, quickest.time_s - (why.end_s - why.start_s)
    text = f"{way_words(quickest)} has {format_duration(saved_s)} less downtime {longer_words(longer_s)}"
    reason = "something is in the way at every start"
    if quickest.blocked:
        where = "" if quickest.everywhere else ", or something else at other starts"
        reason = blocked_words(quickest.blocked[0], clock) + where
    yield f"{text[0].upper()}{text[1:]}, and fits at no start beside the others: {reason}."
    if why.loads:
        yield f"{_busy(why.loads[0])}."


def _busy(load: Load) -> str:
    words = resource_words(load.resource)
    return f"{words[0].upper()}{words[1:]} is used to {percent(min(load.until_deadline, 1.0))} until the deadline"


def _better(one: Alternative, why: WhyMove, plan: Plan, clock: Clock) -> str:
    """Return that a way with less downtime fits, and what that says of the plan."""
    assert one.downtime_s is not None
    assert one.start_s is not None
    saved = format_duration(why.downtime_s - one.downtime_s)
    text = f"{way_words(one)} would fit at {when(clock, one.start_s)}, all else as it is, with {saved} less downtime"
    text = text[0].upper() + text[1:]
    if why.weight == 0:
        return f"{text}; but the weight of this VM is 0, so its downtime does not count."
    if plan.request.objective != "downtime":
        return f"{text}; but the plan has the {plan.request.objective} least first, and downtime only then."
    return f"{text}: the plan is not the best there is (status {plan.status}). Planning longer may find a better one."


def _target_lines(why: WhyMove, clock: Clock) -> Iterator[str]:
    if not why.last:
        yield "It waits there for room elsewhere, so other hosts are not told."
        return
    groups: defaultdict[tuple[Fate, str], list[Elsewhere]] = defaultdict(list)
    for one in why.elsewhere:
        if one.fate is Fate.SOURCE:
            continue
        kind = str(one.blocked[0].resource.kind) if one.blocked else ",".join(one.labels)
        groups[one.fate, kind].append(one)
    if not groups:
        yield "There is no other host."
    for (fate, _), hosts in sorted(groups.items(), key=lambda entry: list(Fate).index(entry[0][0])):
        yield f"- {_group(fate, hosts, clock)}"


def _group(fate: Fate, hosts: Sequence[Elsewhere], clock: Clock) -> str:
    first, names = hosts[0], listing([one.host for one in hosts], NAMED)
    who = names if len(hosts) == 1 else f"{len(hosts)} hosts ({names})"
    match fate:
        case Fate.AS_WELL:
            return f"{who} would do as well, at the same start and with the same downtime."
        case Fate.LATER:
            assert first.start_s is not None
            at = f"at {when(clock, first.start_s)}" if len(hosts) == 1 else "at another start"
            return f"{who} would do as well {at}; at the planned start: {_why_not(hosts, clock)}."
        case Fate.BUSY:
            return f"{who}: at no start beside the others; at the planned one: {_why_not(hosts, clock)}."
        case Fate.LABELS:
            return f"{who}: without {listing(first.labels)}."
        case _:
            return f"{who}: {FATES[fate]}."


def _why_not(hosts: Sequence[Elsewhere], clock: Clock) -> str:
    first = hosts[0].blocked[0]
    return (
        blocked_words(first, clock)
        if len(hosts) == 1
        else SHORT.get(first.resource.kind, resource_words(first.resource))
    )


def _start_lines(why: WhyMove, clock: Clock) -> Iterator[str]:
    start = why.start
    if start.tried_s is None:
        yield "It starts at once."
        return
    tried = when(clock, start.tried_s)
    if start.sooner_s is not None:
        sooner = when(clock, start.sooner_s)
        yield f"It could start at {sooner} with all else as it is: the planner does not promise earliest starts."
        if start.blocked:
            yield f"- At {tried} it could not: {blocked_words(start.blocked[0], clock)}."
        return
    yield f"It fits at no earlier start. At {tried}, when last something ended before:"
    for blocked in start.blocked:
        yield f"- {blocked_words(blocked, clock)}."
