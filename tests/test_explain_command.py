"""``evac explain``: what it prints, for whom, and how it says no."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from planner import api
from planner.cli.main import main
from planner.errors import InputError, StalePlanError
from planner.explain.why import why
from planner.inventory.load import load_inventory
from planner.inventory.models import Approach, Inventory
from planner.inventory.write import inventory_yaml
from planner.plan.io import write_plan
from planner.plan.models import Plan
from planner.plan.why import Kind, WhyMove
from planner.render.why_svg import MOST_ROWS, lanes, plan_svg
from tests.truth.handmade import changed_moves, changed_vm, make_move, make_plan, small_inventory, with_rules

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "inventories" / "demo.yaml"


def evac(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args], catch_exceptions=False)


def explain(plan: Plan, folder: Path, *args: str | Path) -> Result:
    write_plan(plan, folder / "plan.json")
    return evac("explain", folder / "plan.json", *args)


@pytest.fixture(scope="module")
def demo() -> Plan:
    return api.plan(load_inventory(DEMO), ["hv01"], 600)


def test_a_plan_is_explained_by_its_bottleneck_and_its_chain(demo: Plan, tmp_path: Path) -> None:
    done = explain(demo, tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    text = done.stdout
    assert "Bottleneck   link hv01 -> sw1: used 98% of what there is until the deadline, 100% until" in text
    assert "0:08:59  web-1    0:09:46  link hv01 -> sw1, held by cache-1" in text
    assert "before [db-1, app-1]: db-1" in text
    assert "4 min 12 s more of link hv01 -> sw1, of which 14.2 s are free until the deadline" in text


def test_a_vm_is_told_by_way_target_and_start(demo: Plan, tmp_path: Path) -> None:
    text = explain(demo, tmp_path, "--vm", "db-1,web-2").stdout
    assert (
        "Post-copy at 800 Mbit/s has 1 min 48 s less downtime but takes 4 min 12 s longer, and fits at no start" in text
    )
    assert "- Not pre-copy at 800 Mbit/s, 400 Mbit/s and 200 Mbit/s: does not converge" in text
    assert "against separate [db-1, db-2]" in text
    assert "hv02: without x86-v4." in text
    assert "It starts at once." in text
    assert "web-2 does not move: it stays on hv02, which is not evacuated (hv01 is)." in text


def test_times_of_day_are_told_where_the_start_is_known(tmp_path: Path) -> None:
    plan = api.plan(load_inventory(DEMO), ["hv01"], 600, start_clock="23:55")
    assert "00:03:59 +1d  web-1" in explain(plan, tmp_path).stdout


def test_json_has_what_the_text_is_made_of(demo: Plan, tmp_path: Path) -> None:
    found = json.loads(explain(demo, tmp_path, "--format", "json").stdout)
    assert found["loads"][0]["resource"] == {"kind": "link", "names": ["hv01", "sw1"], "rule": ""}
    assert [link["vm"] for link in found["chain"]] == ["db-1", "app-1", "batch-1", "cache-1", "web-1"]
    (asked,) = json.loads(explain(demo, tmp_path, "--vm", "db-1", "--format", "json").stdout)["asked"]
    assert (asked["moves"], asked["target"]) == (True, "hv04")
    assert {one["host"] for one in asked["elsewhere"]} == {"hv01", "hv02", "hv03"}


def test_an_unknown_vm_is_an_input_error_with_a_near_name(demo: Plan, tmp_path: Path) -> None:
    done = explain(demo, tmp_path, "--vm", "db-11")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "did you mean 'db-1'?" in done.stderr


@pytest.mark.parametrize(("limit_s", "code"), [(100, 1)])
def test_an_answer_without_a_plan_is_told_as_check_does(limit_s: int, code: int, tmp_path: Path) -> None:
    plan = api.plan(load_inventory(DEMO), ["hv01"], limit_s)
    done = explain(plan, tmp_path)
    assert done.exit_code == code
    assert done.stdout == evac("check", DEMO, "--evacuate", "hv01", "--deadline", f"{limit_s} s", "--no-advice").stdout


def test_a_plan_without_inventory_needs_one(demo: Plan, tmp_path: Path) -> None:
    bare = demo.model_copy(update={"snapshot": None})
    done = explain(bare, tmp_path)
    assert done.exit_code == 2
    assert "--inventory" in done.stderr
    assert explain(bare, tmp_path, "--inventory", DEMO).stdout == explain(demo, tmp_path).stdout


def test_a_stale_plan_is_not_explained(demo: Plan) -> None:
    inventory = load_inventory(DEMO)
    with pytest.raises(StalePlanError):
        api.explain(demo, inventory=inventory.model_copy(update={"rules": ()}))


def test_a_plan_that_does_not_hold_is_not_explained(tmp_path: Path) -> None:
    inventory = small_inventory()
    plan = make_plan(inventory)
    wrong = make_plan(inventory, changed_moves(plan.moves, plan.moves[0].vm, start_s=1e6))
    with pytest.raises(InputError, match="deadline"):
        api.explain(wrong, inventory=inventory)
    (tmp_path / "inventory.yaml").write_text(inventory_yaml(inventory))
    done = explain(wrong, tmp_path, "--inventory", tmp_path / "inventory.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the verifier rejects the plan" in done.stderr


def free_inventory() -> Inventory:
    """Return the small inventory without rules and limits on downtime."""
    inventory = with_rules(small_inventory())
    for vm in inventory.vms:
        inventory = changed_vm(inventory, vm.name, max_downtime=None, approaches=None)
    return inventory


def test_a_plan_by_hand_is_told_what_would_be_better() -> None:
    """Without rules one VM alone, cold although pre-copy would do, and later than it needs to be."""
    inventory = free_inventory()
    plan = make_plan(inventory)
    slow = [
        make_move(inventory, move.vm, move.target, approach=Approach.COLD, start_s=100.0 * place)
        for place, move in enumerate(plan.moves)
    ]
    by_hand = make_plan(inventory, slow).model_copy(update={"objective": None})
    assert api.verify(inventory, by_hand).ok
    (said,) = why(inventory, by_hand, [slow[-1].vm]).asked
    assert isinstance(said, WhyMove)
    assert said.start.sooner_s == 0.0
    better = [one for one in said.alternatives if one.start_s is not None and (one.downtime_s or 0) < said.downtime_s]
    assert better


def test_a_better_way_is_told_in_words(tmp_path: Path) -> None:
    inventory = free_inventory()
    move = make_plan(inventory).moves[0]
    moves = [
        make_move(inventory, one.vm, one.target, approach=Approach.COLD, start_s=100.0 * place)
        for place, one in enumerate(make_plan(inventory).moves)
    ]
    for weight, words in ((2.0, "the plan is not the best there is (status feasible)"), (0.0, "does not count")):
        weighted = changed_vm(inventory, move.vm, weight=weight)
        remade = [make_move(weighted, m.vm, m.target, approach=m.approach, start_s=m.start_s) for m in moves]
        plan = make_plan(weighted, remade)
        (tmp_path / "inventory.yaml").write_text(inventory_yaml(weighted))
        done = explain(plan, tmp_path, "--inventory", tmp_path / "inventory.yaml", "--vm", move.vm)
        assert words in done.stdout, done.stderr


@pytest.mark.parametrize("name", ["chain", "swap"])
def test_moves_that_make_room_say_for_whom(name: str, tmp_path: Path) -> None:
    inventory = load_inventory(ROOT / "examples" / "tight" / f"{name}.yaml")
    plan = api.plan(inventory, ["hv01"], 1800)
    room = [move for move in plan.moves if move.makes_room_for]
    text = explain(plan, tmp_path, "--vm", ",".join(dict.fromkeys(move.vm for move in room))).stdout
    for move in room:
        assert f"It makes room on {move.source} for" in text
    kinds = {b.resource.kind for start in why(inventory, plan).starts.values() for b in start.blocked}
    assert Kind.MEMORY in kinds


def words_of(svg: str) -> set[str]:
    return {(node.text or "").strip() for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


def test_the_picture_has_the_moves_and_the_bottleneck(demo: Plan, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    done = explain(demo, tmp_path, "--plot", tmp_path / "plan.svg")
    assert done.stderr == f"Wrote the plot to {tmp_path / 'plan.svg'}\n"
    words = words_of((tmp_path / "plan.svg").read_text())
    assert {"db-1 to hv04", "web-1 to hv02", "pre-copy", "cold", "deadline"} <= words
    assert "link hv01 -> sw1: 98% of what there is until the deadline" in words
    assert "post-copy" not in words


def test_a_large_plan_is_drawn_in_lanes() -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    from planner.inventory.synthesize import synthesize

    plan = api.check(synthesize(20, 400, 3), ["hv01", "hv02", "hv03"], 7200)
    assert len(plan.moves) > MOST_ROWS
    assert not any(" to hv" in word for word in words_of(plan_svg(api.explain(plan))))


def test_lanes_hold_no_two_moves_at_once(demo: Plan) -> None:
    assert lanes(demo.moves) == [0] * len(demo.moves)
    both = [move.model_copy(update={"start_s": 0.0}) for move in demo.moves]
    assert lanes(both) == list(range(len(both)))


def test_a_picture_without_matplotlib_says_how_to_get_it(
    demo: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = explain(demo, tmp_path, "--plot", tmp_path / "plan.svg")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "pip install 'evac[plot]'" in done.stderr
    assert not (tmp_path / "plan.svg").exists()


def test_who_is_shut_down_in_a_triage_is_told_so(tmp_path: Path) -> None:
    plan = api.plan(load_inventory(DEMO), ["hv01"], 360.0, if_infeasible="triage")
    done = explain(plan, tmp_path, "--vm", "batch-1")
    assert done.exit_code == 0
    assert "batch-1 does not move: it is shut down on hv01 from 0:05:00 to 0:06:00; outweighed" in done.stdout
