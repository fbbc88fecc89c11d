"""What an exporter has said over a time: asked of a Prometheus piece by piece, or read from answers that were saved."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from planner.errors import InputError, Place
from planner.files import read_text
from planner.importers.prometheus_format import Answer, Series, read_answer
from planner.importers.prometheus_http import Server
from planner.importers.prometheus_names import Aliases
from planner.importers.prometheus_profiles import ASKED, Kind, Metric, Names, Profile, Role
from planner.importers.prometheus_series import spacing
from planner.inventory.places import clip

PIECE_S = 86_400.0
"""Longest time asked for at once [s]: a day, so that answers stay small."""
MOST_PIECE_POINTS = 10_000
"""Most samples of a series asked for at once [count]; Prometheus gives 11,000."""
LOOK_BACK_S = 300.0
"""Time that a value is averaged over at least [s], as long as Prometheus itself looks back for a sample."""
NAMES_EVERY = 48
"""How often names are asked for over the whole time [count]."""
IO_ROLES = (Role.IO_IN, Role.IO_OUT)


@dataclass(frozen=True)
class Span:
    """The time that is looked at.

    Parameters
    ----------
    from_s, to_s
        Its ends [s since 1970].
    step_s
        Time between samples [s].
    covers_s
        How long before its time a gauge of the profile was averaged over [s]; 0 where it was true at the moment.
    """

    from_s: float
    to_s: float
    step_s: float
    covers_s: float = 0.0


@dataclass
class Said:
    """What an exporter has said.

    Parameters
    ----------
    series
        Time series by what they are of.
    aliases
        Further names and hosts of VMs.
    span
        The time that it is about.
    warnings
        What Prometheus warns of.
    unknown
        Names of metrics in saved answers that the profile does not know.
    """

    series: dict[Metric, list[Series]]
    aliases: Aliases
    span: Span
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def own_metric(role: Role, query: str) -> Metric:
    """Return a query of the operator's own as a metric, in bytes or bytes/s."""
    return Metric(query, role, Kind.GAUGE)


def asked_metrics(profile: Profile, queries: Mapping[Role, str], *, floors: bool) -> Iterator[tuple[Metric, bool]]:
    """Yield what is asked for, and whether it is a query of the operator's own."""
    for metric in profile.metrics:
        if metric.role not in queries and (floors or metric.role not in IO_ROLES):
            yield metric, False
    for role, query in queries.items():
        yield own_metric(role, query), True


def ask(server: Server, profile: Profile, span: Span, queries: Mapping[Role, str], *, match: str, floors: bool) -> Said:
    """Ask a Prometheus for all that a profile knows.

    Parameters
    ----------
    server
        The Prometheus.
    profile
        The exporter.
    span
        The time.
    queries
        Queries that take the place of the profile's, by role.
    match
        Matchers for all of the profile's metrics, such as ``cluster="a"``; may be empty.
    floors
        Whether what disks and NICs carry is asked for, too.

    Raises
    ------
    InputError
        If an answer is none, or there are no samples at all.
    """
    gathered = _Gathered()
    for metric, own in asked_metrics(profile, queries, floors=floors):
        query = metric.name if own else _query(metric, profile, match, span.step_s)
        for start, end in _pieces(span):
            gathered.add(metric, server.range(query, start, end, span.step_s))
    aliases = Aliases()
    for join in profile.joins:
        step_s = max(span.step_s, (span.to_s - span.from_s) / NAMES_EVERY)
        query = f"max_over_time({_selector(join.metric, '', match)}[{_seconds(step_s)}])"
        answer = server.range(query, span.from_s, span.to_s, step_s)
        aliases.learn(join, answer.series)
        gathered.warn(answer)
    series = gathered.all(profile)
    if not any(series.values()):
        names = ", ".join(metric.name for metric in list(series)[:3])
        message = f"Prometheus has nothing for {clip(names, 200)} in this time"
        mend = (
            "check --exporter, --from and --to, and --match or --query; the names of its metrics are on its own pages"
        )
        raise InputError.single("no-samples", message, mend, Place(server.name))
    covered = replace(span, covers_s=max(span.step_s, LOOK_BACK_S))
    return Said(series, aliases, covered, tuple(gathered.warnings))


