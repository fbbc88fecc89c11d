"""YAML text into data and lines, by the core schema of YAML 1.2, from the parser's events.

PyYAML's C parser gives the events; what they mean is settled here, so ``no`` and ``on`` are text as YAML 1.2
has it. Only what a document needs is read: mappings with text keys, lists and scalars, in one document. Anchors,
aliases and tags are refused, so no file grows by being read; so are very deep or very wide ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from planner.errors import InputError, Place, Problem
from planner.inventory.places import (
    MAX_DEPTH,
    MAX_KEYS,
    MAX_PROBLEMS,
    Document,
    Path,
    clip,
    limited,
    most_entries,
    path_text,
)
from planner.inventory.yaml_syntax import syntax_problem

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMERIC_START = frozenset("+-.0123456789")
_LONGEST_INTEGER = 400


def read_yaml(text: str, file: str | None, what: str, *, max_keys: int = MAX_KEYS, begins: str = "format:") -> Document:
    """Read one YAML document.

    Parameters
    ----------
    text
        The text.
    file
        Name of the file, for the places of problems.
    what
        What the document should be, such as ``an inventory``.
    max_keys
        Most keys of a mapping [count]; documents of others may use names as keys.
    begins
        Key with which the document should begin, for the message where it is something else.

    Returns
    -------
    Document
        The data; keys given twice are among its problems, and the first one counts.

    Raises
    ------
    InputError
        If the text is no YAML, is empty, no mapping, more than one document, too deep or too wide, or has
        anchors, aliases, tags or keys that are not text.
    """
    reader = _Reader(
        yaml.parse(text, Loader=_LOADER),
        file,
        f"{what} is expected, a mapping that begins with {begins}",
        what,
        max_keys,
    )
    try:
        data = reader.document()
    except yaml.YAMLError as error:
        raise InputError(limited([*reader.problems, syntax_problem(error, text, file)])) from None
    except UnicodeEncodeError:
        place = Place(file)
        raise InputError.single("not-utf8", "the text holds half a character", "save it as UTF-8", place) from None
    return Document(data, file, reader.lines, reader.problems)


def resolve(text: str) -> Any:
    """Return what a plain scalar means in the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_START:
        return text
    if _INTEGER.fullmatch(text):
        if len(text) > _LONGEST_INTEGER:
            return -math.inf if text[0] == "-" else math.inf
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text


class _Reader:
    """Builds the data from events by recursive descent, and notes the line of each entry."""

    def __init__(self, events: Iterator[Any], file: str | None, expected: str, what: str, max_keys: int) -> None:
        self.problems: list[Problem] = []
        self._events = events
        self._file = file
        self._expected = expected
        self._what = what
        self._max_keys = max_keys
        self._path: list[str | int] = []
        self._marks: dict[Path, dict[str, int] | list[int]] = {}

    def document(self) -> dict[str, Any]:
        """Read the only document."""
        next(self._events)
        start = next(self._events)
        event = next(self._events) if isinstance(start, DocumentStartEvent) else None
        if event is not None:
            self._check_node(event)
        if event is None or (isinstance(event, ScalarEvent) and not event.value and not event.style):
            message = f"the file is empty where {self._what} is expected"
            self._refuse("empty-file", message, "check that it is the right file; `evac new` writes a starter", event)
        if not isinstance(event, MappingStartEvent):
            got = "a list" if isinstance(event, SequenceStartEvent) else "text"
            message = f"{self._expected}, got {got}"
            self._refuse("not-a-mapping", message, "check that it is the right file", event)
        data: dict[str, Any] = self._value(event)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, StreamEndEvent):
            message = "the file holds more than one YAML document"
            self._refuse("several-documents", message, "keep one document, without a further line ---", after)
        return data

    def lines(self) -> dict[Path, int]:
        """Return the line of each path."""
        found: dict[Path, int] = {(): 1}
        for path, marks in self._marks.items():
            entries = marks.items() if isinstance(marks, dict) else enumerate(marks)
            found.update({(*path, key): line for key, line in entries})
        return found

    def _value(self, event: Any) -> Any:
        self._check_node(event)
        if isinstance(event, ScalarEvent):
            return event.value if event.style else resolve(event.value)
        if len(self._path) > MAX_DEPTH:
            message = f"nesting deeper than {MAX_DEPTH} levels"
            self._refuse("too-deep", message, "check that it is the right file", event)
        return self._mapping() if isinstance(event, MappingStartEvent) else self._list()

    def _mapping(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        marks: dict[str, int] = {}
        self._marks[tuple(self._path)] = marks
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._key(event)
            line = event.start_mark.line + 1
            if key in data:
                self._note_duplicate(key, line, marks[key])
                self._skip_value()
                continue
            if len(data) == self._max_keys:
                message = f"a mapping with more than {self._max_keys} keys"
                self._refuse("too-many", message, "check that it is the right file", event)
            self._path.append(key)
            data[key] = self._value(next(self._events))
            marks[key] = line
            self._path.pop()
        return data

    def _list(self) -> list[Any]:
        data: list[Any] = []
        most = most_entries(len(self._path))
        marks: list[int] = []
        self._marks[tuple(self._path)] = marks
        while not isinstance(event := next(self._events), SequenceEndEvent):
            if len(data) == most:
                message = f"a list with more than {most:,} entries"
                self._refuse("too-many", message, "check that it is the right file", event)
            self._path.append(len(data))
            data.append(self._value(event))
            marks.append(event.start_mark.line + 1)
            self._path.pop()
        return data

    def _skip_value(self) -> None:
        depth = 0
        while True:
            event = next(self._events)
            if isinstance(event, MappingStartEvent | SequenceStartEvent):
                depth += 1
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                depth -= 1
            if depth == 0:
                return

    def _key(self, event: Any) -> str:
        self._check_node(event)
        if not isinstance(event, ScalarEvent):
            mend = "write keys as plain text, and put quotes around text that begins with { or ["
            self._refuse("bad-key", "a list or mapping stands where a key is expected", mend, event)
        return str(event.value)

    def _check_node(self, event: Any) -> None:
        """Refuse anchors, aliases and tags."""
        if event.anchor is not None:
            sign = "*" if isinstance(event, AliasEvent) else "&"
            message = f"YAML anchors and aliases are not read, got {sign}{clip(event.anchor)}"
            mend = f"write the value out at each place, and put quotes around text that begins with {sign}"
            self._refuse("yaml-anchor", message, mend, event)
        if event.tag is not None:
            mend = "remove the tag, and put quotes around text that begins with !"
            self._refuse("yaml-tag", f"YAML tags are not read, got {clip(event.tag)}", mend, event)

    def _note_duplicate(self, key: str, line: int, first: int) -> None:
        place = Place(self._file, line, path_text((*self._path, key)))
        message = f"the key {clip(key)} is given twice, first on line {first}"
        self.problems.append(Problem("duplicate-key", message, "keep one of the two", place))
        if len(self.problems) > MAX_PROBLEMS:
            raise InputError(limited(self.problems))

    def _refuse(self, code: str, message: str, mend: str, event: Any = None) -> NoReturn:
        """Give the file up, with what is known of it."""
        line = None if event is None else event.start_mark.line + 1
        place = Place(self._file, line, path_text(tuple(self._path)))
        raise InputError(limited([*self.problems, Problem(code, message, mend, place)]))
