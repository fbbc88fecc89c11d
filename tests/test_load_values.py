"""One wrong value at a time: exactly one problem, with its code, line, path and mend."""

from __future__ import annotations

import pytest

from planner.errors import InputError, Problem
from planner.inventory.load import parse_inventory

GOOD = """\
format: evac/inventory/1
name: lab
settings:
  background_efficiency: 0.3
hosts:
  - {name: hv01, cpus: 8, memory: 64 GiB, labels: [ssd]}
  - {name: hv02, cpus: 8, memory: 64 GiB}
switches: [sw1]
links:
  - {between: [hv01, sw1], bandwidth: 10 Gbit/s}
  - {between: [hv02, sw1], bandwidth: 10 Gbit/s}
vms:
  - {name: a, host: hv01, vcpus: 2, memory: 4 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s}
  - {name: b, host: hv02, vcpus: 2, memory: 4 GiB, read_rate: 3 MB/s, write_rate: 2 MB/s}
rules:
  - {separate: [a, b]}
"""


def problems_of(text: str, file: str | None = "lab.yaml") -> list[Problem]:
    with pytest.raises(InputError) as caught:
        parse_inventory(text, file)
    return list(caught.value.problems)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_the_good_one_is_good() -> None:
    inventory = parse_inventory(GOOD)
    assert [vm.memory for vm in inventory.vms] == [4 * 2**30] * 2
    assert inventory.links[0].bandwidth == 1.25e9


