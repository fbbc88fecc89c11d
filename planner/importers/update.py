"""An inventory brought up to date: facts of the source are renewed, what the operator wrote stays, comments too.

Facts are what a source can know: where a VM runs, its size, its rates where they were measured, what a host has. All
else in the file is the operator's: weights, limits, rules, links, settings, remarks.
"""

from __future__ import annotations

import difflib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from planner.importers.report import counted
from planner.inventory.load import parse_inventory
from planner.inventory.models import VM, Host, Inventory
from planner.inventory.write import entry_text
from planner.units import UnitError, parse_duration, parse_rate, parse_size

HOST_FACTS = ("cpus", "memory", "accepts")
VM_FACTS = ("host", "vcpus", "memory", "disk", "nonzero_memory")
WRITE_FACTS = ("write_rate", "dirty_vector")
RATE_FACTS = ("read_rate", "write_rate")
"""Fields that are renewed; rates only where the source has measured them."""
OTHER_WAYS = frozenset({"working_set", "dirty_sets", "hot_memory"})
"""What an operator may have written in place of a dirty vector; that stays."""

_INDENTED = re.compile(r"^(hosts|vms):[^\n]*\n(\s*#[^\n]*\n)*  - ", re.MULTILINE)
"""Lists that are indented, as this program writes them."""
_JSON_INDENT = re.compile(r'\s*\{\n([ \t]+)"')


@dataclass(frozen=True)
class Updated:
    """An inventory file brought up to date.

    Parameters
    ----------
    text
        The new text.
    diff
        What changed, as a unified diff; empty where nothing did.
    came, went
        VMs and hosts that are new, and those that are gone.
    """

    text: str
    diff: str
    came: tuple[str, ...]
    went: tuple[str, ...]


def update(
    text: str,
    fresh: Inventory,
    measured: Iterable[str],
    file: str,
    *,
    written: Iterable[str] = (),
    owned: tuple[str, ...] = (),
) -> Updated:
    """Renew the facts in the text of an inventory.

    Parameters
    ----------
    text
        The file as the operator has it: a right inventory in YAML.
    fresh
        What the source says now.
    measured
        Names of the VMs whose rates the source has measured.
    written
        Names of the VMs whose writes it has measured, whatever is known of their reads.
    owned
        What labels begin with that come from the source; all others are the operator's.
    file
        Name of the file, for errors and the diff.

    Raises
    ------
    InputError
        If the text is no inventory, or would be none afterwards: all problems with their places.
    """
    yaml, document = _opened(text, file)
    known: dict[str, tuple[str, ...]] = dict.fromkeys(written, WRITE_FACTS)
    known |= dict.fromkeys(measured, (*RATE_FACTS, "dirty_vector"))
    came: list[str] = []
    went: list[str] = []
    for section, entries, facts in (("hosts", fresh.hosts, HOST_FACTS), ("vms", fresh.vms, VM_FACTS)):
        listed = document.get(section)
        if listed is None:
            listed = document[section] = CommentedSeq()
        new, gone = _renew(listed, entries, facts, known if section == "vms" else {})
        _renew_labels(listed, entries, owned)
        came += new
        went += gone
    _forget(document, {name for name in went if name not in {vm.name for vm in fresh.vms}})
    return _closed(yaml, document, text, file, came, went)


def renew_fields(text: str, fresh: Inventory, fields: Mapping[str, Sequence[str]], file: str) -> Updated:
    """Renew some fields of some VMs in the text of an inventory; all else stays as it is.

    Parameters
    ----------
    text
        The file as the operator has it: a right inventory.
    fresh
        The same inventory with the new values.
    fields
        Names of the fields to renew, by VM.
    file
        Name of the file, for errors and the diff.

    Raises
    ------
    InputError
        If the text is no inventory, or would be none afterwards: all problems with their places.
    """
    yaml, document = _opened(text, file)
    now = {vm.name: vm for vm in fresh.vms}
    for entry in document.get("vms") or ():
        name = entry["name"]
        if name in fields:
            _write_fields(entry, _fields(now[name]), fields[name])
    return _closed(yaml, document, text, file, [], [])


def _opened(text: str, file: str) -> tuple[YAML | None, Any]:
    """Return an inventory that can be changed and keeps its comments, and what writes it: None where it is JSON."""
    parse_inventory(text, file)
    if text.lstrip().startswith("{"):
        try:
            return None, json.loads(text)
        except json.JSONDecodeError:
            pass  # YAML may begin with a brace, too
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    if _INDENTED.search(text):
        yaml.indent(mapping=2, sequence=4, offset=2)
    document: CommentedMap = yaml.load(text)
    return yaml, document


def _closed(yaml: YAML | None, document: Any, text: str, file: str, came: list[str], went: list[str]) -> Updated:
    """Return what has become of an inventory, checked."""
    if yaml is None:
        indent = _JSON_INDENT.match(text)
        new_text = json.dumps(document, indent=indent and indent[1], ensure_ascii=False)
        new_text += "\n" if text.endswith("\n") else ""
    else:
        out = io.StringIO()
        yaml.dump(document, out)
        new_text = out.getvalue()
    parse_inventory(new_text, f"{file} (updated)")
    old_lines, new_lines = (each.splitlines(keepends=True) for each in (text, new_text))
    diff = "".join(difflib.unified_diff(old_lines, new_lines, file, f"{file}, new", n=0))
    return Updated(new_text, diff, tuple(came), tuple(went))


