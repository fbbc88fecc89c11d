"""The model ``saturating``: all approaches are one copy with a switch point, and writes reach no more than they reach.

docs/design/predictions.md has the pieces and their sources, docs/accuracy.md how far it is off on real migrations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Approach, Settings
from planner.predict.dirtying import Dirtying
from planner.predict.faulting import PAGE_BYTES, fault_phase
from planner.predict.link_terms import LinkTerms, link_terms
from planner.predict.passes import Passes, PassStart, Setting, copy_in_passes
from planner.predict.protocol import Floats, Ints, Memory, Outside, Prediction, Workload, blank
from planner.predict.throttle import Throttle

HEADER_BYTES = 8.0
"""What a page costs on the link beside its content; a page of zeros costs nothing else [bytes]."""

SWITCH_POINTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
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
        """The switch points that it offers for the hybrid; empty where the settings fix one."""
        return SWITCH_POINTS if self.settings.hybrid_switch == "front" else ()

    def predict(
        self,
        approach: Approach,
        workload: Workload,
        rate_bytes_per_s: Floats,
        stop_threshold_bytes: Floats,
        switch_point: Floats | None = None,
    ) -> Prediction:
        """Predict one approach; see `planner.predict.protocol.PredictionModel`."""
        case = _Case.of(self, workload, rate_bytes_per_s, stop_threshold_bytes)
        match approach:
            case Approach.COLD:
                found = case.cold()
            case Approach.PRECOPY:
                found = case.precopy(case.copied(0))
            case Approach.POSTCOPY:
                found = case.switched(case.copied(1), np.zeros(case.count))
            case Approach.HYBRID:
                own = own_switch(self.settings.hybrid_switch, workload)
                given = own if switch_point is None else np.where(np.isnan(switch_point), own, switch_point)
                points = np.broadcast_to(given, case.shape).reshape(-1)
                found = case.switched(case.copied(int(points.max(initial=0.0)) + 1), points)
        return case.shaped(found)

    def curve(
        self, workload: Workload, rate_bytes_per_s: Floats, stop_threshold_bytes: Floats, points: tuple[float, ...]
    ) -> list[Prediction]:
        """Predict the hybrid at several switch points [passes], with the passes run once."""
        case = _Case.of(self, workload, rate_bytes_per_s, stop_threshold_bytes)
        copied = case.copied(int(max(points, default=0.0)) + 1)
        return [case.shaped(case.switched(copied, np.full(case.count, point))) for point in points]


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
    """Figures of E migrations, as in `Prediction`; bytes before the switch are counted as they lie in memory."""

    time_s: Floats
    blackout_s: Floats
    stall_s: Floats
    slowed_s: Floats
    copied_bytes: Floats
    fetched_bytes: Floats
    precopy_share: Floats
    passes: Ints
    outside: Ints


@dataclass(frozen=True, slots=True)
class _Case:
    """E migrations, flattened: what the pieces of the model need of them, shape (E,)."""

    model: SaturatingModel
    shape: tuple[int, ...]
    vm: Ints
    dirtying: Dirtying
    terms: LinkTerms
    read_rate: Floats
    first_bytes: Floats
    reached_bytes: Floats
    disk_bytes: Floats
    disk_write_rate: Floats
    threshold_bytes: Floats

    @staticmethod
    def of(model: SaturatingModel, workload: Workload, rate: Floats, threshold: Floats) -> _Case:
        image, read, rate, threshold = np.broadcast_arrays(
            workload.image_bytes, workload.read_rate, rate, threshold, subok=False
        )
        shape = image.shape
        memory = workload.memory or _from_rates(workload)
        column = np.arange(memory.memory_bytes.size).reshape(memory.memory_bytes.shape)
        vm = np.broadcast_to(column, shape).reshape(-1)
        weight = 1.0 + model.header_bytes / PAGE_BYTES
        zero = memory.memory_bytes - memory.nonzero_bytes
        first = memory.nonzero_bytes * weight + zero / PAGE_BYTES * model.header_bytes
        reached = np.minimum(memory.dirtying.reached_bytes() * weight, memory.memory_bytes.reshape(-1) * weight)
        terms = link_terms(model.settings, rate.reshape(-1))
        stop = threshold.reshape(-1)
        if model.settings.stop_threshold is None:
            # A downtime limit counts at the rate that the link is measured to carry.
            stop = stop * terms.wire_bytes_per_s / rate.reshape(-1)
        return _Case(
            model,
            shape,
            vm,
            memory.dirtying,
            terms,
            read.reshape(-1),
            first.reshape(-1)[vm],
            reached[vm],
            memory.disk_bytes.reshape(-1)[vm],
            memory.disk_write_rate.reshape(-1)[vm],
            stop,
        )

    @property
    def count(self) -> int:
        return len(self.vm)

    @property
    def disk_rate(self) -> Floats:
        """What the writes of a disk that moves too leave of the link; all of it where none moves [bytes/s]."""
        left: Floats = self.terms.wire_bytes_per_s - np.where(self.disk_bytes > 0, self.disk_write_rate, 0.0)
        return left

    @property
    def page_rate(self) -> Floats:
        """Rate at which pages are copied before the switch [bytes/s]; any positive one where the disk outruns it."""
        rate: Floats = np.where(self.disk_rate > 0, self.disk_rate, 1.0) * self.model.settings.compression_ratio
        return rate

    def disk_s(self, *, paused: bool = False) -> Floats:
        """Time in which the disk is copied [s]."""
        rate = self.terms.wire_bytes_per_s if paused else np.where(self.disk_rate > 0, self.disk_rate, 1.0)
        took: Floats = self.disk_bytes / rate
        return took

    @property
    def setting(self) -> Setting:
        """What the passes meet."""
        return Setting(
            self.vm,
            self.first_bytes,
            self.reached_bytes,
            self.page_rate,
            self.threshold_bytes,
            self.dirtying,
            1.0 + self.model.header_bytes / PAGE_BYTES,
            self.model.whole_passes,
        )

    def copied(self, keep: int) -> Passes:
        """Run the passes, and keep where they stand before the first so many."""
        return copy_in_passes(self.setting, Throttle.of(self.model.settings, self.count), keep)

    def cold(self) -> _Found:
        ratio = self.model.settings.compression_ratio
        still = self.disk_s(paused=True) + self.first_bytes / (self.terms.wire_bytes_per_s * ratio)
        nothing = np.zeros(self.count)
        return _Found(
            self.terms.fixed_s + still,
            self.terms.switch_s + still,
            nothing,
            nothing,
            self.first_bytes,
            nothing,
            nothing,
            np.zeros(self.count, dtype=np.int64),
            np.zeros(self.count, dtype=np.int64),
        )

    def precopy(self, passes: Passes) -> _Found:
        end = passes.end
        last = end.left_bytes / self.page_rate
        outside = np.where(end.running, Outside.WRITES_OUTRUN_LINK, self._disk_outside())
        return _Found(
            self.terms.fixed_s + self.disk_s() + end.time_s + last,
            self.terms.switch_s + last,
            np.zeros(self.count),
            end.slowed_s,
            end.sent_bytes + end.left_bytes,
            np.zeros(self.count),
            np.ones(self.count),
            passes.count,
            outside.astype(np.int64),
        )

    def switched(self, passes: Passes, points: Floats) -> _Found:
        """Post-copy from each one's switch point on; where pre-copy ends before it, that is what happens."""
        whole = self.precopy(passes)
        before = np.floor(points).astype(np.int64)
        start = _each(passes.starts, before)
        share = points - before
        first = before == 0
        unsent = np.where(share > 0, (1.0 - share) * start.left_bytes, start.left_bytes)
        took = (start.left_bytes - unsent) / self.page_rate
        reached = np.where(first, self.first_bytes, self.reached_bytes)
        every = np.arange(self.count)
        part_way = self.setting.left_after(every, took * (1.0 - start.taken), unsent, reached)
        left = np.where(share > 0, part_way, start.left_bytes)
        after_s, waiting_s = fault_phase(
            left,
            self.missing_rate(left, unsent, first=first),
            np.where(self.disk_rate > 0, self.disk_rate, 1.0),
            self.model.settings.background_efficiency or 1.0,
            self.terms.fault_latency_s,
        )
        ends_before = ~start.running & (points > 0)
        outside = self._disk_outside()
        if self.model.settings.tunnelled:
            outside = np.full_like(outside, Outside.TUNNELLED)
        late = np.where(ends_before, whole.outside, outside)
        return _Found(
            np.where(ends_before, whole.time_s, self.terms.fixed_s + self.disk_s() + start.time_s + took + after_s),
            np.where(ends_before, whole.blackout_s, self.terms.switch_s),
            np.where(ends_before, 0.0, waiting_s),
            np.where(ends_before, whole.slowed_s, start.slowed_s + took * start.taken),
            np.where(ends_before, whole.copied_bytes, start.sent_bytes + start.left_bytes - unsent),
            np.where(ends_before, 0.0, left),
            np.where(ends_before, 1.0, np.minimum(points, 1.0)),
            np.where(ends_before, whole.passes, np.maximum(np.ceil(points).astype(np.int64) - 1, 0)),
            np.where(self.model.settings.tunnelled, Outside.TUNNELLED, late),
        )

    def missing_rate(self, left: Floats, unsent: Floats, *, first: NDArray[np.bool_]) -> Floats:
        """Return the rate at which the VM touches pages that are missing at the switch [bytes/s].

        Reads go over the whole image. Writes go over what they reach: of that is missing what is dirty, and as much of
        what the first pass has not sent as of the rest of the image.
        """
        reads = self.read_rate * left / self.first_bytes
        if not self.model.writes_fault:
            return reads
        with np.errstate(divide="ignore", invalid="ignore"):
            dirty = np.where(first, left - unsent, left) / self.reached_bytes
        not_sent = np.where(first, unsent / self.first_bytes, 0.0)
        writes = self.dirtying.rate_at_first()[self.vm]
        return reads + np.where(writes > 0, writes * np.minimum(not_sent + dirty, 1.0), 0.0)

    def shaped(self, found: _Found) -> Prediction:
        """Return the figures in the shape of what was asked for."""
        outside = found.outside.astype(np.int8)
        down = found.blackout_s + found.stall_s + found.slowed_s
        time = np.maximum(found.time_s, found.blackout_s)
        wire = self.disk_s() * self.terms.wire_bytes_per_s
        wire = wire + found.copied_bytes / self.model.settings.compression_ratio + found.fetched_bytes
        arrays = blank(outside, time, down, wire, found.precopy_share, found.stall_s, found.slowed_s)
        time, down, wire, share, stall, slowed = (array.reshape(self.shape) for array in arrays)
        return Prediction(
            time, down, wire, share, found.passes.reshape(self.shape), outside.reshape(self.shape), stall, slowed
        )

    def _disk_outside(self) -> Ints:
        outside: Ints = np.where(self.disk_rate > 0, Outside.INSIDE, Outside.DISK_WRITES_OUTRUN_LINK).astype(np.int64)
        return outside


