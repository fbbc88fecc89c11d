"""What is said beside a yes or a no: what the no needs, how long it takes at least, what would help."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from planner.plan.base import Record


class MemberKind(StrEnum):
    """What a member of a conflict asks for; left out, it is not asked for any more."""

    VM = "vm-must-leave"
    DEADLINE = "deadline"
    LINK = "link-bandwidth"
    OUTGOING = "outgoing-slots"
    INCOMING = "incoming-slots"
    READY = "ready-after"
    SHUTDOWN = "shutdown-time"
    MAX_DOWNTIME = "max-downtime"
    APPROACHES = "approaches"
    VCPUS = "host-vcpus"
    MEMORY = "host-memory"
    LABELS = "required-labels"
    RULE = "rule"
    PIN = "pin"


class Member(Record):
    """One thing that is asked for, by the inventory or by the request."""

    kind: MemberKind = Field(description="What it asks for.")
    vm: str | None = Field(None, description="The VM that must leave, or whose labels, approaches or pin it is.")
    host: str | None = Field(None, description="The host whose room, slots or times it is.")
    link: tuple[str, str] | None = Field(None, description="The directed link.")
    rule: str | None = Field(None, description="The rule, as named to people.")
    rule_index: int | None = Field(None, ge=0, description="Its place in the inventory's rules, from 0 [count].")


class Conflict(Record):
    """Things that cannot all be had: with nothing else asked for there is still no plan."""

    members: tuple[Member, ...] = Field(description="What cannot all be had.")
    minimal: bool = Field(
        description="Whether each member was left out and a verified plan found for the others; else for some that was"
        " not known in time."
    )
    others: Literal["", "stay", "gone"] = Field(
        "",
        description="What is taken of VMs of other hosts, where they could move and it makes a difference. stay: that"
        " they cannot help is proven for all that is asked for, not for each part of it. gone: it is impossible even"
        " if they were out of the way, and the plans without one member were made as if they were.",
    )


class SmallestDeadline(Record):
    """The smallest deadline that can be kept, between two ends."""

    impossible_below_s: float = Field(ge=0, description="It is proven that no plan keeps a smaller deadline [s].")
    possible_s: float | None = Field(
        None, ge=0, description="A verified plan keeps this one; absent where no plan was found for any [s]."
    )

    @property
    def settled(self) -> bool:
        """Whether the two ends meet, but for what rounding leaves."""
        return self.possible_s is not None and self.possible_s <= self.impossible_below_s * (1 + 1e-6) + 1e-6


class ChoiceKind(StrEnum):
    """What single change would help."""

    MAKE_ROOM = "make-room"
    MORE_TIME = "more-time"
    USE_WHOLE_LINK = "use-whole-link"
    WIDER_LINK = "wider-link"
    MORE_OUTGOING = "more-outgoing"
    MORE_INCOMING = "more-incoming"
    ALLOW_APPROACHES = "allow-approaches"
    BEAR_DOWNTIME = "bear-downtime"
    DROP_RULE = "drop-rule"
    DROP_LABELS = "drop-labels"
    TAKE_PIN_OFF = "take-pin-off"
    READY_AT_ONCE = "ready-at-once"
    STAY_ON = "stay-on"
    MORE_MEMORY = "more-memory"
    MORE_VCPUS = "more-vcpus"
    ONE_MORE_HOST = "one-more-host"
    KEEP_HOST = "keep-host"
    LEAVE_VMS = "leave-vms"


class Choice(Record):
    """A single change with which there is a plan; that plan was made and verified."""

    kind: ChoiceKind = Field(description="What is changed.")
    vms: tuple[str, ...] = Field((), description="VMs concerned.")
    host: str | None = Field(None, description="Host concerned; of one more host, the one that it is like.")
    link: tuple[str, str] | None = Field(None, description="Directed link concerned.")
    rule: str | None = Field(None, description="Rule concerned, as named to people.")
    amount: float | None = Field(None, description="The value that it takes, in `unit`; not by how much it changes.")
    unit: Literal["bytes", "bytes/s", "s", "count", "1", ""] = Field("", description="Unit of the amount.")
    finish_s: float = Field(ge=0, description="When the plan with it ends [s].")
    weighted_downtime_s: float = Field(ge=0, description="Its weighted downtime [s].")
    optimal: bool = Field(
        False, description="Whether no plan with this change, and with no more VMs moving, has less weighted downtime."
    )
    checks: int = Field(ge=0, description="Checks that it has passed [count].")


class Advice(Record):
    """What is said beside a yes or a no."""

    conflict: Conflict | None = Field(None, description="Of a no: what it needs.")
    smallest_deadline: SmallestDeadline | None = Field(None, description="How much time it takes.")
    choices: tuple[Choice, ...] = Field((), description="Of a no: single changes that would help, the mildest first.")
    seconds: float = Field(ge=0, description="Wall time that it took [s].")
