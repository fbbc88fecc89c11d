"""Plans that keep a promise: in fresh nights they do, and the plan without margin does not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.errors import InputError
from planner.inventory.load import load_inventory
from planner.inventory.models import Inventory, Spread
from planner.inventory.synthesize import synthesize
from planner.inventory.write import inventory_yaml
from planner.plan.io import parse_plan, plan_json
from planner.plan.models import Plan, Status
from planner.verify import verify_plan

ROOT = Path(__file__).resolve().parent.parent
DEMO = load_inventory(ROOT / "inventories" / "demo.yaml")
NIGHTS = 200


def least_in_time(promised: float, nights: int = NIGHTS) -> int:
    """Return the least count that a plan with that probability falls below in at most 2.5% of cases."""
    below, count = 0.0, 0
    while below <= 0.025:
        below += math.comb(nights, count) * promised**count * (1 - promised) ** (nights - count)
        count += 1
    return count - 1


def in_time(plan: Plan, nights: int = NIGHTS) -> int:
    """Return in how many of so many nights, each with a seed of its own, a plan is in time."""
    seeds = range(7_000_000, 7_000_000 + nights)
    return sum(round(api.simulate(plan, runs=1, seed=seed).in_time.share) for seed in seeds)


def with_settings(inventory: Inventory, **changes: Any) -> Inventory:
    return inventory.model_copy(update={"settings": inventory.settings.model_copy(update=changes)})


FRAGILE = with_settings(DEMO, migration_failures=0.2, retry_after=600.0)
"""Where migrations fail often, and there is no time to try again."""


@pytest.fixture(scope="module")
def sure() -> Plan:
    return api.plan(DEMO, ["hv01"], 1200.0, confidence=0.95, time_limit_s=600.0)


def test_the_binomial_interval_is_that_of_tables() -> None:
    assert least_in_time(0.95) == 184
    assert least_in_time(0.5, 10) == 2


def test_a_promise_is_kept_in_fresh_nights_and_not_without_margin(sure: Plan) -> None:
    plain = api.plan(DEMO, ["hv01"], 1200.0)
    assert in_time(plain) < least_in_time(0.95)
    assert in_time(sure) >= least_in_time(0.95)


def test_a_promise_comes_with_its_odds_and_its_price(sure: Plan) -> None:
    odds, objective = sure.odds, sure.objective
    assert odds is not None
    assert objective is not None
    assert verify_plan(DEMO, sure).ok
    assert "odds" in (sure.verification.checks if sure.verification else ())
    assert odds.promised == 0.95 <= odds.low <= odds.probability <= odds.high
    assert odds.margin_s > 0
    assert odds.plain_weighted_downtime_s is not None
    assert odds.plain_weighted_downtime_s < objective.weighted_downtime_s
    assert objective.lower_bound_weighted_downtime_s <= odds.plain_weighted_downtime_s * (1 + 1e-9)
    assert sure.status is Status.FEASIBLE
    again = api.simulate(sure, runs=odds.runs, seed=odds.seed)
    assert (again.in_time.share, again.in_time.low) == (odds.probability, odds.low)
    assert parse_plan(plan_json(sure)) == sure


def test_a_promise_that_needs_no_margin_costs_nothing() -> None:
    plan = api.plan(DEMO, ["hv01"], 3600.0, confidence=0.9)
    assert plan.odds is not None
    assert plan.odds.margin_s == 0
    assert plan.status is Status.OPTIMAL
    assert plan.objective == api.plan(DEMO, ["hv01"], 3600.0).objective


def test_a_seed_gives_one_plan_and_its_odds(sure: Plan) -> None:
    again = api.plan(DEMO, ["hv01"], 1200.0, confidence=0.95, time_limit_s=600.0)
    assert (again.moves, again.odds) == (sure.moves, sure.odds)


@pytest.mark.parametrize("objective", ["finish", "ends"])
def test_promises_go_with_every_objective(objective: Literal["finish", "ends"]) -> None:
    plan = api.plan(DEMO, ["hv01"], 1200.0, confidence=0.9, objective=objective)
    assert plan.odds is not None
    assert plan.odds.low >= 0.9
    assert verify_plan(DEMO, plan).ok


def test_where_nothing_is_uncertain_any_promise_is_kept() -> None:
    certain = with_settings(
        DEMO, spreads=(Spread(write_rate=1.0, read_rate=1.0),), link_spread=1.0, migration_failures=0.0
    )
    plan = api.plan(certain, ["hv01"], 1062.5, confidence=0.99)
    assert plan.odds is not None
    assert plan.odds.probability == 1.0
    assert plan.odds.margin_s == 0.0


def test_a_promise_that_no_plan_keeps_is_not_known_and_tells_the_best() -> None:
    found = api.plan(FRAGILE, ["hv01"], 660.0, confidence=0.9)
    assert found.status is Status.UNKNOWN
    assert found.moves == ()
    assert found.odds is not None
    assert 0.1 < found.odds.low < 0.9


def test_what_cannot_be_done_at_all_stays_infeasible() -> None:
    found = api.plan(DEMO, ["hv01"], 60.0, confidence=0.9)
    assert found.status is Status.INFEASIBLE
    assert found.infeasibility is not None
    assert found.odds is None
    assert found.request.confidence == 0.9


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 95.0, math.nan])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        api.plan(DEMO, ["hv01"], 1200.0, confidence=confidence)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [*arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_tells_what_a_promise_costs(tmp_path: Path) -> None:
    where, demo = str(tmp_path / "plan.json"), str(ROOT / "inventories" / "demo.yaml")
    code, out, _ = run("plan", demo, "-e", "hv01", "-d", "30 min", "--confidence", "90%", "-q", "-o", where)
    assert code == 0
    assert "90% are promised" in out
    assert "Promise costs" in out
    code, out, _ = run("simulate", where, "--runs", "50")
    assert code == 0
    assert "In time" in out
    assert "50 nights of the plan, seed 0" in out
    assert run("simulate", where, "--runs", "50")[1] == out
    code, out, _ = run("simulate", where, "--runs", "50", "--format", "json", "--inventory", demo)
    assert code == 0
    assert '"runs": 50' in out


def test_the_command_says_that_no_plan_keeps_a_promise(tmp_path: Path) -> None:
    fragile = tmp_path / "fragile.yaml"
    fragile.write_text(inventory_yaml(FRAGILE))
    code, out, _ = run("plan", str(fragile), "-e", "hv01", "-d", "660", "--confidence", "0.9")
    assert code == 3
    assert "no plan was found that is in time in 90% of real nights" in " ".join(out.split())
    assert "no plan was found that keeps the promise" in " ".join(out.split())


@pytest.mark.parametrize("given", ["0", "1", "95", "nan", "-0.5", "100%", "much"])
def test_the_command_refuses_what_is_no_share(given: str) -> None:
    code, _, err = run("plan", "x.yaml", "-e", "hv01", "-d", "1h", f"--confidence={given}")
    assert code == 2
    assert "0.999" in err or "no number" in err


@pytest.mark.slow
def test_promises_are_kept_on_a_larger_cluster() -> None:
    inventory = synthesize(20, 200, 7)
    sure = api.plan(inventory, ["hv01"], 960.0, confidence=0.95, time_limit_s=600.0)
    assert in_time(api.plan(inventory, ["hv01"], 960.0)) < least_in_time(0.95)
    assert in_time(sure) >= least_in_time(0.95)
