"""YAML and JSON say the same, and problems have the same paths and their own lines in both."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import InputError
from planner.inventory.load import parse_inventory
from planner.inventory.places import clip, path_text
from planner.inventory.read_json import read_json
from planner.inventory.read_yaml import read_yaml, resolve

DOCUMENT: dict[str, Any] = {
    "format": "evac/inventory/1",
    "name": "lab",
    "hosts": [
        {"name": "hv01", "cpus": 8, "memory": "64 GiB"},
        {"name": "hv02", "cpus": 8, "memory": "64 GiB"},
    ],
    "links": [{"between": ["hv01", "hv02"], "bandwidth": "1 Gbit/s"}],
    "vms": [],
    "rules": [],
}


def test_json_reads_as_the_same_inventory() -> None:
    text = json.dumps(DOCUMENT)
    assert parse_inventory(text, "lab.json") == parse_inventory(text, "lab.yaml")


def test_lines_in_json() -> None:
    text = json.dumps(DOCUMENT, indent=2).replace('"64 GiB"', '"64 G"').replace('"cpus": 8', '"cpu": 8')
    with pytest.raises(InputError) as caught:
        parse_inventory(text, "lab.json")
    lines = text.splitlines()
    for problem in caught.value.problems:
        assert problem.place.line is not None
        key = problem.place.path.rsplit(".", 1)[-1]
        at = lines[problem.place.line - 1]
        assert key in at if problem.code != "missing-key" else "{" in at
    assert [problem.code for problem in caught.value.problems].count("bad-quantity") == 2


def test_keys_given_twice_in_json() -> None:
    text = '{\n"format": "evac/inventory/1",\n"name": "lab",\n"hosts": [\n{"name": "h", "cpus": 1,\n'
    text += '"memory": 1073741824,\n"cpus": 2}],\n"name": "x"}'
    with pytest.raises(InputError) as caught:
        parse_inventory(text, "lab.json")
    assert [(problem.code, problem.place.line, problem.place.path) for problem in caught.value.problems] == [
        ("duplicate-key", 7, "hosts[0].cpus"),
        ("duplicate-key", 8, "name"),
    ]
    assert "first on line 5" in caught.value.problems[0].message


def test_an_inner_key_of_a_section_given_twice_is_not_given_twice() -> None:
    text = '{"name": "x",\n"settings": {"model": "paper"},\n"settings": {"model": "paper"}}'
    assert [problem.place.path for problem in read_json(text, None, "it", "hint").problems] == ["settings"]
    yaml = "name: x\nsettings: {model: paper}\nsettings: {model: paper}\n"
    assert [problem.place.path for problem in read_yaml(yaml, None, "it").problems] == ["settings"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\u2028\u2029\x85")
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcxyz", min_size=1), values, max_size=5), st.sampled_from([None, 1, 3]))
def test_json_is_yaml(data: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    as_json, as_yaml = read_json(text, None, "it", "hint"), read_yaml(text, None, "it")
    assert as_json.data == as_yaml.data == data
    assert as_json.lines == as_yaml.lines


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("FALSE", False), ("yes", "yes"), ("No", "No"),
        ("on", "on"), ("12", 12), ("-12", -12), ("+12", 12), ("012", 12), ("0o14", 12), ("0xC", 12), ("1_000", "1_000"),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-1E-3", -0.001), ("1e400", math.inf),
        (".inf", math.inf), ("-.INF", -math.inf), ("1:30", "1:30"), ("2024-01-01", "2024-01-01"),
        ("0x", "0x"), (".", "."), ("-", "-"),
        ("9" * 401, math.inf), ("-" + "9" * 401, -math.inf), ("8 GiB", "8 GiB"), ("inf", "inf"),
    ],
)  # fmt: skip
def test_plain_scalars_by_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_not_a_number() -> None:
    assert math.isnan(resolve(".nan"))


def test_quoted_scalars_are_text() -> None:
    document = read_yaml("a: '1'\nb: \"true\"\nc: |\n  2\nd: >-\n  3\n", None, "it")
    assert document.data == {"a": "1", "b": "true", "c": "2\n", "d": "3"}


def test_paths_and_text_from_files_are_fit_to_be_shown() -> None:
    assert path_text(("vms", 3, "memory")) == "vms[3].memory"
    assert path_text(()) == ""
    assert clip("x" * 100) == "x" * 59 + "…"
    assert clip("\x1b[31m") == "\\x1b[31m"
