"""Why a plan is as it is, as data: what is made scarce by what, and what stands in the way of something else.

The words for people are made when it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from planner.inventory.models import Approach
from planner.plan.models import Plan


class Kind(StrEnum):
    """What a move needs; each has a check of the verifier."""

    LINK = "link"
    OUTGOING = "outgoing"
    INCOMING = "incoming"
    MEMORY = "memory"
    VCPUS = "vcpus"
    SEPARATE = "separate"
    TOGETHER = "together"
    NOT_AT_ONCE = "not-at-once"
    BEFORE = "before"
    CHAIN = "chain"
    READY = "ready"
    DEADLINE = "deadline"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """Something that moves share, or a rule between them.

    Parameters
    ----------
    kind
        What it is.
    names
        The host, or the two ends of the directed link; the VM of a chain; empty for rules.
    rule
        The rule, as named to people.
    """

    kind: Kind
    names: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Blocked:
    """What stands in the way of a move at a start.

    Parameters
    ----------
    resource
        What is not to be had.
    needed, available
        What the move needs, and what the others leave at the worst moment, in ``unit``; None for rules.
    unit
        ``bytes/s``, ``bytes``, ``count`` or ``s``.
    since_s, until_s
        From when until when the others hold it [s]; None where that has no beginning or no end within the plan.
    holders
        VMs that move and hold it then; for rules those that it names.
    stay
        VMs that hold it and do not move [count].
    """

    resource: Resource
    needed: float | None = None
    available: float | None = None
    unit: str = ""
    since_s: float | None = None
    until_s: float | None = None
    holders: tuple[str, ...] = ()
    stay: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a resource's use is one VM's: a share of all of its use [1]."""

    vm: str
    share: float


@dataclass(frozen=True, slots=True)
class Load:
    """How much of a resource a plan uses.

    Parameters
    ----------
    resource
        The resource.
    until_deadline, until_finish
        Use integrated over [0, deadline], and over [0, finish], divided by capacity x that time [1].
    moves
        Moves that use it [count].
    users
        Those who use it most, first.
    """

    resource: Resource
    until_deadline: float
    until_finish: float
    moves: int
    users: tuple[Use, ...]


