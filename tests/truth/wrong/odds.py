"""Wrong in what the plan says of its odds."""

from __future__ import annotations

from typing import Any

from planner.plan.models import Odds, Plan, Request
from planner.simulate.odds import share_of
from tests.truth.handmade import make_plan
from tests.truth.wrong import INVENTORY, Wrong, no


def odds(count: int = 980, promised: float = 0.95, **fields: Any) -> Odds:
    """Return odds of 1,000 nights that keep the promise, but for what is changed."""
    share = share_of(count, 1000)
    right: dict[str, Any] = {
        "promised": promised,
        "probability": share.share,
        "low": share.low,
        "high": share.high,
        "runs": 1000,
        "seed": 1,
        "finish_p50_s": 400.0,
        "finish_p95_s": 500.0,
        "margin_s": 10.0,
    }
    return Odds(**(right | fields))


def promising(confidence: float | None = 0.95, **fields: Any) -> Plan:
    request = Request(evacuate=("hv1",), deadline_s=600.0, confidence=confidence)
    return make_plan(INVENTORY, request=request, odds=odds(**fields))


@no("odds")
def does_not_keep_its_promise() -> Wrong:
    return INVENTORY, promising(count=955)


@no("odds")
def promises_less_than_was_asked_for() -> Wrong:
    return INVENTORY, promising(confidence=0.99)


@no("odds")
def promises_what_nobody_asked_for() -> Wrong:
    return INVENTORY, promising(confidence=None)


@no("odds")
def does_not_tell_its_odds() -> Wrong:
    return INVENTORY, promising().model_copy(update={"odds": None})


@no("odds")
def has_an_interval_that_is_too_narrow() -> Wrong:
    return INVENTORY, promising(low=0.979, high=0.981)


@no("odds")
def has_a_probability_outside_its_interval() -> Wrong:
    return INVENTORY, promising(probability=0.999)


@no("odds")
def counts_a_part_of_a_night() -> Wrong:
    return INVENTORY, promising(probability=0.9800005)


@no("odds")
def ends_late_in_nights_that_are_in_time() -> Wrong:
    return INVENTORY, promising(finish_p95_s=601.0)


@no("odds")
def never_ends_in_nights_that_are_in_time() -> Wrong:
    return INVENTORY, promising(finish_p95_s=None)


@no("odds")
def ends_later_in_half_of_the_nights_than_in_most() -> Wrong:
    return INVENTORY, promising(finish_p50_s=550.0)


@no("odds")
def ends_within_its_margin() -> Wrong:
    return INVENTORY, promising(margin_s=590.0)


@no("odds")
def names_a_vm_that_stays() -> Wrong:
    return INVENTORY, promising(narrowed=("ghost",))
