"""From a plan to steps: order, what each waits for, overruns, notes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from planner.errors import InputError
from planner.inventory.models import Approach, Settings
from planner.plan.models import Request
from planner.render.steps import steps_of
from tests.render_samples import GIB, MIB, a_move, a_plan, four_ways


def after(*moves: Any) -> dict[str, tuple[int, ...]]:
    return {step.move.vm: step.after for step in steps_of(a_plan(*moves))}


def test_steps_stand_in_the_order_of_start() -> None:
    steps = steps_of(a_plan(a_move("late", start_s=5.0), a_move("early"), a_move("also-early")))
    assert [(step.number, step.move.vm) for step in steps] == [(1, "early"), (2, "also-early"), (3, "late")]


def test_a_step_waits_for_what_its_move_names() -> None:
    assert [step.after for step in steps_of(four_ways())] == [(), (), (1,), (2,)]


def test_a_step_that_names_nothing_waits_for_all_that_had_landed() -> None:
    first, second = a_move("a", duration_s=10.0), a_move("b", duration_s=20.0)
    third = a_move("c", start_s=10.0, duration_s=5.0)
    fourth = a_move("d", start_s=20.0, duration_s=5.0)
    # d waits for b and c; for a only through c.
    assert after(first, second, third, fourth) == {"a": (), "b": (), "c": (1,), "d": (2, 3)}


def test_a_step_that_overlaps_everything_before_it_waits_for_nothing() -> None:
    assert after(a_move("a", duration_s=10.0), a_move("b", start_s=5.0))["b"] == ()


def test_what_did_not_overlap_in_the_plan_is_ordered_by_the_waits() -> None:
    times = [(0, 3), (0, 5), (3, 4), (4, 6), (5, 9), (6, 2), (8, 1), (9, 3)]
    moves = [a_move(f"v{i}", start_s=float(s), duration_s=float(d)) for i, (s, d) in enumerate(times)]
    steps = steps_of(a_plan(*moves))
    before: dict[int, set[int]] = {}
    for step in steps:
        before[step.number] = set(step.after).union(*(before[number] for number in step.after))
    for one in steps:
        for other in steps:
            if one.move.end_s <= other.move.start_s:
                assert one.number in before[other.number]


def test_steps_ask_for_what_the_plan_counts_on() -> None:
    settings = Settings(model="saturating", auto_converge=True, compression_ratio=2.5)
    live, post = steps_of(a_plan(a_move("a"), a_move("b", Approach.POSTCOPY), settings=settings))
    assert "--auto-converge" in live.migrate.argv
    assert "--auto-converge" not in post.migrate.argv
    assert live.resume is None
    assert post.resume is not None
    assert set(post.resume.argv) - set(post.migrate.argv) == {"--postcopy-resume"}
    assert [note for note in live.notes if "compressed 2.5 times" in note]
    assert not [note for note in post.notes if "compressed" in note]


def test_a_short_step_is_not_called_overrun_at_once() -> None:
    short, long = steps_of(a_plan(a_move("short", duration_s=4.0), a_move("long", duration_s=1000.0)))
    assert short.overrun_s == 34.0
    assert long.overrun_s == 1500.0


@pytest.mark.parametrize("name", ["a b", "a\nb", "-rf", "$(reboot)", "a/b?command=x", "`id`", "", "ü", "a\x1b[31m"])
@pytest.mark.parametrize("key", ["vm", "source", "target"])
def test_a_name_that_could_mean_something_else_is_refused(name: str, key: str) -> None:
    fields: dict[str, Any] = {key: name}
    with pytest.raises(InputError) as caught:
        steps_of(a_plan(a_move(**fields)))
    assert [problem.place.path for problem in caught.value.problems] == [f"moves[0].{key}"]


def test_a_host_of_the_request_is_looked_at_too() -> None:
    with pytest.raises(InputError, match=r"request\.evacuate"):
        steps_of(a_plan(request=Request(evacuate=("hv01; reboot",), deadline_s=1.0)))


def test_all_problems_are_told_together() -> None:
    with pytest.raises(InputError) as caught:
        steps_of(a_plan(a_move("a b"), a_move("twice"), a_move("twice"), a_move("c", after=("ghost",))))
    assert [problem.code for problem in caught.value.problems] == ["bad-name", "moves-twice", "bad-after"]


@pytest.mark.parametrize("awaited", ["self", "later", "beside"])
def test_a_wait_that_could_not_end_in_time_is_refused(awaited: str) -> None:
    moves = [a_move("self", after=(awaited,)), a_move("beside"), a_move("later", start_s=500.0)]
    with pytest.raises(InputError, match="does not end before it starts"):
        steps_of(a_plan(*moves))


def notes(**fields: Any) -> str:
    return " ".join(steps_of(a_plan(a_move(**fields)))[0].notes)


def test_rounding_is_told_only_where_it_matters() -> None:
    assert "33% less than planned, so allow 50% more time" in notes(bandwidth_bytes_per_s=1.5 * MIB)
    assert "below 1 MiB/s" in notes(bandwidth_bytes_per_s=0.5 * MIB)
    assert notes(bandwidth_bytes_per_s=100.5 * MIB) == ""


def test_what_libvirt_does_otherwise_than_the_model_is_told() -> None:
    assert "libvirt knows only the moment of the switch" in notes(approach=Approach.HYBRID)
    assert "by itself after the first pass" in notes(approach=Approach.HYBRID, memory_bytes=0)
    assert "images of the same size" in notes(disk_bytes=GIB)
    assert "downtime should be less" in notes(approach=Approach.COLD, disk_bytes=GIB)
    assert "is a plain pre-copy" in notes(approach=Approach.HYBRID, precopy_share=1.0)
    assert "domain ID first" in notes(vm="101")
    for host in ("hv01", "hv02"):
        assert f"`virsh -c qemu+ssh://{host}/system domname 101`" in notes(vm="101")
