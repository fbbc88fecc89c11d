"""What is written as YAML reads back as the same inventory, to the last byte and bit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.inventory.load import parse_inventory
from planner.inventory.models import (
    ALL_APPROACHES,
    NAME_PATTERN,
    VM,
    Before,
    Host,
    Inventory,
    Link,
    NotAtOnce,
    Rule,
    Separate,
    Settings,
    Together,
)
from planner.inventory.read_yaml import read_yaml
from planner.inventory.write import inventory_yaml
from planner.units import MAX_DURATION_S, MAX_RATE_BYTES_PER_S, MAX_SIZE_BYTES

TRICKY_NAMES = [
    "y",
    "No",
    "null",
    "true",
    "1",
    "1e5",
    "0x1F",
    ".5",
    ".inf",
    "1.",
    "+1",
    "@x",
    ":x",
    "x:",
    "::1",
    "a:b",
    "...",
    "007",
    "x-",
    "_",
]
names = st.sampled_from(TRICKY_NAMES) | st.from_regex(NAME_PATTERN.replace("*$", "{0,20}$").replace("$", r"\Z"))
sizes = st.integers(1, MAX_SIZE_BYTES) | st.sampled_from([1, 2**30, 11264 * 10**6, 686_473_000, 3 * 2**20])
rates = st.floats(1e-300, MAX_RATE_BYTES_PER_S) | st.sampled_from([0.1, 1.25e9, 12.5e6, 23.4e6, 1e5 + 0.1, 1 / 3])
wide = st.floats(125_000, MAX_RATE_BYTES_PER_S) | st.sampled_from([125_000.0, 1.25e9, 23.4e6, 1e5 / 0.3])
durations = st.none() | st.floats(1e-300, MAX_DURATION_S) | st.sampled_from([0.3, 5, 5400, 1e-3, 0.1 + 0.2])
approaches = st.lists(st.sampled_from(ALL_APPROACHES), min_size=1, max_size=4, unique=True).map(tuple)
shares = st.floats(0, 1, exclude_min=True)


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """Inventories on two hosts with one VM or a few, whose every field may be set."""
    a, b, switch = draw(st.lists(names, min_size=3, max_size=3, unique=True))
    labels = draw(st.lists(names, max_size=3).map(tuple))
    hosts = tuple(
        Host(
            name=name,
            cpus=1_000_000,
            memory=MAX_SIZE_BYTES,
            labels=labels,
            max_outgoing=draw(st.none() | st.integers(1, 9)),
            max_incoming=draw(st.none() | st.integers(1, 9)),
            accepts=draw(st.booleans()),
        )
        for name in (a, b)
    )
    vms = tuple(
        VM(
            name=name,
            host=a if i % 2 else b,
            vcpus=draw(st.integers(1, 99)),
            memory=draw(st.integers(2**20, 2**50)),
            disk=draw(st.just(0) | sizes.map(lambda size: max(size, 2**20))),
            read_rate=draw(st.just(0.0) | rates),
            write_rate=draw(rates),
            weight=draw(st.floats(0, 1e6)),
            max_downtime=draw(durations),
            approaches=None,
            requires=labels,
            pinned=draw(st.booleans()),
        )
        for i, name in enumerate(draw(st.lists(names, min_size=2, max_size=5, unique=True)))
    )
    pair = (vms[0].name, vms[1].name)
    kinds: list[Rule] = [
        Separate(separate=pair), Together(together=pair), NotAtOnce(not_at_once=pair), Before(before=pair),
    ]  # fmt: skip
    limit = draw(durations)
    return Inventory(
        format="evac/inventory/1",
        name=draw(names),
        settings=Settings(
            stop_threshold=draw(sizes) if limit is None else None,
            downtime_limit=limit,
            background_efficiency=draw(shares),
            approaches=draw(approaches),
            max_outgoing=draw(st.integers(1, 9)),
            multifd_channels=draw(st.integers(1, 9)),
            equal_cost_paths=draw(st.sampled_from(["hash", "split"])),
        ),
        hosts=hosts,
        switches=(switch,),
        links=tuple(
            Link(
                between=(name, switch),
                bandwidth=draw(wide | st.tuples(wide, wide)),
                usable=draw(shares | st.tuples(shares, shares)),
                members=draw(st.integers(1, 9)),
                networks=draw(st.none() | st.lists(names, min_size=1, max_size=3).map(tuple)),
            )
            for name in (a, b)
        ),
        vms=vms,
        rules=tuple(draw(st.lists(st.sampled_from(kinds), max_size=4))),
    )


@settings(max_examples=60)
@given(inventories(), st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_what_is_written_reads_back(inventory: Inventory, comment: str) -> None:
    again = parse_inventory(inventory_yaml(inventory, comment.replace("\ufeff", "")))
    assert again == inventory
    assert again.sha256() == inventory.sha256()


def small(**vm: object) -> Inventory:
    machine = {"name": "a", "host": "h", "vcpus": 1, "memory": 2**30, "read_rate": 0, "write_rate": 0, **vm}
    host = Host(name="h", cpus=64, memory=2**50)
    return Inventory(format="evac/inventory/1", name="one", hosts=(host,), vms=(VM.model_validate(machine),))


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("memory", 64 * 2**30, "memory: 64 GiB"),
        ("memory", 11264 * 10**6, "memory: 11264 MB"),
        ("memory", 687 * 2**20, "memory: 687 MiB"),
        ("memory", 123_456_789, "memory: 123456789"),
        ("write_rate", 23.4e6, "write_rate: 23.4 MB/s"),
        ("write_rate", 1 / 3, "write_rate: 0.3333333333333333"),
        ("write_rate", 0, "write_rate: 0"),
        ("max_downtime", 0.3, "max_downtime: 300 ms"),
        ("max_downtime", 5400, "max_downtime: 1.5 h"),
        ("max_downtime", 90, "max_downtime: 90 s"),
        ("weight", 3, "weight: 3}"),
        ("weight", 0.1, "weight: 0.1}"),
        ("name", "no", 'name: "no"'),
        ("name", "101", 'name: "101"'),
        ("pinned", True, "pinned: true"),
        ("approaches", ["cold", "hybrid"], "approaches: [cold, hybrid]"),
    ],
)
def test_units_are_written_where_they_are_exact(field: str, value: object, text: str) -> None:
    assert text in inventory_yaml(small(**{field: value}))


def test_defaults_are_left_out() -> None:
    assert inventory_yaml(small(), "Hello\n\nthere") == (
        "# Hello\n#\n# there\nformat: evac/inventory/1\nname: one\n\nhosts:\n  - {name: h, cpus: 64, memory: 1 PiB}\n\n"
        "vms:\n  - {name: a, host: h, vcpus: 1, memory: 1 GiB, read_rate: 0, write_rate: 0}\n"
    ).replace("1 PiB", "1024 TiB")


def test_many_switches_are_wrapped() -> None:
    switches = tuple(f"switch-{i}" for i in range(100))
    text = inventory_yaml(small().model_copy(update={"switches": switches}))
    assert max(map(len, text.splitlines())) <= 120
    assert read_yaml(text, None, "it").data["switches"] == list(switches)