def _each(starts: tuple[PassStart, ...], index: Ints) -> PassStart:
    """Return of each migration the start with its own index."""
    if index.size == 0 or np.all(index == index[0]):
        return starts[int(index[0]) if index.size else 0]
    row = np.arange(len(index))

    def of(name: str) -> Floats:
        chosen: Floats = np.stack([getattr(start, name) for start in starts])[index, row]
        return chosen

    return PassStart(
        of("left_bytes"), of("time_s"), of("sent_bytes"), of("slowed_s"), of("taken"), of("running").astype(np.bool_)
    )


def _from_rates(workload: Workload) -> Memory:
    """Return what a workload of rates alone says: one working set that is the whole image."""
    image = np.asarray(workload.image_bytes, dtype=np.float64)
    write = np.broadcast_to(workload.write_rate, image.shape)
    nothing = np.zeros(image.shape)
    flat = image.reshape(-1, 1)
    dirtying = Dirtying(
        flat,
        write.reshape(-1, 1),
        np.zeros(flat.shape[0]),
        flat[:, 0],
        np.full((flat.shape[0], 2), np.inf),
        np.zeros((flat.shape[0], 2)),
        np.zeros(flat.shape[0], dtype=np.bool_),
    )
    return Memory(image, image, nothing, nothing, dirtying)
