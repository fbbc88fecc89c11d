"""Measured rates: what each exporter's metrics become, which VM is which, and what is told as doubtful."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from planner.api import plan
from planner.cli.main import main
from planner.importers.prometheus_format import Series
from planner.importers.prometheus_names import same_host
from planner.importers.prometheus_series import at_odds, increases, joined, on_grid, rounded, spacing, summarise
from planner.inventory.load import load_inventory, parse_inventory
from planner.inventory.models import VM
from tests.prometheus_support import Fake, Value, daily, served, steady, wavy

MIB = 2**20
GIB = 2**30
DAY = 86_400.0
SAMPLES = "examples/imports"

INVENTORY = """\
# the rack as it was last audited
format: evac/inventory/1
name: small
settings: {model: saturating}
hosts:
  - {name: hv1, cpus: 32, memory: 128 GiB}  # oldest
  - {name: hv2, cpus: 32, memory: 128 GiB}
links:
  - {between: [hv1, hv2], bandwidth: 10 Gbit/s}
vms:
  # the shop
  - {name: web, host: hv1, vcpus: 2, memory: 4 GiB, disk: 0 B, read_rate: 40 MB/s, write_rate: 10 MB/s, weight: 3}
  - name: db
    host: hv1
    vcpus: 8
    memory: 16 GiB
    read_rate: 40 MB/s
    write_rate: 10 MB/s   # a guess
