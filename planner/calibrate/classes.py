"""Which migrations have their terms in common: classes by name, or by bandwidth."""

from __future__ import annotations

from collections.abc import Sequence

from planner.calibrate.log import LEAST_ROWS, Migration
from planner.units import format_rate

STEP = 1.25
"""A bandwidth above this many times the next lower one begins a class [1]."""


def class_names(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """Return the class of each migration: its own name, or else the highest bandwidth of its class.

    Classes by bandwidth hold neighbouring bandwidths; one of too few migrations joins the next higher, the highest the
    next lower.
    """
    rates = sorted(row.rate_bytes_per_s for row in migrations if row.link_class is None)
    classes: list[list[float]] = []
    for rate in rates:
        if not classes or (rate > STEP * classes[-1][-1] and len(classes[-1]) >= LEAST_ROWS):
            classes.append([])
        classes[-1].append(rate)
    if len(classes) > 1 and len(classes[-1]) < LEAST_ROWS:
        classes[-2:] = [classes[-2] + classes[-1]]
    name = {rate: f"up to {format_rate(own[-1])}" for own in classes for rate in own}
    return tuple(row.link_class or name[row.rate_bytes_per_s] for row in migrations)


def by_bandwidth(migrations: Sequence[Migration], names: Sequence[str]) -> list[str]:
    """Return the classes in the order of their highest bandwidths."""
    highest: dict[str, float] = {}
    for row, name in zip(migrations, names, strict=True):
        highest[name] = max(highest.get(name, 0.0), row.rate_bytes_per_s)
    return sorted(highest, key=lambda name: highest[name])
