"""What a plan says of its odds, as far as it can be checked without playing nights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from planner.plan.models import Odds
from planner.verify.findings import Finding, say_time
from planner.verify.power import finish_s
from planner.verify.replay import TIME_TOLERANCE_S, Replay

WIDTH = 1.959963984540054
"""95% of a normal distribution lie within so many standard deviations."""
INTERVAL_TOLERANCE = 1e-6
"""By how much the ends of an interval may be off [1]."""


def check_odds(replay: Replay) -> Iterator[Finding]:
    """Check that a plan for a confidence has odds that keep it, and that these agree with each other and the plan."""
    plan, odds = replay.plan, replay.plan.odds
    asked = plan.request.confidence
    if odds is None:
        if asked is not None and plan.moves:
            yield Finding(f"a confidence of {asked:g} was asked for, and the plan does not tell its odds")
        return
    if asked is None or odds.promised != asked:
        wanted = "none was" if asked is None else f"{asked:g} were"
        yield Finding(f"the odds promise {odds.promised:g}, but {wanted} asked for")
    if odds.low < odds.promised:
        yield Finding(f"the promise of {odds.promised:g} is not kept: the interval begins at {odds.low:.6g}")
    yield from _interval(odds)
    yield from _times(replay, odds)
    moving = {step.move.vm for step in replay.steps}
    for name in odds.narrowed:
        if name not in moving:
            yield Finding(f"the odds name {name} as narrowed, which does not move", (name,))


def _interval(odds: Odds) -> Iterator[Finding]:
    """Yield what is wrong with the interval: its ends are where the share is just not surprising any more."""
    count = odds.probability * odds.runs
    if abs(count - round(count)) > 1e-6:
        yield Finding(f"the probability {odds.probability:.9g} is no share of {odds.runs} nights")
    if not odds.low <= odds.probability <= odds.high:
        yield Finding(
            f"the probability {odds.probability:.6g} is outside its interval {odds.low:.6g} to {odds.high:.6g}"
        )
        return
    for end in (odds.low, odds.high):
        surprise = abs(odds.probability - end) - WIDTH * math.sqrt(end * (1 - end) / odds.runs)
        if abs(surprise) > INTERVAL_TOLERANCE:
            yield Finding(f"{end:.6g} is no end of the 95% interval of {odds.probability:.6g} in {odds.runs} nights")


def _times(replay: Replay, odds: Odds) -> Iterator[Finding]:
    """Yield what is wrong with the times: quantiles in order and in time where so many nights are, the margin kept."""
    deadline_s = replay.plan.request.deadline_s
    half, most = odds.finish_p50_s, odds.finish_p95_s
    if most is not None and (half is None or half > most):
        yield Finding("half of the nights end later than 95% of them")
    for share, ends_s in ((0.5, half), (0.95, most)):
        if odds.probability >= share and (ends_s is None or ends_s > deadline_s + TIME_TOLERANCE_S):
            yield Finding(
                f"{share:.0%} of the nights end after the deadline, though {odds.probability:.4g} are in time"
            )
    late_s = finish_s(replay) - (deadline_s - odds.margin_s)
    if late_s > TIME_TOLERANCE_S:
        yield Finding(f"the plan ends {say_time(late_s)} within its margin of {say_time(odds.margin_s)}")
