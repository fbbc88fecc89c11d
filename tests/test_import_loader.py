"""One loader for all sources: what it assumes, whom it pins, what it finds doubtful; and facts that are renewed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from planner.errors import InputError
from planner.importers.facts import Facts, FoundHost, FoundRule, FoundVM, Hindrance
from planner.importers.loader import Wishes, load
from planner.importers.naming import fits, names_for
from planner.importers.report import report_lines
from planner.importers.update import renew_fields, update
from planner.inventory.load import parse_inventory
from planner.inventory.models import Approach, Separate, Settings, Together
from planner.inventory.write import inventory_yaml

GIB = 2**30
GBIT = 1e9 / 8


def machine(name: str, host: str = "a", **more: object) -> FoundVM:
    return FoundVM(**{"name": name, "host": host, "vcpus": 2, "memory_bytes": 4 * GIB, **more})  # type: ignore[arg-type]  # fields by name


def facts(*vms: FoundVM, rules: tuple[FoundRule, ...] = ()) -> Facts:
    hosts = [FoundHost("a", 32, 64 * GIB, nic_bytes_per_s=25 * GBIT), FoundHost("b", 32, 64 * GIB)]
    return Facts("a source", hosts, list(vms), list(rules))


def test_what_a_source_does_not_say_is_assumed_and_told() -> None:
    found = load(facts(machine("x"), machine("y", read_rate=1e6, write_rate=2e6)), Wishes("rack"))
    inventory = found.inventory
    assert inventory.settings.model == "saturating"
    assert [link.bandwidth for link in inventory.links] == [25 * GBIT, 10 * GBIT]
    assert [vm.write_rate for vm in inventory.vms] == [10e6, 2e6]
    told = "\n".join(report_lines(found, None))
    assert "write rates of 1 VM: 10 MB/s is taken" in told
    assert "the NICs of 1 host: 10 Gbit/s is taken (--nic-speed)" in told
    assert "one that blocks nothing is taken (--topology)" in told
    assert found.measured == {"y"}


def test_a_speed_that_is_given_counts_for_all_hosts() -> None:
    inventory = load(facts(machine("x")), Wishes("rack", nic_bytes_per_s=GBIT)).inventory
    assert {link.bandwidth for link in inventory.links} == {GBIT}


def test_a_topology_gives_switches_and_links(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "format: evac/topology/1\nswitches: [leaf]\nlinks:\n"
        "  - {between: [a, leaf], bandwidth: 25 Gbit/s}\n  - {between: [b, leaf], bandwidth: 25 Gbit/s}\n"
    )
    inventory = load(facts(machine("x")), Wishes("rack", topology=str(path))).inventory
    assert inventory.switches == ("leaf",)
    path.write_text("format: evac/topology/1\nlinks:\n  - {between: [a, nowhere], bandwidth: 1 Gbit/s}\nmore: 1\n")
    with pytest.raises(InputError, match="more"):
        load(facts(machine("x")), Wishes("rack", topology=str(path)))


@pytest.mark.parametrize("kind", list(Hindrance))
def test_each_hindrance_is_told_with_its_vm_and_pins_it_where_it_is_stuck(kind: Hindrance) -> None:
    found = load(facts(machine("x", hindrances=((kind, "0000:3b:00.0"),)), machine("y")), Wishes("rack"))
    stuck = kind.value in ("passthrough", "sr-iov", "vgpu", "local-medium", "forbidden")
    assert [vm.pinned for vm in found.inventory.vms] == [stuck, False]
    (line,) = found.hindered
    assert "x (0000:3b:00.0)" in line
    assert ("; pinned:" in line) is stuck


def test_rates_that_look_like_faults_are_told() -> None:
    found = load(
        facts(machine("still", read_rate=0.0, write_rate=0.0), machine("wild", read_rate=1e6, write_rate=9e9)),
        Wishes("rack"),
    )
    assert any("still" in line and "write rate of 0" in line for line in found.doubtful)
    assert any("wild" in line and "within a second" in line for line in found.doubtful)


def test_rules_keep_to_vms_that_run_and_to_what_holds_now() -> None:
    rules = (
        FoundRule("separate", ("x", "y", "gone"), "apart"),
        FoundRule("together", ("x", "z"), "near"),
        FoundRule("separate", ("x", "z"), "broken"),
        FoundRule("separate", ("x", "gone"), "alone"),
    )
    found = load(facts(machine("x"), machine("y", "b"), machine("z"), rules=rules), Wishes("rack"))
    assert found.inventory.rules == (Separate(separate=("x", "y")), Together(together=("x", "z")))
    assert any("broken" in line for line in found.dropped)


def test_hosts_carry_what_they_carry_now() -> None:
    crowded = Facts("a source", [FoundHost("a", 1, GIB), FoundHost("b")], [machine("x"), machine("y", "b")])
    found = load(crowded, Wishes("rack"))
    assert [host.memory for host in found.inventory.hosts] == [4 * GIB, 4 * GIB]
    assert any("a" in line for line in found.assumed)
    assert any("memory or CPUs of 1 host" in line for line in found.missing)


def test_a_vm_on_no_known_host_is_left_out_and_told() -> None:
    found = load(facts(machine("x"), machine("lost", "c")), Wishes("rack"))
    assert [vm.name for vm in found.inventory.vms] == ["x"]
    assert any("lost" in line for line in found.dropped)


def test_names_do_not_command_the_terminal() -> None:
    found = load(facts(machine("x"), machine("\x1b[2Jlost", "c")), Wishes("rack"))
    told = "\n".join(report_lines(found, None))
    assert "\\x1b[2Jlost" in told
    assert "\x1b" not in told


def test_names_are_made_to_fit_and_stay_apart() -> None:
    given = ["web 1", "web-1", "web/1", "-x", "ü", "", "a" * 200, "ok"]
    found = names_for(given)
    assert found["web-1"] == "web-1"
    assert found["ok"] == "ok"
    assert len(set(found.values())) == len(given)
    assert all(fits(name) for name in found.values())


def test_ways_to_move_and_working_sets_are_those_of_the_source() -> None:
    ways = (Approach.COLD, Approach.PRECOPY)
    found = facts(machine("x", approaches=(Approach.COLD,)), machine("y", working_set_bytes=9 * GIB))
    found.settings, found.evacuate = Settings(model="saturating", approaches=ways), "leaving"
    imported = load(found, Wishes("rack"))
    x, y = imported.inventory.vms
    assert imported.inventory.settings.approaches == ways
    assert (x.approaches, x.working_set) == ((Approach.COLD,), None)
    assert (y.approaches, y.working_set) == (None, 4 * GIB)
    assert imported.evacuate == "leaving"


def test_two_vms_of_one_name_are_told_apart() -> None:
    inventory = load(facts(machine("x"), machine("x", "b")), Wishes("rack")).inventory
    assert [vm.name for vm in inventory.vms] == ["x", "x@b"]


EDITED = """\
# night shift: mind the databases
format: evac/inventory/1
name: rack
settings: {model: saturating, max_outgoing: 1}   # one at a time
hosts:
  - {name: a, cpus: 32, memory: 64 GiB, labels: [ssd]}
  - {name: b, cpus: 32, memory: 64 GiB}
