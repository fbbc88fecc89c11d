"""Measured rates: from what Prometheus has of VMs to fields of an inventory, with all that is doubtful said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Literal

from planner.errors import InputError
from planner.importers.prometheus_ask import Said
from planner.importers.prometheus_names import Matches, match, names_of, same_host
from planner.importers.prometheus_profiles import Metric, Profile, Role
from planner.importers.prometheus_series import Points, Summary, added, coverage, rounded, summarise
from planner.importers.prometheus_views import Parts, Views
from planner.inventory.models import VM, Inventory
from planner.inventory.places import clip
from planner.units import MAX_RATE_BYTES_PER_S, MAX_SIZE_BYTES

Statistic = Literal["median", "mean", "p95"]

MIB = 2**20
LEAST_RESIDENT = 32 * MIB
"""Memory of a running VM below which the figure looks wrong [bytes]."""
SPARSE = 0.5
"""Share of samples below which a measurement is doubtful [1]."""
STALE_STEPS = 5
STALE_SHARE = 0.05
"""A VM is no longer measured where its last sample is this many steps, and this share of the time, before the end."""


@dataclass(frozen=True)
class Wishes:
    """How measurements become rates.

    Parameters
    ----------
    statistic
        What is taken as a VM's rate.
    window_s
        Length of the windows whose means percentiles are taken of [s].
    zone
        Time zone of the hours of the day; None for that of this machine.
    floors
        Whether rates below what disks and NICs alone write and read are raised to that.
    """

    statistic: Statistic = "median"
    window_s: float = 900.0
    zone: tzinfo | None = None
    floors: bool = False


@dataclass
class Measured:
    """What was measured of an inventory's VMs.

    Parameters
    ----------
    fields
        New values by field, by name of the VM.
    writes
        What write rates come to, by name of the VM.
    sources, nonzero
        Metrics that the write rate and the memory in use are from, by name of the VM.
    reads
        VMs whose read rates were measured.
    floored
        VMs whose rates were raised to what disks and NICs alone do.
    matches
        Which VM is which.
    resets
        Times that a counter began anew [count].
    notes
        What is doubtful, names of VMs by kind of doubt.
    """

    fields: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    writes: dict[str, Summary] = field(default_factory=dict)
    sources: dict[str, Metric] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    nonzero: dict[str, Metric] = field(default_factory=dict)
    floored: list[str] = field(default_factory=list)
    matches: Matches = field(default_factory=lambda: Matches({}, (), ()))
    resets: int = 0
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def inventory(self, inventory: Inventory) -> Inventory:
        """Return an inventory with what was measured."""
        vms = tuple(vm.model_copy(update=self.fields.get(vm.name, {})) for vm in inventory.vms)
        return inventory.model_copy(update={"vms": vms})


def measure(inventory: Inventory, said: Said, profile: Profile, wishes: Wishes) -> Measured:
    """Return what an exporter has said of the VMs of an inventory.

    Parameters
    ----------
    inventory
        The inventory; only VMs that it has are measured.
    said
        What the exporter has said.
    profile
        The exporter.
    wishes
        How measurements become rates.
    """
    measured = Measured()
    views = Views(said, profile)
    for kind, count in (("nameless", views.nameless), ("unread", views.unread), ("negative", views.negative)):
        if count:
            measured.notes[kind] = [str(count)]
    found = views.found()
    names = {one: list(names_of(profile, one, views.series_of(one), said.aliases)) for one in found}
    places = {one: views.place(one) for one in found}
    measured.matches = match(inventory.vms, names, places)
    hosts = [host.name for host in inventory.hosts]
    by_name = {vm.name: vm for vm in inventory.vms}
    for name in sorted(measured.matches.of):
        one = _One(by_name[name], measured, said, wishes)
        where = measured.matches.of[name]
        one.write_rate(views.parts(where, Role.WRITE_RATE))
        one.read_rate(views.parts(where, Role.READ_RATE))
        one.memory(views.parts(where, Role.NONZERO_MEMORY), views.parts(where, Role.MEMORY))
        one.floor("write_rate", views.parts(where, Role.IO_IN))
        one.floor("read_rate", views.parts(where, Role.IO_OUT))
        one.settle()
        one.host(places[where], hosts)
    measured.resets = views.resets
    measured.fields = {name: values for name, values in measured.fields.items() if values}
    return measured


class _One:
    """One VM: what was said of it becomes fields."""

    def __init__(self, vm: VM, measured: Measured, said: Said, wishes: Wishes) -> None:
        self._vm, self._measured, self._span, self._wishes = vm, measured, said.span, wishes
        self._fields: dict[str, Any] = measured.fields[vm.name]

    def _note(self, kind: str, more: str = "") -> None:
        self._measured.notes[kind].append(f"{self._vm.name} ({more})" if more else self._vm.name)

    def _summary(self, parts: Parts) -> Summary | None:
        return summarise(added(points for _, points in parts), self._wishes.window_s, self._wishes.zone)

    def _refuse_absurd(self, summary: Summary, metric: Metric, most: float, unit: str) -> None:
        """Refuse what no VM can have: the unit is another one than was said."""
        if summary.most > most:
            message = f"{clip(metric.name)} says {summary.most:g} {unit} of {self._vm.name}, which is implausibly large"
            raise InputError.single("out-of-range", message, "give a query in bytes, or bytes/s (--query)")

    def write_rate(self, parts: Parts) -> None:
        """Take the rate at which it dirties memory."""
        summary = self._summary(parts)
        if summary is None:
            return
        metric, points = parts[0]
        self._refuse_absurd(summary, metric, MAX_RATE_BYTES_PER_S, "bytes/s")
        if summary.most == 0:
            self._note("zero")
            return
        self._measured.writes[self._vm.name] = summary
        self._measured.sources[self._vm.name] = metric
        self._rate("write_rate", summary)
        if "migrat" not in metric.name:
            self._check_times(summary, points)
        if summary.by_hour is not None and max(summary.by_hour) > 2 * self._fields["write_rate"]:
            self._note("peaks")
        if summary.stuck:
            self._note("stuck")
        if self._fields["write_rate"] > self._vm.memory:
            self._note("wild")
        if self._vm.dirty_sets or self._vm.dirty_vector or self._vm.hot_memory:
            self._note("two-ways")

    def read_rate(self, parts: Parts) -> None:
        """Take the rate at which it reads memory, which only a query of the operator's own can tell."""
        summary = self._summary(parts)
        if summary is None:
            return
        self._refuse_absurd(summary, parts[0][0], MAX_RATE_BYTES_PER_S, "bytes/s")
        if summary.most == 0:
            self._note("zero-read")
            return
        self._rate("read_rate", summary)
        self._measured.reads.append(self._vm.name)

    def _rate(self, name: str, summary: Summary) -> None:
        """Take a rate, its range and its hours."""
        statistic = self._wishes.statistic
        value = {"median": summary.median, "mean": summary.mean, "p95": summary.high}[statistic]
        if value == 0:
            # Exporters that count in whole MiB/s say 0 of what is less.
            value = summary.mean
            self._note("mean-taken")
        self._fields[name] = rounded(value)
        low = summary.low if summary.low > 0 else min(summary.least_above_0, value)
        low, high = rounded(low), rounded(summary.high)
        if 0 < low <= self._fields[name] <= high:
            self._fields[f"{name}_range"] = (low, high)
        else:
            self._note("no-range")
        steady = self._vm.dirty_vector or self._vm.hot_memory or self._vm.cold_write_rate
        if summary.by_hour is None:
            self._note("no-hours")
        elif name == "write_rate" and (steady or (self._vm.dirty_sets and not self._fields[name])):
            self._note("hours-against")
        else:
            self._fields[f"{name}_by_hour"] = tuple(rounded(one) for one in summary.by_hour)

    def _check_times(self, summary: Summary, points: Points) -> None:
        """See that it was measured all the time."""
        span = self._span
        share = coverage(points, span.from_s, span.to_s, span.step_s)
        silent_s = span.to_s - summary.last_s
        if silent_s > max(STALE_STEPS * span.step_s, STALE_SHARE * (span.to_s - span.from_s)):
            self._note("stale")
        elif share < SPARSE:
            self._note("sparse", f"{share:.0%}")

    def memory(
        self,
        nonzero: Parts,
        whole: Parts,
    ) -> None:
        """Take the memory that it uses, the most of it, and see that its size is that of the inventory."""
        vm = self._vm
        sizes = added(points for _, points in whole)
        if sizes:
            size = sizes[max(sizes)]
            if abs(size - vm.memory) > 0.02 * vm.memory:
                self._note("other-size")
        used = added(points for _, points in nonzero)
        if not used:
            return
        most = max(used.values())
        if most > MAX_SIZE_BYTES:
            message = f"{clip(nonzero[0][0].name)} says {most:g} bytes of {vm.name}, which is implausibly large"
            raise InputError.single("out-of-range", message, "give a query in bytes (--query)")
        if most < max(LEAST_RESIDENT, 0.01 * vm.memory):
            self._note("hardly-used")
        elif most < vm.memory:
            self._fields["nonzero_memory"] = min(vm.memory, -(-int(most) // MIB) * MIB)
            self._measured.nonzero[vm.name] = nonzero[0][0]
        elif vm.nonzero_memory is not None:
            self._fields["nonzero_memory"] = vm.memory
            self._measured.nonzero[vm.name] = nonzero[0][0]

    def floor(self, name: str, parts: Parts) -> None:
        """Raise a rate that is below what disks and NICs alone write to memory, or read of it."""
        summary = self._summary(parts) if self._wishes.floors else None
        if summary is None:
            return
        least = rounded({"median": summary.median, "mean": summary.mean, "p95": summary.high}[self._wishes.statistic])
        if least > self._fields.get(name, getattr(self._vm, name)):
            self._fields[name] = least
            self._fields.pop(f"{name}_range", None)
            self._fields.pop(f"{name}_by_hour", None)
            self._measured.floored.append(f"{self._vm.name} ({name})")

    def settle(self) -> None:
        """Take away a range of before that does not hold the rate any more."""
        for name in ("write_rate", "read_rate"):
            span = self._fields.get(f"{name}_range", getattr(self._vm, f"{name}_range"))
            if name in self._fields and span is not None and not span[0] <= self._fields[name] <= span[1]:
                self._fields[f"{name}_range"] = None

    def host(self, place: str, hosts: Iterable[str]) -> None:
        """See that it is on the host that the inventory says, where the exporter tells one of them."""
        if not place or same_host(place, self._vm.host):
            return
        elsewhere = next((host for host in hosts if same_host(place, host)), None)
        if elsewhere is not None:
            self._note("elsewhere", f"{elsewhere}, not {self._vm.host}")


def busiest(measured: Measured, most: int) -> Iterator[tuple[str, Mapping[str, float], int | None]]:
    """Yield the VMs that write most: name, figures [bytes/s], and their busiest hour where all hours are known."""
    ranked = sorted(measured.writes, key=lambda name: (-measured.writes[name].high, name))
    for name in ranked[:most]:
        one = measured.writes[name]
        hour = None if one.by_hour is None else max(range(len(one.by_hour)), key=one.by_hour.__getitem__)
        yield name, {"median": one.median, "mean": one.mean, "p95": one.high}, hour
