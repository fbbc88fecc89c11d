"""What is told of measured rates: what was renewed, what was not measured, and what of it is doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo

from planner.importers.loader import some
from planner.importers.prometheus import Measured, Wishes
from planner.importers.prometheus_ask import Said, Span
from planner.importers.prometheus_profiles import Metric, Profile, Role
from planner.importers.report import counted, under_headings
from planner.inventory.models import Inventory
from planner.units import format_duration

DOUBTS = {
    "zero": "a dirty rate of 0 all the time, which looks like a fault of measuring and not like a VM that runs; what"
    " the inventory says is left",
    "mean-taken": "a rate of 0 for most of the time; the mean was taken",
    "zero-read": "a read rate of 0 all the time; what the inventory says is left",
    "stale": "not measured any more at the end",
    "sparse": "measured for a part of the time only",
    "peaks": "writing more than twice as fast in the busiest hour as by the rate: ask evac window when, or take"
    " --rate p95",
    "stuck": "the same number all the time, as where an exporter repeats an old value",
    "wild": "dirtying all memory within a second",
    "other-size": "memory of another size than in the inventory; see that it is the same VM",
    "hardly-used": "next to no memory in use by this figure, as where huge pages are not counted; it was not taken",
    "elsewhere": "measured on another host than the inventory says; bring the inventory up to date first",
    "two-ways": "dirty_sets, dirty_vector or hot_memory in the inventory, which say in another way how it writes; the"
    " rate is renewed beside that",
    "hours-against": "no rates by hour, since what the inventory says else holds all day",
}
"""What is told of each kind of doubt, after the number of VMs."""

COUNTS = {
    "nameless": ("time series", "without the labels that name a VM ({labels}): left out (--vm-label)"),
    "unread": ("sample", "of no number (NaN, infinity): left out"),
    "negative": ("sample", "below 0: left out"),
}
"""What is told of samples and series, after their number."""

STATISTICS = {"median": "the median", "mean": "the mean", "p95": "the 95th percentile"}


def measured_lines(
    measured: Measured, inventory: Inventory, said: Said, profile: Profile, wishes: Wishes
) -> Iterator[str]:
    """Yield the report on what was measured, a line each."""
    matched = measured.matches.of
    yield (
        f"{profile.title}: {_times(said.span, wishes.zone)};"
        f" {len(matched)} of {counted(len(inventory.vms), 'VM')} measured."
    )
    unmatched = [vm.name for vm in inventory.vms if vm.name not in matched]
    missing = [f"{counted(len(unmatched), 'VM')} of the inventory not measured: {some(unmatched)}"][: len(unmatched)]
    yield from under_headings(
        ("Renewed", _renewed(measured, wishes)),
        ("Left as it is", _left(measured, profile, matched)),
        ("Left out", _strangers(measured, said)),
        ("Missing", missing),
        ("Doubtful", _doubts(measured, said, profile)),
    )


def _renewed(measured: Measured, wishes: Wishes) -> Iterator[str]:
    fields = measured.fields.values()
    statistic = STATISTICS[wishes.statistic]
    for name, count in (("write rates", len(measured.writes)), ("read rates", len(measured.reads))):
        if count:
            yield f"{name} of {counted(count, 'VM')}: {statistic} of means over {format_duration(wishes.window_s)}"
    ranges = sum(one.get("write_rate_range") is not None for one in fields)
    if ranges:
        yield f"ranges of write rates of {counted(ranges, 'VM')}: the 5th and 95th percentile"
    days = min((measured.writes[name].days for name in measured.writes), default=0)
    hours = sum("write_rate_by_hour" in one for one in fields)
    if hours:
        since = counted(days, "day")
        yield f"write rates by hour of {counted(hours, 'VM')}, {_zone(wishes.zone)}, from {since} at least"
    for metric, names in _by_metric(measured.nonzero):
        caveat = f"; {metric.caveat}" if metric.caveat else ""
        yield f"memory in use of {counted(len(names), 'VM')}, the most of it: {metric.name}{caveat}"
    if measured.floored:
        yield (
            f"{counted(len(measured.floored), 'rate')} raised to what disks and NICs alone do, which is a floor and no"
            f" dirty rate: {some(measured.floored)}"
        )


def _left(measured: Measured, profile: Profile, matched: Iterable[str]) -> Iterator[str]:
    names = list(matched)
    unwritten = [name for name in names if "write_rate" not in measured.fields.get(name, {})]
    zero = set(measured.notes.get("zero", ()))
    silent = [name for name in unwritten if name not in zero]
    if silent and not measured.writes and not profile.tells(Role.WRITE_RATE):
        yield (
            f"write rates: {profile.title} exports no dirty rate; measure by evac import libvirt, or raise what is too"
            " low with --io-floor"
        )
    elif silent:
        yield f"write rates of {counted(len(silent), 'VM')} without a sample of their dirty rate: {some(silent)}"
    if names and not any("read_rate" in one for one in measured.fields.values()):
        yield "read rates: no exporter tells how fast a VM reads its memory (--query read-rate=...)"
    if names:
        yield "working sets: no exporter tells how much memory the writes are spread over"
    hourless = measured.notes.get("no-hours", [])
    if hourless:
        yield f"rates by hour of {counted(len(hourless), 'VM')}: some hours of the day have no sample: {some(hourless)}"
    rangeless = measured.notes.get("no-range", [])
    if rangeless:
        yield f"ranges of {counted(len(rangeless), 'VM')}: the rate is 0 or outside of them: {some(rangeless)}"


def _strangers(measured: Measured, said: Said) -> Iterator[str]:
    if measured.matches.strangers:
        names = measured.matches.strangers
        yield f"{counted(len(names), 'VM')} measured and not in the inventory: {some(names)}"
    for name, several in measured.matches.ambiguous:
        yield f"{name}, which could be each of {some(several)}; give the one that is meant (--match)"
    if said.unknown:
        yield f"metrics that the exporter's profile does not know: {some(said.unknown)}"


def _doubts(measured: Measured, said: Said, profile: Profile) -> Iterator[str]:
    for metric, names in _by_metric(measured.sources):
        if metric.caveat:
            yield f"write rates of {counted(len(names), 'VM')} by {metric.name}: {metric.caveat}"
    for kind, words in DOUBTS.items():
        if names := measured.notes.get(kind, []):
            yield f"{counted(len(names), 'VM')}: {words}: {some(names)}"
    for kind, (noun, words) in COUNTS.items():
        for count in measured.notes.get(kind, []):
            what = f"{count} {noun}" if noun.endswith("s") else counted(int(count), noun)
            yield f"{what} {words.format(labels=', '.join(profile.identity))}"
    if measured.resets:
        yield f"{counted(measured.resets, 'reset')} of counters, as when a VM is started anew; each counts from 0 on"
    yield from (f"Prometheus warns: {warning}" for warning in said.warnings)


def _by_metric(sources: dict[str, Metric]) -> list[tuple[Metric, Sequence[str]]]:
    found: dict[Metric, list[str]] = {}
    for name, metric in sources.items():
        found.setdefault(metric, []).append(name)
    return [(metric, names) for metric, names in found.items()]


def _times(span: Span, zone: tzinfo | None) -> str:
    first, last = (datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M") for at in (span.from_s, span.to_s))
    return f"{first} to {last}, a sample every {format_duration(span.step_s)}"


def _zone(zone: tzinfo | None) -> str:
    return "in the time of this machine" if zone is None else f"in the time of {zone}"
