"""The smallest set of things asked for that cannot all be had.

Members are left out as long as the rest is impossible by itself: first by kind, then in halves, then one by one. What
is left is minimal where each of its members was left out and a verified plan found. A plan that was found with more
asked for is a plan with less asked for, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from planner.advice.changes import members_of, without
from planner.advice.oracle import Oracle, Verdict, certified
from planner.inventory.models import Inventory
from planner.plan.advice import Conflict, Member, MemberKind
from planner.plan.models import Reason, Request

KINDS = (
    MemberKind.DEADLINE,
    MemberKind.LINK,
    MemberKind.OUTGOING,
    MemberKind.INCOMING,
    MemberKind.READY,
    MemberKind.SHUTDOWN,
    MemberKind.MAX_DOWNTIME,
    MemberKind.APPROACHES,
    MemberKind.VCPUS,
    MemberKind.MEMORY,
    MemberKind.LABELS,
    MemberKind.RULE,
    MemberKind.PIN,
    MemberKind.VM,
)
"""The order in which kinds are left out: what goes first is what a short answer can do without."""
OF_VMS = (MemberKind.MAX_DOWNTIME, MemberKind.APPROACHES, MemberKind.LABELS, MemberKind.PIN)
"""Kinds that say nothing of a VM that need not leave."""


def smallest_conflict(inventory: Inventory, request: Request, reasons: Sequence[Reason], oracle: Oracle) -> Conflict:
    """Return what cannot all be had.

    Parameters
    ----------
    inventory, request
        It is proven that there is no plan for them.
    reasons
        What was named as the reason; the search begins there.
    oracle
        Is asked for its time.
    """
    return _Search(inventory, request, oracle).run(reasons)


class _Search:
    """The search. The members that are kept are impossible at all times."""

    def __init__(self, inventory: Inventory, request: Request, oracle: Oracle) -> None:
        self._inventory, self._request, self._oracle = inventory, request, oracle
        self._place = {member: place for place, member in enumerate(members_of(inventory, request))}
        self._kept = frozenset(self._place)
        self._known: dict[frozenset[Member], Verdict] = {}
        self._at_once = False
        self._open: set[frozenset[Member]] = set()
        self._size = {vm.name: vm.image_bytes for vm in inventory.vms}

    def run(self, reasons: Sequence[Reason]) -> Conflict:
        for reason in sorted(reasons, key=lambda reason: len(reason.vms)):
            if self._try(frozenset(member for member in self._place if _names(reason, member))):
                break
        # What follows by arithmetic is seen at once; only what is left of it is put to the planner.
        for self._at_once in (True, False):
            for kind in KINDS:
                self._try(self._kept - frozenset(member for member in self._kept if member.kind is kind))
            for kind in reversed(KINDS):
                self._thin(member for member in self._kept if member.kind is kind)
        while self._again():
            pass
        members = tuple(sorted(self._kept, key=self._place.__getitem__))
        return Conflict(members=members, minimal=all(map(self._needed, members)))

    def _needed(self, member: Member) -> bool:
        """Return whether a plan was found without a member."""
        rest = _and_its(self._kept - {member})
        return any(verdict is Verdict.YES and rest <= kept for kept, verdict in self._known.items())

    def _again(self) -> bool:
        """Try once more to leave out what is not known to be needed; return whether something could go."""
        unsure = [member for member in self._kept if not self._needed(member)]
        return any(
            self._try(self._kept - {member})
            for member in sorted(unsure, key=self._place.__getitem__)
            if _and_its(self._kept - {member}) not in self._known
        )

    def _thin(self, members: Iterable[Member]) -> None:
        """Leave out what can be left out of some members: in halves, the smallest VMs first, the last of others."""
        ordered = sorted(members, key=lambda one: (self._size.get(one.vm or "", 0), -self._place[one]))
        blocks = [ordered] if ordered else []
        while blocks and not self._oracle.clock.expired:
            block = [member for member in blocks.pop() if member in self._kept]
            if not block or self._try(self._kept - frozenset(block)):
                continue
            if len(block) > 1:
                half = len(block) // 2
                blocks += [block[half:], block[:half]]

    def _try(self, kept: frozenset[Member]) -> bool:
        """Keep no more than some members if that is impossible by itself; return whether it is."""
        kept = _and_its(kept)
        if kept not in self._known:
            if self._oracle.clock.expired:
                return False
            left_out = [member for member in self._place if member not in kept]
            case = without(self._inventory, self._request, left_out)
            if not self._at_once:
                # The planner begins with the same arithmetic.
                self._known[kept], _ = self._oracle.ask(*case)
            elif kept not in self._open and certified(*case):
                self._known[kept] = Verdict.NO
            else:
                self._open.add(kept)
                return False
        if self._known[kept] is not Verdict.NO:
            return False
        self._kept = kept
        return True


def _and_its(kept: frozenset[Member]) -> frozenset[Member]:
    """Return members less what says nothing, because its VM need not leave."""
    leaving = {member.vm for member in kept if member.kind is MemberKind.VM}
    return frozenset(member for member in kept if member.kind not in OF_VMS or member.vm in leaving)


def _names(reason: Reason, member: Member) -> bool:
    """Return whether a reason can mean a member."""
    match member.kind:
        case MemberKind.DEADLINE:
            return True
        case MemberKind.LINK:
            return not reason.vms or reason.link is None or member.link == reason.link
        case MemberKind.RULE:
            return reason.rule is None or (member.rule or "") in reason.rule.split("; ")
    if member.vm is not None:
        return not reason.vms or member.vm in reason.vms
    return not reason.hosts or member.host in reason.hosts