switches: [leaf]
links:
  - {between: [a, leaf], bandwidth: 25 Gbit/s, usable: 0.8}
  - {between: [b, leaf], bandwidth: 25 Gbit/s}
vms:
  - {name: x, host: a, vcpus: 2, memory: 4096 MiB, read_rate: 9 MB/s, write_rate: 3 MB/s, weight: 5}  # the big one
  - {name: y, host: b, vcpus: 2, memory: 4 GiB, read_rate: 9 MB/s, write_rate: 3 MB/s}
  - {name: z, host: b, vcpus: 2, memory: 4 GiB, read_rate: 9 MB/s, write_rate: 3 MB/s}
rules:
  - separate: [x, y]   # never lose both
  - {together: [y, z]}
"""


def test_an_update_renews_facts_and_keeps_what_was_edited() -> None:
    bigger = machine("x", "b", memory_bytes=8 * GIB, write_rate=7e6, read_rate=1e6)
    fresh = load(facts(bigger, machine("y", "a"), machine("new")), Wishes("rack"))
    found = update(EDITED, fresh.inventory, fresh.measured, "rack.yaml")
    inventory = parse_inventory(found.text)
    x, y, new = inventory.vms
    assert (x.host, x.memory, x.write_rate, x.weight) == ("b", 8 * GIB, 7e6, 5.0)
    assert (y.write_rate, y.memory) == (3e6, 4 * GIB)
    assert new.name == "new"
    assert found.came == ("new",)
    assert found.went == ("z",)
    assert inventory.settings.max_outgoing == 1
    assert inventory.links[0].usable == 0.8
    assert inventory.hosts[0].labels == ("ssd",)
    assert inventory.rules == (Separate(separate=("x", "y")),)
    for comment in ("# night shift", "# one at a time", "# the big one", "# never lose both"):
        assert comment in found.text
    assert "-  - {name: z" in found.diff
    assert "memory: 4 GiB" in found.text


def test_an_update_renews_the_labels_of_the_source_and_keeps_others() -> None:
    text = EDITED.replace("labels: [ssd]", "labels: [ssd, zone:1, resting]").replace(
        "weight: 5", "requires: [ssd, zone:1]"
    )
    now = facts(machine("x", requires=("zone:2",)), machine("y", "b"), machine("z", "b"))
    now.hosts[0] = FoundHost("a", 32, 64 * GIB, labels=("zone:2", "other"))
    now.hosts[1] = FoundHost("b", 32, 64 * GIB, labels=("zone:2",))
    now.owned = ("zone:", "resting")
    fresh = load(now, Wishes("rack"))
    inventory = parse_inventory(update(text, fresh.inventory, fresh.measured, "rack.yaml", owned=fresh.owned).text)
    assert [host.labels for host in inventory.hosts] == [("ssd", "zone:2"), ("zone:2",)]
    assert inventory.vms[0].requires == ("ssd", "zone:2")
    kept = parse_inventory(update(text, fresh.inventory, fresh.measured, "rack.yaml").text)
    assert kept.hosts[0].labels == ("ssd", "zone:1", "resting")


def test_an_update_with_nothing_new_changes_nothing() -> None:
    same = load(facts(machine("x"), machine("y", "b"), machine("z", "b")), Wishes("rack"))
    found = update(EDITED, same.inventory, same.measured, "rack.yaml")
    assert found.diff == ""
    text = inventory_yaml(same.inventory)
    assert update(text, same.inventory, same.measured, "rack.yaml").diff == ""


def test_an_update_after_which_a_rule_is_broken_is_refused_with_its_place() -> None:
    fresh = load(facts(machine("x", "b"), machine("y", "b")), Wishes("rack"))
    with pytest.raises(InputError, match="x and y must be separate, and both run on b"):
        update(EDITED, fresh.inventory, fresh.measured, "rack.yaml")


def test_an_update_of_what_is_no_inventory_is_refused() -> None:
    fresh = load(facts(machine("x")), Wishes("rack"))
    with pytest.raises(InputError):
        update("format: evac/inventory/1\nname: rack\n", fresh.inventory, fresh.measured, "rack.yaml")


def test_writes_that_were_measured_alone_are_renewed_alone() -> None:
    fresh = load(facts(machine("x", write_rate=7e6), machine("y", "b"), machine("z", "b")), Wishes("rack"))
    assert not fresh.measured
    assert fresh.written == {"x"}
    found = update(EDITED, fresh.inventory, fresh.measured, "rack.yaml", written=fresh.written)
    x, y, _ = parse_inventory(found.text).vms
    assert (x.read_rate, x.write_rate) == (9e6, 7e6)
    assert (y.read_rate, y.write_rate) == (9e6, 3e6)


def test_a_range_that_does_not_hold_a_renewed_rate_goes() -> None:
    vms = [machine(name, read_rate=1e6, write_rate=2e6) for name in ("x", "y")]
    text = inventory_yaml(load(facts(*vms), Wishes("rack")).inventory)
    text = text.replace("write_rate: 2 MB/s", "write_rate: 2 MB/s, write_rate_range: [1 MB/s, 3 MB/s]")
    fresh = facts(machine("x", read_rate=1e6, write_rate=9e6), machine("y", read_rate=1e6, write_rate=2.5e6))
    renewed = parse_inventory(update(text, load(fresh, Wishes("rack")).inventory, {"x", "y"}, "inv.yaml").text)
    assert [vm.write_rate_range for vm in renewed.vms] == [None, (1e6, 3e6)]


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_an_inventory_in_json_stays_json(indent: int | None) -> None:
    found = load(
        facts(machine("x"), machine("y", "b"), rules=(FoundRule("separate", ("x", "y"), "apart"),)), Wishes("rack")
    )
    document = YAML(typ="safe").load(inventory_yaml(found.inventory))
    text = json.dumps(document, indent=indent)
    fresh = facts(machine("x", read_rate=1e6, write_rate=9e6), machine("z", "b"))
    renewed = update(text, load(fresh, Wishes("rack")).inventory, {"x"}, "inv.json")
    again = json.loads(renewed.text)
    assert [vm["name"] for vm in again["vms"]] == ["x", "z"]
    assert again["vms"][0]["write_rate"] == "9 MB/s"
    assert again["rules"] == []
    assert renewed.text == json.dumps(again, indent=indent)
    rate = found.inventory.vms[0].model_copy(update={"write_rate": 5e6, "write_rate_range": (4e6, 6e6)})
    changed = found.inventory.model_copy(update={"vms": (rate, *found.inventory.vms[1:])})
    renewed = renew_fields(text, changed, {"x": ("write_rate", "write_rate_range")}, "inv.json")
    assert json.loads(renewed.text)["vms"][0]["write_rate_range"] == ["4 MB/s", "6 MB/s"]
    assert parse_inventory(renewed.text).vms == changed.vms


def test_what_is_said_of_several_vms_is_in_the_plural() -> None:
    told = [(Hindrance.HOST_CPU, ""), (Hindrance.LOCAL_DISK, "")]
    found = load(facts(machine("x", hindrances=told), machine("y", hindrances=told)), Wishes("rack"))
    assert "2 VMs have their host's CPU model, so that their target must have the same: x, y" in found.hindered
    assert "2 VMs have disks on their host, which move with them: x, y" in found.hindered


def test_settings_ways_and_what_is_to_be_emptied_come_from_the_source() -> None:
    given = facts(machine("x", approaches=(Approach.COLD,)))
    given.settings = Settings(model="saturating", max_outgoing=1)
    given.evacuate = "away"
    found = load(given, Wishes("rack"))
    assert found.inventory.settings.max_outgoing == 1
    assert found.inventory.vms[0].approaches == (Approach.COLD,)
    assert found.evacuate == "away"


def test_control_characters_of_a_source_do_not_reach_the_terminal() -> None:
    given = facts(machine("x", hindrances=((Hindrance.PASSTHROUGH, "\x1b[31mred"),)), machine("y\x1b[2J", "gone"))
    told = "\n".join(report_lines(load(given, Wishes("rack")), None))
    assert "\x1b" not in told
    assert "y\\x1b[2J" in told
