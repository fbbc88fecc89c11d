"""The tables of docs/benchmarks.md, in Markdown, and the sentences that count."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.benchmarks.generator import SIZES
from tests.benchmarks.records import Case, Record
from tests.benchmarks.summary import FAMILIES, Growth, Results, compare, growth, median, steps, values

NOTHING = "–"
MIB = 2**20
WORST_SHOWN = 12
"""Cases that are named where the planner is worse [count]."""


def figure(number: float | None) -> str:
    """Return a number with three digits that count."""
    if number is None:
        return NOTHING
    if abs(number) >= 99.95:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 9.995 else f"{number:.2f}"


def share(number: float | None) -> str:
    """Return a share in percent; what is not zero is not shown as zero."""
    if number is None:
        return NOTHING
    if 0 < number < 0.0001:
        return "< 0.01%"
    text = f"{number:.0%}" if number >= 0.0995 or number == 0 else f"{number:.2%}"
    return text.replace(".00%", "%")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["-"] * len(head), *rows)) + "\n"


def both(numbers: Sequence[float], show: Callable[[float | None], str]) -> str:
    """Return median and worst: ``1.20, 3.40``; one number where they read the same."""
    if not numbers:
        return NOTHING
    middle, worst = show(median(numbers)), show(max(numbers))
    return middle if middle == worst else f"{middle}, {worst}"


def ours(results: Results) -> str:
    """Return the table of the planner's own answers: median and worst over the seeds."""
    head = (
        "size",
        "moves",
        "kappa",
        "deadline, s",
        "planned and verified",
        "proven optimal",
        "gap",
        "finish over its bound",
        "seconds",
        "first plan after, s",
        "memory, MiB",
    )
    rows = []
    for kind, cases in results.by_kind().items():
        found = [record for case in cases if (record := results.ours(case)) is not None]
        if not found:
            continue
        rows.append(
            (
                kind.name,
                figure_count(values(found, lambda record: record.movers)),
                f"{kind.kappa:g}",
                figure(median(values(found, lambda record: record.deadline_s))),
                f"{sum(record.in_time for record in found)} of {len(found)}",
                str(sum(record.status == "optimal" for record in found)),
                both(values(found, lambda record: record.gap), share),
                both(values(found, _finish_gap), share),
                both(values(found, lambda record: record.seconds), figure),
                both(values(found, lambda record: record.first_s), figure),
                figure_count([max(values(found, lambda record: record.memory_bytes), default=0.0) / MIB]),
            )
        )
    return table(head, rows)


def _finish_gap(record: Record) -> float | None:
    if record.finish_s is None or record.finish_bound_s is None or record.finish_bound_s <= 0:
        return None
    return max(0.0, record.finish_s / record.finish_bound_s - 1.0)


def figure_count(numbers: Sequence[float]) -> str:
    """Return the median as a whole number."""
    middle = median(numbers)
    return NOTHING if middle is None else f"{middle:,.0f}"


def baselines(results: Results) -> str:
    """Return the table against the baselines: weighted downtime / finish over deadline / late VMs of all seeds."""
    head = ("size", "kappa", "evac", *FAMILIES)
    rows = []
    for kind, cases in results.by_kind().items():
        families = {name: [results.family(methods, case) for case in cases] for name, methods in FAMILIES.items()}
        if not any(record for records in families.values() for record in records):
            continue
        cells = [_cell([results.ours(case) for case in cases]), *(_cell(records) for records in families.values())]
        rows.append((kind.name, f"{kind.kappa:g}", *cells))
    return table(head, rows) if rows else "No baselines in this run.\n"


def _cell(records: Sequence[Record | None]) -> str:
    planned = [record for record in records if record is not None and record.weighted_downtime_s is not None]
    if not planned:
        return "no plan" if any(records) else NOTHING
    downtime = median(values(planned, lambda record: record.weighted_downtime_s))
    finish = median([(record.finish_s or 0.0) / record.deadline_s for record in planned])
    return f"{figure(downtime)} / {finish:.0%} / {sum(record.late_vms for record in planned)}"


def against_baselines(results: Results) -> str:
    """Return how often a baseline is in time, and how the planner compares with the best of those that are."""
    asked = [case for case in results.cases if any(results.family(m, case) for m in FAMILIES.values())]
    pairs = [
        (case, mine, best) for case in asked if (mine := results.ours(case)) and (best := results.best_baseline(case))
    ]
    text = f"In {len(pairs)} of {len(asked)} cases at least one baseline is in time. "
    return text + _score(pairs, "the best of those")


