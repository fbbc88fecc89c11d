"""Saved answers that are junk, damaged or hostile: an inventory or one report, never a crash; for all such sources."""

from __future__ import annotations

import copy
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner.cli.main import main
from planner.errors import InputError
from planner.importers.loader import Wishes, load
from planner.importers.openstack import facts_of as openstack_facts
from planner.importers.openstack_format import read_cloud as read_openstack
from planner.importers.proxmox import facts_of as proxmox_facts
from planner.importers.proxmox_format import read_cluster as read_proxmox
from planner.importers.saved import read_saved

SOURCES = ("proxmox", "openstack")


def imported(source: str, path: Path) -> None:
    answers, problems = read_saved(str(path), "saved answers", "save them anew")
    if source == "proxmox":
        facts = proxmox_facts(read_proxmox(answers, problems, str(path)), None, str(path))
    else:
        facts = openstack_facts(read_openstack(answers, problems, str(path)), file=str(path))
    load(facts, Wishes("x", file=str(path)))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "\0" * 100,
        "[" * 100_000,
        '{"/cluster/resources": ' * 30 + "1" + "}" * 30,
        '{"/cluster/resources": [NaN]}',
        '{"/cluster/resources": [{"type": "node", "node": "a", "maxmem": ' + "9" * 5000 + "}]}",
        '{"servers": [1, 2], "hypervisors": {"a": 1}}',
        '{"data": []}, "x": {"data": 1}',
        "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_junk_gives_one_report_and_exit_code_2(source: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "junk.json"
    path.write_text(text, "utf-8")
    folder = tmp_path / "folder" / "cluster"
    folder.mkdir(parents=True)
    (folder / "resources.json").write_text(text, "utf-8")
    for given in (path, folder.parent):
        result = CliRunner().invoke(main, ["import", source, str(given)])
        assert result.exit_code == 2, text[:50]
        assert "problem" in result.stderr
        assert "Traceback" not in result.output


@pytest.mark.parametrize("source", SOURCES)
def test_damaged_samples_become_an_inventory_or_one_report(source: str, tmp_path: Path) -> None:
    text = Path(f"examples/imports/{source}.json").read_text("utf-8")
    rng = random.Random(7)
    path = tmp_path / "damaged.json"
    made = 0
    placeless: list[str] = []
    for _ in range(500):
        where, kind = rng.randrange(len(text)), rng.randrange(3)
        piece = rng.choice(["9", "-", "null", '"', "[", "}", "1e400", ":", "0", "true", "\\u0000", ",", "=", "/"])
        damaged = text[:where] + piece * (kind < 2) + text[where + (kind > 0) * rng.randrange(1, 9) :]
        path.write_text(damaged, "utf-8")
        try:
            imported(source, path)
        except InputError as error:
            placeless += [str(problem) for problem in error.problems if not problem.place.file]
            continue
        made += 1
    assert 0 < made < 500
    assert not placeless


@pytest.mark.parametrize("source", SOURCES)
def test_samples_with_other_values_become_an_inventory_or_one_report(source: str, tmp_path: Path) -> None:
    document = json.loads(Path(f"examples/imports/{source}.json").read_text("utf-8"))
    rng = random.Random(8)
    path = tmp_path / "other.json"
    odd: list[Any] = [
        None,
        -1,
        0,
        1.5,
        1e300,
        10**30,
        "",
        "x" * 5000,
        "\x00",
        "=1+1",
        "1",
        True,
        [],
        {},
        [[]],
        {"a": {"b": [1]}},
    ]
    made = 0
    for _ in range(500):
        changed = json.loads(json.dumps(document))
        for _ in range(rng.randrange(1, 4)):
            holder, key = _somewhere(changed, rng)
            holder[key] = copy.deepcopy(rng.choice(odd))
        path.write_text(json.dumps(changed), "utf-8")
        try:
            imported(source, path)
        except InputError:
            continue
        made += 1
    assert 0 < made < 500


def _somewhere(document: Any, rng: random.Random) -> tuple[Any, Any]:
    """Return a place in a document: what holds a value, and its key."""
    holder: Any = None
    key: Any = None
    value = document
    while isinstance(value, dict | list) and value and (holder is None or rng.random() < 0.9):
        holder = value
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        value = value[key]
    return holder, key


@pytest.mark.parametrize("source", SOURCES)
def test_saved_answers_need_no_sdk(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("proxmoxer", "requests", "openstack", "keystoneauth1"):
        monkeypatch.setitem(sys.modules, name, None)
    result = CliRunner().invoke(main, ["import", source, f"examples/imports/{source}.json"])
    assert result.exit_code == 0


def test_all_files_that_are_damaged_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1,\n2", "utf-8")
    (tmp_path / "b.json").write_text("{'x': 1}", "utf-8")
    with pytest.raises(InputError) as caught:
        read_saved(str(tmp_path), "saved answers", "save them anew")
    told = [str(problem) for problem in caught.value.problems]
    assert len(told) == 2
    assert any("a.json:2" in line for line in told)
    assert any("b.json:1" in line for line in told)


def test_only_regular_json_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(InputError, match="no JSON file"):
        read_saved(str(tmp_path), "saved answers", "save them anew")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.json").write_text('{"data": [1]}', "utf-8")
    answers, _ = read_saved(str(tmp_path), "saved answers", "save them anew")
    assert [(answer.path, answer.data) for answer in answers] == [("/a/b/c", [1])]
