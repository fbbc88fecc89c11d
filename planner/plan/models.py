"""A plan and what stands in it: moves, objective, proof, verification, reasons of a no. Base units throughout."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from planner.inventory.models import Approach, Inventory, Settings
from planner.plan.advice import Advice
from planner.plan.base import Record

PLAN_FORMAT = "evac/plan/1"


class Status(StrEnum):
    """What is known of the answer. The four words mean four different things."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


class InventoryRef(Record):
    """Which inventory the plan was made for."""

    name: str = Field(description="Name of the inventory.")
    sha256: str | None = Field(None, description="Digest of its content; absent in plans written by hand.")
    sections: dict[str, str] = Field(
        default_factory=dict, description="Digest of each section, to tell which has changed since."
    )


Aim = Literal["downtime", "finish", "ends"]
"""What is minimised once all are out in time: weighted downtime, the finish, or the weighted sum of ends."""


IfInfeasible = Literal["refuse", "triage"]
"""What is asked for where not all VMs can leave in time."""


class Request(Record):
    """What was asked for."""

    evacuate: tuple[str, ...] = Field(min_length=1, description="Hosts to empty; never targets.")
    deadline_s: float = Field(gt=0, description="Time from the start by which they must be empty [s].")
    objective: Aim = Field(
        "downtime",
        description="What is minimised once all are out in time: weighted downtime, the finish, or the weighted sum of"
        " ends.",
    )
    start_clock: str | None = Field(
        None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Time of day at which the plan starts, HH:MM."
    )
    make_room: Literal["auto", "never"] = Field(
        "never",
        description="Whether VMs of other hosts may move to make room: auto where it is needed or saves its price,"
        " never not at all, and every VM moves once.",
    )
    if_infeasible: IfInfeasible = Field(
        "refuse",
        description="What is asked for where not all VMs can leave in time: refuse, no plan but the reasons, or"
        " triage, a plan that saves the most weight and shuts down the others.",
    )
    extra_move_price_s: float = Field(
        0.0, ge=0, description="What each extra move counts, beside its own downtime, in weighted downtime [s]."
    )
    confidence: float | None = Field(
        None, gt=0, lt=1, description="Probability with which all are to be out by the deadline in a real night [1]."
    )


class Odds(Record):
    """How likely the plan is to hold, by simulation of nights that differ from the inventory."""

    promised: float = Field(gt=0, lt=1, description="Probability that was asked for: the request's confidence [1].")
    probability: float = Field(
        ge=0, le=1, description="Share of the nights in which all were out and the hosts off by the deadline [1]."
    )
    low: float = Field(ge=0, le=1, description="Lower end of its 95% interval, after Wilson [1].")
    high: float = Field(ge=0, le=1, description="Upper end of its 95% interval [1].")
    runs: int = Field(ge=1, description="Nights that were played [count].")
    seed: int = Field(
        ge=0, description="Their seed, with which evac simulate plays them again; no choice was made by these nights."
    )
    finish_p50_s: float | None = Field(
        None, description="In half of the nights all were out by then [s]; absent where never."
    )
    finish_p95_s: float | None = Field(
        None, description="In 95% of the nights all were out by then [s]; absent where never."
    )
    margin_s: float = Field(0.0, ge=0, description="How long before the deadline the plan itself has to end [s].")
    narrowed: tuple[str, ...] = Field(
        (), description="VMs that were not offered pre-copy, because it often does not converge in time."
    )
    plain_probability: float | None = Field(
        None, ge=0, le=1, description="The same share for the plan that keeps no margin [1]."
    )
    plain_weighted_downtime_s: float | None = Field(None, ge=0, description="Weighted downtime of that plan [s].")
    plain_finish_s: float | None = Field(None, ge=0, description="Finish of that plan [s].")


