"""The model ``saturating``: all approaches are one copy with a switch point, and writes reach no more than they reach.

docs/design/predictions.md has the pieces and their sources, docs/accuracy.md how far it is off on real migrations.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Approach, Settings
from planner.predict.faulting import fault_phase
from planner.predict.migrations import Migrations, side_by_side
from planner.predict.passes import Passes, PassStart, copy_in_passes
from planner.predict.plateau import settled_bytes
from planner.predict.protocol import Floats, Ints, Outside, Prediction, Workload, blank
from planner.predict.throttle import Throttle

HEADER_BYTES = 8.0
"""What a page costs on the link beside its content; a page of zeros costs nothing else [bytes]."""

SWITCH_POINTS = (0.25, 0.5, 0.75, 1.0, 2.0, 3.0, 4.0)
"""The switch points of the front: the first pass in quarters, then pass by pass, for less and less changes [passes]."""


@dataclass(frozen=True)
class SaturatingModel:
    """Pre-copy until a switch point, post-copy for what is left; cold where the VM is paused from the start.

    Parameters
    ----------
    settings
        Efficiencies, times, throttle, compression, and what the hybrid's own switch point is.
    header_bytes
        What each page costs beside its content [bytes].
    whole_passes
        Whether a pass ends only when all of it is sent; see `planner.predict.passes.Setting`. QEMU's do not.
    writes_fault
        Whether after the switch the VM waits for pages that it writes, as it does for those that it reads.
    """

    settings: Settings
    header_bytes: float = HEADER_BYTES
    whole_passes: bool = False
    writes_fault: bool = True
    name: str = "saturating"

    @property
    def switch_points(self) -> tuple[float, ...]:
        """The switch points that it offers for the hybrid; none where each VM has its own, the paper's share."""
        match self.settings.hybrid_switch:
            case "front":
                return SWITCH_POINTS
            case "paper":
                return ()
            case point:
                return (point,)

    def predict(
        self,
        approach: Approach,
        workload: Workload,
        rate_bytes_per_s: Floats,
        stop_threshold_bytes: Floats,
        switch_point: Floats | None = None,
    ) -> Prediction:
        """Predict one approach; see `planner.predict.protocol.PredictionModel`."""
        these = self._side_by_side(workload, rate_bytes_per_s, stop_threshold_bytes)
        match approach:
            case Approach.COLD:
                found = _cold(these)
            case Approach.PRECOPY:
                found = _precopy(these, self._copied(these, 0))
            case Approach.POSTCOPY:
                found = self._switched(these, self._copied(these, 1), np.zeros(these.count))
            case Approach.HYBRID:
                own = own_switch(self.settings.hybrid_switch, workload)
                given = own if switch_point is None else np.where(np.isnan(switch_point), own, switch_point)
                points = np.broadcast_to(given, these.shape).reshape(-1)
                found = self._switched(these, self._copied(these, int(points.max(initial=0.0)) + 1), points)
        return _shaped(found, these.shape)

    def curve(
        self, workload: Workload, rate_bytes_per_s: Floats, stop_threshold_bytes: Floats, points: tuple[float, ...]
    ) -> list[Prediction]:
        """Predict the hybrid at several switch points [passes], with the passes run once."""
        these = self._side_by_side(workload, rate_bytes_per_s, stop_threshold_bytes)
        passes = self._copied(these, int(max(points, default=0.0)) + 1)
        return [_shaped(self._switched(these, passes, np.full(these.count, point)), these.shape) for point in points]

    def settles_and_stops(
        self, workload: Workload, rate_bytes_per_s: Floats, stop_threshold_bytes: Floats
    ) -> tuple[Floats, Floats]:
        """Return what passes that do not converge leave, without a throttle, and with what the VM is stopped [bytes].

        The second is the stop threshold as the pages' own rate has it.
        """
        these = self._side_by_side(workload, rate_bytes_per_s, stop_threshold_bytes)
        return settled_bytes(these.setting).reshape(these.shape), these.setting.threshold_bytes.reshape(these.shape)

    def _side_by_side(self, workload: Workload, rate: Floats, threshold: Floats) -> Migrations:
        return side_by_side(
            self.settings, workload, rate, threshold, header_bytes=self.header_bytes, whole_passes=self.whole_passes
        )

    def _copied(self, these: Migrations, keep: int) -> Passes:
        """Run the passes, and keep where they stand before the first so many; beyond these only if there are none."""
        return copy_in_passes(these.setting, Throttle.of(self.settings, these.count), keep, to_the_end=keep == 0)

    def _switched(self, these: Migrations, passes: Passes, points: Floats) -> _Found:
        """Post-copy from each one's switch point on; where pre-copy ends before it, that is what happens."""
        within = np.maximum(np.ceil(points).astype(np.int64) - 1, 0)
        start, share, setting = _each(passes.starts, within), points - within, these.setting
        first = within == 0
        sent = share * np.maximum(start.left_bytes - setting.unsent_bytes, 0.0)
        unsent = start.left_bytes - sent
        took = sent / setting.rate
        reached = np.where(first, setting.first_bytes, setting.reached_bytes)
        left = setting.left_after(np.arange(these.count), took * (1.0 - start.taken), unsent, reached)
        touched = _missing_rate(these, left, np.where(first, unsent, 0.0), writes=self.writes_fault)
        after_s, waiting_s = fault_phase(
            left, touched, these.wire_rate, self.settings.background_efficiency or 1.0, these.fault_latency_s
        )
        copying_s = start.time_s + took
        after = _Found(
            these.fixed_s + these.disk_s + copying_s + after_s,
            these.switch_s,
            waiting_s,
            start.slowed_s + took * start.taken,
            _disk_traffic(these, copying_s) + (start.sent_bytes + sent) / these.compression_ratio + left,
            np.minimum(points, 1.0),
            within,
            _disk_outside(these),
        )
        ends_before = ~_each(passes.starts, np.floor(points).astype(np.int64)).running & (points > 0)
        if ends_before.any():
            after = _either(ends_before, _precopy(these, passes), after)
        if self.settings.tunnelled:
            after = replace(after, outside=np.full(these.count, Outside.TUNNELLED, dtype=np.int8))
        return after