CASES = [
    # old, new, code, line, path, words of the message, words of the mend
    ("inventory/1", "inventory/2", "wrong-format", 1, "format", "'evac/inventory/2'", "write format: evac/inventory/1"),
    ("inventory/1", "inventory/one", "wrong-format", 1, "format", "evac/inventory/1", "write format"),
    ("format: evac/inventory/1\n", "", "missing-key", 1, "format", "format is missing", "add it"),
    ("name: lab\n", "name: \n", "wrong-type", 2, "name", "got nothing", "give it a value"),
    ("name: lab\n", "name: my lab\n", "bad-name", 2, "name", "'my lab'", "letters, digits"),
    ("name: lab\n", "name: -lab\n", "bad-name", 2, "name", "'-lab'", "do not begin with -"),
    ("name: lab\n", "name: " + "x" * 129 + "\n", "bad-name", 2, "name", "…", "1 to 128"),
    ("settings:", "setings:", "unknown-key", 3, "setings", "setings is unknown", "did you mean settings?"),
    ("background_efficiency: 0.3", "alpha: 0.3", "unknown-key", 4, "settings.alpha", "alpha", "known keys are model"),
    ("efficiency: 0.3", "efficiency: 1.5", "out-of-range", 4, "settings.background_efficiency", "at most 1", "alpha"),
    ("efficiency: 0.3", "efficiency: .nan", "not-finite", 4, "settings.background_efficiency", "nan", "alpha"),
    (
        "efficiency: 0.3",
        'efficiency: "0.3"',
        "wrong-type",
        4,
        "settings.background_efficiency",
        "'0.3'",
        "without quotes",
    ),
    (
        "background_efficiency: 0.3",
        "model: papr",
        "bad-value",
        4,
        "settings.model",
        "one of paper",
        "did you mean paper?",
    ),
    (
        "background_efficiency: 0.3",
        "approaches: []",
        "wrong-length",
        4,
        "settings.approaches",
        "at least 1 entry",
        "any VM",
    ),
    (
        "background_efficiency: 0.3",
        "max_outgoing: 0",
        "out-of-range",
        4,
        "settings.max_outgoing",
        "at least 1",
        "leave",
    ),
    (
        "background_efficiency: 0.3",
        "downtime_limit: 5 M",
        "bad-quantity",
        4,
        "settings.downtime_limit",
        "ambiguous",
        "5 min",
    ),
    (
        "background_efficiency: 0.3",
        "stop_threshold: 0",
        "out-of-range",
        4,
        "settings.stop_threshold",
        "more than 0",
        "bytes",
    ),
    (
        "cpus: 8, memory: 64 GiB}",
        'cpus: "8", memory: 64 GiB}',
        "wrong-type",
        7,
        "hosts[1].cpus",
        "'8'",
        "without quotes",
    ),
    ("cpus: 8, memory: 64 GiB}", "cpus: 8.5, memory: 64 GiB}", "wrong-type", 7, "hosts[1].cpus", "8.5", "vCPUs"),
    ("cpus: 8, memory: 64 GiB}", "cpus: true, memory: 64 GiB}", "wrong-type", 7, "hosts[1].cpus", "got true", "vCPUs"),
    ("cpus: 8, memory: 64 GiB}", "cpus: 8, memory: 64 G}", "bad-quantity", 7, "hosts[1].memory", "ambiguous", "64 GiB"),
    ("cpus: 8, memory: 64 GiB}", "cpus: 8, memory: -1}", "bad-quantity", 7, "hosts[1].memory", "negative", "8 GiB"),
    ("cpus: 8, memory: 64 GiB}", "cpus: 8, memory: .nan}", "bad-quantity", 7, "hosts[1].memory", "finite", "8 GiB"),
    ("cpus: 8, memory: 64 GiB}", "cpus: 8, memory: 1e400}", "bad-quantity", 7, "hosts[1].memory", "finite", "8 GiB"),
    (
        "cpus: 8, memory: 64 GiB}",
        f"cpus: 8, memory: {'9' * 5000}}}",
        "bad-quantity",
        7,
        "hosts[1].memory",
        "finite",
        "8",
    ),
    ("cpus: 8, memory: 64 GiB}", "cpus: 8, memory: 64 EB}", "bad-quantity", 7, "hosts[1].memory", "no unit", "8 GB"),
    ("cpus: 8, memory: 64 GiB}", "cpus: 8, memory: [64]}", "bad-quantity", 7, "hosts[1].memory", "a size", "8 GiB"),
    ("cpus: 8, memory: 64 GiB}", "cpus: 8}", "missing-key", 7, "hosts[1].memory", "memory is missing", "such as 40 GB"),
    (
        "memory: 64 GiB}\nsw",
        "memory: 64 GiB, accepts: no}\nsw",
        "wrong-type",
        7,
        "hosts[1].accepts",
        "'no'",
        "true or false",
    ),
    (
        "memory: 64 GiB}\nsw",
        "memory: 64 GiB, accept: no}\nsw",
        "unknown-key",
        7,
        "hosts[1].accept",
        "accept",
        "accepts?",
    ),
    ("labels: [ssd]", "labels: ssd", "wrong-type", 6, "hosts[0].labels", "a list is expected", "[ssd]"),
    ("labels: [ssd]", "labels: [x, a b]", "bad-name", 6, "hosts[0].labels[1]", "'a b'", "letters"),
    ("switches: [sw1]", "switches: sw1", "wrong-type", 8, "switches", "a list is expected", "[sw1]"),
    ("switches: [sw1]", "switches: [sw1, 7]", "wrong-type", 8, "switches[1]", "text is expected, got 7", '"7"'),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], bandwidth: 0",
        "out-of-range",
        11,
        "links[1].bandwidth",
        "0",
        "MB/s",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], bandwidth: 10 G",
        "bad-quantity",
        11,
        "links[1].bandwidth",
        "amb",
        "10 Gbit/s",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], bandwidth: [10 Gbit/s, 1 G]",
        "bad-quantity",
        11,
        "links[1].bandwidth[1]",
        "ambiguous",
        "1 Gbit/s",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], bandwidth: [10 Gbit/s]",
        "wrong-length",
        11,
        "links[1].bandwidth",
        "too few",
        "first end to the second",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], usable: [0.8, 0], bandwidth: 10 Gbit/s",
        "out-of-range",
        11,
        "links[1].usable[1]",
        "more than 0, got 0",
        "above 0 and at most 1",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], usable: [0.8, 0.5, 0.5], bandwidth: 10 Gbit/s",
        "wrong-length",
        11,
        "links[1].usable",
        "at most 2",
        "first end to the second",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        '[hv02, sw1], usable: "0.8", bandwidth: 10 Gbit/s',
        "wrong-type",
        11,
        "links[1].usable",
        "'0.8'",
        "without quotes",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], usable: {forth: 0.8}, bandwidth: 10 Gbit/s",
        "wrong-type",
        11,
        "links[1].usable",
        "a number is expected",
        "a list of two",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], members: 0, bandwidth: 10 Gbit/s",
        "out-of-range",
        11,
        "links[1].members",
        "at least 1",
        "LACP",
    ),
    (
        "[hv02, sw1], bandwidth: 10 Gbit/s",
        "[hv02, sw1], networks: storage, bandwidth: 10 Gbit/s",
        "wrong-type",
        11,
        "links[1].networks",
        "a list is expected",
        "[storage]",
    ),
    (
        "background_efficiency: 0.3",
        "equal_cost_paths: spilt",
        "bad-value",
        4,
        "settings.equal_cost_paths",
        "one of hash, split",
        "did you mean split?",
    ),
    ("[hv02, sw1], b", "[hv02], b", "wrong-length", 11, "links[1].between", "too few", "two ends"),
    ("[hv02, sw1], b", "[hv02, sw1, x], b", "wrong-length", 11, "links[1].between", "at most 2", "two ends"),
    (
        "name: b, host: hv02, vcpus: 2",
        "name: b, host: hv02, vcpus: 0",
        "out-of-range",
        14,
        "vms[1].vcpus",
        "at least 1",
        "vCPUs",
    ),
    ("name: b, host", "name: 101, host", "wrong-type", 14, "vms[1].name", "got 101", '"101"'),
    ("name: b, host", "name: null, host", "wrong-type", 14, "vms[1].name", "got nothing", "give it a value"),
    (
        "read_rate: 3 MB/s, write_rate: 2 MB/s}\nrules",
        "read_rate: 3 mb/s, write_rate: 2}\nrules",
        "bad-quantity",
        14,
        "vms[1].read_rate",
        "no unit",
        "MB/s",
    ),
    (
        "  - {separate: [a, b]}",
        "  - {seperate: [a, b]}",
        "unknown-key",
        16,
        "rules[0]",
        "seperate",
        "did you mean separate?",
    ),
    (
        "  - {separate: [a, b]}",
        "  - {separate: [a]}",
        "wrong-length",
        16,
        "rules[0].separate",
        "at least 2",
        "one host",
    ),
    ("  - {separate: [a, b]}", "  - {separate: [a, 5]}", "wrong-type", 16, "rules[0].separate[1]", "got 5", '"5"'),
    (
        "  - {separate: [a, b]}",
        "  - {separate: [a, b], before: [a, b]}",
        "unknown-key",
        16,
        "rules[0].before",
        "before",
        "own",
    ),
    ("  - {separate: [a, b]}", "  - {}", "missing-key", 16, "rules[0]", "empty", "not_at_once"),
    ("  - {separate: [a, b]}", "  - together", "wrong-type", 16, "rules[0]", "a mapping", "mapping"),
    ("rules:\n  - {separate: [a, b]}\n", "rules:\n", "wrong-type", 15, "rules", "got nothing", "remove the key"),
    (
        "rules:\n  - {separate: [a, b]}\n",
        "rules: {separate: [a, b]}\n",
        "wrong-type",
        15,
        "rules",
        "a mapping",
        "rules",
    ),
    ("name: lab\n", "name: lab\nname: lab2\n", "duplicate-key", 3, "name", "twice, first on line 2", "keep one"),
]


