"""Whether a move takes what the model says it takes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from planner.inventory.models import VM, Approach
from planner.plan.models import Move
from planner.predict import Outside, model_for, workload_of
from planner.predict.registry import thresholds
from planner.units import format_rate
from planner.verify.findings import Finding
from planner.verify.replay import RELATIVE_TOLERANCE, Replay

ABSOLUTE_TOLERANCE = 1e-9
"""Absolute tolerance beside the relative one, for numbers that should be 0 [s, bytes or 1]."""

FIELDS = (
    ("duration_s", "time_s", "duration", " s"),
    ("downtime_s", "downtime_s", "downtime", " s"),
    ("transferred_bytes", "transferred_bytes", "transferred volume", " bytes"),
    ("precopy_share", "precopy_share", "pre-copy share", ""),
)
"""Field of the move, field of the prediction, its name and its unit."""


def check_prediction(replay: Replay) -> Iterator[Finding]:
    """Check that duration, downtime, bytes and pre-copy share are the model's for VM, approach and bandwidth."""
    known: defaultdict[Approach, list[tuple[Move, VM]]] = defaultdict(list)
    for step in replay.steps:
        if step.vm is not None:
            known[step.move.approach].append((step.move, step.vm))
    for approach, pairs in known.items():
        yield from _compare(replay, approach, pairs)


def _compare(replay: Replay, approach: Approach, pairs: list[tuple[Move, VM]]) -> Iterator[Finding]:
    settings = replay.inventory.settings
    rates = np.array([[move.bandwidth_bytes_per_s] for move, _ in pairs], dtype=np.float64)
    switches = np.array([[np.nan if m.switch_point is None else m.switch_point] for m, _ in pairs], dtype=np.float64)
    with np.errstate(all="ignore"):  # a plan from anywhere may hold bandwidths that leave the range of floats
        found = model_for(settings).predict(
            approach, workload_of([vm for _, vm in pairs]), rates, thresholds(settings, rates), switches
        )
    columns = [(field, getattr(found, column), what, unit) for field, column, what, unit in FIELDS]
    for row, (move, _) in enumerate(pairs):
        outside = Outside(int(found.outside[row, 0]))
        if outside is not Outside.INSIDE:
            yield Finding(
                f"{move.vm} by {approach} at {format_rate(move.bandwidth_bytes_per_s)} {outside.reason}",
                (move.vm,),
                move.start_s,
            )
            continue
        for field, values, what, unit in columns:
            stated, expected = getattr(move, field), float(values[row, 0])
            if not math.isclose(stated, expected, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE):
                yield Finding(
                    f"the {what} of {move.vm} is {stated:.12g}{unit} in the plan,"
                    f" but {expected:.12g}{unit} by the model",
                    (move.vm,),
                    move.start_s,
                )
