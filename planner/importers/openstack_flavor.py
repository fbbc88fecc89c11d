"""What a flavor's extra specs ask of a host, and what of it keeps a server from moving live."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planner.importers.facts import Hindrance
from planner.importers.naming import label
from planner.inventory.places import clip

_TRAIT = re.compile(r"trait\w*:(\w+)")
_AGGREGATE = "aggregate_instance_extra_specs:"
_PLAIN = re.compile(r"(?:s==\s+|=\s+)?([^<>=!\s][^<>\s]*)")
_SMALL_PAGES = frozenset({"", "small", "any", "4", "4kb", "4kib"})


@dataclass(frozen=True)
class Wish:
    """Something that a host must have.

    Parameters
    ----------
    kind
        ``trait``, ``no-trait`` or ``aggregate``.
    key, value
        Name of the trait; or key and value of an aggregate's metadata.
    """

    kind: str
    key: str
    value: str = ""

    @property
    def label(self) -> str:
        """The label of hosts that have it."""
        match self.kind:
            case "trait":
                return label(self.key)
            case "no-trait":
                return label(f"without-{self.key}")
            case _:
                return label(f"{self.key}-{self.value}")


def wishes(specs: Mapping[str, str]) -> Iterator[Wish]:
    """Yield what extra specs ask of a host, as far as a label can say it."""
    for key, value in specs.items():
        match = _TRAIT.fullmatch(key)
        if match is not None and value in ("required", "forbidden"):
            yield Wish("trait" if value == "required" else "no-trait", match[1])
        plain = _PLAIN.fullmatch(value) if key.startswith(_AGGREGATE) else None
        if plain is not None:
            yield Wish("aggregate", key.removeprefix(_AGGREGATE), plain[1])


def unsaid(specs: Mapping[str, str]) -> list[str]:
    """Return extra specs on places that no label can say, such as those with operators."""
    return [
        clip(f"{key}={value}")
        for key, value in specs.items()
        if key.startswith(_AGGREGATE) and not _PLAIN.fullmatch(value)
    ]


def hindrances(specs: Mapping[str, str]) -> Iterator[tuple[Hindrance, str]]:
    """Yield what keeps a server from moving live, or needs care at its target."""
    for key, value in specs.items():
        scope, _, name = key.partition(":")
        told = clip(f"{key}={value}")
        truth = value.casefold() in ("true", "yes", "1", "on")
        if key == "pci_passthrough:alias":
            yield Hindrance.PASSTHROUGH, told
        elif scope.startswith("resources") and name in ("VGPU", "PGPU") and value != "0":
            yield Hindrance.VGPU, told
        elif (
            (key == "hw:mem_encryption" and truth)
            or (key == "hw:pmem" and value)
            or (key == "hw:tpm_version" and specs.get("hw:tpm_secret_security") not in ("host", "deployment"))
        ):
            yield Hindrance.FORBIDDEN, told
        elif key == "hw:mem_page_size" and value.casefold() not in _SMALL_PAGES:
            yield Hindrance.HUGEPAGES, told
        elif key == "hw:cpu_policy" and value in ("dedicated", "mixed"):
            yield Hindrance.PINNED_CPUS, told


def wants_dedicated(specs: Mapping[str, str]) -> bool:
    """Return whether a server has CPUs of its own."""
    return specs.get("hw:cpu_policy") in ("dedicated", "mixed") or any(
        key.startswith("resources") and key.endswith(":PCPU") and value != "0" for key, value in specs.items()
    )