"""


def kubevirt(name: str, node: str = "hv1", namespace: str = "shop", **more: str) -> dict[str, str]:
    """Labels of a VM of KubeVirt, as scraped from virt-handler."""
    return {"name": name, "namespace": namespace, "node": node, "instance": f"{node}:8443", "job": "virt", **more}


def run(
    folder: Path,
    series: Mapping[str, Sequence[tuple[Mapping[str, str], Value]]],
    *options: str,
    exporter: str = "kubevirt",
    text: str = INVENTORY,
) -> tuple[dict[str, VM], str, str]:
    """Import from a small Prometheus; return the VMs, the new text and the report."""
    given, made = folder / "inv.yaml", folder / "new.yaml"
    given.write_text(text, "utf-8")
    with served(Fake(series)) as url:
        result = invoke(str(given), "--exporter", exporter, "--url", url, "-o", str(made), *DAYS, *options)
    assert result.exit_code == 0, result.output
    new = made.read_text("utf-8")
    return {vm.name: vm for vm in parse_inventory(new).vms}, new, result.stderr


DAYS = ("--from", "2026-11-02T00:00", "--to", "2026-11-04T00:00", "--timezone", "UTC", "--step", "5 min")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", "prometheus", *arguments])


def test_a_dirty_rate_becomes_rate_range_and_hours(tmp_path: Path) -> None:
    rate = {"kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("web"), daily(4e6, 40e6, 3))]}
    vms, _, told = run(tmp_path, rate, "--step", "10 min")
    web = vms["web"]
    assert web.write_rate == 4e6
    assert web.write_rate_range == (4e6, 4e6)
    assert web.write_rate_by_hour == tuple(40e6 if hour == 3 else 4e6 for hour in range(24))
    assert (web.read_rate, web.weight) == (40e6, 3)
    assert "2026-11-02 00:00 to 2026-11-04 00:00, a sample every 10 min 00 s; 1 of 2 VMs measured" in told
    assert "read rates: no exporter tells" in told
    assert "1 VM of the inventory not measured: db" in told
    assert "the least exact of QEMU's ways" in told
    assert "web       4.0       5.5       4.0  03:00" in told


def test_hours_are_those_of_the_time_zone_that_is_given(tmp_path: Path) -> None:
    rate = {"kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("web"), daily(4e6, 40e6, 3))]}
    vms, _, _ = run(tmp_path, rate, "--timezone", "Asia/Tokyo")
    hours = vms["web"].write_rate_by_hour
    assert hours is not None
    assert hours.index(max(hours)) == 12


@pytest.mark.parametrize(("rate", "expected"), [("median", 3e6), ("mean", 3.33e6), ("p95", 9e6)])
def test_the_rate_is_what_was_asked_for(rate: str, expected: float, tmp_path: Path) -> None:
    """Two hours of the day at 1 MB/s, two at 9, all others at 3."""

    def sample(at: float) -> float:
        hour = at // 3600 % 24
        return 1e6 if hour < 2 else 9e6 if hour < 4 else 3e6

    vms, _, _ = run(tmp_path, {"kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("web"), sample)]}, "--rate", rate)
    assert vms["web"].write_rate == pytest.approx(expected)
    assert vms["web"].write_rate_range == pytest.approx((1e6, 9e6))


def test_the_operators_edits_and_comments_stay(tmp_path: Path) -> None:
    rates = {
        "kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("web"), wavy(4e6)), (kubevirt("db"), wavy(9e6))],
        "kubevirt_vmi_memory_resident_bytes": [(kubevirt("db"), steady(5.5 * GIB))],
    }
    inventory = tmp_path / "inv.yaml"
    inventory.write_text(INVENTORY, "utf-8")
    with served(Fake(rates)) as url:
        arguments = ("--update", str(inventory), "--exporter", "kubevirt", "--url", url, *DAYS)
        first, second = invoke(*arguments), invoke(*arguments)
    assert first.exit_code == second.exit_code == 0, first.output
    text = inventory.read_text("utf-8")
    assert "# the rack as it was last audited\n" in text
    assert "# oldest" in text
    assert "disk: 0 B" in text
    assert "weight: 3" in text
    assert "write_rate: 9 MB/s" in text
    assert "# a guess" in text
    assert "nonzero_memory: 5632 MiB" in text or "nonzero_memory: 5.5 GiB" in text
    assert first.stdout.startswith("--- ")
    assert {line[:1] for line in first.stdout.splitlines()} <= {"-", "+", "@"}
    assert second.stdout == ""
    assert "Nothing has changed." in second.stderr


def test_a_rate_of_0_all_the_time_is_told_and_not_taken(tmp_path: Path) -> None:
    vms, _, told = run(tmp_path, {"kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("web"), steady(0.0))]})
    assert vms["web"].write_rate == 10e6
    assert "1 VM: a dirty rate of 0 all the time" in told


def test_zeros_now_and_then_leave_a_range_above_0(tmp_path: Path) -> None:
    def sample(at: float) -> float:
        return 0.0 if at // 3600 % 8 == 0 else 2.0 * MIB

    vms, _, _ = run(tmp_path, {"kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("web"), sample)]})
    assert vms["web"].write_rate_range is not None
    assert 0 < vms["web"].write_rate_range[0] <= vms["web"].write_rate


def test_a_median_of_0_is_not_taken_where_the_vm_writes_now_and_then(tmp_path: Path) -> None:
    """KubeVirt says 0 for all that is less than 1 MiB/s."""
    series = [
        (kubevirt(name), lambda at, k=k: 8e6 if at // 3600 % 24 < k else 0.0) for name, k in (("web", 6), ("db", 1))
    ]
    vms, _, told = run(tmp_path, {"kubevirt_vmi_dirty_rate_bytes_per_second": series})
    assert vms["web"].write_rate == pytest.approx(2e6, rel=0.01)
    assert vms["web"].write_rate_range == pytest.approx((2e6, 8e6), rel=0.01)
    assert vms["db"].write_rate == pytest.approx(333e3, rel=0.05)
    assert vms["db"].write_rate_range is None
    assert "2 VMs: a rate of 0 for most of the time; the mean was taken: db, web" in told
    assert "ranges of 1 VM: the rate is 0 or outside of them: db" in told


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (lambda at: 4e6 if at < 1_793_620_000 else None, "not measured any more at the end: web"),
        (lambda at: 4e6 if at // 3600 % 3 == 0 else None, "measured for a part of the time only: web (3"),
        (lambda at: math.nan if at // 600 % 7 == 0 else 4e6, "of no number (NaN, infinity): left out"),
        (lambda at: math.inf if at // 600 % 7 == 0 else 4e6, "of no number (NaN, infinity): left out"),
        (lambda at: -1.0 if at // 600 % 7 == 0 else 4e6, "below 0: left out"),
        (steady(4e6), "the same number all the time"),
        (wavy(9e9), "dirtying all memory within a second: web"),
        (daily(4e6, 40e6, 3), "busiest hour as by the rate"),
    ],
)
def test_what_is_doubtful_is_told(sample: Value, told: str, tmp_path: Path) -> None:
    _, _, report = run(tmp_path, {"kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("web"), sample)]})
    assert told in report.split("Doubtful:")[1]


def test_hours_without_a_sample_give_no_rates_by_hour(tmp_path: Path) -> None:
    series = {
        "kubevirt_vmi_dirty_rate_bytes_per_second": [
            (kubevirt("web"), lambda at: 4e6 + at % 7 if at // 3600 % 24 != 5 else None)
        ]
    }
    vms, _, told = run(tmp_path, series)
    assert vms["web"].write_rate_by_hour is None
    assert vms["web"].write_rate == pytest.approx(4e6, rel=0.01)
    assert "some hours of the day have no sample: web" in told


def test_what_a_vm_dirtied_while_it_migrated_is_counted_in_pages(tmp_path: Path) -> None:
    """The metric's name says bytes; the number is libvirt's, in pages a second."""
    series = {
        "kubevirt_vmi_migration_dirty_memory_rate_bytes": [
            (kubevirt("web"), lambda at: 1000.0 if at % DAY < 1800 else None),
            (kubevirt("db"), steady(5000.0)),
        ],
        "kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("db"), wavy(7e6))],
    }
    vms, _, told = run(tmp_path, series)
    assert vms["web"].write_rate == rounded(1000 * 4096)
    assert vms["db"].write_rate == 7e6
    assert "known only while they migrated" in told


def test_a_vm_that_moved_between_hosts_is_one_vm(tmp_path: Path) -> None:
    moved = 1_793_670_000.0
    series = {
        "kubevirt_vmi_dirty_rate_bytes_per_second": [
            (kubevirt("web", "hv2"), lambda at: 4e6 if at < moved else None),
            (kubevirt("web", "hv1"), lambda at: 4e6 if at >= moved else None),
        ]
    }
    vms, _, told = run(tmp_path, series)
    assert vms["web"].write_rate == 4e6
    assert "another host" not in told


def test_a_vm_on_another_host_than_the_inventory_says_is_told(tmp_path: Path) -> None:
    _, _, told = run(tmp_path, {"kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("web", "hv2"), wavy(4e6))]})
    assert (
        "measured on another host than the inventory says; bring the inventory up to date first: web (hv2, not hv1)"
        in told
    )


def test_names_of_two_namespaces_are_told_apart_or_told(tmp_path: Path) -> None:
    series = {
        "kubevirt_vmi_dirty_rate_bytes_per_second": [
            (kubevirt("web", "hv2", "shop"), wavy(4e6)),
            (kubevirt("web", "hv2", "test"), wavy(8e6)),
            (kubevirt("db", "hv1", "shop"), wavy(5e6)),
            (kubevirt("db", "hv2", "test"), wavy(6e6)),
            (kubevirt("batch", "hv2", "test"), wavy(6e6)),
        ]
    }
    vms, _, told = run(tmp_path, series)
    assert vms["web"].write_rate == 10e6
    assert vms["db"].write_rate == 5e6
    assert "web, which could be each of shop/web, test/web" in told
    assert "2 VMs measured and not in the inventory: test/batch, test/db" in told
    named = INVENTORY.replace("name: web", "name: test.web").replace("name: db", "name: shop-db")
    vms, _, _ = run(tmp_path, series, text=named)
    assert (vms["test.web"].write_rate, vms["shop-db"].write_rate) == (8e6, 5e6)


def test_labels_that_a_scrape_has_renamed_count(tmp_path: Path) -> None:
    labels = kubevirt("web", namespace="openshift-cnv", exported_namespace="shop")
    text = INVENTORY.replace("name: web", "name: shop.web")
    vms, _, _ = run(tmp_path, {"kubevirt_vmi_dirty_rate_bytes_per_second": [(labels, wavy(4e6))]}, text=text)
    assert vms["shop.web"].write_rate == 4e6


def test_memory_in_use_is_the_most_of_it_and_a_vm_of_another_size_is_told(tmp_path: Path) -> None:
    series = {
        "kubevirt_vmi_memory_resident_bytes": [
            (kubevirt("web"), daily(1.0 * GIB, 3.0 * GIB, 4)),
            (kubevirt("db"), steady(20.0 * MIB)),
        ],
        "kubevirt_vmi_memory_domain_bytes": [
            (kubevirt("web"), steady(8.0 * GIB)),
            (kubevirt("db"), steady(16.0 * GIB)),
        ],
    }
    vms, _, told = run(tmp_path, series)
    assert vms["web"].nonzero_memory == 3 * GIB
    assert vms["db"].nonzero_memory is None
    assert "see that it is the same VM: web" in told
    assert "as where huge pages are not counted; it was not taken: db" in told


def counter(rate: float, *, from_0_at: float = 0.0) -> Value:
    """Return a counter that grows steadily, and begins anew at a time."""
    return lambda at: rate * (at - (from_0_at if at >= from_0_at else 1_790_000_000.0))


def test_disks_and_nics_are_a_floor_only_where_asked_for(tmp_path: Path) -> None:
    def device(name: str) -> dict[str, str]:
        return {"domain": "web", "instance": "hv1:9177", "target_device": name}

    series = {
        "libvirt_domain_block_stats_read_bytes_total": [
            (device("vda"), counter(8e6)),
            (device("vdb"), counter(6e6, from_0_at=1_793_620_000.0)),
        ],
        "libvirt_domain_interface_stats_receive_bytes_total": [(device("vnet0"), counter(1e6))],
        "libvirt_domain_block_stats_write_bytes_total": [(device("vda"), counter(3e6))],
        "libvirt_domain_memory_stats_rss_bytes": [({"domain": "web", "instance": "hv1:9177"}, steady(2.0 * GIB))],
    }
    vms, _, told = run(tmp_path, series, exporter="libvirt")
    assert (vms["web"].write_rate, vms["web"].nonzero_memory) == (10e6, 2 * GIB)
    assert "libvirt (libvirt_domain_*) exports no dirty rate" in told
    vms, _, told = run(tmp_path, series, "--io-floor", exporter="libvirt")
    assert vms["web"].write_rate == pytest.approx(15e6, rel=0.01)
    assert vms["web"].read_rate == 40e6
    assert vms["web"].write_rate_range is None
    assert "1 rate raised to what disks and NICs alone do, which is a floor and no dirty rate: web (write_rate)" in told
    assert "1 reset of counters" in told


def test_a_range_of_before_goes_where_it_does_not_hold_a_rate_that_was_raised(tmp_path: Path) -> None:
    text = INVENTORY.replace(
        "write_rate: 10 MB/s, weight", "write_rate: 10 MB/s, write_rate_range: [9 MB/s, 12 MB/s], weight"
    )
    series = {
        "libvirt_domain_block_stats_read_bytes_total": [({"domain": "web", "instance": "hv1:9177"}, counter(20e6))],
    }
    vms, new, _ = run(tmp_path, series, "--io-floor", exporter="libvirt", text=text)
    assert (vms["web"].write_rate, vms["web"].write_rate_range) == (20e6, None)
    assert "null" not in new


def test_instances_of_openstack_are_found_by_the_name_that_people_gave_them(tmp_path: Path) -> None:
    domain = {"domain": "instance-0000002a", "instance": "hv1.example:9177"}
    series = {
        "libvirt_domain_memory_stats_rss_bytes": [(domain, steady(2.0 * GIB))],
        "openstack_nova_server_status": [
            ({"instance_libvirt": "instance-0000002a", "name": "web", "hypervisor_hostname": "hv1.example"}, steady(0))
        ],
    }
    vms, _, _ = run(tmp_path, series, exporter="libvirt")
    assert vms["web"].nonzero_memory == 2 * GIB


def test_two_domains_of_one_name_on_two_hosts_are_two_vms(tmp_path: Path) -> None:
    def on(host: str) -> dict[str, str]:
        return {"domain": "web", "instance": f"{host}:9177"}

    series = {"libvirt_domain_memory_stats_rss_bytes": [(on("hv1"), steady(1.0 * GIB)), (on("hv2"), steady(2.0 * GIB))]}
    vms, _, told = run(tmp_path, series, exporter="libvirt")
    assert vms["web"].nonzero_memory == GIB
    assert "web on hv2:9177" in told


def test_guests_of_proxmox_ve_are_found_by_name_and_counted_once_for_each_scrape(tmp_path: Path) -> None:
    def guest(scraped: str) -> dict[str, str]:
        return {"id": "qemu/100", "instance": scraped}

    series = {
        "pve_memory_usage_bytes": [(guest("a"), steady(1.5 * GIB)), (guest("b"), steady(1.5 * GIB))],
        "pve_memory_size_bytes": [(guest("a"), steady(4.0 * GIB))],
        "pve_disk_read_bytes_total": [(guest("a"), counter(20e6)), (guest("b"), counter(20e6))],
        "pve_disk_read_bytes": [(guest("a"), counter(20e6))],
        "pve_guest_info": [({"id": "qemu/100", "name": "web", "node": "hv1", "type": "qemu"}, steady(1))],
    }
    vms, _, told = run(tmp_path, series, "--io-floor", exporter="pve")
    assert vms["web"].nonzero_memory == 1.5 * GIB
    assert vms["web"].write_rate == pytest.approx(20e6, rel=0.01)
    assert "pages that it has freed may hold something still" in told


def test_kibibytes_and_mebibytes_are_bytes_here(tmp_path: Path) -> None:
    uuid = "9f0c7a52-5f0e-4d40-9d0c-0b1f6f3f2a10"
    text = INVENTORY.replace("name: web", f"name: {uuid}")
    series: dict[str, Any] = {"libvirtd_domain_balloon_rss": [({"uuid": uuid}, steady(2.0 * MIB))]}
    vms, _, _ = run(tmp_path, series, exporter="libvirtd", text=text)
    assert vms[uuid].nonzero_memory == 2 * GIB
    series = {"ceilometer_memory_resident": [({"resource": uuid, "resource_name": "web:instance-1"}, steady(3072.0))]}
    vms, _, _ = run(tmp_path, series, exporter="ceilometer")
    assert vms["web"].nonzero_memory == 3 * GIB


def test_a_query_of_the_operators_own_takes_the_place_of_the_profiles(tmp_path: Path) -> None:
    series = {
        "site_reads": [({"vm": "web"}, wavy(70e6))],
        "site_writes": [({"vm": "web"}, wavy(7e6)), ({"host": "x"}, wavy(1e6))],
    }
    own = ("--query", "write-rate=site_writes", "--query", "read-rate=site_reads", "--vm-label", "vm")
    vms, _, told = run(tmp_path, series, *own, exporter="other")
    assert (vms["web"].write_rate, vms["web"].read_rate) == (7e6, 70e6)
    assert vms["web"].read_rate_by_hour is not None
    assert "1 time series without the labels that name a VM (vm)" in told
    assert "read rates: no exporter" not in told


def test_hours_are_not_given_beside_what_holds_all_day(tmp_path: Path) -> None:
    text = INVENTORY.replace("# a guess", "").rstrip() + "\n    hot_memory: 1 GiB\n    hot_duration: 10 s\n"
    series = {"kubevirt_vmi_dirty_rate_bytes_per_second": [(kubevirt("db"), wavy(4e6))]}
    vms, _, told = run(tmp_path, series, text=text)
    assert vms["db"].write_rate_by_hour is None
    assert "no rates by hour, since what the inventory says else holds all day: db" in told


def test_the_sample_is_imported_planned_and_verified(tmp_path: Path) -> None:
    made = tmp_path / "new.yaml"
    saved = [f"--saved={SAMPLES}/kubevirt-{name}.json" for name in ("dirty-rate", "resident")]
    result = invoke("inventories/demo.yaml", "--exporter", "kubevirt", *saved, "--timezone", "UTC", "-o", str(made))
    assert result.exit_code == 0, result.output
    assert "11 of 12 VMs measured" in result.stderr
    inventory = load_inventory(made)
    assert sum(vm.write_rate_range is not None for vm in inventory.vms) == 10
    made_plan = plan(inventory, ["hv01"], 3600.0)
    assert made_plan.status in ("optimal", "feasible")
    plan_file = tmp_path / "plan.json"
    arguments = ["plan", str(made), "--evacuate", "hv01", "--deadline", "1h", "-o", str(plan_file)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert "# Runbook: evacuate hv01" in CliRunner().invoke(main, ["runbook", str(plan_file)]).stdout


def test_counters_begin_anew_and_gaps_say_nothing() -> None:
    times, values = (0, 60, 120, 180, 900, 960, 1020), (100, 160, 30, 90, 1000, 1060, -1)
    series = Series({}, array("d", times), array("d", values))
    rates, resets = increases(series, 60.0)
    assert rates == {60.0: 1.0, 120.0: 0.5, 180.0: 1.0, 960.0: 1.0}
    assert resets == 1
    assert spacing([series]) == 60.0


def test_values_are_of_the_time_before_they_were_known() -> None:
    """What was averaged from 2:55 to 3:00 is of the hour from 2:00; what was true at 3:00 is of the hour from 3:00."""
    three = 3 * 3600.0
    assert on_grid({three: 1.0}, 300.0, 300.0) == {three - 300: 1.0}
    assert on_grid({three: 1.0}, 300.0, 0.0) == {three: 1.0}
    assert on_grid({three + 7: 1.0}, 60.0, 60.0) == {three - 60: 1.0}
    assert on_grid({three: 1.0}, 0.0, 60.0) == {three: 1.0}


def test_windows_even_out_what_is_shorter_than_they_are() -> None:
    points = {at * 60.0: 60.0 if at % 15 == 0 else 0.0 for at in range(1440)}
    found = summarise(points, 900.0, ZoneInfo("UTC"))
    assert found is not None
    assert (found.median, found.low, found.high, found.mean) == (4.0, 4.0, 4.0, 4.0)
    assert found.by_hour == (4.0,) * 24
    assert summarise({}, 900.0, None) is None


def test_views_that_differ_at_the_same_times_are_of_two_vms() -> None:
    one = {float(at): 1.0 for at in range(10)}
    assert at_odds(one, {float(at): 2.0 for at in range(10)})
    assert not at_odds(one, dict(one))
    assert not at_odds(one, {float(at): 2.0 for at in range(10, 20)})
    assert joined([one, {3.0: 9.0}])[3.0] == 9.0


def test_hosts_are_the_same_with_and_without_port_and_domain() -> None:
    assert same_host("hv01.example:9177", "hv01")
    assert same_host("hv01", "hv01.example")
    assert not same_host("hv011:9177", "hv01")
    assert not same_host("hv01.berlin:9177", "hv01.paris")
