"""What pydantic says of a value, in the words of those who wrote the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from planner.inventory.models import DIRECTION_TAGS
from planner.inventory.places import Path, clip
from planner.inventory.wording import Rejection, explain


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before it has a place in a file.

    Parameters
    ----------
    code, message, mend
        As in `planner.errors.Problem`.
    path
        Where it is in the document.
    """

    code: str
    message: str
    mend: str
    path: Path


def translate(error: ValidationError, models: tuple[type[BaseModel], ...], at: Path = ()) -> list[Finding]:
    """Return what pydantic found, without what only follows from it.

    Parameters
    ----------
    error
        What pydantic raised.
    models
        The model that was validated; all kinds where it was a union told by a key.
    at
        Path of the validated part within its document.
    """
    details = error.errors(include_url=False)
    rejections = [_rejection(models, detail) for detail in details]
    return [
        _finding(detail["type"], rejection, at)
        for detail, rejection in zip(details, rejections, strict=True)
        if not _follows(detail, rejection.path, rejections)
    ]


def _finding(kind: str, rejection: Rejection, at: Path) -> Finding:
    code, message, mend = explain(kind, rejection)
    path = rejection.path
    if code == "wrong-length" and path and isinstance(path[-1], int):
        path = path[:-1]
    return Finding(code, clip(message, 300), clip(mend, 300), (*at, *path))


def _follows(detail: ErrorDetails, path: Path, others: Iterable[Rejection]) -> bool:
    """Return whether a list is too short only because pydantic left out entries that are wrong themselves."""
    if detail["type"] != "too_short" or not isinstance(detail["input"], list):
        return False
    inside = any(other.path[: len(path)] == path and other.path != path for other in others)
    return inside and len(detail["input"]) >= detail["ctx"]["min_length"]


def _rejection(models: tuple[type[BaseModel], ...], detail: ErrorDetails) -> Rejection:
    path: list[str | int] = []
    owner: type[BaseModel] | None = None
    field: FieldInfo | None = None
    name = ""
    for part in detail["loc"]:
        if isinstance(part, int):
            path.append(part)
        elif field is not None and not models and part in DIRECTION_TAGS:
            continue  # which form of a value was read, and no key
        elif len(models) > 1:
            # pydantic puts the key that tells the kinds of a union apart before the path within that kind.
            models = tuple(model for model in models if part in model.model_fields)
        else:
            owner = models[0] if models else None
            field = owner.model_fields.get(part) if owner else None
            name = part
            path.append(part)
            models = tuple(_models_in(field.annotation)) if field else ()
    return Rejection(tuple(path), owner, field, name, detail["input"], detail.get("ctx", {}), detail["msg"], models)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
