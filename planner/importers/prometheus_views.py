"""What was said of each VM, by metric and host: series of disks added up, of scrapers joined, of two VMs kept apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from planner.importers.prometheus_ask import Said
from planner.importers.prometheus_format import Series
from planner.importers.prometheus_names import Found, Identity, identity_of, place_of
from planner.importers.prometheus_profiles import Kind, Metric, Profile, Role
from planner.importers.prometheus_series import Points, added, at_odds, increases, joined, on_grid

SCRAPE_LABELS = frozenset(
    (
        "__name__",
        "instance",
        "job",
        "pod",
        "endpoint",
        "service",
        "container",
        "node",
        "host",
        "prometheus",
        "prometheus_replica",
        "replica",
        "vmi_pod",
    )
)
"""Labels that tell who measured and where, and not what."""

Parts = list[tuple[Metric, dict[float, float]]]
"""What was said in a role, a metric and its values for each part, such as disks and NICs."""


class Views:
    """What was said of each VM, by metric and host, in bytes and bytes/s.

    Parameters
    ----------
    said
        What the exporter has said.
    profile
        The exporter.

    Attributes
    ----------
    nameless
        Series without the labels that tell VMs from each other [count].
    unread, negative
        Samples that are no numbers, and those below 0 [count].
    resets
        Times that a counter began anew [count].
    """

    def __init__(self, said: Said, profile: Profile) -> None:
        self._said, self._profile = said, profile
        self.nameless = self.unread = self.negative = self.resets = 0
        # Samples stay in their series, which are compact; points are made of them for one VM at a time.
        self._sorted: dict[Metric, dict[Identity, dict[str, list[Series]]]] = {}
        self._series: defaultdict[Identity, list[Series]] = defaultdict(list)
        for metric, listed in said.series.items():
            by_identity: dict[Identity, dict[str, list[Series]]] = {}
            for series in listed:
                self.unread += series.unread
                self.negative += sum(value < 0 for value in series.values)
                identity = identity_of(profile, series.labels)
                if identity is None:
                    self.nameless += 1
                elif series.times:
                    self._series[identity].append(series)
                    place = place_of(profile, series.labels, said.aliases)
                    by_identity.setdefault(identity, {}).setdefault(place, []).append(series)
            self._sorted[metric] = by_identity
        self._split = frozenset(identity for identity in self._series if self._is_two(identity))

    def _points(self, metric: Metric, several: Sequence[Series]) -> tuple[dict[float, float], int]:
        """Return what several series of one VM on one host say together: of disks the sum, of scrapers the most.

        How often a counter began anew is the second of the two.
        """
        span = self._said.span
        covers_s = span.step_s if metric.kind is Kind.COUNTER else 0.0
        if metric.kind is Kind.GAUGE and metric in self._profile.metrics:
            covers_s = span.covers_s
        by_device: defaultdict[frozenset[tuple[str, str]], list[Points]] = defaultdict(list)
        most_resets = 0
        for series in several:
            device = frozenset(item for item in series.labels.items() if item[0] not in SCRAPE_LABELS)
            if metric.kind is Kind.COUNTER:
                rates, resets = increases(series, span.step_s)
                most_resets = max(most_resets, resets)
                by_device[device].append(on_grid(rates, span.step_s, covers_s))
            else:
                points = zip(series.times, series.values, strict=True)
                kept = {at: value * metric.unit for at, value in points if value >= 0}
                by_device[device].append(on_grid(kept, span.step_s, covers_s))
        devices = [joined(views) for views in by_device.values()]
        return (added(devices) if metric.kind is Kind.COUNTER else joined(devices)), most_resets

    def _is_two(self, identity: Identity) -> bool:
        """Return whether two VMs go by one name, on two hosts at once."""
        for metric, by_identity in self._sorted.items():
            by_place = by_identity.get(identity, {})
            if len(by_place) > 1:
                views = [self._points(metric, several)[0] for several in by_place.values()]
                if any(at_odds(one, other) for one, other in combinations(views, 2)):
                    return True
        return False

    def found(self) -> list[Found]:
        """Return the VMs that were measured."""
        found: dict[Found, None] = {}
        for identity in self._series:
            if identity not in self._split:
                found[Found(identity)] = None
                continue
            for by_identity in self._sorted.values():
                found.update(dict.fromkeys(Found(identity, place) for place in by_identity.get(identity, {})))
        return list(found)

    def series_of(self, found: Found) -> list[Series]:
        """Return the series of a VM."""
        return [
            series
            for series in self._series[found.identity]
            if not found.place or place_of(self._profile, series.labels, self._said.aliases) == found.place
        ]

    def place(self, found: Found) -> str:
        """Return the host on which a VM was last measured; nothing where no label tells it."""
        last: dict[str, float] = {}
        for by_identity in self._sorted.values():
            for place, several in by_identity.get(found.identity, {}).items():
                if not found.place or place == found.place:
                    last[place] = max(last.get(place, 0.0), *(series.times[-1] for series in several))
        return max(last, key=lambda place: last[place], default="")

    def parts(self, found: Found, role: Role) -> Parts:
        """Return what was said in a role: for each part, the first metric that has values."""
        parts: dict[str, tuple[Metric, dict[float, float]]] = {}
        for metric, by_identity in self._sorted.items():
            if metric.role is not role or metric.part in parts:
                continue
            by_place = by_identity.get(found.identity, {})
            views = [
                self._points(metric, several)
                for place, several in by_place.items()
                if not found.place or place == found.place
            ]
            if points := joined(view for view, _ in views):
                parts[metric.part] = metric, points
                self.resets += sum(resets for _, resets in views)
        return list(parts.values())
