"""What was said of each VM, by metric and host: series of disks added up, of scrapers joined, of two VMs kept apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from planner.importers.prometheus_ask import Said
from planner.importers.prometheus_format import Series
from planner.importers.prometheus_names import Found, Identity, identity_of, place_of
from planner.importers.prometheus_profiles import Kind, Metric, Profile, Role
from planner.importers.prometheus_series import Points, added, at_odds, increases, joined

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
        self._views: dict[Metric, dict[Identity, dict[str, dict[float, float]]]] = {}
        self._series: defaultdict[Identity, list[Series]] = defaultdict(list)
        for metric, listed in said.series.items():
            sorted_out: defaultdict[Identity, defaultdict[str, list[Series]]]
            sorted_out = defaultdict(lambda: defaultdict(list))
            for series in listed:
                self.unread += series.unread
                self.negative += sum(value < 0 for value in series.values)
                identity = identity_of(profile, series.labels)
                if identity is None:
                    self.nameless += 1
                    continue
                if series.times:
                    self._series[identity].append(series)
                    sorted_out[identity][place_of(profile, series.labels, said.aliases)].append(series)
            self._views[metric] = {
                identity: {place: self._points(metric, several) for place, several in by_place.items()}
                for identity, by_place in sorted_out.items()
            }
        self._split = frozenset(identity for identity in self._series if self._is_two(identity))

    def _points(self, metric: Metric, several: Sequence[Series]) -> dict[float, float]:
        """Return what several series of one VM on one host say together: of disks the sum, of scrapers the most."""
        by_device: defaultdict[frozenset[tuple[str, str]], list[Points]] = defaultdict(list)
        for series in several:
            device = frozenset(item for item in series.labels.items() if item[0] not in SCRAPE_LABELS)
            if metric.kind is Kind.COUNTER:
                rates, resets = increases(series, self._said.span.step_s)
                self.resets += resets
                by_device[device].append(rates)
            else:
                points = zip(series.times, series.values, strict=True)
                by_device[device].append({at: value * metric.unit for at, value in points if value >= 0})
        devices = [joined(views) for views in by_device.values()]
        return added(devices) if metric.kind is Kind.COUNTER else joined(devices)

    def _is_two(self, identity: Identity) -> bool:
        """Return whether two VMs go by one name, on two hosts at once."""
        for by_identity in self._views.values():
            views = by_identity.get(identity, {})
            if any(at_odds(one, other) for one, other in combinations(views.values(), 2)):
                return True
        return False

    def found(self) -> list[Found]:
        """Return the VMs that were measured."""
        found: dict[Found, None] = {}
        for identity in self._series:
            if identity not in self._split:
                found[Found(identity)] = None
                continue
            for by_identity in self._views.values():
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
        for by_identity in self._views.values():
            for place, points in by_identity.get(found.identity, {}).items():
                if points and (not found.place or place == found.place):
                    last[place] = max(last.get(place, 0.0), max(points))
        return max(last, key=lambda place: last[place], default="")

    def parts(self, found: Found, role: Role) -> Parts:
        """Return what was said in a role: for each part, the first metric that has values."""
        parts: dict[str, tuple[Metric, dict[float, float]]] = {}
        for metric, by_identity in self._views.items():
            if metric.role is role and metric.part not in parts:
                views = by_identity.get(found.identity, {})
                points = joined(view for place, view in views.items() if not found.place or place == found.place)
                if points:
                    parts[metric.part] = metric, points
        return list(parts.values())