class Objective(Record):
    """What the plan costs, and the proof of how much less it could cost."""

    downtime_s: float = Field(description="Sum of the moves' downtimes [s].")
    weighted_downtime_s: float = Field(description="Sum of weight x downtime over the moves [s].")
    finish_s: float = Field(description="When the last move has ended and the last evacuated host is off [s].")
    extra_moves: int = Field(
        0, ge=0, description="Moves that make room: of VMs whose host is not evacuated, or beyond a VM's first [count]."
    )
    extra_price_s: float = Field(
        0.0, ge=0, description="Their number x the request's extra_move_price_s; added to the value minimised [s]."
    )
    lower_bound_weighted_downtime_s: float = Field(
        description="No plan with the offered approaches and bandwidths has less weighted downtime, the price of its"
        " extra moves included [s]."
    )
    gap: float = Field(
        description="(value - bound) / value of what the request minimises, downtime with the extra price; 0 where both"
        " are 0 [1]."
    )
    lower_bound_finish_s: float | None = Field(
        None,
        description="No plan with at most this weighted downtime, or where time comes first no plan at all, ends sooner"
        " [s]; absent where not computed.",
    )
    weighted_ends_s: float | None = Field(
        None, description="Sum of weight x end over the moves [s]; given where that is minimised."
    )
    lower_bound_weighted_ends_s: float | None = Field(
        None, description="No plan has a smaller weighted sum of ends [s]; given where that is minimised."
    )
    saved_weight: float | None = Field(
        None,
        ge=0,
        description="Sum of the weights of the VMs that leave, where not all can (triage). The bounds and the gap above"
        " then speak of plans in which the same VMs leave [1].",
    )
    total_weight: float | None = Field(
        None, ge=0, description="Sum of the weights of all VMs that had to leave; given with saved_weight [1]."
    )
    upper_bound_saved_weight: float | None = Field(
        None, ge=0, description="No plan saves more weight; given with saved_weight [1]."
    )

    @property
    def cost_s(self) -> float:
        """What is minimised: weighted downtime and the price of the extra moves [s]."""
        return self.weighted_downtime_s + self.extra_price_s

    def sides(self, aim: Aim) -> tuple[float | None, float | None]:
        """Return the value that an aim minimises and its bound, None where it is not given [s]."""
        match aim:
            case "finish":
                return self.finish_s, self.lower_bound_finish_s
            case "ends":
                return self.weighted_ends_s, self.lower_bound_weighted_ends_s
            case _:
                return self.cost_s, self.lower_bound_weighted_downtime_s


class SolverInfo(Record):
    """What computed the plan."""

    name: str = Field(description="Solver.")
    version: str = Field(description="Its version.")
    seed: int = Field(description="Seed of all random choices.")
    seconds: float = Field(description="Wall time of the whole planning [s].")
    time_limit_s: float | None = Field(None, description="Limit that was given [s].")


class PathShare(Record):
    """One of several paths that a migration is spread over."""

    path: tuple[str, ...] = Field(min_length=2, description="Nodes from source to target.")
    share: float = Field(gt=0, le=1, description="Share of the bandwidth that is reserved on it [1].")


class Move(Record):
    """One migration."""

    vm: str = Field(description="VM.")
    source: str = Field(description="Host that it leaves.")
    target: str = Field(description="Host that it goes to.")
    approach: Approach = Field(description="How it moves.")
    switch_point: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Of a hybrid: after how many passes it switches to post-copy, where the model knows several switch"
        " points; 0.5 is in the middle of the first pass [count].",
    )
    precopy_share: float = Field(ge=0, le=1, description="Share of the image sent by iterative pre-copy (phi) [1].")
    bandwidth_bytes_per_s: float = Field(
        gt=0,
        description="Bandwidth reserved on every link of the path for the whole duration, its share of it on each of"
        " several paths [bytes/s].",
    )
    path: tuple[str, ...] = Field(min_length=2, description="Nodes from source to target; the first of several paths.")
    paths: tuple[PathShare, ...] = Field(
        (), description="All paths, where the move is spread over several (`equal_cost_paths: split`)."
    )
    start_s: float = Field(ge=0, description="Start, from the start of the plan [s].")
    duration_s: float = Field(ge=0, description="Migration time [s].")
    downtime_s: float = Field(ge=0, description="Service downtime [s].")
    transferred_bytes: float = Field(ge=0, description="Bytes sent [bytes].")
    memory_bytes: int = Field(0, ge=0, description="Memory of the VM, for those who read the plan [bytes].")
    disk_bytes: int = Field(0, ge=0, description="Disk that moves with the VM [bytes].")
    weight: float = Field(1.0, ge=0, description="What a second of its downtime counts [1].")
    after: tuple[str, ...] = Field(
        (),
        description="VMs whose end this start waits for: they hold what it needs, or a rule puts them first. Of a VM"
        " that moves more than once, its last move that has ended by then; it may be the VM itself.",
    )

    makes_room_for: tuple[str, ...] = Field(
        (), description="VMs that arrive on the source after this move's end, in the room that it leaves."
    )

    @property
    def end_s(self) -> float:
        """When the move ends [s]."""
        return self.start_s + self.duration_s