def read_saved(
    saved: Sequence[tuple[Role | None, str]], profile: Profile, from_s: float | None, to_s: float | None
) -> Said:
    """Read answers to range queries that were saved.

    Parameters
    ----------
    saved
        Files; with a role where the file says by no metric's name what it holds.
    profile
        The exporter.
    from_s, to_s
        What is outside is left out [s since 1970]; None for all.

    Raises
    ------
    InputError
        If a file is no answer, or does not say what it holds.
    """
    gathered = _Gathered()
    aliases = Aliases()
    joins: dict[str, Names] = {join.metric: join for join in profile.joins}
    unknown: dict[str, None] = {}
    for role, path in saved:
        answer = read_answer(read_text(path), path)
        gathered.warn(answer)
        own = None if role is None else own_metric(role, f"{role}={path}")
        for index, one in enumerate(answer.series):
            _cut(one, from_s, to_s)
            name = one.labels.get("__name__", "")
            metric = own or profile.of_name(name)
            if metric is not None:
                gathered.add(metric, Answer((one,)))
            elif name in joins:
                aliases.learn(joins[name], (one,))
            elif name:
                unknown[clip(name)] = None
            else:
                place = Place(path, None, f"data.result[{index}].metric")
                message = "the series does not say what it is of: it has no __name__"
                mend = f"say it beside the file: --saved {ASKED[0]}={clip(path)}, likewise {', '.join(ASKED[1:])}"
                raise InputError.single("nameless-series", message, mend, place)
    series = gathered.all(profile)
    series_all = [one for listed in series.values() for one in listed]
    times = [at for one in series_all for at in (one.times[:1] + one.times[-1:])]
    first = min(times, default=0.0) if from_s is None else from_s
    last = max(times, default=0.0) if to_s is None else to_s
    return Said(
        series,
        aliases,
        Span(first, last, spacing(series_all)),
        tuple(gathered.warnings),
        tuple(unknown),
    )


class _Gathered:
    """Series of one metric, put together from the pieces that they came in."""

    def __init__(self) -> None:
        self._found: defaultdict[Metric, dict[frozenset[tuple[str, str]], Series]] = defaultdict(dict)
        self.warnings: dict[str, None] = {}

    def add(self, metric: Metric, answer: Answer) -> None:
        self.warn(answer)
        known = self._found[metric]
        for one in answer.series:
            whole = known.setdefault(frozenset(one.labels.items()), Series(one.labels))
            last = whole.times[-1] if whole.times else 0.0
            whole.unread += one.unread
            for at, value in zip(one.times, one.values, strict=True):
                if at > last:
                    whole.times.append(at)
                    whole.values.append(value)

    def warn(self, answer: Answer) -> None:
        self.warnings.update(dict.fromkeys(answer.warnings))

    def all(self, profile: Profile) -> dict[Metric, list[Series]]:
        """Return the series; what the operator has asked for first, then as the profile prefers them."""
        own = [metric for metric in self._found if metric not in profile.metrics]
        order = [*own, *(metric for metric in profile.metrics if metric in self._found)]
        return {metric: list(self._found[metric].values()) for metric in order}


def _query(metric: Metric, profile: Profile, match: str, step_s: float) -> str:
    """Return the query for a metric: counters as they are, of all else what it was since the last step."""
    selector = _selector(metric.name, profile.selector, match)
    if metric.kind is Kind.COUNTER:
        return selector
    over = "avg_over_time" if metric.role is Role.WRITE_RATE else "max_over_time"
    return f"{over}({selector}[{_seconds(max(step_s, LOOK_BACK_S))}])"


def _selector(name: str, *matchers: str) -> str:
    given = ",".join(one for one in matchers if one)
    return f"{name}{{{given}}}" if given else name


def _seconds(step_s: float) -> str:
    return f"{max(1, round(step_s))}s"


def _pieces(span: Span) -> Iterator[tuple[float, float]]:
    """Yield the times of the pieces, which meet at their ends, on the grid of the steps."""
    steps = max(1, int(min(PIECE_S / span.step_s, MOST_PIECE_POINTS)))
    start = span.from_s
    while True:
        end = min(start + steps * span.step_s, span.to_s)
        yield start, end
        if end >= span.to_s:
            return
        start = end


def _cut(series: Series, from_s: float | None, to_s: float | None) -> None:
    """Leave out what is not of the time that is looked at."""
    if from_s is None and to_s is None:
        return
    first, last = from_s or 0.0, to_s or float("inf")
    kept = [(at, value) for at, value in zip(series.times, series.values, strict=True) if first <= at <= last]
    series.times = array("d", (at for at, _ in kept))
    series.values = array("d", (value for _, value in kept))
