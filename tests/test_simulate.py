"""Nights of a plan: nothing uncertain gives the plan itself, and each night is what a slow simulator makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings

from planner import api
from planner.inventory.load import load_inventory
from planner.inventory.models import Approach, Inventory, Spread
from planner.inventory.scale import scaled
from planner.plan.models import Plan
from planner.simulate.draws import Draws, Nights
from planner.simulate.engine import Played, play
from planner.simulate.setting import Setting, setting_of
from planner.simulate.simulation import finishes_of
from tests.truth.inventories import Case, cases, random_case
from tests.truth.nights import SlowNight

ROOT = Path(__file__).resolve().parent.parent
CERTAIN: dict[str, Any] = {
    "spreads": (Spread(write_rate=1.0, read_rate=1.0),),
    "link_spread": 1.0,
    "migration_failures": 0.0,
}


def with_settings(inventory: Inventory, **changes: Any) -> Inventory:
    return inventory.model_copy(update={"settings": inventory.settings.model_copy(update=changes)})


def planned(case: Case, **changes: Any) -> Plan | None:
    inventory = with_settings(case.inventory, **changes)
    found = api.plan(inventory, case.evacuate, case.deadline_s, time_limit_s=2.0)
    return found if found.moves else None


def nights(setting: Setting, runs: int, seed: int) -> Draws:
    return Nights(setting.inventory.settings, setting.vms, setting.links, setting.names, seed).draw(runs)


def as_planned(plan: Plan, inventory: Inventory) -> None:
    setting = setting_of(inventory, plan)
    played = play(setting, nights(setting, 3, 0))
    for column, value in (("start_s", "start_s"), ("end_s", "end_s"), ("downtime_s", "downtime_s")):
        expected = [getattr(move, value) for move in setting.moves]
        np.testing.assert_allclose(getattr(played, column), np.tile(expected, (3, 1)), rtol=1e-9, atol=1e-7)
    assert plan.objective is not None
    np.testing.assert_allclose(finishes_of(setting, played), plan.objective.finish_s, rtol=1e-9, atol=1e-7)


@given(cases(max_movers=4, max_vms=6))
@hypothesis_settings(max_examples=25)
def test_where_nothing_is_uncertain_every_night_is_the_plan(case: Case) -> None:
    plan = planned(case, **CERTAIN)
    assume(plan is not None)
    assert plan is not None
    as_planned(plan, with_settings(case.inventory, **CERTAIN))


def slow(setting: Setting, draws: Draws, run: int) -> SlowNight:
    factors = {
        vm.name: (float(draws.write_factor[run, v]), float(draws.read_factor[run, v]))
        for v, vm in enumerate(setting.vms)
    }
    reach = {ends: float(draws.link_share[run, place]) for place, ends in enumerate(setting.links)}
    fails = {m: draws.fails_at[run, m].tolist() for m in range(len(setting.moves))}
    return SlowNight(setting.inventory, setting.plan, factors, reach, fails)


def agree(setting: Setting, draws: Draws, played: Played) -> None:
    for run in range(len(draws.link_share)):
        stories = slow(setting, draws, run).play()
        assert [story.given_up for story in stories] == played.given_up[run].tolist()
        assert [story.fell_back for story in stories] == played.fell_back[run].tolist()
        for column in ("start_s", "end_s", "downtime_s"):
            slowly = [getattr(story, column) for story in stories]
            np.testing.assert_allclose(getattr(played, column)[run], slowly, rtol=1e-7, atol=1e-6, err_msg=column)


WILD: dict[str, Any] = {
    "spreads": (Spread(write_rate=3.0, read_rate=2.0),),
    "link_spread": 2.0,
    "migration_failures": 0.2,
    "retry_after": 7.0,
    "max_retries": 1,
}
SEEDS = (3, 5, 7, 18, 19, 22, 25, 34, 36, 38, 39, 40, 44, 46, 50, 54, 61, 64, 65, 71)
"""Cases with plans, of which most have congested links, failures, and moves that are aborted or given up."""


@pytest.mark.parametrize("seed", SEEDS)
def test_each_night_is_what_a_slow_simulator_makes_of_it(seed: int) -> None:
    case = random_case(seed, max_movers=5, max_vms=7)
    plan = planned(replace(case, deadline_s=10 * case.deadline_s), **WILD)
    assert plan is not None
    setting = setting_of(with_settings(case.inventory, **WILD), plan)
    draws = nights(setting, 20, seed)
    agree(setting, draws, play(setting, draws))


def test_the_slow_simulator_is_shown_all_that_can_happen() -> None:
    seen = np.zeros(4, dtype=np.int64)
    for seed in (19, 36, 54):
        case = random_case(seed, max_movers=5, max_vms=7)
        plan = planned(replace(case, deadline_s=10 * case.deadline_s), **WILD)
        assert plan is not None
        setting = setting_of(with_settings(case.inventory, **WILD), plan)
        played = play(setting, nights(setting, 20, seed))
        out = np.isfinite(played.end_s)
        took_s = played.end_s[out] - played.start_s[out] - (played.failed_s + played.aborted_s)[out]
        held_up = (took_s > played.alone_s[out] * 1.01).sum()
        seen += [played.fell_back.sum(), played.given_up.sum(), (played.failed_s > 0).sum(), held_up]
    assert seen.min() > 0


SHIPPED = [
    ("inventories/fabric.yaml", ["hv01"], 150.0),
    ("inventories/demo.yaml", ["hv01"], 1800.0),
    ("examples/tight/swap.yaml", ["hv01"], 7200.0),
    ("examples/tight/chain.yaml", ["hv01"], 7200.0),
]
"""Moves over several paths, of parallel flows, and VMs that move more than once."""


@pytest.mark.parametrize(("name", "evacuate", "deadline_s"), SHIPPED)
def test_shipped_plans_are_played_as_planned_and_as_the_slow_simulator_does(
    name: str, evacuate: list[str], deadline_s: float
) -> None:
    certain = with_settings(load_inventory(ROOT / name), **CERTAIN)
    plan = api.plan(certain, evacuate, deadline_s)
    assert plan.moves
    as_planned(plan, certain)
    wild = with_settings(certain, **(WILD | {"link_spread": 1.3}))
    setting = setting_of(wild, plan.model_copy(update={"snapshot": wild}))
    if wild.settings.multifd_channels == 1:  # the slow simulator knows nothing of flows
        draws = nights(setting, 10, 1)
        agree(setting, draws, play(setting, draws))


def test_the_model_of_btrplace_knows_no_other_way() -> None:
    demo = load_inventory(ROOT / "inventories/demo.yaml")
    quiet = demo.model_copy(update={"vms": tuple(scaled(vm, 0.2, 1.0) for vm in demo.vms)})
    inventory = with_settings(quiet, model="btrplace", approaches=(Approach.PRECOPY,), **CERTAIN)
    plan = api.plan(inventory, ["hv01"], 7200.0)
    assert plan.moves
    as_planned(plan, inventory)
    wild = with_settings(inventory, **WILD)
    setting = setting_of(wild, plan)
    played = play(setting, nights(setting, 50, 0))
    assert not played.fell_back.any()
    assert np.isfinite(played.end_s).any()