class Refusal(StrEnum):
    """Why a way to move is not to be had at all."""

    WRITES = "writes-outrun-link"
    READS = "reads-outrun-link"
    NO_MODEL = "not-in-model"
    TUNNELLED = "tunnelled"
    DISK_WRITES = "disk-writes-outrun-link"
    SETTINGS = "not-in-settings"
    VM = "not-of-vm"
    MAX_DOWNTIME = "max-downtime"
    FLOWS = "too-fast-for-its-flows"
    TOO_LONG = "outlasts-deadline"


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way to move a VM to the same target, tried in place of the planned one with all else as it is.

    Parameters
    ----------
    approach, switch_point
        The way; the switch point of a hybrid [count].
    bandwidth_bytes_per_s
        Bandwidth [bytes/s].
    time_s, downtime_s
        What it takes [s]; None where the model gives no number.
    chosen
        Whether it is the planned one.
    refusal
        Why it is not to be had, or None.
    start_s
        The earliest start at which it fits [s]; None where it fits at none or was not tried.
    blocked
        Where it fits at no start: what stands in the way, that which does so at most starts first.
    everywhere
        Whether the first of ``blocked`` alone stands in the way at every start.
    tried
        Whether it was tried in the plan.
    """

    approach: Approach
    switch_point: float | None
    bandwidth_bytes_per_s: float
    time_s: float | None
    downtime_s: float | None
    chosen: bool = False
    refusal: Refusal | None = None
    start_s: float | None = None
    blocked: tuple[Blocked, ...] = ()
    everywhere: bool = False
    tried: bool = False


class Fate(StrEnum):
    """What another target would be like."""

    AS_WELL = "as-well"
    LATER = "as-well-at-another-start"
    BUSY = "busy"
    EVACUATED = "evacuated"
    REFUSES = "accepts-none"
    LABELS = "labels"
    NO_ROUTE = "no-route"
    SLOWER = "slower-route"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another target, the move as planned otherwise.

    Parameters
    ----------
    host
        The host.
    fate
        What it would be like.
    blocked
        Where it is busy: what stands in the way, first at the planned start.
    labels
        Labels that it lacks.
    start_s
        Another start at which it would do as well [s].
    """

    host: str
    fate: Fate
    blocked: tuple[Blocked, ...] = ()
    labels: tuple[str, ...] = ()
    start_s: float | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Why a move does not start sooner.

    Parameters
    ----------
    start_s
        When it starts [s].
    tried_s
        The latest earlier moment at which something ends, and at which it was tried [s]; None where it starts at 0.
    blocked
        What stood in the way then.
    sooner_s
        The earliest moment at which it could have started with all else as it is [s]; None where at none.
    """

    start_s: float
    tried_s: float | None = None
    blocked: tuple[Blocked, ...] = ()
    sooner_s: float | None = None


@dataclass(frozen=True, slots=True)
class WhyMove:
    """Why a VM moves as it does; a VM that moves twice has two of these.

    Parameters
    ----------
    vm, source, target
        The move.
    start_s, end_s, downtime_s
        Its times [s].
    approach, switch_point, bandwidth_bytes_per_s
        How it is done.
    extra
        Whether it makes room.
    makes_room_for
        VMs that arrive in the room that it leaves.
    last
        Whether it is the VM's last move; others have no other targets told.
    start
        Why not sooner.
    alternatives
        Other ways to the same target, the chosen one among them.
    elsewhere
        Other targets.
    weight
        What a second of its downtime counts [1].
    max_downtime_s
        The longest downtime that the VM bears [s].
    loads
        Loads of what it uses, highest first.
    """

    vm: str
    source: str
    target: str
    start_s: float
    end_s: float
    downtime_s: float
    approach: Approach
    switch_point: float | None
    bandwidth_bytes_per_s: float
    extra: bool
    makes_room_for: tuple[str, ...]
    last: bool
    start: Start
    alternatives: tuple[Alternative, ...]
    elsewhere: tuple[Elsewhere, ...]
    weight: float = 1.0
    max_downtime_s: float | None = None
    loads: tuple[Load, ...] = ()


@dataclass(frozen=True, slots=True)
class WhyStay:
    """A VM that does not move: its host is not evacuated, or the plan says that it is shut down or left."""

    vm: str
    host: str


@dataclass(frozen=True, slots=True)
class Link:
    """One move of the critical chain, and what it waited for.

    Parameters
    ----------
    vm, start_s, end_s
        The move [s].
    waited_for
        What the move before it handed over, or that which made it wait; None at the head of the chain.
    slack_s
        By how much it could have started sooner with all else as it is [s].
    """

    vm: str
    start_s: float
    end_s: float
    waited_for: Blocked | None = None
    slack_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Costly:
    """A VM with much of the downtime.

    Parameters
    ----------
    vm, approach, switch_point, downtime_s, weighted_s
        Its downtime, plain and weighted [s].
    share
        Its share of the plan's weighted downtime [1].
    cheaper
        Another way with less downtime, tried in the plan: the best that fits, or where none does the quickest; None
        where there is none.
    time_s
        What its planned way takes [s].
    load
        The most loaded of what it uses.
    needed_s, free_s
        How much more of that the cheaper way needs, and how much is free until the deadline, in time of all of it [s].
    """

    vm: str
    approach: Approach
    switch_point: float | None
    downtime_s: float
    weighted_s: float
    share: float
    time_s: float
    cheaper: Alternative | None = None
    load: Load | None = None
    needed_s: float = 0.0
    free_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Why:
    """Why a plan is as it is.

    Parameters
    ----------
    plan
        The plan.
    loads
        The most loaded resources, the bottleneck first.
    chain
        The critical chain, in order of time.
    costly
        The VMs with most of the downtime.
    starts
        For the first moves in order of start why each starts when it does; by the number of the move in the plan.
    asked
        The VMs that were asked about.
    profile
        How much of the bottleneck is used when: since and until when [s], and the share of its capacity [1].
    """

    plan: Plan
    loads: tuple[Load, ...] = ()
    chain: tuple[Link, ...] = ()
    costly: tuple[Costly, ...] = ()
    starts: dict[int, Start] = field(default_factory=dict)
    asked: tuple[WhyMove | WhyStay, ...] = ()
    profile: tuple[tuple[float, float, float], ...] = ()
