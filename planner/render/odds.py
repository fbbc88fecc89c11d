"""How likely a plan is to hold, and what a promise costs, in words."""

from __future__ import annotations

from collections.abc import Iterator

from planner.plan.models import Odds, Plan
from planner.render.words import listing
from planner.units import format_duration


def odds_lines(plan: Plan, odds: Odds) -> Iterator[tuple[str, str]]:
    """Yield what is told of a plan with a promise, as name and text."""
    kept = odds.low >= odds.promised
    sure = f"in time in {probability_words(odds)} of {odds.runs:,} nights"
    if not kept:
        best = "the plan without margin" if not odds.margin_s and not odds.narrowed else "the best plan found"
        yield "Odds", f"{best} is {sure}; {percent_words(odds.promised)} were asked for"
        return
    yield "Odds", f"{sure}; {percent_words(odds.promised)} are promised"
    if odds.finish_p50_s is not None and odds.finish_p95_s is not None:
        yield "Real finish", f"P50 after {format_duration(odds.finish_p50_s)}, P95 {format_duration(odds.finish_p95_s)}"
    yield "Promise costs", _costs(plan, odds)


def percent_words(share: float) -> str:
    """Return a share with one digit where it has one: ``95%``, ``97.4%``; 100% only where it is all."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share:.1%}".replace(".0%", "%")


def probability_words(odds: Odds) -> str:
    """Return ``97.4% (95% interval 96.2% to 98.2%)``."""
    return f"{percent_words(odds.probability)} (95% interval {percent_words(odds.low)} to {percent_words(odds.high)})"


def _costs(plan: Plan, odds: Odds) -> str:
    """Return what the promise costs against the plan that keeps no margin."""
    if plan.objective is None or odds.plain_weighted_downtime_s is None or odds.plain_finish_s is None:
        return "not known"
    if not odds.margin_s and not odds.narrowed:
        return "nothing: the plan without margin keeps it"
    more_s = plan.objective.weighted_downtime_s - odds.plain_weighted_downtime_s
    earlier_s = odds.plain_finish_s - plan.objective.finish_s
    text = f"{_difference(more_s, 'more', 'less')} weighted downtime"
    text += f", and the plan ends {_difference(earlier_s, 'earlier', 'later')}"
    if odds.plain_probability is not None:
        text += f"; without it all are in time in {percent_words(odds.plain_probability)} of nights"
    if odds.narrowed:
        text += f"; {listing(odds.narrowed)} may not move as that plan does"
    return text


def _difference(seconds: float, more: str, less: str) -> str:
    if abs(seconds) < 5e-4:
        return f"0 s {more}"
    return f"{format_duration(abs(seconds))} {more if seconds > 0 else less}"
