"""Entries that are right in themselves and wrong together: one problem each, and none that only follows."""

from __future__ import annotations

import pytest

from planner.errors import InputError, Problem
from planner.inventory.load import check_inventory, parse_inventory
from planner.inventory.models import Host, Inventory

GOOD = """\
format: evac/inventory/1
name: lab
settings: {}
hosts:
  - {name: hv01, cpus: 8, memory: 64 GiB}
  - {name: hv02, cpus: 8, memory: 64 GiB}
  - {name: hv03, cpus: 8, memory: 64 GiB}
switches: [sw1]
links:
  - {between: [hv01, sw1], bandwidth: 10 Gbit/s}
  - {between: [hv02, sw1], bandwidth: 10 Gbit/s}
  - {between: [hv03, sw1], bandwidth: 10 Gbit/s}
vms:
  - {name: a, host: hv01, vcpus: 2, memory: 4 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s}
  - {name: b, host: hv02, vcpus: 2, memory: 4 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s}
  - {name: c, host: hv02, vcpus: 4, memory: 8 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s}
rules:
  - {separate: [a, b]}
  - {before: [a, b]}
  - {before: [b, c]}
"""


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        parse_inventory(text, "lab.yaml")
    return list(caught.value.problems)


def changed(*changes: str) -> str:
    text = GOOD
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_the_good_one_is_good() -> None:
    check_inventory(parse_inventory(GOOD))