def cpsat(results: Results) -> str:
    """Return the table against CP-SAT."""
    head = (
        "size",
        "kappa",
        "weighted downtime: evac",
        "CP-SAT",
        "planned: evac",
        "CP-SAT",
        "proven optimal: evac",
        "CP-SAT",
        "seconds: evac",
        "CP-SAT",
        "evac better / same / worse",
    )
    rows = []
    for kind, cases in results.by_kind().items():
        pairs = [(a, b) for case in cases if (a := results.ours(case)) and (b := results.cpsat(case))]
        if not pairs:
            continue
        score = [compare(a, b) for a, b in pairs]
        mine, theirs = zip(*pairs, strict=True)
        rows.append(
            (
                kind.name,
                f"{kind.kappa:g}",
                *(figure(median(values(side, lambda record: record.weighted_downtime_s))) for side in (mine, theirs)),
                *(f"{sum(record.in_time for record in side)} of {len(side)}" for side in (mine, theirs)),
                *(str(sum(record.status == "optimal" for record in side)) for side in (mine, theirs)),
                *(both(values(side, lambda record: record.seconds), figure) for side in (mine, theirs)),
                f"{score.count(1)} / {score.count(0)} / {score.count(-1)}",
            )
        )
    return table(head, rows) if rows else "CP-SAT was not asked in this run.\n"


def against_cpsat(results: Results) -> str:
    """Return how the planner compares with CP-SAT, case by case."""
    pairs = [(case, a, b) for case in results.cases if (a := results.ours(case)) and (b := results.cpsat(case))]
    return _score(pairs, "CP-SAT") if pairs else ""


def _score(pairs: Sequence[tuple[Case, Record, Record]], other: str) -> str:
    """Say how often the planner is better, and name the cases in which it is worse."""
    score = [compare(mine, theirs) for _, mine, theirs in pairs]
    text = (
        f"Against {other} the planner has less weighted downtime, or a plan where the other has none, in"
        f" {score.count(1)}, the same in {score.count(0)} and more in {score.count(-1)} of {len(pairs)} cases."
    )
    worse = [
        f"{_name(case)} ({_downtime(mine)} against {_downtime(theirs)})"
        for (case, mine, theirs), point in zip(pairs, score, strict=True)
        if point < 0
    ]
    if worse:
        more = f" and {len(worse) - WORST_SHOWN} more" if len(worse) > WORST_SHOWN else ""
        text += f" More: {'; '.join(worse[:WORST_SHOWN])}{more}."
    return text + "\n"


def _downtime(record: Record) -> str:
    return f"{figure(record.weighted_downtime_s)} s" if record.in_time else "no plan"


def _name(case: Case) -> str:
    network = "" if case.gbit == 10 else f" at {case.gbit:g} Gbit/s"
    return f"{case.size}{network}, kappa {case.kappa:g}, seed {case.seed}"


Measure = Callable[[Record], float | None]

MEASURES: dict[str, Measure] = {
    "seconds in all": lambda record: record.seconds,
    "seconds to the first verified plan": lambda record: record.first_s,
    "peak memory": lambda record: record.memory_bytes,
}
"""What is shown to grow with size."""


def medians_by_size(results: Results, read: Measure, kappa: float | None) -> list[tuple[float, float]]:
    """Return (VMs, median over seeds) of the sizes at 10 Gbit/s; over all kappas where none is given."""
    points = []
    for size in SIZES.values():
        here = [
            case for case in results.cases if case.size == size.name and case.gbit == 10 and kappa in (None, case.kappa)
        ]
        middle = median(values([results.ours(case) for case in here], read))
        if middle is not None and middle > 0:
            points.append((float(size.vms), middle))
    return points


def growths(results: Results) -> str:
    """Return the table of exponents by kappa."""
    kappas = sorted({kind.kappa for kind in results.by_kind()})
    rows = []
    for name, read in MEASURES.items():
        for kappa in kappas:
            points = medians_by_size(results, read, kappa)
            fitted = growth(*zip(*points, strict=True)) if len(points) > 1 else None
            if fitted is not None:
                between = ", ".join(f"{slope:.2f}" for slope in steps(points))
                rows.append((name, f"{kappa:g}", f"{fitted.exponent:.2f}", bent(fitted), between))
    head = ("what", "kappa", "exponent", "bends", "exponents from size to size")
    return table(head, rows) if rows else "One size shows no growth.\n"


def bent(fitted: Growth) -> str:
    """Say where a line bends."""
    if fitted.bend is None or fitted.before is None or fitted.after is None:
        return "no"
    return f"at {fitted.bend:,.0f} VMs, from {fitted.before:.2f} to {fitted.after:.2f}"


def definitions() -> str:
    """Return the table of the sizes."""
    head = ("size", "hosts", "of which emptied", "VMs", "VMs that must move")
    rows = [
        (
            size.name,
            f"{size.hosts:,}",
            f"{size.evacuated:,}",
            f"{size.vms:,}",
            f"{sum(i % size.hosts < size.evacuated for i in range(size.vms)):,}",
        )
        for size in SIZES.values()
    ]
    return table(head, rows)
