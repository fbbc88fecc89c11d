"""The text format of Ganeti's htools (`hbal -t`, `hscan`): five sections between empty lines, columns by ``|``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from planner.errors import InputError, Place, Problem
from planner.inventory.models import MAX_ITEMS
from planner.inventory.places import clip, limited

SECTIONS = ("groups", "nodes", "instances", "tags", "policies")
RUNNING = frozenset({"running", "ERROR_up"})
STATUSES = RUNNING | {
    "ADMIN_down", "ADMIN_offline", "ERROR_down", "ERROR_nodedown", "ERROR_nodeoffline", "ERROR_wrongnode", "USER_down",
}  # fmt: skip
TEMPLATES = frozenset({"diskless", "file", "sharedfile", "plain", "blockdev", "drbd", "rbd", "ext", "gluster"})
DEFAULT_VCPU_RATIO = 4.0
"""vCPUs for each core of a node where no policy says otherwise: Ganeti's own default [1]."""
DEFAULT_OWN_CPUS = 1
"""vCPUs that a node needs itself where its row does not say: htools' own default [count]."""
MAX_MIB = 2**40
"""Largest size accepted [MiB]: one EiB; more is a mistake in the unit."""
MAX_COUNT = 1_000_000

_WHOLE = re.compile(r"-?[0-9]{1,30}")
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Group:
    """A node group."""

    name: str
    uuid: str
    policy: str


@dataclass(frozen=True)
class Node:
    """A node; sizes are None where the file has a ``?``."""

    name: str
    total_mib: int | None
    own_mib: int | None
    free_mib: int | None
    cores: int | None
    offline: bool
    group: str
    tags: tuple[str, ...]
    exclusive_storage: bool
    own_cpus: int


@dataclass(frozen=True)
class Instance:
    """An instance, running or not."""

    name: str
    memory_mib: int
    disk_mib: int
    vcpus: int
    status: str
    primary: str
    secondary: str
    template: str
    tags: tuple[str, ...]
    forthcoming: bool

    @property
    def running(self) -> bool:
        """Whether it runs on its primary node."""
        return self.status in RUNNING and not self.forthcoming

    @property
    def counts(self) -> bool:
        """Whether htools count its vCPUs, as it runs or may be started."""
        return self.status != "ADMIN_offline" and not self.forthcoming


@dataclass
class Cluster:
    """All that a file says."""

    groups: list[Group] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    vcpu_ratios: dict[str, float] = field(default_factory=dict)
    overcommits: bool = False

    def vcpu_ratio(self, group: str) -> float:
        """Return the vCPUs for each core of a group's nodes [1]."""
        return self.vcpu_ratios.get(group, self.vcpu_ratios.get("", DEFAULT_VCPU_RATIO))


def read_cluster(text: str, file: str) -> Cluster:
    """Read a cluster.

    Raises
    ------
    InputError
        If the text is none: all problems, with line and column.
    """
    return _Reader(file).read(text)