CASES = [
    (
        "hot memory without its time",
        "{name: a, host: hv01, vcpus: 2, memory: 4 GiB,",
        "{name: a, host: hv01, vcpus: 2, memory: 4 GiB, hot_memory: 96 MB,",
        "hot-memory-without-duration",
        14,
        "vms[0].hot_memory",
        "without the time",
        "hot_duration",
    ),
    (
        "hot memory beyond memory",
        "{name: a, host: hv01, vcpus: 2, memory: 4 GiB,",
        "{name: a, host: hv01, vcpus: 2, memory: 4 GiB, hot_memory: 5 GiB, hot_duration: 2 s,",
        "hot-memory-too-large",
        14,
        "vms[0].hot_memory",
        "larger than memory",
        "part of the memory",
    ),
    # name, old, new, code, line, path, words of the message, words of the mend
    (
        "host twice",
        "switches:",
        "  - {name: hv01, cpus: 8, memory: 1 GiB}\nswitches:",
        "duplicate-name",
        8,
        "hosts[3].name",
        "hosts[0].name",
        "of its own",
    ),
    (
        "VM twice",
        "rules:",
        "  - {name: a, host: hv03, vcpus: 1, memory: 1 GiB, read_rate: 0, write_rate: 0}\nrules:",
        "duplicate-name",
        17,
        "vms[3].name",
        "taken by vms[0].name",
        "each VM",
    ),
    ("switch twice", "[sw1]\n", "[sw1, sw1]\n", "duplicate-name", 8, "switches[1]", "sw1", "of its own"),
    (
        "switch like a host",
        "[sw1]\n",
        "[sw1, hv02]\n",
        "duplicate-name",
        8,
        "switches[1]",
        "hosts[1].name",
        "of its own",
    ),
    (
        "link to itself",
        "[hv03, sw1],",
        "[hv03, sw1], usable: 1.0, bandwidth: 1 Gbit/s}\n  - {between: [sw1, sw1],",
        "self-link",
        13,
        "links[3].between",
        "sw1 to itself",
        "two different",
    ),
    (
        "link to nowhere",
        "[hv03, sw1],",
        "[hv03, sw1], bandwidth: 1 Gbit/s}\n  - {between: [hv03, sw9],",
        "unknown-name",
        13,
        "links[3].between[1]",
        "no host or switch sw9",
        "did you mean sw1?",
    ),
    (
        "link twice",
        "[hv03, sw1],",
        "[hv03, sw1], bandwidth: 1 Gbit/s}\n  - {between: [sw1, hv03],",
        "duplicate-link",
        13,
        "links[3].between",
        "links[2]",
        "bandwidth of both and members: 2",
    ),
    (
        "second link of the same network",
        "[hv03, sw1],",
        "[hv03, sw1], networks: [a, b], bandwidth: 1 Gbit/s}\n  - {between: [sw1, hv03], networks: [b, c],",
        "duplicate-link",
        13,
        "links[3].between",
        "links[2]",
        "networks of its own",
    ),
    ("VM nowhere", "host: hv01", "host: hv09", "unknown-name", 14, "vms[0].host", "no host hv09", "did you mean hv0"),
    ("VM on a switch", "host: hv01", "host: sw1", "unknown-name", 14, "vms[0].host", "no host sw1", "add the host"),
    (
        "rule about nothing",
        "[b, c]",
        "[b, cc]",
        "unknown-name",
        20,
        "rules[2].before[1]",
        "no VM cc",
        "did you mean c?",
    ),
    ("rule in other case", "[b, c]", "[b, C]", "unknown-name", 20, "rules[2].before[1]", "no VM C", "did you mean c?"),
    ("member twice", "[b, c]", "[b, c, b]", "repeated-member", 20, "rules[2].before[2]", "b twice", "name it once"),
    (
        "memory",
        "vcpus: 4, memory: 8 GiB",
        "vcpus: 4, memory: 61 GiB",
        "memory-exceeded",
        6,
        "hosts[1].memory",
        "hv02 has 64 GiB of memory and its 2 VMs have 65 GiB, 1 GiB more",
        "the largest is c, 61 GiB",
    ),
    ("vCPUs", "vcpus: 4", "vcpus: 7", "vcpus-exceeded", 6, "hosts[1].cpus", "8 CPUs and its 2 VMs have 9", "c, 7"),
    (
        "separate at start",
        "name: a, host: hv01",
        "name: a, host: hv02",
        "separate-violated",
        18,
        "rules[0].separate",
        "a and b must be separate, and both run on hv02",
        "remove the rule",
    ),
    ("a circle", "[b, c]", "[b, a]", "before-cycle", 20, "rules[2].before", "before a", "change its order"),
    ("no approach", "settings: {}", "settings: {approaches: [cold]}", "", 0, "", "", ""),
    (
        "two thresholds",
        "settings: {}",
        "settings: {stop_threshold: 1 MB, downtime_limit: 1 s}",
        "two-thresholds",
        3,
        "settings.downtime_limit",
        "both given",
        "keep one",
    ),
    (
        "a host alone",
        "  - {between: [hv03, sw1], bandwidth: 10 Gbit/s}\n",
        "",
        "unreachable-host",
        7,
        "hosts[2].name",
        "hv03 has no link",
        "add a link",
    ),
    (
        "an island",
        "[hv03, sw1], bandwidth",
        "[hv03, sw2], bandwidth",
        "unknown-name",
        12,
        "links[2].between[1]",
        "sw2",
        "did you mean sw1?",
    ),
    (
        "through a host",
        "[hv03, sw1], bandwidth",
        "[hv03, hv02], bandwidth",
        "unreachable-host",
        7,
        "hosts[2].name",
        "hv03 cannot reach hv01",
        "never a third host",
    ),
]
WRONG = [case for case in CASES if case[3]]
RIGHT = [case for case in CASES if not case[3]]


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "path", "message", "mend"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG]
)
def test_one_problem_with_its_place(
    old: str, new: str, code: str, line: int, path: str, message: str, mend: str
) -> None:
    (problem,) = problems_of(changed(old, new))
    assert (problem.code, problem.place.line, problem.place.path) == (code, line, path), str(problem)
    assert message in problem.message
    assert mend in problem.mend