def own_switch(hybrid_switch: float | Literal["front", "paper"], workload: Workload) -> Floats:
    """Return the switch point that the settings name, by VM [passes]: for the front, after one pass.

    The paper's share of the image is w/(r+w), 1 where both are 0 (hybrid-approach paper, 2017, eq. (3)).
    """
    if hybrid_switch == "paper":
        both = workload.read_rate + workload.write_rate
        share: Floats = np.divide(workload.write_rate, both, out=np.ones_like(both), where=both > 0)
        return share
    return np.array(1.0 if hybrid_switch == "front" else hybrid_switch)


@dataclass(frozen=True, slots=True)
class _Found:
    """Figures of E migrations, as in `Prediction`, the parts of the downtime apart."""

    time_s: Floats
    blackout_s: Floats
    stall_s: Floats
    slowed_s: Floats
    transferred_bytes: Floats
    precopy_share: Floats
    passes: Ints
    outside: NDArray[np.int8]


def _cold(these: Migrations) -> _Found:
    """The VM stands still while its disk and its memory go."""
    transferred = these.disk_bytes + these.setting.first_bytes / these.compression_ratio
    still_s, nothing = transferred / these.wire_rate, np.zeros(these.count)
    return _Found(
        these.fixed_s + still_s,
        these.switch_s + still_s,
        nothing,
        nothing,
        transferred,
        nothing,
        np.zeros(these.count, dtype=np.int64),
        np.zeros(these.count, dtype=np.int8),
    )


def _precopy(these: Migrations, passes: Passes) -> _Found:
    """Passes until so little is left that the VM is stopped for it."""
    end = passes.end
    last_s = end.left_bytes / (these.wire_rate * these.compression_ratio)
    return _Found(
        these.fixed_s + these.disk_s + end.time_s + last_s,
        these.switch_s + last_s,
        np.zeros(these.count),
        end.slowed_s,
        _disk_traffic(these, end.time_s) + (end.sent_bytes + end.left_bytes) / these.compression_ratio,
        np.ones(these.count),
        passes.count,
        np.where(end.running, np.int8(Outside.WRITES_OUTRUN_LINK), _disk_outside(these)),
    )


def _missing_rate(these: Migrations, left: Floats, unsent: Floats, *, writes: bool) -> Floats:
    """Return the rate at which the VM touches pages that are missing at the switch [bytes/s].

    Reads go over the whole image. Writes go over what they reach: of that is missing what is dirty, and as much of
    what the first pass has not sent as of the rest of the image.
    """
    setting = these.setting
    reads: Floats = these.read_rate * np.minimum(left / setting.first_bytes, 1.0)
    if not writes:
        return reads
    dirty = np.divide(left - unsent, setting.reached_bytes, out=np.zeros_like(left), where=setting.reached_bytes > 0)
    touched: Floats = reads + these.write_rate * np.minimum(unsent / setting.first_bytes + dirty, 1.0)
    return touched


def _disk_traffic(these: Migrations, copying_s: Floats) -> Floats:
    """Return what a disk that moves too puts on the link, its writes until the VM is switched over included [bytes]."""
    return these.disk_bytes + these.disk_write_rate * (these.disk_s + copying_s)


def _disk_outside(these: Migrations) -> NDArray[np.int8]:
    return np.where(these.disk_outruns, np.int8(Outside.DISK_WRITES_OUTRUN_LINK), np.int8(Outside.INSIDE))


def _either(which: NDArray[np.bool_], one: _Found, other: _Found) -> _Found:
    """Return the one's figures where `which` holds, and the other's elsewhere."""
    return _Found(*(np.where(which, getattr(one, part.name), getattr(other, part.name)) for part in fields(_Found)))


def _shaped(found: _Found, shape: tuple[int, ...]) -> Prediction:
    """Return the figures in the shape of what was asked for."""
    down = found.blackout_s + found.stall_s + found.slowed_s
    arrays = (found.time_s, down, found.transferred_bytes, found.precopy_share, found.stall_s, found.slowed_s)
    time, down, sent, share, stall, slowed = (array.reshape(shape) for array in blank(found.outside, *arrays))
    return Prediction(time, down, sent, share, found.passes.reshape(shape), found.outside.reshape(shape), stall, slowed)


def _each(starts: tuple[PassStart, ...], index: Ints) -> PassStart:
    """Return of each migration the start with its own index."""
    if index.size == 0 or np.all(index == index[0]):
        return starts[int(index[0]) if index.size else 0]
    row = np.arange(len(index))
    return PassStart(
        *(np.stack([getattr(start, part.name) for start in starts])[index, row] for part in fields(PassStart))
    )
