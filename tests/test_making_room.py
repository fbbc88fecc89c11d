"""Moves of other VMs: made when needed, when they save their price, never needlessly, and told to people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.errors import InputError
from planner.inventory.load import load_inventory
from planner.inventory.models import Approach, Inventory, Separate
from planner.plan.chain import Interval, predecessors
from planner.plan.models import Plan, ReasonKind, Status
from planner.render.room import room_notes, vms_moved
from planner.render.shell import shell_runbook
from planner.render.steps import steps_of
from tests.optimize_support import host, star, vm

EXAMPLES = Path(__file__).parent.parent / "examples" / "tight"
GB = 10**9


def moves(plan: Plan) -> list[tuple[str, str, str]]:
    return [(move.vm, move.source, move.target) for move in plan.moves]


def example(name: str) -> Plan:
    return api.plan(load_inventory(EXAMPLES / f"{name}.yaml"), ["hv01"], 1800.0)


def test_a_chain_is_planned_where_there_is_no_plan_without() -> None:
    plan = example("chain")
    assert plan.status is Status.OPTIMAL
    assert plan.objective is not None
    assert plan.objective.extra_moves == 2
    assert [move.makes_room_for for move in plan.moves if move.makes_room_for] == [("web-1",), ("db-07",)]
    assert "web-1" in next(move.after for move in plan.moves if move.vm == "db-07")


def test_a_swap_goes_by_way_of_a_free_host() -> None:
    plan = example("swap")
    assert plan.status is Status.OPTIMAL
    assert [move[0] for move in moves(plan)].count("cache-1") == 2
    assert room_notes(plan)[0] == "makes room for web-1; waits there for room on hv02"
    assert "goes on from where it waited" in room_notes(plan)[3]
    assert vms_moved(plan) == "2, from hv01, and 2 others in 3 moves to make room"


def test_the_steps_of_a_swap_wait_for_the_right_move_of_a_vm_that_has_two() -> None:
    steps = steps_of(example("swap"))
    by_target = {(step.move.vm, step.move.target): step for step in steps}
    assert by_target["web-1", "hv03"].after == (by_target["cache-1", "hv04"].number,)
    onward = by_target["cache-1", "hv02"]
    assert by_target["cache-1", "hv04"].number in onward.after
    assert onward.number in by_target["app-1", "hv04"].after
    assert by_target["cache-1", "hv04"].number not in by_target["app-1", "hv04"].after


def test_the_script_keeps_the_logs_of_both_moves_of_a_vm() -> None:
    script = shell_runbook(example("swap"))
    assert "# It makes room for web-1." in script
    assert script.count("vm_") >= 5
    assert '>>"$LOGS/$vm.log"' in script


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--make-room", "never"], 1)])
def test_people_may_forbid_it(arguments: list[str], code: int) -> None:
    asked = ["check", str(EXAMPLES / "chain.yaml"), "-e", "hv01", "-d", "30 min", *arguments]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == code, result.output
    assert ("--make-room auto" in result.stdout) == (code == 1)


def test_a_price_without_room_making_is_refused() -> None:
    asked = ["plan", str(EXAMPLES / "chain.yaml"), "-e", "hv01", "-d", "1h", "--make-room", "never"]
    result = CliRunner().invoke(main, [*asked, "--extra-move-price", "5 s"])
    assert result.exit_code == 2


@pytest.mark.parametrize("price_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_price_that_is_none_is_an_input_error(price_s: float) -> None:
    with pytest.raises(InputError):
        api.plan(load_inventory(EXAMPLES / "chain.yaml"), ["hv01"], 1800.0, extra_move_price_s=price_s)


def fast_and_slow(**other: Any) -> Inventory:
    """Return a cluster whose fast host is full of a VM that could go to the slow one at no downtime."""
    hosts = [host("src"), host("fast", memory=4 * GB), host("slow", memory=8 * GB)]
    fields: dict[str, Any] = {"approaches": (Approach.POSTCOPY,), **other}
    vms = [vm("m", memory=4 * GB, approaches=(Approach.COLD,)), vm("o", "fast", memory=4 * GB, **fields)]
    return star(hosts, vms, rates={"slow": 1e8})


@pytest.mark.parametrize(("price_s", "extra"), [(35.9, 1), (36.1, 0)])
def test_it_is_done_where_it_saves_its_price(price_s: float, extra: int) -> None:
    """Cold, 4 GB take 4 s at 1 GB/s and 40 s at 0.1 GB/s."""
    plan = api.plan(fast_and_slow(), ["src"], 1000.0, extra_move_price_s=price_s)
    assert plan.status is Status.OPTIMAL
    assert plan.objective is not None
    assert plan.objective.extra_moves == extra
    assert plan.objective.cost_s == pytest.approx(4.0 + price_s if extra else 40.0)


@pytest.mark.parametrize("fields", [{"pinned": True}, {"max_downtime": 0.0, "approaches": (Approach.COLD,)}])
def test_who_may_not_move_does_not_make_room(fields: dict[str, object]) -> None:
    plan = api.plan(fast_and_slow(**fields), ["src"], 1000.0, extra_move_price_s=1.0)
    assert moves(plan) == [("m", "src", "slow")]
    assert plan.status is Status.OPTIMAL


def test_hosts_that_accept_nobody_are_left_alone() -> None:
    inventory = fast_and_slow()
    shut = inventory.model_copy(
        update={"hosts": tuple(each.model_copy(update={"accepts": each.name != "fast"}) for each in inventory.hosts)}
    )
    assert moves(api.plan(shut, ["src"], 1000.0, extra_move_price_s=1.0)) == [("m", "src", "slow")]


def test_nothing_moves_needlessly() -> None:
    hosts = [host("src"), host("a"), host("b")]
    plan = api.plan(star(hosts, [vm("m"), vm("x", "a"), vm("y", "b")]), ["src"], 1000.0, extra_move_price_s=1e-3)
    assert len(plan.moves) == 1


def test_separated_vms_make_way() -> None:
    hosts = [host("src"), host("a", labels=("x",)), host("b")]
    vms = [vm("m", requires=("x",)), vm("o", "a")]
    plan = api.plan(star(hosts, vms, [Separate(separate=("m", "o"))]), ["src"], 1000.0)
    assert moves(plan) == [("o", "a", "b"), ("m", "src", "a")]
    assert plan.moves[0].makes_room_for == ("m",)
    assert plan.moves[1].start_s == plan.moves[0].end_s


def test_a_no_says_that_room_making_was_ruled_out() -> None:
    """Two VMs would have to change places, and there is no third host on which one could wait."""
    hosts = [host("src"), host("a", memory=6 * GB, labels=("x",)), host("b", memory=6 * GB)]
    vms = [vm("m", memory=2 * GB, requires=("x",)), vm("o", "a", memory=6 * GB), vm("p", "b", memory=4 * GB)]
    plan = api.plan(star(hosts, vms), ["src"], 1000.0)
    assert plan.infeasibility is not None
    assert plan.infeasibility.proof == "no-room"
    assert [reason.kind for reason in plan.infeasibility.reasons] == [ReasonKind.NO_HOST_FITS]


def test_a_no_that_no_move_could_change_is_told_as_ever() -> None:
    hosts = [host("src"), host("a", memory=3 * GB), host("b", memory=3 * GB)]
    plan = api.plan(star(hosts, [vm("m", memory=4 * GB), vm("o", "a")]), ["src"], 1000.0)
    assert plan.infeasibility is not None
    assert plan.infeasibility.proof == "certificate"


def test_what_takes_room_waits_for_who_leaves_it() -> None:
    """Of 5, 4 are taken: the second to come needs what the one that leaves gives back."""
    leaves = Interval(0.0, 10.0, {}, leaves={"memory": 4.0})
    small = Interval(0.0, 5.0, {}, keeps={"memory": 1.0})
    large = Interval(10.0, 15.0, {}, keeps={"memory": 3.0})
    assert predecessors([leaves, small, large], {"memory": 1.0}) == [(), (), (0,)]
