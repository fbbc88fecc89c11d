"""JSON text into data and lines. The lines are looked for only once something is wrong."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from planner.errors import InputError, Place, Problem
from planner.inventory.places import MAX_DEPTH, MAX_KEYS, Document, Path, clip, limited, most_entries, path_text

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+')
_LONGEST_INTEGER = 400


class _TooWideError(Exception):
    """An object with more keys than are read."""


def read_json(text: str, file: str | None, what: str, hint: str, *, max_keys: int = MAX_KEYS) -> Document:
    """Read one JSON document.

    Parameters
    ----------
    text
        The text.
    file
        Name of the file, for the places of problems.
    what
        What the document should be, such as ``a plan``.
    hint
        The mend where the file is something else.
    max_keys
        Most keys of an object [count]; documents of others may use names as keys.

    Returns
    -------
    Document
        The data; keys given twice are among its problems, and the first one counts.

    Raises
    ------
    InputError
        If the text is no JSON, is empty, no object, or too deep or too wide.
    """
    place = Place(file, 1)
    if not text.strip():
        raise InputError.single("empty-file", f"the file is empty where {what} is expected", hint, Place(file))
    twice = False

    def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        found = dict(pairs)
        if len(found) > max_keys:
            raise _TooWideError
        if len(found) < len(pairs):
            twice = True
            found = dict(reversed(pairs))
        return found

    try:
        data = json.loads(text, object_pairs_hook=first_wins, parse_int=_integer)
    except json.JSONDecodeError as error:
        message = f"this is no JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        mend = f"correct the quotes, commas and brackets here, or {hint}"
        raise InputError.single("bad-json", message, mend, Place(file, error.lineno)) from None
    except RecursionError:
        raise InputError.single("too-deep", f"nesting deeper than {MAX_DEPTH} levels", hint, place) from None
    except _TooWideError:
        raise InputError.single("too-many", f"an object with more than {max_keys:,} keys", hint, place) from None
    if not isinstance(data, dict):
        got = "a list" if isinstance(data, list) else "a single value"
        raise InputError.single("not-a-mapping", f"{what} is expected, a JSON object, got {got}", hint, place)
    _check_size(data, file, hint)
    document = Document(data, file, lambda: _walk(text)[0])
    if twice:
        document.problems += _duplicates(text, file)
    return document


def _integer(digits: str) -> int | float:
    if len(digits) > _LONGEST_INTEGER:
        return -math.inf if digits[0] == "-" else math.inf
    return int(digits)


def _check_size(data: Any, file: str | None, hint: str) -> None:
    todo: list[tuple[Any, int]] = [(data, 1)]
    while todo:
        container, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise InputError.single("too-deep", f"nesting deeper than {MAX_DEPTH} levels", hint, Place(file))
        most = most_entries(depth - 1)
        if len(container) > most:
            message = f"a list with more than {most:,} entries"
            raise InputError.single("too-many", message, hint, Place(file))
        values = container.values() if isinstance(container, dict) else container
        todo.extend((value, depth + 1) for value in values if isinstance(value, dict | list))


def _duplicates(text: str, file: str | None) -> list[Problem]:
    lines, again = _walk(text)
    return limited(
        [
            Problem(
                "duplicate-key",
                f"the key {clip(str(path[-1]))} is given twice, first on line {lines[path]}",
                "keep one of the two",
                Place(file, line, path_text(path)),
            )
            for path, line in again
        ]
    )


def _walk(text: str) -> tuple[dict[Path, int], list[tuple[Path, int]]]:
    """Return the line of each path of valid JSON, and the keys that come again with their lines."""
    lines: dict[Path, int] = {(): 1}
    again: list[tuple[Path, int]] = []
    path: list[str | int] = []
    keys: list[set[str] | None] = []  # the keys seen of each open object; None for a list
    line, position, at_key = 1, 0, False
    for match in _TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        token = match[0]
        top = keys[-1] if keys else None
        if token in ("}", "]"):
            keys.pop()
            path.pop()
        elif token == ",":
            at_key = top is not None
            if top is None:
                path[-1] = int(path[-1]) + 1
        elif at_key and top is not None and token != ":":
            key = path[-1] = json.loads(token)
            if key in top:
                again.append((tuple(path), line))
            top.add(key)
            lines.setdefault(tuple(path), line)
            at_key = False
        elif token != ":":
            if keys and top is None:
                lines.setdefault(tuple(path), line)
            if token in ("{", "["):
                at_key = token == "{"
                keys.append(set() if at_key else None)
                path.append("" if at_key else 0)
    return lines, again
