"""What is said of many nights: what breaks a plan and why, when hosts are off, and what cannot be simulated."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from planner import api
from planner.errors import InputError
from planner.inventory.models import VM, Approach, Host, Inventory, Link, Settings, Spread
from planner.plan.models import Plan
from planner.render.simulation import simulation_json
from planner.simulate.blame import Cause
from planner.simulate.draws import Nights
from planner.simulate.engine import play
from planner.simulate.setting import setting_of

GIB = 2**30
RATE = 1.25e9
CERTAIN: dict[str, Any] = {
    "spreads": (Spread(write_rate=1.0, read_rate=1.0),),
    "link_spread": 1.0,
    "migration_failures": 0.0,
}


def cluster(*vms: VM, hosts: dict[str, Any] | None = None, members: int = 1, **changes: Any) -> Inventory:
    """Return two hosts and a link, with VMs on the first; nothing is uncertain but what is changed."""
    given = {"max_outgoing": 1, "approaches": (Approach.PRECOPY, Approach.COLD)}
    return Inventory(
        format="evac/inventory/1",
        name="pair",
        settings=Settings.model_validate(given | CERTAIN | changes),
        hosts=(
            Host(name="a", cpus=64, memory=256 * GIB, shutdown_time=(hosts or {}).get("off", 0.0)),
            Host(name="b", cpus=64, memory=256 * GIB, ready_after=(hosts or {}).get("on", 0.0)),
        ),
        links=(Link(between=("a", "b"), bandwidth=RATE, members=members),),
        vms=vms,
    )


def vm(name: str, **fields: Any) -> VM:
    whole = {"name": name, "host": "a", "vcpus": 1, "memory": 16 * GIB, "read_rate": 1e8, "write_rate": 1e8}
    return VM.model_validate(whole | fields)


def planned(inventory: Inventory, deadline_s: float = 600.0) -> Plan:
    found = api.plan(inventory, ["a"], deadline_s)
    assert found.moves
    return found


def test_hosts_that_are_switched_on_and_off_count() -> None:
    plan = planned(cluster(vm("x"), hosts={"on": 40.0, "off": 25.0}))
    found = api.simulate(plan, runs=5)
    assert plan.objective is not None
    assert found.finish_s.most == found.finish_s.p5 == pytest.approx(plan.objective.finish_s, abs=1e-7)
    assert found.planned_finish_s == plan.objective.finish_s > 65.0
    assert found.in_time.share == 1.0
    assert found.culprits == ()


def test_moves_wait_for_what_really_ends() -> None:
    inventory = cluster(vm("x"), vm("y"), spreads=(Spread(write_rate=2.0, read_rate=1.0),))
    plan = planned(inventory)
    setting = setting_of(inventory, plan)
    draws = Nights(inventory.settings, setting.vms, setting.links, setting.names, 0).draw(50)
    played = play(setting, draws)
    np.testing.assert_allclose(played.start_s[:, 1], played.end_s[:, 0], rtol=0, atol=1e-9)
    assert np.ptp(played.end_s[:, 0]) > 0.1


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"spreads": (Spread(write_rate=3.0, read_rate=1.0),)}, Cause.SLOW),
        ({"link_spread": 1.2}, Cause.LINK),
        ({"migration_failures": 0.5}, Cause.FAILED),
        ({"spreads": (Spread(workload="db", write_rate=200.0, read_rate=1.0),)}, Cause.NOT_CONVERGED),
    ],
)
def test_why_nights_are_late(changes: dict[str, Any], cause: Cause) -> None:
    spreads = (*changes.get("spreads", ()), *CERTAIN["spreads"]) if cause is Cause.NOT_CONVERGED else None
    inventory = cluster(vm("x", workload="db"), **(changes | ({"spreads": spreads} if spreads else {})))
    plan = planned(inventory)
    assert plan.moves[0].approach is Approach.PRECOPY
    late = plan.model_copy(
        update={"request": plan.request.model_copy(update={"deadline_s": plan.moves[0].end_s * 1.01})}
    )
    found = api.simulate(late, runs=300)
    assert found.in_time.share < 1
    assert [(one.vm, one.cause) for one in found.culprits] == [("x", cause)]
    assert found.culprits[0].share == 1.0
    assert found.culprits[0].excess_s is not None
    assert found.culprits[0].excess_s > 0


def test_a_vm_that_fails_for_ever_is_not_out() -> None:
    inventory = cluster(vm("x"), vm("y"), migration_failures=1.0, max_retries=1)
    found = api.simulate(planned(inventory), runs=20)
    assert found.in_time.share == 0.0
    assert found.never_out == 20
    assert found.downtime_s is None
    assert found.finish_s.p5 == np.inf
    # The second never starts, and is not to blame.
    assert [(one.never_share, one.excess_s, one.cause) for one in found.culprits] == [(1.0, None, Cause.FAILED)]
    document = json.loads(simulation_json(found))
    assert document["finish_s"]["p50"] is None
    assert "each_finish_s" not in document


def test_a_vm_that_may_move_in_no_other_way_is_not_out_where_it_does_not_converge() -> None:
    wild = {"approaches": ["precopy"], "write_rate_range": [1e7, 2e9]}
    found = api.simulate(planned(cluster(vm("x", **wild))), runs=400)
    # Of the upper half, the write rate outruns the link where 20 ** (z / 1.645) > 12.5.
    assert found.never_out / 400 == pytest.approx(0.083, abs=0.04)
    assert found.culprits[0].cause is Cause.NOT_CONVERGED
    assert found.gave_up["x"] == found.never_out / 400
    other = api.simulate(planned(cluster(vm("x", write_rate_range=[1e7, 2e9]))), runs=400)
    assert other.never_out == 0
    assert other.fell_back["x"] >= found.gave_up["x"]


def test_the_longest_downtime_that_a_vm_bears_forbids_cold() -> None:
    wild = {"write_rate_range": [1e7, 2e9], "max_downtime": 2.0}
    found = api.simulate(planned(cluster(vm("x", **wild))), runs=400)
    assert found.never_out > 0
    assert found.fell_back["x"] == 0


def test_post_copy_in_place_of_a_parallel_pre_copy_has_one_flow() -> None:
    both = (Approach.PRECOPY, Approach.POSTCOPY)
    wide = cluster(vm("x"), members=2, multifd_channels=2, approaches=both)
    plan = planned(wide)
    setting = setting_of(wide, plan)
    assert plan.moves[0].approach is Approach.PRECOPY
    assert setting.reserved[0] == RATE
    assert setting.one_flow[0] == RATE / 2


def test_more_retries_and_quieter_nights_make_a_plan_surer() -> None:
    shares = [
        api.simulate(planned(cluster(vm("x"), migration_failures=0.3, max_retries=n, retry_after=1.0)), runs=500)
        for n in (0, 1, 5)
    ]
    assert [one.in_time.share for one in shares] == pytest.approx([0.7, 0.91, 1.0], abs=0.06)


def test_a_seed_gives_one_answer() -> None:
    plan = planned(cluster(vm("x"), vm("y"), link_spread=1.3))
    one, other = (api.simulate(plan, runs=100, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.each_finish_s, other.each_finish_s)
    assert not np.array_equal(one.each_finish_s, api.simulate(plan, runs=100, seed=5).each_finish_s)
    more = api.simulate(plan, runs=150, seed=4)
    np.testing.assert_array_equal(more.each_finish_s[:100], one.each_finish_s)


def test_what_cannot_be_simulated_is_told() -> None:
    inventory = cluster(vm("x"), vm("y"))
    plan = planned(inventory)
    with pytest.raises(InputError, match="no moves to simulate: the plan is optimal"):
        api.simulate(plan.model_copy(update={"moves": ()}))
    for runs, seed in ((0, 0), (10, -1)):
        with pytest.raises(InputError, match="nights with the seed"):
            api.simulate(plan, runs=runs, seed=seed)
    with pytest.raises(InputError, match="does not have the inventory"):
        api.simulate(plan.model_copy(update={"snapshot": None}))
    with pytest.raises(InputError, match="no VM 'y'"):
        api.simulate(plan, cluster(vm("x")))
    with pytest.raises(InputError, match="'y' leaves a, but is on b"):
        api.simulate(plan, cluster(vm("x"), vm("y", host="b")))
    with pytest.raises(InputError, match="no link a - b"):
        api.simulate(plan, inventory.model_copy(update={"links": ()}))
    wrong = plan.moves[0].model_copy(update={"after": ("y",)})
    with pytest.raises(InputError, match="does not end before"):
        api.simulate(plan.model_copy(update={"moves": (wrong, plan.moves[1])}))


def test_another_inventory_has_other_nights() -> None:
    inventory = cluster(vm("x"), vm("y"))
    plan = planned(inventory)
    calm, wild = (api.simulate(plan, cluster(vm("x"), vm("y"), link_spread=s), runs=50) for s in (1.0, 1.5))
    assert calm.finish_s.most == pytest.approx(plan.moves[-1].end_s)
    assert wild.finish_s.p50 > calm.finish_s.p50
