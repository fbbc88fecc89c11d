"""Words for what is said beside a yes or a no."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from planner.plan.advice import Advice, Choice, ChoiceKind, Conflict, Member, MemberKind, SmallestDeadline
from planner.plan.models import Request
from planner.render.clock import Clock
from planner.render.words import listing, plural
from planner.units import format_duration, format_rate, format_size

_EXACT_BELOW_S = 100.0
"""Times below this are told with a digit behind the point [s]."""
_ENDLESS_S = 20 * 86400.0
"""A deadline that is proven impossible from here on means: none at all [s]."""


def advice_lines(advice: Advice, request: Request) -> Iterator[str]:
    """Yield what is said, a line each."""
    if advice.conflict is not None:
        yield conflict_sentence(advice.conflict, request)
    if advice.smallest_deadline is not None:
        yield from deadline_lines(advice.smallest_deadline, request)
    if advice.choices:
        yield "What would help, each by itself, each with a plan that was verified:"
        for number, choice in enumerate(advice.choices, start=1):
            yield f"{number}. {choice_sentence(choice, request)}"


def conflict_sentence(conflict: Conflict, request: Request) -> str:
    """Return what cannot all be had, as a sentence."""
    by_kind: dict[MemberKind, list[Member]] = {}
    for member in conflict.members:
        by_kind.setdefault(member.kind, []).append(member)
    parts = [_MEMBER_WORDS[kind](members, request) for kind, members in by_kind.items()]
    if not parts:
        return "It is impossible whatever is left out."
    what = "; ".join(parts)
    others = {
        "": "",
        "stay": ", as long as VMs of other hosts stay",
        "gone": ", even if VMs of other hosts were out of the way",
    }[conflict.others]
    if not conflict.minimal:
        return f"These alone make it impossible{others}: {what}. Whether fewer do was not settled in the time given."
    there_is = "there would then be" if conflict.others == "gone" else "there is"
    if len(conflict.members) == 1:
        return f"What makes it impossible{others}: {what}. Without that {there_is} a plan, found and verified."
    without = f"Without any one of them {there_is} a plan, found and verified."
    return f"It takes all of these to make it impossible{others}: {what}. {without}"


def up_to(seconds: float) -> str:
    """Return a time for people that is no less than the time itself."""
    step = 0.1 if seconds < _EXACT_BELOW_S else 1.0
    return format_duration(math.ceil(seconds / step * (1 - 1e-12)) * step)


def deadline_lines(found: SmallestDeadline, request: Request) -> Iterator[str]:
    """Yield how much time it takes, and when to start at the latest."""
    low_s, high_s = found.impossible_below_s, found.possible_s
    if high_s is None:
        if low_s >= _ENDLESS_S:
            yield "More time alone does not help: no deadline can be kept."
        elif low_s > request.deadline_s:
            yield f"No plan takes less than {format_duration(low_s)}, that is proven; none that takes longer was found."
        return
    kept = f"a verified plan keeps {up_to(high_s)}"
    if found.settled:
        yield f"The smallest deadline: {kept}, and it is proven that none keeps less."
    elif low_s > 0:
        yield f"The smallest deadline: {kept}; it is proven that none keeps less than {format_duration(low_s)}."
    else:
        yield f"The smallest deadline: {kept}; whether less would do is not known."
    if request.start_clock is not None:
        clock = Clock(request.start_clock)
        spare_s = request.deadline_s - high_s
        start = clock.time_of_day(60 * math.floor(spare_s / 60))
        side = "" if spare_s >= 0 else ", before the start that was asked for"
        yield f"The latest safe start for {clock.time_of_day(request.deadline_s)} is {start}{side}."


def choice_sentence(choice: Choice, request: Request) -> str:
    """Return a choice, as sentences."""
    most = "" if choice.optimal else "at most "
    downtime = f"{most}{format_duration(choice.weighted_downtime_s)} of weighted downtime"
    return f"{_CHOICE_WORDS[choice.kind](choice, request)} Done after {format_duration(choice.finish_s)}, {downtime}."


def _names(members: list[Member]) -> str:
    return listing([member.vm or member.host or "" for member in members])


def _some(members: list[Member], one: str, many: str) -> str:
    return f"{one if len(members) == 1 else many} {_names(members)}"


def _links(members: list[Member], request: Request) -> str:
    names = listing([" -> ".join(member.link) for member in members if member.link])
    return f"the bandwidth of {'link' if len(members) == 1 else 'links'} {names}"


def _rules(members: list[Member], request: Request) -> str:
    return f"{'the rule' if len(members) == 1 else 'the rules'} {listing([member.rule or '' for member in members])}"


_MEMBER_WORDS: dict[MemberKind, Callable[[list[Member], Request], str]] = {
    MemberKind.DEADLINE: lambda members, request: f"the deadline of {format_duration(request.deadline_s)}",
    MemberKind.VM: lambda members, request: f"that {_some(members, 'VM', 'VMs')} must leave",
    MemberKind.LINK: _links,
    MemberKind.OUTGOING: lambda members, request: f"the migrations that may leave {_names(members)} at once",
    MemberKind.INCOMING: lambda members, request: f"the migrations that may enter {_names(members)} at once",
    MemberKind.READY: lambda members, request: f"the time until {_names(members)} can receive",
    MemberKind.SHUTDOWN: lambda members, request: f"the time that {_names(members)} takes to switch off",
    MemberKind.MAX_DOWNTIME: lambda members, request: f"the longest downtime of {_names(members)}",
    MemberKind.APPROACHES: lambda members, request: f"the approaches that {_names(members)} may use",
    MemberKind.VCPUS: lambda members, request: f"the vCPUs of {_some(members, 'host', 'hosts')}",
    MemberKind.MEMORY: lambda members, request: f"the memory of {_some(members, 'host', 'hosts')}",
    MemberKind.LABELS: lambda members, request: f"the labels that {_names(members)} requires",
    MemberKind.RULE: _rules,
    MemberKind.PIN: lambda members, request: f"the pin of {_names(members)}",
}


def _amount(choice: Choice) -> str:
    amount = choice.amount or 0.0
    match choice.unit:
        case "bytes":
            return format_size(amount)
        case "bytes/s":
            return format_rate(amount)
        case "s":
            return up_to(amount)
        case "1":
            return f"{amount:.0%}"
        case _:
            return f"{amount:g}"


def _link(choice: Choice) -> str:
    return " -> ".join(choice.link or ())


def _more_time(choice: Choice, request: Request) -> str:
    seconds = math.ceil(choice.amount or 0.0)
    asked = format_duration(request.deadline_s)
    return f"Give it more time: {_amount(choice)} instead of {asked} (--deadline {seconds}s)."


def _approaches(choice: Choice, request: Request) -> str:
    return f"Allow {_vms(choice)} all approaches, post-copy among them."


def _vms(choice: Choice) -> str:
    return f"{'VM' if len(choice.vms) == 1 else plural(len(choice.vms), 'VM') + ':'} {listing(choice.vms)}"


def _leave(choice: Choice, request: Request) -> str:
    if len(choice.vms) == 1:
        return f"Leave VM {choice.vms[0]} behind, or shut it down."
    count = plural(len(choice.vms), "VM")
    return f"Leave {count} behind, or shut them down (--if-infeasible triage): {listing(choice.vms)}."


_CHOICE_WORDS: dict[ChoiceKind, Callable[[Choice, Request], str]] = {
    ChoiceKind.MAKE_ROOM: lambda choice, request: "Let VMs of other hosts move to make room (--make-room auto).",
    ChoiceKind.MORE_TIME: _more_time,
    ChoiceKind.USE_WHOLE_LINK: lambda choice, request: f"Let migrations use all of the link {_link(choice)}: usable 1.",
    ChoiceKind.WIDER_LINK: lambda choice, request: f"Give the link {_link(choice)} {_amount(choice)}.",
    ChoiceKind.MORE_OUTGOING: lambda choice, request: (
        f"Let {_amount(choice)} migrations leave {choice.host} at once: max_outgoing {_amount(choice)}."
    ),
    ChoiceKind.MORE_INCOMING: lambda choice, request: (
        f"Let {_amount(choice)} migrations enter {choice.host} at once: max_incoming {_amount(choice)}."
    ),
    ChoiceKind.ALLOW_APPROACHES: _approaches,
    ChoiceKind.BEAR_DOWNTIME: lambda choice, request: f"Let {_vms(choice)} be down longer than its max_downtime.",
    ChoiceKind.DROP_RULE: lambda choice, request: f"Drop the rule {choice.rule}.",
    ChoiceKind.DROP_LABELS: lambda choice, request: f"Drop the labels that {_vms(choice)} requires.",
    ChoiceKind.TAKE_PIN_OFF: lambda choice, request: f"Take the pin off {_vms(choice)}.",
    ChoiceKind.READY_AT_ONCE: lambda choice, request: f"Have {choice.host} ready at the start.",
    ChoiceKind.STAY_ON: lambda choice, request: f"Do not wait until {choice.host} is switched off.",
    ChoiceKind.MORE_MEMORY: lambda choice, request: f"Give {choice.host} {_amount(choice)} of memory for VMs.",
    ChoiceKind.MORE_VCPUS: lambda choice, request: f"Let {choice.host} carry {_amount(choice)} vCPUs.",
    ChoiceKind.ONE_MORE_HOST: lambda choice, request: f"Add one more host like {choice.host}, empty.",
    ChoiceKind.KEEP_HOST: lambda choice, request: f"Evacuate {choice.host} another time.",
    ChoiceKind.LEAVE_VMS: _leave,
}