@dataclass(frozen=True)
class _Row:
    """A line of a section: its columns, and where it stands."""

    path: str
    line: int
    columns: tuple[str, ...]

    def column(self, position: int, default: str = "") -> str:
        return self.columns[position] if position < len(self.columns) else default


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[Problem] = []
        self._lines: dict[tuple[str, str], int] = {}

    def read(self, text: str) -> Cluster:
        groups, nodes, instances, tags, policies = self._sections(text)
        found = Cluster()
        for row in self._rows("groups", groups, (3, 5)):
            found.groups.append(Group(row.columns[0], row.columns[1], row.columns[2]))
            self._once("group", row.columns[0], row)
            self._once("UUID", row.columns[1], row)
        uuids = {group.uuid for group in found.groups}
        for row in self._rows("nodes", nodes, (9, 15)):
            found.nodes.append(self._node(row, uuids))
            self._once("node", row.columns[0], row)
        names = {node.name for node in found.nodes}
        for row in self._rows("instances", instances, (10, 13)):
            found.instances.append(self._instance(row, names))
            self._once("instance", row.columns[0], row)
        found.tags = [line for _, line in tags]
        owners = {group.name for group in found.groups} | {""}
        for row in self._rows("policies", policies, (6, 8)):
            found.vcpu_ratios[row.columns[0]] = self._ratio(row, 4, "vcpu_ratio")
            if row.columns[0] not in owners:
                self._wrong_column(row, "owner", "unknown-group", f"there is no group {clip(row.columns[0])!r}")
            if row.column(6):
                found.overcommits |= self._ratio(row, 6, "memory_ratio") != 1
        if not found.nodes and not self._problems:
            self._wrong("empty", "there is no node in it", "check that it is the right file", "nodes", None)
        if self._problems:
            raise InputError(limited(self._problems))
        return found

    def _sections(self, text: str) -> list[list[tuple[int, str]]]:
        """Return the sections, each a list of lines with their numbers; an empty line ends one."""
        lines = text.split("\n")
        if lines and lines[-1] == "":
            lines.pop()
        sections: list[list[tuple[int, str]]] = [[]]
        for number, line in enumerate(lines, start=1):
            line = line.removesuffix("\r")
            if line == "":
                sections.append([])
            else:
                sections[-1].append((number, line))
        if len(sections) not in (4, 5):
            count = len(sections)
            raise InputError.single(
                "no-ganeti-text",
                f"{count} section{'' if count == 1 else 's'} between empty lines, where htools has 5: groups, nodes,"
                " instances, tags, policies (the last may be absent)",
                "give a file that `hscan` or `hbal -S` has written; an empty section makes two empty lines",
                Place(self._file),
            )
        if any(len(section) > MAX_ITEMS for section in sections):
            raise InputError.single("too-many", f"more than {MAX_ITEMS} lines", "check the file", Place(self._file))
        return [*sections, []][:5]

    def _rows(self, section: str, lines: Sequence[tuple[int, str]], sizes: tuple[int, int]) -> Iterator[_Row]:
        """Yield the rows of a section that have as many columns as they may have."""
        least, most = sizes
        for index, (number, line) in enumerate(lines):
            columns = tuple(line.split("|"))
            row = _Row(f"{section}[{index}]", number, columns)
            if not least <= len(columns) <= most:
                message = f"{len(columns)} columns between |, where {least} to {most} are expected"
                self._wrong("columns", message, "see htools(1) for the columns", row.path, number)
                continue
            if section != "policies" and columns[0] == "":
                self._wrong("no-name", "the name is empty", "give it one", row.path, number)
                continue
            yield row

    def _node(self, row: _Row, groups: set[str]) -> Node:
        offline = self._one_of(row, 7, "role", ("Y", "N", "M")) == "Y"
        if row.columns[8] not in groups:
            self._wrong_column(row, "group", "unknown-group", f"no group has the UUID {clip(row.columns[8])!r}")
        unknown = "?" in row.columns[1:7]
        before = len(self._problems)
        sizes = [None if unknown else self._whole(row, at, name, MAX_MIB) for at, name in _NODE_SIZES]
        if unknown and not offline:
            self._wrong_column(row, "t_mem", "unknown-size", "a size is ?, and the node is not offline")
        total, own, free = sizes
        if (
            before == len(self._problems)
            and total is not None
            and own is not None
            and free is not None
            and max(own, free) > total
        ):
            self._wrong_column(row, "f_mem", "more-than-all", "more memory is free or the node's own than there is")
        return Node(
            name=row.columns[0],
            total_mib=total,
            own_mib=own,
            free_mib=free,
            cores=None if unknown else self._whole(row, 6, "cpus", MAX_COUNT),
            offline=offline,
            group=row.columns[8],
            tags=_tags(row.column(10)),
            exclusive_storage=row.column(11) == "Y",
            own_cpus=self._whole(row, 13, "n_cpus", MAX_COUNT) if row.column(13) else DEFAULT_OWN_CPUS,
        )

    def _instance(self, row: _Row, nodes: set[str]) -> Instance:
        primary, secondary = row.columns[6], row.columns[7]
        for name, node in (("primary", primary), *((("secondary", secondary),) if secondary else ())):
            if node not in nodes:
                self._wrong_column(row, name, "unknown-node", f"there is no node {clip(node)!r}")
        if primary == secondary:
            self._wrong_column(row, "secondary", "same-node", "the primary and the secondary node are one")
        self._one_of(row, 5, "auto_balance", ("Y", "N"))
        memory = self._whole(row, 1, "memory", MAX_MIB)
        if memory == 0:
            self._wrong_column(row, "memory", "no-memory", "an instance has memory")
        return Instance(
            name=row.columns[0],
            memory_mib=memory,
            disk_mib=self._whole(row, 2, "disk", MAX_MIB),
            vcpus=self._whole(row, 3, "vcpus", MAX_COUNT),
            status=self._one_of(row, 4, "status", sorted(STATUSES)),
            primary=primary,
            secondary=secondary,
            template=self._one_of(row, 8, "disk_template", sorted(TEMPLATES)),
            tags=_tags(row.columns[9]),
            forthcoming=row.column(12) == "Y",
        )

    def _ratio(self, row: _Row, position: int, name: str) -> float:
        text = row.column(position)
        ratio = float(text) if _DECIMAL.fullmatch(text) else 0.0
        if not 0 < ratio <= MAX_COUNT:
            self._wrong_column(row, name, "no-number", f"a number above 0 is expected, got {clip(text)!r}")
        return ratio

    def _whole(self, row: _Row, position: int, name: str, most: int) -> int:
        text = row.columns[position]
        number = int(text) if _WHOLE.fullmatch(text) else -1
        if not 0 <= number <= most:
            unit = "a number of MiB without a unit" if most == MAX_MIB else "a count"
            self._wrong_column(row, name, "no-number", f"{unit} from 0 to {most} is expected, got {clip(text)!r}")
            return 1
        return number

    def _one_of(self, row: _Row, position: int, name: str, choices: Sequence[str]) -> str:
        text = row.columns[position]
        if text not in choices:
            self._wrong_column(row, name, "no-choice", f"{clip(text)!r} is none of {', '.join(choices)}")
        return text

    def _once(self, noun: str, name: str, row: _Row) -> None:
        first = self._lines.setdefault((noun, name), row.line)
        if first != row.line:
            message = f"the {noun} {clip(name)!r} is there twice, first on line {first}"
            self._wrong("duplicate", message, "keep one of them", row.path, row.line)

    def _wrong_column(self, row: _Row, column: str, code: str, message: str) -> None:
        self._wrong(code, message, "correct the column", f"{row.path}.{column}", row.line)

    def _wrong(self, code: str, message: str, mend: str, path: str, line: int | None) -> None:
        self._problems.append(Problem(code, message, mend, Place(self._file, line, path)))


_NODE_SIZES = ((1, "t_mem"), (2, "n_mem"), (3, "f_mem"))


def _tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for tag in text.split(",") if tag))
