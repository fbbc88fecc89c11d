"""Answers of an API that were saved as JSON: a directory with a file for each, or one document that holds them all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from planner.errors import InputError, Place, Problem
from planner.files import read_text
from planner.inventory.places import Document, limited
from planner.inventory.places import Path as Keys
from planner.inventory.read_json import read_json
from planner.inventory.translate import translate

MOST_FILES = 50_000
"""Most files read of one directory [count]."""
MOST_KEYS = 100_000
"""Most keys of an object [count]: a document may have one for each VM."""
MOST_BYTES = 2**30
"""Largest sum of the files of a directory [bytes]."""


class Part(BaseModel):
    """Base of what is read of an answer: other keys are ignored, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True)


@dataclass(frozen=True)
class Answer:
    """One answer.

    Parameters
    ----------
    path
        What was asked for, such as ``/cluster/resources``.
    data
        What was answered.
    document, at
        The document that it stands in, and where.
    """

    path: str
    data: Any
    document: Document
    at: Keys = ()

    def problem(self, code: str, message: str, mend: str, *where: str | int) -> Problem:
        """Return a problem at a place in the answer."""
        return Problem(code, message, mend, self.document.place((*self.at, *where)))

    def read[M: BaseModel](self, model: type[M], data: Any, problems: list[Problem], *where: str | int) -> M | None:
        """Return a part of the answer as a model, or None with the problems told."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            found = translate(error, (model,), (*self.at, *where))
            problems += [Problem(one.code, one.message, one.mend, self.document.place(one.path)) for one in found]
            return None

    def entries(self, problems: list[Problem], *where: str | int) -> Iterator[tuple[int, Any]]:
        """Yield the entries of a list at a place of the answer with their positions; what is none is a problem."""
        data = self.data
        for key in where:
            data = data[key]
        if isinstance(data, list):
            yield from enumerate(data)
        elif data is not None:
            problems.append(self.problem("wrong-type", "a list is expected here", "save the answer as it is", *where))

    def listed[M: BaseModel](self, model: type[M], problems: list[Problem], *where: str | int) -> list[M]:
        """Return a list at a place of the answer, each entry as a model; those that are wrong are told and left out."""
        read = (self.read(model, entry, problems, *where, index) for index, entry in self.entries(problems, *where))
        return [one for one in read if one is not None]


def read_saved(path: str, what: str, hint: str) -> tuple[list[Answer], list[Problem]]:
    """Read answers that were saved.

    Parameters
    ----------
    path
        A directory, whose files ``a/b.json`` hold the answers to ``/a/b``; or one JSON document with a key for each.
    what
        What is expected, such as ``saved answers of Proxmox VE``.
    hint
        The mend where it is something else.

    Returns
    -------
    list of Answer
        The answers; what the API wraps as ``data`` is unwrapped.
    list of Problem
        What was wrong with the text itself, such as keys given twice.

    Raises
    ------
    InputError
        If there are none, or one of them is no JSON: all problems with file and line.
    """
    root = Path(path)
    if not root.is_dir():
        document = read_json(read_text(path), path, what, hint, max_keys=MOST_KEYS)
        answers = [_answer(_api_path(key), value, document, (key,)) for key, value in document.data.items()]
        return answers, list(document.problems)
    answers = []
    problems: list[Problem] = []
    for name in _files(root, hint):
        file = root / name
        try:
            text = read_text(file)
            wrapped = not text.lstrip().startswith("{") and bool(text.strip())
            document = read_json(f'{{"data": {text}}}' if wrapped else text, str(file), what, hint, max_keys=MOST_KEYS)
        except InputError as error:
            problems += error.problems
            continue
        problems += document.problems
        answers.append(_answer(_api_path(name), document.data, document, ()))
    if problems:
        raise InputError(limited(problems))
    return answers, []


def _files(root: Path, hint: str) -> list[str]:
    """Return the JSON files of a directory and those below it, relative to it, in order."""
    found: list[str] = []
    size_bytes = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            if name.endswith(".json") and file.is_file():
                found.append(file.relative_to(root).as_posix())
                size_bytes += file.stat().st_size
        if len(found) > MOST_FILES or size_bytes > MOST_BYTES:
            message = f"more than {MOST_FILES:,} files or {MOST_BYTES // 2**20:,} MiB of JSON"
            raise InputError.single("too-large", message, hint, Place(str(root)))
    if not found:
        raise InputError.single("empty-file", "no JSON file is in this directory", hint, Place(str(root)))
    return found


def _api_path(name: str) -> str:
    return "/" + name.partition("?")[0].removesuffix(".json").strip("/")


def _answer(path: str, data: Any, document: Document, at: Keys) -> Answer:
    if isinstance(data, dict) and "data" in data and set(data) <= {"data", "total", "success", "errors", "message"}:
        return Answer(path, data["data"], document, (*at, "data"))
    return Answer(path, data, document, at)
