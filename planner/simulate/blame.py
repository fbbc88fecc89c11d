"""Which VMs break the deadline: walked back from the last end along what each start really waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from planner.predict.protocol import Floats, Ints
from planner.simulate.engine import Played
from planner.simulate.setting import Setting

LEAST_EXCESS_S = 1e-3
"""An excess below this is none [s]."""


class Cause(StrEnum):
    """Why a move took longer than planned."""

    SLOW = "slow"
    NOT_CONVERGED = "not-converged"
    FAILED = "failed"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Culprit:
    """A VM that makes nights late.

    Parameters
    ----------
    vm
        Its name.
    share
        In which share of the late nights its moves took longer than planned, where the end waited for them, or never
        ended [1].
    excess_s
        By how much, in the mean of these nights in which they ended [s]; None where they never did.
    never_share
        In which share of the late nights it was not out because of itself [1].
    cause
        What most of that comes from.
    """

    vm: str
    share: float
    excess_s: float | None
    never_share: float
    cause: Cause


@dataclass(slots=True)
class Blame:
    """Sums over late nights, by VM; arrays of shape (V,), and (V, C) over causes."""

    nights: Ints
    excess_s: Floats
    never: Ints
    by_cause: Floats
    late: int = 0

    @staticmethod
    def of(setting: Setting) -> Blame:
        """Return sums of no nights."""
        vms = len(setting.vms)
        return Blame(np.zeros(vms, np.int64), np.zeros(vms), np.zeros(vms, np.int64), np.zeros((vms, len(Cause))))

    def add(self, setting: Setting, played: Played, late: Ints) -> None:
        """Add nights, by index, that were late."""
        self.late += len(late)
        if not len(late):
            return
        never = played.given_up[late]
        excess = np.zeros(never.shape)
        out = ~never.any(axis=1)
        _walk(setting, played, late[out], excess, np.flatnonzero(out))
        causes = _causes(setting, played, late)
        for index in range(len(setting.vms)):
            own = setting.vm == index
            stuck, ran_over = never[:, own].any(axis=1), excess[:, own].sum(axis=1)
            self.never[index] += int(stuck.sum())
            self.nights[index] += int((stuck | (ran_over > LEAST_EXCESS_S)).sum())
            self.excess_s[index] += float(ran_over.sum())
            for cause in range(len(Cause)):
                blamed = own[None, :] & (causes == cause)
                self.by_cause[index, cause] += float((excess * blamed).sum())
                # A night in which a VM is stuck weighs more than any delay.
                self.by_cause[index, cause] += 1e9 * int((never & blamed).sum())

    def culprits(self, vms: Sequence[str]) -> tuple[Culprit, ...]:
        """Return the VMs that make nights late, the worst first: by nights in which they are stuck, then by excess."""
        order = np.lexsort((-self.excess_s, -self.never))
        return tuple(
            Culprit(
                vms[index],
                float(self.nights[index] / self.late),
                None
                if self.nights[index] == self.never[index]
                else float(self.excess_s[index] / (self.nights[index] - self.never[index])),
                float(self.never[index] / self.late),
                tuple(Cause)[int(self.by_cause[index].argmax())],
            )
            for index in order.tolist()
            if self.nights[index]
        )


def _walk(setting: Setting, played: Played, late: Ints, excess: Floats, row: Ints) -> None:
    """Fill in the excess of the moves on the chain of each night [s]; the nights' rows there are given."""
    planned_s = np.array([move.duration_s for move in setting.moves])
    before = _held_up_by(setting, played, late)
    ends = played.end_s[late] + np.array([setting.shutdown_s.get(move.source, 0.0) for move in setting.moves])
    here = ends.argmax(axis=1) if len(late) else np.zeros(0, dtype=np.int64)
    night = np.arange(len(late))
    while len(night):
        took_s = played.end_s[late[night], here] - played.start_s[late[night], here]
        excess[row[night], here] = np.maximum(took_s - planned_s[here], 0.0)
        here = before[night, here]
        night, here = night[here >= 0], here[here >= 0]


def _held_up_by(setting: Setting, played: Played, late: Ints) -> Ints:
    """Return for each start the move whose end came last of those that it waited for, -1 for none, shape (R, M)."""
    before = np.full((len(late), len(setting.moves)), -1, dtype=np.int64)
    for index, waits in enumerate(setting.waits):
        if waits:
            ends = played.end_s[np.ix_(late, np.array(waits))]
            # Where the target was ready later than the last of them ended, nothing but that was waited for.
            held = ends.max(axis=1) >= setting.ready_s[index]
            before[:, index] = np.where(held, np.array(waits)[ends.argmax(axis=1)], -1)
    return before


def _causes(setting: Setting, played: Played, late: Ints) -> Ints:
    """Return from what most of each move's excess comes, by place in `Cause`, shape (R, M)."""
    planned_s = np.array([move.duration_s for move in setting.moves])
    alone_s, failed_s, aborted_s = played.alone_s[late], played.failed_s[late], played.aborted_s[late]
    with np.errstate(invalid="ignore"):
        took_s = played.end_s[late] - played.start_s[late] - failed_s - aborted_s
        slow = np.where(np.isfinite(alone_s), alone_s - planned_s, np.inf)
        link = np.where(np.isfinite(took_s), took_s - np.where(np.isfinite(alone_s), alone_s, 0.0), 0.0)
    # An abort comes of a move that did not converge, and what its other way takes more comes with it.
    fell, stuck = played.fell_back[late], ~np.isfinite(alone_s)
    slow_there = np.where(fell | stuck, 0.0, slow)
    not_converged = np.where(fell | stuck, aborted_s + np.where(stuck, np.inf, np.maximum(slow, 0.0)), 0.0)
    failed = np.where(played.given_up[late] & ~stuck, np.inf, failed_s)
    found: Ints = np.stack([slow_there, not_converged, failed, link]).argmax(axis=0)
    return found