def _renew(
    listed: CommentedSeq,
    entries: Sequence[Host | VM],
    facts: Sequence[str],
    rates: Mapping[str, tuple[str, ...]],
) -> tuple[list[str], list[str]]:
    """Renew the entries of a section in place; return the names that are new and those that are gone."""
    now = {entry.name: entry for entry in entries}
    gone = [entry["name"] for entry in listed if entry["name"] not in now]
    for place in range(len(listed) - 1, -1, -1):
        entry: CommentedMap = listed[place]
        found = now.pop(entry["name"], None)
        if found is None:
            del listed[place]
            continue
        written = _fields(found)
        keys = (*facts, *rates.get(found.name, ()))
        if OTHER_WAYS.intersection(entry):
            keys = tuple(key for key in keys if key != "dirty_vector")
        _write_fields(entry, written, keys)
        for key in RATE_FACTS:
            span = entry.get(f"{key}_range")
            # A range that does not hold the rate any more is of another time.
            if span is not None and not parse_rate(span[0]) <= parse_rate(entry[key]) <= parse_rate(span[1]):
                del entry[f"{key}_range"]
    for found in now.values():
        fresh: CommentedMap = YAML().load(entry_text(found))
        fresh.fa.set_flow_style()
        listed.append(fresh)
    return list(now), gone


def _renew_labels(listed: CommentedSeq, entries: Sequence[Host | VM], owned: tuple[str, ...]) -> None:
    """Renew the labels that the source owns; those that an operator gave stay, before them."""
    now = {entry.name: entry for entry in entries}
    for entry in listed:
        found = now[entry["name"]]
        key, fresh = ("labels", found.labels) if isinstance(found, Host) else ("requires", found.requires)
        old = entry.get(key) or []
        kept = [label for label in old if not label.startswith(owned)]
        wanted = [*kept, *(label for label in fresh if label.startswith(owned) and label not in kept)]
        if set(wanted) == set(old):
            continue
        if wanted:
            new = CommentedSeq(wanted)
            new.fa.set_flow_style()
            entry[key] = new
        else:
            del entry[key]


def _write_fields(entry: CommentedMap, written: Mapping[str, Any], keys: Iterable[str]) -> None:
    """Renew fields of an entry in place, where they mean something else now."""
    for key in keys:
        if _same(key, entry.get(key), written.get(key)):
            continue
        if key not in written:
            del entry[key]
        elif isinstance(written[key], list):
            entry[key] = CommentedSeq(written[key])
            entry[key].fa.set_flow_style()
        else:
            entry[key] = written[key]


def _fields(entry: Host | VM) -> dict[str, Any]:
    """Return the fields of an entry as they are written, without those at their default."""
    fields: dict[str, Any] = YAML(typ="safe").load(entry_text(entry))
    return fields


def _same(key: str, old: Any, new: Any) -> bool:
    """Return whether two values of a field mean the same, whatever their units."""
    if old is None or new is None:
        return old is new
    if key == "dirty_vector":
        return [_point(one) for one in old] == [_point(one) for one in new]
    if isinstance(old, list) and isinstance(new, list):
        item = key.removesuffix("_range").removesuffix("_by_hour")
        return len(old) == len(new) and all(_same(item, one, other) for one, other in zip(old, new, strict=True))
    try:
        if key in ("memory", "disk", "nonzero_memory"):
            return parse_size(old) == parse_size(new)
        if key in RATE_FACTS:
            return parse_rate(old) == parse_rate(new)
    except UnitError:
        return False
    return bool(old == new)


def _point(point: Mapping[str, Any]) -> tuple[float, int]:
    """Return a point of a dirty vector in seconds and bytes; both come from inventories that were checked."""
    return parse_duration(point["after"]), parse_size(point["dirtied"])


def _forget(document: CommentedMap, gone: set[str]) -> None:
    """Take names that are gone out of the rules and links; a rule of one member says nothing and goes, too."""
    rules = document.get("rules")
    if rules:
        for place in range(len(rules) - 1, -1, -1):
            rule: Mapping[str, Any] = rules[place]
            members = next(iter(rule.values()))
            for position in range(len(members) - 1, -1, -1):
                if members[position] in gone:
                    del members[position]
            if len(members) < 2:
                del rules[place]
    links = document.get("links")
    if links:
        for place in range(len(links) - 1, -1, -1):
            if gone.intersection(links[place]["between"]):
                del links[place]


def summary(updated: Updated) -> str:
    """Return in a sentence what an update brought."""
    if not updated.diff:
        return "Nothing has changed."
    changed = sum(line.startswith("+") and not line.startswith("+++") for line in updated.diff.splitlines())
    return f"{counted(changed, 'line')} new or changed, {len(updated.came)} entries came, {len(updated.went)} went."