@pytest.mark.parametrize(("old", "new", "code", "line", "path", "message", "mend"), CASES)
def test_one_problem_with_its_place(
    old: str, new: str, code: str, line: int, path: str, message: str, mend: str
) -> None:
    (problem,) = problems_of(changed(old, new))
    assert (problem.code, problem.place.line, problem.place.path) == (code, line, path), str(problem)
    assert problem.place.file == "lab.yaml"
    assert message in problem.message
    assert mend in problem.mend
    assert len(str(problem)) < 700


def test_words_of_yaml_1_1_are_text() -> None:
    inventory = parse_inventory(changed("labels: [ssd]", "labels: [no, on, yes, off, y, n]"))
    assert inventory.hosts[0].labels == ("no", "on", "yes", "off", "y", "n")


def test_a_host_that_needs_a_label_nobody_has_is_a_matter_for_the_planner() -> None:
    parse_inventory(changed("name: b,", "requires: [gpu], name: b,"))


def test_all_problems_in_one_report_in_the_order_of_the_file() -> None:
    text = GOOD
    for old, new in (("lab\n", "a lab\n"), ("cpus: 8, memory: 64 GiB}", "memory: 64 G}"), ("[a, b]", "[a, c]")):
        text = text.replace(old, new)
    found = [(problem.place.line, problem.code) for problem in problems_of(text)]
    assert found == [(2, "bad-name"), (7, "missing-key"), (7, "bad-quantity"), (16, "unknown-name")]


def test_very_many_problems_are_counted_not_listed() -> None:
    entry = "  - {name: a, host: nowhere, vcpus: 0, memory: x, read_rate: 1, write_rate: 1}\n"
    found = problems_of(changed("rules:\n", entry * 1000 + "rules:\n"))
    assert len(found) == 201
    assert found[-1].code == "more-problems"


def test_a_plan_is_no_inventory() -> None:
    (problem,) = problems_of('{"format": "evac/plan/1", "moves": []}', "plan.json")
    assert problem.code == "wrong-format"
    assert "evac/plan/1" in problem.message
    assert "order of the arguments" in problem.mend


def test_text_from_no_file_has_lines_but_no_file() -> None:
    (problem,) = problems_of(changed("cpus: 8, memory: 64 GiB}", "cpus: 8, memory: 64 G}"), None)
    assert str(problem.place) == "line 7: hosts[1].memory"
