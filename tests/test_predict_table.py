"""Predictions as rows: which VMs, at which bandwidth, and what a plan may use."""

from __future__ import annotations

import pytest

from planner.errors import InputError
from planner.inventory.models import VM, Approach, Host, Inventory, Link, Settings
from planner.predict import predict_vm
from planner.predict.table import prediction_rows

GIB = 2**30
CALM = VM(name="calm", host="hv01", vcpus=1, memory=GIB, read_rate=1e6, write_rate=2e6)
BUSY = VM(name="busy", host="hv02", vcpus=1, memory=2 * GIB, read_rate=9e9, write_rate=9e9)


def inventory(*vms: VM, **settings: object) -> Inventory:
    return Inventory(
        format="evac/inventory/1",
        name="tiny",
        settings=Settings.model_validate(settings),
        hosts=tuple(Host(name=name, cpus=8, memory=64 * GIB) for name in ("hv01", "hv02", "hv03")),
        switches=("leaf1",),
        links=(
            Link(between=("hv01", "leaf1"), bandwidth=1e8),
            Link(between=("hv01", "hv02"), bandwidth=4e8, usable=0.5),
        ),
        vms=vms or (CALM, BUSY),
    )


def test_every_vm_has_a_row_for_every_approach() -> None:
    rows = prediction_rows(inventory())
    assert [(row.vm, row.approach) for row in rows] == [(vm, a) for vm in ("calm", "busy") for a in Approach]


def test_numbers_are_those_of_the_model() -> None:
    for row in prediction_rows(inventory(), ["calm"], 5e7):
        single = predict_vm(Settings(), CALM, row.approach, 5e7)
        assert row.time_s == single.time_s[0, 0]
        assert row.downtime_s == single.downtime_s[0, 0]
        assert row.transferred_bytes == single.transferred_bytes[0, 0]
        assert row.allowed


def test_without_a_bandwidth_the_fastest_link_of_the_host_counts_as_far_as_it_is_usable() -> None:
    rates = {row.vm: row.rate_bytes_per_s for row in prediction_rows(inventory())}
    assert rates == {"calm": 2e8, "busy": 2e8}


def test_without_a_bandwidth_what_counts_is_what_one_flow_gets_on_the_way_out() -> None:
    links = (
        Link(between=("hv01", "leaf1"), bandwidth=(4e8, 9e8), members=2, usable=(0.9, 1.0)),
        Link(between=("leaf1", "hv02"), bandwidth=(9e8, 1e8)),
        Link(between=("hv02", "hv01"), bandwidth=9e9, networks=("service",)),
    )
    networked = inventory(migration_network="migration").model_copy(update={"links": links})
    rates = {row.vm: row.rate_bytes_per_s for row in prediction_rows(networked)}
    assert rates == {"calm": 1.8e8, "busy": 1e8}


def test_a_host_without_a_link_needs_a_bandwidth() -> None:
    alone = inventory(CALM.model_copy(update={"host": "hv03"}))
    with pytest.raises(InputError, match="host 'hv03' has no link"):
        prediction_rows(alone)
    assert len(prediction_rows(alone, None, 1e8)) == 4


def test_names_are_looked_up_all_at_once_and_corrected() -> None:
    with pytest.raises(InputError) as caught:
        prediction_rows(inventory(), ["clam", "nobody-like-it", "busy"])
    assert [problem.code for problem in caught.value.problems] == ["unknown-vm", "unknown-vm"]
    assert caught.value.problems[0].mend == "did you mean 'calm'?"
    with pytest.raises(InputError, match="did you mean 'calm'"):
        prediction_rows(inventory(), ["c"])
    assert [row.vm for row in prediction_rows(inventory(), ["busy", "calm", "busy"])][::4] == ["busy", "calm"]


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_bandwidth_is_above_nothing(rate: float) -> None:
    with pytest.raises(InputError, match="above 0"):
        prediction_rows(inventory(), None, rate)


def test_what_does_not_converge_has_a_reason_and_no_number() -> None:
    rows = {row.approach: row for row in prediction_rows(inventory(), ["busy"])}
    for approach in (Approach.PRECOPY, Approach.POSTCOPY, Approach.HYBRID):
        assert rows[approach].time_s is rows[approach].downtime_s is rows[approach].transferred_bytes is None
        assert not rows[approach].allowed
        assert rows[approach].reason.startswith("does not converge")
    assert rows[Approach.COLD].allowed


def test_what_the_settings_the_vm_or_its_limit_rule_out_is_not_allowed() -> None:
    fussy = CALM.model_copy(update={"approaches": (Approach.COLD, Approach.PRECOPY), "max_downtime": 1.0})
    offered = inventory(fussy, approaches=["cold", "precopy", "hybrid"])
    told = {row.approach: (row.allowed, row.reason) for row in prediction_rows(offered)}
    assert told == {
        Approach.COLD: (False, "longer down than the VM bears (1 s)"),
        Approach.PRECOPY: (True, ""),
        Approach.POSTCOPY: (False, "not among the approaches of the settings"),
        Approach.HYBRID: (False, "not among the approaches of the VM"),
    }


def test_a_limit_that_is_exactly_the_longest_downtime_is_borne_at_every_rate() -> None:
    """As 0.1 x mu / mu may be a hair above 0.1 in floating point."""
    strict = CALM.model_copy(update={"max_downtime": 0.1})
    settings = Settings(downtime_limit=0.1)
    rate = 33.3 * 10**9 * 0.125 * 0.9
    assert rate * 0.1 / rate > 0.1
    rows = prediction_rows(inventory(strict).model_copy(update={"settings": settings}), None, rate)
    assert {row.approach: row.allowed for row in rows}[Approach.PRECOPY]


def test_no_vms_no_rows() -> None:
    assert prediction_rows(inventory().model_copy(update={"vms": ()})) == []
