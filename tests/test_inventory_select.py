"""Which hosts a request means: names, labels, and what is neither."""

from __future__ import annotations

import pytest

from planner import api
from planner.errors import InputError, Problem
from planner.inventory.models import Host, Inventory, Link
from planner.inventory.select import select_hosts

HOSTS = (
    Host(name="hv01", cpus=8, memory=2**35, labels=("rack-a", "old")),
    Host(name="hv02", cpus=8, memory=2**35, labels=("rack-b",)),
    Host(name="hv03", cpus=8, memory=2**35, labels=("rack-a",)),
    Host(name="@rack-b", cpus=8, memory=2**35),
)
INVENTORY = Inventory(
    format="evac/inventory/1",
    name="lab",
    hosts=HOSTS,
    switches=("sw",),
    links=tuple(Link(between=(host.name, "sw"), bandwidth=1e9) for host in HOSTS),
)


def problems_of(*wanted: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        select_hosts(INVENTORY, wanted)
    return list(caught.value.problems)


def test_names_stand_for_themselves_and_labels_for_all_that_have_them() -> None:
    assert select_hosts(INVENTORY, ["hv02"]) == ("hv02",)
    assert select_hosts(INVENTORY, ["@rack-a"]) == ("hv01", "hv03")
    assert select_hosts(INVENTORY, ["hv03", "@rack-a", "@old"]) == ("hv03", "hv01")


def test_a_host_of_that_very_name_comes_first() -> None:
    assert select_hosts(INVENTORY, ["@rack-b"]) == ("@rack-b",)


def test_what_is_unknown_is_told_with_what_is_near() -> None:
    label, host = problems_of("@rack-z", "hv04")
    assert (label.code, host.code) == ("unknown-label", "unknown-host")
    assert "'rack-z'" in label.message
    assert "@rack-a" in label.mend
    assert "hv0" in host.mend
    assert [problem.code for problem in problems_of()] == ["nothing-to-evacuate"]
    assert "the labels are @rack-a, @old, @rack-b" in problems_of("@xyz")[0].mend


def test_the_plan_names_the_hosts_themselves() -> None:
    assert api.plan(INVENTORY, ["@rack-a"], 60.0).request.evacuate == ("hv01", "hv03")


def test_all_that_is_wrong_with_a_request_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        api.plan(INVENTORY, ["@nothing"], 0.0)
    assert [problem.code for problem in caught.value.problems] == ["unknown-label", "no-time"]