class PowerStep(Record):
    """A host that is switched on or off."""

    host: str = Field(description="Host.")
    turn: Literal["on", "off"] = Field(description="on: before it receives; off: once it is empty.")
    start_s: float = Field(ge=0, description="Start, from the start of the plan [s].")
    duration_s: float = Field(ge=0, description="Time until it can receive, or is off [s].")

    @property
    def end_s(self) -> float:
        """When it can receive, or is off [s]."""
        return self.start_s + self.duration_s


class WhyKind(StrEnum):
    """Why a VM does not move, or is not shut down either. The words for people are made when it is shown."""

    PINNED = "pinned"
    NOWHERE = "nowhere-to-go"
    TOO_SLOW = "no-move-in-time"
    OUTWEIGHED = "outweighed"
    SHUTDOWN_TOO_LONG = "shutdown-too-long"
    BEHIND_LATE = "behind-late-vm"


class Why(Record):
    """Why a VM does not move, or is not shut down either, as data."""

    kind: WhyKind = Field(
        description="pinned: it may not move; nowhere-to-go: no host may take it; no-move-in-time: no move of it can"
        " end in time; outweighed: no time or room for it beside those that are saved; shutdown-too-long: its clean"
        " shutdown takes longer than there is; behind-late-vm: a rule puts another VM first, which is down or has"
        " landed too late or never."
    )
    most_weight: float | None = Field(
        None, ge=0, description="Of outweighed: no plan in which it moves saves more weight; absent where unknown [1]."
    )
    vms: tuple[str, ...] = Field((), description="VMs that it would have to wait for.")
    needed_s: float | None = Field(None, description="Time that its shutdown may take [s].")
    available_s: float | None = Field(None, description="Time that there is for it [s].")


class Shutdown(Record):
    """A VM that is shut down because it cannot leave in time."""

    vm: str = Field(description="VM.")
    host: str = Field(description="Host on which it runs.")
    start_s: float = Field(ge=0, description="Start of its shutdown, from the start of the plan [s].")
    duration_s: float = Field(ge=0, description="Time that its shutdown may take [s].")
    weight: float = Field(1.0, ge=0, description="Its weight [1].")
    after: tuple[str, ...] = Field(
        (), description="VMs that a rule puts first: they have landed or are down before it starts."
    )
    why: Why = Field(description="Why it does not move.")

    @property
    def end_s(self) -> float:
        """When it must be down [s]."""
        return self.start_s + self.duration_s


class Left(Record):
    """A VM that can neither leave nor be shut down in time: it runs until its host goes."""

    vm: str = Field(description="VM.")
    host: str = Field(description="Host on which it runs.")
    weight: float = Field(1.0, ge=0, description="Its weight [1].")
    why: Why = Field(description="Why it is not shut down.")
    unmoved: Why = Field(description="Why it does not move.")


class Violation(Record):
    """One thing that the replay of a plan rejects."""

    check: str = Field(description="Name of the check that says no.")
    message: str = Field(description="What is wrong, in words.")
    subjects: tuple[str, ...] = Field((), description="VMs, hosts or links concerned.")
    at_s: float | None = Field(None, description="When, from the start of the plan [s].")


class Verification(Record):
    """What the replay found."""

    ok: bool = Field(description="Whether every check says yes.")
    checks: tuple[str, ...] = Field(description="The checks that were made.")
    violations: tuple[Violation, ...] = Field((), description="What was rejected.")


