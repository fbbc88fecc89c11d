"""What an inventory says of a VM's memory and of classes of links, where it contradicts itself."""

from __future__ import annotations

import pytest

from planner.errors import InputError
from planner.inventory.load import parse_inventory
from planner.inventory.write import inventory_yaml

TEXT = """\
format: evac/inventory/1
name: lab
settings: {SETTINGS}
hosts: [{name: hv01, cpus: 8, memory: 64 GiB}]
vms:
  - {name: a, host: hv01, vcpus: 2, memory: 4 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s, FIELDS}
"""
SETS = "dirty_sets: [{size: 1 GiB, rate: 9 MB/s}, {size: 2 GiB, rate: 1 MB/s}]"
VECTOR = "dirty_vector: [{after: 1 s, dirtied: 1 GiB}, {after: 2 s, dirtied: 1 GiB}, {after: 9 s, dirtied: 4 GiB}]"
CLASSES = "link_classes: [{up_to: 1 Gbit/s, fixed_time: 2 s}, {up_to: 10 Gbit/s}, {up_to: 1000 Mbit/s}]"


def text(fields: str = "", settings: str = "") -> str:
    return TEXT.replace("SETTINGS", settings).replace(", FIELDS", f", {fields}" if fields else "")


@pytest.mark.parametrize(
    "fields",
    [
        "nonzero_memory: 4 GiB, working_set: 4 GiB",
        SETS,
        VECTOR,
        "nonzero_memory: 0 B, hot_memory: 1 GiB, hot_duration: 2 s, cold_write_rate: 1 MB/s",
        "disk: 40 GiB, disk_write_rate: 5 MB/s",
        "disk_write_rate: 0",
    ],
)
def test_what_fits(fields: str) -> None:
    parse_inventory(text(fields))


@pytest.mark.parametrize(
    ("fields", "code", "path", "words"),
    [
        ("nonzero_memory: 5 GiB", "larger-than-memory", "nonzero_memory", "nonzero_memory is 5 GiB, and memory 4 GiB"),
        ("working_set: 5 GiB", "larger-than-memory", "working_set", "working_set is 5 GiB, and memory 4 GiB"),
        (SETS.replace("2 GiB", "3.5 GiB"), "larger-than-memory", "dirty_sets", "4.5 GiB together"),
        (VECTOR.replace("4 GiB", "5 GiB"), "larger-than-memory", "dirty_vector[2].dirtied", "5 GiB are dirty"),
        (VECTOR.replace("2 s", "1 s"), "not-in-order", "dirty_vector[1].after", "1 s comes after 1 s"),
        (VECTOR.replace("4 GiB", "0.5 GiB"), "not-in-order", "dirty_vector[2].dirtied", "less is dirty after 9 s"),
        ("disk_write_rate: 5 MB/s", "disk-writes-without-disk", "disk_write_rate", "no disk that moves"),
        (f"working_set: 1 GiB, {SETS}", "two-ways-of-writing", "working_set", "dirty_sets and working_set"),
        (f"{VECTOR}, {SETS}", "two-ways-of-writing", "dirty_sets", "dirty_vector and dirty_sets"),
        (
            "working_set: 1 GiB, hot_memory: 1 GiB, hot_duration: 2 s",
            "two-ways-of-writing",
            "hot_memory",
            "working_set and hot_memory",
        ),
    ],
)
def test_what_does_not(fields: str, code: str, path: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_inventory(text(fields))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.path) == (code, f"vms[0].{path}"), str(problem)
    assert words in problem.message
    assert problem.mend


@pytest.mark.parametrize(
    "fields", [SETS, VECTOR, "nonzero_memory: 2 GiB, working_set: 1 GiB", "disk: 1 GiB, disk_write_rate: 5 MB/s"]
)
@pytest.mark.parametrize(
    "settings",
    [
        "",
        "model: saturating, hybrid_switch: 1.5, tunnelled: true, tunnel_bandwidth: 2 Gbit/s",
        "fixed_time: 2.5 s, fault_latency: 0.3 ms, hybrid_switch: paper, link_classes: [{up_to: 1 Gbit/s}]",
    ],
)
def test_what_is_written_reads_back(fields: str, settings: str) -> None:
    inventory = parse_inventory(text(fields, settings))
    written = inventory_yaml(inventory)
    assert parse_inventory(written) == inventory
    assert "rate: 9 MB/s" in written or fields != SETS


def test_classes_of_links_end_at_bandwidths_of_their_own() -> None:
    with pytest.raises(InputError) as caught:
        parse_inventory(text(settings=CLASSES))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.path) == ("duplicate-class", "settings.link_classes[2].up_to")
    assert "link_classes[0] has the same up_to, 1 Gbit/s" in problem.message
    parse_inventory(text(settings=CLASSES.replace("1000 Mbit/s", "40 Gbit/s")))


def test_a_tunnel_has_one_connection() -> None:
    with pytest.raises(InputError) as caught:
        parse_inventory(text(settings="tunnelled: true, multifd_channels: 4"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.path) == ("tunnel-with-multifd", "settings.multifd_channels")
    assert problem.mend
    parse_inventory(text(settings="tunnelled: true, multifd_channels: 1"))
    parse_inventory(text(settings="tunnelled: false, multifd_channels: 4"))


def test_a_wrong_memory_hides_what_only_follows_from_it() -> None:
    wrong = text("nonzero_memory: 5 GiB, " + SETS + ", disk_write_rate: 5 MB/s").replace("memory: 4 GiB", "memory: 4 G")
    with pytest.raises(InputError) as caught:
        parse_inventory(wrong)
    paths = {problem.place.path for problem in caught.value.problems}
    assert paths == {"vms[0].memory", "vms[0].disk_write_rate"}