@pytest.mark.parametrize(("old", "new"), [c[1:3] for c in RIGHT], ids=[c[0] for c in RIGHT])
def test_what_is_allowed(old: str, new: str) -> None:
    parse_inventory(changed(old, new))


def test_no_approach_left() -> None:
    (problem,) = problems_of(
        changed("settings: {}", "settings: {approaches: [cold, hybrid]}", "name: c,", "name: c, approaches: [precopy],")
    )
    assert (problem.code, problem.place.path) == ("no-approach-left", "vms[2].approaches")
    assert "c may only use precopy, and the settings allow only cold, hybrid" in problem.message


def test_three_that_must_be_separate() -> None:
    (problem,) = problems_of(
        changed("{separate: [a, b]}", "{separate: [a, b, c]}", "name: a, host: hv01", "name: a, host: hv02")
    )
    assert "a, b, c must be separate, and all run on hv02" in problem.message


def test_each_circle_is_named_once() -> None:
    found = problems_of(GOOD + "  - {before: [c, a]}\n  - {before: [b, a]}\n  - {not_at_once: [a, b]}\n")
    assert [(problem.code, problem.place.path) for problem in found] == [
        ("before-cycle", "rules[3].before"),
        ("before-cycle", "rules[4].before"),
    ]
    circle = found[0].message.removeprefix("the before rules form a circle: ").split(" before ")
    assert (circle[0], sorted(circle[1:])) == (circle[-1], ["a", "b", "c"])


def test_two_islands() -> None:
    text = changed(
        "[sw1]\n", "[sw1, sw2]\n", "  - {between: [hv03, sw1], bandwidth: 10 Gbit/s}\n",
        "  - {between: [hv03, sw2], bandwidth: 10 Gbit/s}\n",
    )  # fmt: skip
    (problem,) = problems_of(text)
    assert (problem.code, problem.place.path) == ("unreachable-host", "hosts[2].name")
    assert "hv03 cannot reach hv01 or hv02" in problem.message


def test_joined_switches_are_no_islands() -> None:
    parse_inventory(
        changed(
            "[sw1]\n",
            "[sw1, sw2, sw3]\n",
            "[hv03, sw1], bandwidth: 10 Gbit/s}",
            "[hv03, sw2], bandwidth: 1 Gbit/s}\n  - {between: [sw2, sw3], bandwidth: 1 Gbit/s}\n"
            "  - {between: [sw3, sw1], bandwidth: 1 Gbit/s}",
        )
    )


@pytest.mark.parametrize(
    ("old", "new", "path", "message", "mend"),
    [
        ("hv03, cpus: 8, memory: 64 GiB", "hv03, cpus: 8, memory: 64", "hosts[2].memory", "of 64 bytes", "64 GiB"),
        ("hv02, cpus: 8, memory: 64 GiB", "hv02, cpus: 8, memory: 64", "hosts[1].memory", "of 64 bytes", "64 GiB"),
        ("vcpus: 4, memory: 8 GiB", "vcpus: 4, memory: 16384", "vms[2].memory", "of 16384 bytes", "16384 MiB"),
        ("vcpus: 4, memory: 8 GiB", "vcpus: 4, disk: 9, memory: 8 GiB", "vms[2].disk", "of 9 bytes", "9 GiB"),
        (
            "[hv03, sw1], bandwidth: 10 Gbit/s",
            "[hv03, sw1], bandwidth: 10",
            "links[2].bandwidth",
            "of 10 b",
            "10 Gbit/s",
        ),
        (
            "[hv03, sw1], bandwidth: 10 Gbit/s",
            "[hv03, sw1], bandwidth: 10000",
            "links[2].bandwidth",
            "10000",
            "10000 Mb",
        ),
    ],
)
def test_a_bare_number_that_wants_a_unit(old: str, new: str, path: str, message: str, mend: str) -> None:
    (problem,) = problems_of(changed(old, new))
    assert (problem.code, problem.place.path) == ("implausibly-small", path)
    assert message in problem.message
    assert mend in problem.mend