class ReasonKind(StrEnum):
    """Why no plan exists. The words for people are made when the reason is shown."""

    PINNED = "pinned-vm"
    LABELS = "no-host-with-labels"
    NO_HOST_FITS = "no-host-fits-vm"
    NO_TARGET = "no-target-host"
    SEPARATED = "separated-from-every-host"
    UNREACHABLE = "no-route-to-any-host"
    NO_APPROACH = "no-approach-allowed"
    TOO_SLOW = "fastest-move-outlasts-deadline"
    SHUTDOWN = "shutdown-outlasts-deadline"
    MEMORY = "memory-short"
    VCPUS = "vcpus-short"
    PIECES = "room-in-pieces"
    LINK = "link-too-slow"
    CUT = "links-too-narrow"
    OUTGOING = "too-few-outgoing-slots"
    INCOMING = "too-few-incoming-slots"
    SEPARATE = "separate-group-too-large"
    TOGETHER = "together-group-fits-nowhere"
    BEFORE = "before-chain-outlasts-deadline"
    NOT_AT_ONCE = "not-at-once-group-outlasts-deadline"
    RULE_CYCLE = "before-rules-form-a-cycle"
    COMBINATION = "conflicting-constraints"


class Reason(Record):
    """One reason why no plan exists, as data."""

    kind: ReasonKind = Field(description="Kind of reason.")
    vms: tuple[str, ...] = Field((), description="VMs concerned.")
    hosts: tuple[str, ...] = Field((), description="Hosts concerned.")
    link: tuple[str, str] | None = Field(None, description="Directed link concerned.")
    links: tuple[tuple[str, str], ...] = Field((), description="Directed links concerned, where they are several.")
    rule: str | None = Field(None, description="Rule concerned, as named to people.")
    labels: tuple[str, ...] = Field((), description="Labels concerned.")
    needed: float | None = Field(None, description="What is needed, in `unit`.")
    available: float | None = Field(None, description="What there is, in `unit`.")
    unit: Literal["bytes", "s", "count", ""] = Field("", description="Unit of needed and available.")
    each: float | None = Field(None, description="What each of the VMs has at least, in bytes of memory or in vCPUs.")
    each_of: Literal["memory", "vcpus", ""] = Field("", description="What `each` is of.")


class Infeasibility(Record):
    """Why the answer is a proven no."""

    reasons: tuple[Reason, ...] = Field(min_length=1, description="Each alone is enough for the no.")
    proof: Literal["certificate", "relaxation", "exhausted", "no-room"] = Field(
        description="certificate: follows from the numbers given; relaxation: the integer program that relaxes the"
        " order has no solution; exhausted: every assignment and order was ruled out; no-room:"
        " the reasons hold while VMs of other hosts stay, and every way to make room by moving them was ruled out."
    )


class Plan(Record):
    """A plan, or the reason why there is none. Self-contained: it can be rendered without the inventory."""

    format: Literal["evac/plan/1"] = Field(description="Format and version.")
    inventory: InventoryRef = Field(description="The inventory it was made for.")
    request: Request = Field(description="What was asked for.")
    settings: Settings = Field(default_factory=Settings, description="The inventory's settings, in base units.")
    status: Status = Field(
        description="optimal: no plan has less weighted downtime, or in triage none saves more weight; feasible:"
        " verified, see gap; infeasible: proven; unknown: the limit came before an answer."
    )
    objective: Objective | None = Field(None, description="Cost and bound; absent where there is no plan.")
    solver: SolverInfo | None = Field(None, description="What computed it.")
    moves: tuple[Move, ...] = Field((), description="The moves, by start.")
    power: tuple[PowerStep, ...] = Field((), description="Hosts that are switched on or off, by start.")
    shutdowns: tuple[Shutdown, ...] = Field(
        (), description="VMs that cannot leave in time and are shut down instead, by start (triage)."
    )
    left: tuple[Left, ...] = Field(
        (), description="VMs that cannot leave in time, and for whose clean shutdown no time is left either (triage)."
    )
    verification: Verification | None = Field(None, description="What the replay found.")
    infeasibility: Infeasibility | None = Field(
        None, description="Why there is no plan, or in triage none with which all VMs leave, where that is proven."
    )
    advice: Advice | None = Field(None, description="What else is known, where that was asked for.")
    odds: Odds | None = Field(
        None,
        description="How likely it is to hold, where a confidence was asked for; of the best that was found where none"
        " keeps the promise.",
    )
    snapshot: Inventory | None = Field(
        None,
        description="The inventory itself, in base units and without what is at its default, so that the plan can be"
        " explained and simulated without the file. `evac verify` does not look at it.",
    )

    @property
    def triaged(self) -> bool:
        """Whether the plan is one of a triage: it says what weight is saved, or who does not leave."""
        saved = self.objective is not None and self.objective.saved_weight is not None
        return saved or bool(self.shutdowns or self.left)
