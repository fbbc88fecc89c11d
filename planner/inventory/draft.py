"""An inventory as far as it can be read: what is right of it, so that the rest can still be checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from planner.inventory.models import RULE_KINDS, VM, Host, Inventory, Link, Name, Rule, Settings
from planner.inventory.places import MAX_PROBLEMS, Path
from planner.inventory.translate import Finding, translate

_NAME: TypeAdapter[str] = TypeAdapter(Name)
_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)

_MADE_UP: Mapping[type[BaseModel], Mapping[str, Any]] = {
    Settings: {},
    Host: {"name": "x", "cpus": 1, "memory": 1},
    Link: {"between": ["x", "y"], "bandwidth": 1},
    VM: {"name": "x", "host": "x", "vcpus": 1, "memory": 1, "read_rate": 0, "write_rate": 0},
}
"""Values for required fields that are wrong in the file, so that the other fields of the entry can be read."""


@dataclass(frozen=True, slots=True)
class Item[T]:
    """One entry of a section.

    Parameters
    ----------
    index
        Its position in the section.
    value
        The entry; fields in ``bad`` hold something made up.
    bad
        Fields that are wrong in the file.
    """

    index: int
    value: T
    bad: frozenset[str] = frozenset()

    def has(self, *fields: str) -> bool:
        """Return whether these fields are as the file gives them."""
        return self.bad.isdisjoint(fields)


@dataclass
class Draft:
    """What could be read of an inventory.

    Parameters
    ----------
    settings
        The settings, or None where they are no mapping.
    hosts, switches, links, vms, rules
        The entries that could be read, in order.
    known_hosts, known_switches, known_vms
        Names that are given, also by entries that are wrong otherwise.
    unnamed
        Sections that are wrong as a whole or have entries of no readable name: any other name may be meant there.
    """

    settings: Item[Settings] | None = None
    hosts: list[Item[Host]] = field(default_factory=list)
    switches: list[Item[str]] = field(default_factory=list)
    links: list[Item[Link]] = field(default_factory=list)
    vms: list[Item[VM]] = field(default_factory=list)
    rules: list[Item[Rule]] = field(default_factory=list)
    known_hosts: set[str] = field(default_factory=set)
    known_switches: set[str] = field(default_factory=set)
    known_vms: set[str] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, inventory: Inventory) -> Draft:
        """Make the draft of an inventory that is right in itself."""
        return cls(
            settings=Item(0, inventory.settings),
            hosts=[Item(i, host) for i, host in enumerate(inventory.hosts)],
            switches=[Item(i, name) for i, name in enumerate(inventory.switches)],
            links=[Item(i, link) for i, link in enumerate(inventory.links)],
            vms=[Item(i, vm) for i, vm in enumerate(inventory.vms)],
            rules=[Item(i, rule) for i, rule in enumerate(inventory.rules)],
            known_hosts={host.name for host in inventory.hosts},
            known_switches=set(inventory.switches),
            known_vms={vm.name for vm in inventory.vms},
        )

    @property
    def network_is_whole(self) -> bool:
        """Whether every host, switch and link could be read."""
        parts = (*self.hosts, *self.links)
        return self.unnamed.isdisjoint(("hosts", "switches", "links")) and not any(item.bad for item in parts)


def read_draft(data: Mapping[str, Any]) -> tuple[Draft, Inventory | None, list[Finding]]:
    """Read the data of an inventory as far as it goes.

    Parameters
    ----------
    data
        What the file says.

    Returns
    -------
    tuple
        What could be read; the inventory if every part of it could; what is wrong with the parts.
    """
    reader = _Reader()
    draft = reader.draft
    draft.settings = reader.entry(Settings, data.get("settings", {}), ("settings",))
    draft.hosts, draft.known_hosts = reader.entries(Host, data, "hosts")
    draft.switches, draft.known_switches = reader.names(data, "switches")
    draft.links, _ = reader.entries(Link, data, "links")
    draft.vms, draft.known_vms = reader.entries(VM, data, "vms")
    draft.rules = reader.rules(data, "rules")
    inventory = reader.whole(data)
    return draft, inventory, reader.findings


class _Reader:
    """Validates entry by entry, so that one that is wrong does not hide the others."""

    def __init__(self) -> None:
        self.draft = Draft()
        self.findings: list[Finding] = []

    def entry[M: BaseModel](self, model: type[M], raw: Any, at: Path) -> Item[M] | None:
        """Read one entry; None where nothing of it can be read."""
        index = at[-1] if isinstance(at[-1], int) else 0
        try:
            return Item(index, model.model_validate(raw))
        except ValidationError as error:
            found = translate(error, (model,), at)
        self.findings += found
        if not isinstance(raw, dict):
            return None
        bad = frozenset(str(finding.path[len(at)]) for finding in found)
        made_up = {key: value for key, value in _MADE_UP[model].items() if key in bad}
        right = {key: value for key, value in raw.items() if key not in bad}
        return Item(index, model.model_validate({**right, **made_up}), bad)

    def entries[M: BaseModel](
        self, model: type[M], data: Mapping[str, Any], section: str
    ) -> tuple[list[Item[M]], set[str]]:
        """Read the entries of a section and the names that they give, right or wrong."""
        items: list[Item[M]] = []
        names: set[str] = set()
        for index, raw in enumerate(self._list(data, section)):
            item = self.entry(model, raw, (section, index))
            name = raw.get("name") if isinstance(raw, dict) else None
            if isinstance(name, str):
                names.add(name)
            elif "name" in model.model_fields or item is None:
                self.draft.unnamed.add(section)
            if item is not None:
                items.append(item)
            if self._is_enough(section):
                break
        return items, names

    def names(self, data: Mapping[str, Any], section: str) -> tuple[list[Item[str]], set[str]]:
        """Read a section of names."""
        items: list[Item[str]] = []
        for index, raw in enumerate(self._list(data, section)):
            try:
                items.append(Item(index, _NAME.validate_python(raw)))
            except ValidationError as error:
                self.findings += translate(error, (), (section, index))
                self.draft.unnamed.add(section)
            if self._is_enough(section):
                break
        return items, {item.value for item in items}

    def rules(self, data: Mapping[str, Any], section: str) -> list[Item[Rule]]:
        """Read the rules that are right in themselves."""
        items: list[Item[Rule]] = []
        for index, raw in enumerate(self._list(data, section)):
            try:
                items.append(Item(index, _RULE.validate_python(raw)))
            except ValidationError as error:
                self.findings += translate(error, tuple(RULE_KINDS.values()), (section, index))
            if self._is_enough(section):
                break
        return items

    def whole(self, data: Mapping[str, Any]) -> Inventory | None:
        """Read the top level, with what was read of its sections; entries that are wrong only count here."""
        draft, top = self.draft, dict(data)
        sections: Mapping[str, Sequence[Item[Any]]] = {
            "hosts": draft.hosts or [Item(0, Host(**_MADE_UP[Host]))],
            "switches": draft.switches,
            "links": draft.links,
            "vms": draft.vms,
            "rules": draft.rules,
        }
        for section, items in sections.items():
            if isinstance(top.get(section), list) and top[section]:
                top[section] = tuple(item.value for item in items)
        if draft.settings is not None:
            top["settings"] = draft.settings.value
        else:
            top.pop("settings", None)
        try:
            inventory = Inventory.model_validate(top)
        except ValidationError as error:
            self.findings += translate(error, (Inventory,))
            return None
        return None if self.findings else inventory

    def _list(self, data: Mapping[str, Any], section: str) -> list[Any]:
        raw = data.get(section, [])
        if isinstance(raw, list):
            return raw
        self.draft.unnamed.add(section)
        return []

    def _is_enough(self, section: str) -> bool:
        """Return whether so much is wrong that the rest of a section is not read."""
        enough = len(self.findings) > MAX_PROBLEMS
        if enough:
            self.draft.unnamed.add(section)
        return enough
