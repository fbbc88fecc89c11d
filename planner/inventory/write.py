"""An inventory as YAML for people: units where they are exact, one line for each host, link and VM.

Written by hand rather than by a YAML library: the layout is the point, and 20,000 VMs take no time.
What is written reads back as an equal inventory.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

from pydantic import BaseModel

from planner.inventory.models import Inventory
from planner.units import parse_duration, parse_rate, parse_size

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.+-]*")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@lru_cache(maxsize=100_000)
def _quantity(parse: Callable[[str], float], units: tuple[str, ...], value: float) -> str:
    """Return the shortest text with a short number that reads as exactly this value, or the bare number."""
    numbers = [(value / parse(f"1 {unit}"), unit) for unit in units]
    texts = [f"{number:.2f}".rstrip("0").rstrip(".") + f" {unit}" for number, unit in numbers if 1 <= number < 1e5]
    return min((text for text in texts if parse(text) == value), key=len, default=_number(value))


_size = partial(_quantity, parse_size, ("TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB", "kB"))
_link_rate = partial(_quantity, parse_rate, ("Tbit/s", "Gbit/s", "Mbit/s", "kbit/s"))
_memory_rate = partial(_quantity, parse_rate, ("GB/s", "MB/s", "kB/s", "MiB/s", "KiB/s"))
_duration = partial(_quantity, parse_duration, ("h", "min", "s", "ms"))

_QUANTITIES: Mapping[str, Callable[[Any], str]] = {
    "memory": _size,
    "disk": _size,
    "stop_threshold": _size,
    "bandwidth": _link_rate,
    "read_rate": _memory_rate,
    "write_rate": _memory_rate,
    "read_rate_by_hour": _memory_rate,
    "write_rate_by_hour": _memory_rate,
    "ready_after": _duration,
    "shutdown_time": _duration,
    "vm_shutdown_time": _duration,
    "hot_memory": _size,
    "hot_duration": _duration,
    "cold_write_rate": _memory_rate,
    "max_downtime": _duration,
    "downtime_limit": _duration,
    "extra_move_price": _duration,
    "nonzero_memory": _size,
    "working_set": _size,
    "size": _size,
    "rate": _memory_rate,
    "after": _duration,
    "dirtied": _size,
    "disk_write_rate": _memory_rate,
    "up_to": _link_rate,
    "tunnel_bandwidth": _memory_rate,
    "fixed_time": _duration,
    "switch_time": _duration,
    "fault_latency": _duration,
    "write_rate_range": _memory_rate,
    "read_rate_range": _memory_rate,
    "retry_after": _duration,
}
"""How the fields that have a unit are written; one that is not here is written as a bare number."""


def inventory_yaml(inventory: Inventory, comment: str = "") -> str:
    """Write an inventory as YAML.

    Parameters
    ----------
    inventory
        The inventory.
    comment
        Text for the head of the file, without the number signs.

    Returns
    -------
    str
        YAML text that reads back as an equal inventory. Fields that have their default are left out.
    """
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines += [f"format: {inventory.format}", f"name: {_name(inventory.name)}"]
    settings = dict(_fields(inventory.settings))
    if settings:
        lines += ["", "settings:", *(f"  {key}: {text}" for key, text in settings.items())]
    lines += ["", *_section("hosts", inventory.hosts)]
    if inventory.switches:
        lines += ["", *_names("switches", inventory.switches)]
    for key, entries in (("links", inventory.links), ("vms", inventory.vms), ("rules", inventory.rules)):
        if entries:
            lines += ["", *_section(key, entries)]
    return "\n".join(lines) + "\n"


def _section(key: str, entries: Iterable[BaseModel]) -> Iterator[str]:
    yield f"{key}:"
    for entry in entries:
        yield f"  - {entry_text(entry)}"


def entry_text(entry: BaseModel) -> str:
    """Return a host, link, VM or rule on one line, without what is at its default."""
    return f"{{{', '.join(f'{name}: {text}' for name, text in _fields(entry))}}}"


def _names(key: str, names: Iterable[str]) -> list[str]:
    line = f"{key}: [{', '.join(map(_name, names))}]"
    return textwrap.wrap(line, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _fields(entry: BaseModel) -> Iterator[tuple[str, str]]:
    for key, field in type(entry).model_fields.items():
        value = getattr(entry, key)
        if field.is_required() or value != field.get_default():
            yield key, _written(_QUANTITIES.get(key, _scalar), value)


def _written(write: Callable[[Any], str], value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(entry_text(part) if isinstance(part, BaseModel) else write(part) for part in value)}]"
    return write(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(value) if isinstance(value, int | float) else _name(value)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _name(name: str) -> str:
    """Write a name, in quotes where YAML would not read it as text; names hold no quotes themselves."""
    plain = _PLAIN.fullmatch(name) and name.casefold() not in _RESERVED
    return name if plain else f'"{name}"'
