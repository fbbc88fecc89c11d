"""The passes of pre-copy: each sends what the last left dirty, until what is left can be sent within the limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.predict.dirtying import Dirtying
from planner.predict.faulting import PAGE_BYTES
from planner.predict.protocol import Floats, Ints
from planner.predict.throttle import Throttle

MOST_PASSES = 2000
"""Passes after which a pre-copy counts as one that never ends [count]."""
STEADY = 1e-9
"""By which share a pass has to leave less than the last; where it does not, none ever will [1]."""


def fresh_share(unsent_bytes: Floats, reached_bytes: Floats) -> Floats:
    """Return which share of what is dirtied is not among the bytes that are unsent anyway: 1 - u/S, at least 0 [1]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(reached_bytes > unsent_bytes, 1.0 - unsent_bytes / reached_bytes, 0.0)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the passes of E migrations meet; arrays of shape (E,).

    Parameters
    ----------
    vm
        Index of the VM in `dirtying`.
    first_bytes
        What the first pass has to send (v_0) [bytes].
    reached_bytes
        What later passes can find dirty at most (S) [bytes].
    rate
        Rate at which the bytes go (mu) [bytes/s].
    threshold_bytes
        With how much left the VM is stopped (l) [bytes].
    dirtying
        How the VMs dirty their memory.
    page_weight
        Bytes sent for each dirty byte: the pages' headers [1].
    whole_passes
        Whether a pass ends when all of it is sent. If not, it ends when what is left is within the threshold: then
        the dirty pages are counted anew, and what was left is left still.
    """

    vm: Ints
    first_bytes: Floats
    reached_bytes: Floats
    rate: Floats
    threshold_bytes: Floats
    dirtying: Dirtying
    page_weight: float
    whole_passes: bool

    @property
    def unsent_bytes(self) -> Floats:
        """What a pass leaves unsent at its end [bytes]."""
        return np.zeros_like(self.rate) if self.whole_passes else self.threshold_bytes

    def never_ends(self) -> NDArray[np.bool_]:
        """Return which are known never to end without a throttle, because what is dirtied grows ever more slowly.

        Then a pass leaves less than it had, by share, the more it had; so the passes settle within the threshold l
        if they still leave less than they had at l itself: D(l/mu) <= l where passes are whole, and otherwise
        D'(0) (1 - l/S) < mu. For one set the first is the plateau of Lambert's W at most l. Measured vectors may
        bend the other way; of them nothing is known.
        """
        if self.whole_passes:
            within = self.dirtying.dirtied(self.vm, self.threshold_bytes / self.rate)
            never = self.page_weight * within > self.threshold_bytes
        else:
            fresh = fresh_share(self.threshold_bytes, self.reached_bytes)
            never = self.page_weight * self.dirtying.rate_at_first()[self.vm] * fresh >= self.rate
        known: NDArray[np.bool_] = never & ~self.dirtying.measured[self.vm]
        return known

    def left_after(self, here: Ints, time_s: Floats, unsent_bytes: Floats, reached_bytes: Floats) -> Floats:
        """Return what is left once some have copied for a time and had so much unsent at its end [bytes].

        Pages that were not sent yet may be dirtied like others: of the D(t) dirtied, only those not among them add.
        """
        dirtied = self.page_weight * self.dirtying.dirtied(self.vm[here], time_s)
        left: Floats = unsent_bytes + dirtied * fresh_share(unsent_bytes, reached_bytes)
        return left


@dataclass(frozen=True, slots=True)
class PassStart:
    """Where E migrations stand before a pass; those that have ended keep their last figures.

    Parameters
    ----------
    left_bytes
        Bytes still to send [bytes].
    time_s, sent_bytes, slowed_s
        Time so far [s], bytes sent [bytes], vCPU time taken by the throttle [s].
    taken
        Share of vCPU time that is taken now [1].
    running
        Whether the passes still go on.
    """

    left_bytes: Floats
    time_s: Floats
    sent_bytes: Floats
    slowed_s: Floats
    taken: Floats
    running: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Passes:
    """The passes of E migrations.

    Parameters
    ----------
    starts
        Where they stand before each pass, as many as were asked for.
    end
        Where they stand when the VM is stopped, or when it is clear that it never is.
    count
        Passes [count].
    """

    starts: tuple[PassStart, ...]
    end: PassStart
    count: Ints


def copy_in_passes(setting: Setting, throttle: Throttle, keep: int, *, to_the_end: bool = True) -> Passes:
    """Run the passes until each migration can stop, or until it is clear that it cannot: then it is ``running``.

    A pass of a fixed throttle leaves the more the more it had to send, so that once a pass leaves no less than the one
    before, none does.

    Parameters
    ----------
    keep
        Before how many passes it is told where they stand [count].
    to_the_end
        If not, nothing is run beyond the last of these: of those that have ended before, the end is told all the same.
    """
    left = setting.first_bytes.copy()
    time_s, sent, slowed = np.zeros_like(left), np.zeros_like(left), np.zeros_like(left)
    count = np.zeros(len(left), dtype=np.int64)
    slack = np.zeros_like(left) if setting.whole_passes else np.full_like(left, PAGE_BYTES)
    enough = setting.threshold_bytes * (1 + STEADY) + slack
    here = np.flatnonzero(left > enough)
    never = (left > enough) & setting.never_ends() & (throttle.most == 0.0)
    starts: list[PassStart] = []
    for index in range(MOST_PASSES):
        if index < keep:
            running = np.zeros(len(left), dtype=np.bool_)
            running[here] = True
            starts.append(
                PassStart(left.copy(), time_s.copy(), sent.copy(), slowed.copy(), throttle.taken.copy(), running)
            )
        if index == keep - 1 and not to_the_end:
            break
        if index >= keep:
            here = here[~never[here]]
            if not here.size:
                break
        unsent = setting.unsent_bytes[here]
        bytes_ = left[here] - unsent
        took = bytes_ / setting.rate[here]
        taken = throttle.taken[here]
        reached = setting.first_bytes[here] if index == 0 else setting.reached_bytes[here]
        now = setting.left_after(here, took * (1.0 - taken), unsent, reached)
        time_s[here] += took
        sent[here] += bytes_
        slowed[here] += took * taken
        count[here] += 1
        throttle.after_pass(here, took, now - unsent, bytes_)
        if index:  # the first pass may dirty more than it sends, where pages are zero, and all be well later
            never[here] |= (now >= left[here] * (1 - STEADY)) & (taken >= throttle.most)
        left[here] = now
        here = here[now > enough[here]]
    never[here] = True  # what is neither done nor stuck after so many passes
    end = PassStart(left, time_s, sent, slowed, throttle.taken.copy(), never)
    return Passes(tuple(starts), end, count)