def test_the_smallest_that_is_believed() -> None:
    parse_inventory(
        changed(
            "vcpus: 4, memory: 8 GiB",
            "vcpus: 4, disk: 0, memory: 1 MiB",
            "hv03, sw1], bandwidth: 10 G",
            "hv03, sw1], bandwidth: 1 M",
        )
    )


def test_a_chain_of_hosts() -> None:
    hosts = "".join(f"  - {{name: h{i}, cpus: 1, memory: 1 GiB}}\n" for i in range(4))
    links = "".join(f"  - {{between: [h{i}, h{i + 1}], bandwidth: 1 Gbit/s}}\n" for i in range(3))
    found = problems_of(f"format: evac/inventory/1\nname: chain\nhosts:\n{hosts}links:\n{links}")
    assert {problem.code for problem in found} == {"unreachable-host"}
    assert "h0 cannot reach h2 or h3" in {problem.message for problem in found}


def test_one_host_needs_no_network() -> None:
    parse_inventory("format: evac/inventory/1\nname: one\nhosts: [{name: h, cpus: 1, memory: 1 GiB}]\n")


def test_a_broken_vm_is_not_missed_elsewhere() -> None:
    (problem,) = problems_of(changed("name: b, host: hv02, vcpus: 2", "name: b, host: hv02, vcpus: two"))
    assert problem.place.path == "vms[1].vcpus"


def test_a_broken_host_is_not_missed_elsewhere() -> None:
    (problem,) = problems_of(changed("name: hv02, cpus: 8, memory: 64 GiB", "name: hv02, cpus: 8, memory: 64 G"))
    assert problem.place.path == "hosts[1].memory"


def test_a_bad_name_is_not_missed_elsewhere() -> None:
    (problem,) = problems_of(changed("[sw1]\n", "[-sw1]\n"))
    assert problem.code == "bad-name"


def test_a_broken_link_does_not_cut_off_its_host() -> None:
    (problem,) = problems_of(changed("[hv03, sw1], bandwidth: 10 Gbit/s", "[hv03, sw1], bandwidth: 10 G"))
    assert problem.place.path == "links[2].bandwidth"


def test_a_section_of_the_wrong_type_is_the_only_problem() -> None:
    start = GOOD.index("vms:")
    (problem,) = problems_of(GOOD[:start] + "vms: none\n" + GOOD[GOOD.index("rules:") :])
    assert problem.place.path == "vms"


def test_wrong_values_do_not_hide_what_is_wrong_between_entries() -> None:
    text = changed(
        "name: lab", "name: my lab", "name: c, host: hv02, vcpus: 4, memory: 8 GiB",
        "name: c, host: hv08, vcpus: 4, memory: 8 G", "[b, c]", "[b, d]",
    )  # fmt: skip
    assert [(problem.code, problem.place.path) for problem in problems_of(text)] == [
        ("bad-name", "name"),
        ("unknown-name", "vms[2].host"),
        ("bad-quantity", "vms[2].memory"),
        ("unknown-name", "rules[2].before[1]"),
    ]


def test_a_vm_given_twice_is_counted_once() -> None:
    line = "  - {name: c, host: hv02, vcpus: 4, memory: 8 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s}\n"
    found = problems_of(GOOD.replace(line, line * 9))
    assert {problem.code for problem in found} == {"duplicate-name"}
    assert len(found) == 8


def test_inventories_that_come_from_no_file_are_checked_too() -> None:
    inventory = Inventory(
        format="evac/inventory/1",
        name="two",
        hosts=tuple(Host(name=name, cpus=1, memory=2**30) for name in ("h1", "h2")),
    )
    with pytest.raises(InputError) as caught:
        check_inventory(inventory)
    assert [(problem.code, problem.place.line) for problem in caught.value.problems] == [("unreachable-host", None)] * 2
