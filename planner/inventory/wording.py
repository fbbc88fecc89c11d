"""The words for each kind of error that the models raise: code, message and mend."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from planner.inventory.models import NAME_PATTERN, RULE_KINDS
from planner.inventory.places import Path, clip

Words = tuple[str, str, str]
"""Code, message and mend."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A value that a model rejects.

    Parameters
    ----------
    path
        Where it is, from the part that was validated.
    owner
        The model whose field it is, or None.
    field
        The field, or None where the key is unknown.
    name
        The last key of the path.
    value
        What was given.
    context
        Limits and choices, as pydantic names them.
    said
        What pydantic says of it.
    inner
        The models whose mapping is expected at the path, if any.
    """

    path: Path
    owner: type[BaseModel] | None
    field: FieldInfo | None
    name: str
    value: Any
    context: Mapping[str, Any]
    said: str
    inner: tuple[type[BaseModel], ...] = ()


def explain(kind: str, it: Rejection) -> Words:
    """Return the words for a rejection of one of pydantic's kinds."""
    return _WORDS.get(kind, _any_value)(it)


def shown(value: Any) -> str:
    """Write a value from a file for people, shortened."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return clip(repr(value)) if isinstance(value, int) or math.isfinite(value) else f"{value}"
        case str():
            return clip(repr(value))
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return clip(str(value))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the known name that is meant, as a question, or nothing; of very many names, only one in other case."""
    names = list(known)
    same = [other for other in names if other.casefold() == name.casefold()]
    few = names if len(names) <= _MOST_COMPARED else []
    close = same or difflib.get_close_matches(name[:200], few, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""


_MOST_COMPARED = 2000


def _help(it: Rejection) -> str:
    """Return what a field is, with an example where it has a unit."""
    if it.field is None or not it.field.description:
        return ""
    text = it.field.description.rstrip(".")
    notes = (*it.field.metadata, *_notes_in(it.field.annotation))
    examples = [m.json_schema["examples"][1] for m in notes if isinstance(m, WithJsonSchema) and m.json_schema]
    text = text if text[1:2].isupper() else text[:1].lower() + text[1:]
    return f"{text}, such as {examples[0]}" if examples else text


def _notes_in(hint: Any) -> Iterator[Any]:
    """Yield what is noted at the parts of a type."""
    yield from getattr(hint, "__metadata__", ())
    for part in get_args(hint):
        yield from _notes_in(part)


def _missing(it: Rejection) -> Words:
    if it.path and isinstance(it.path[-1], int):
        return "wrong-length", f"{it.name} has too few entries", _help(it) or "add what is missing"
    text = _help(it)
    return "missing-key", f"the key {it.name} is missing", f"add it: {text}" if text else "add it"


def _unknown_key(it: Rejection) -> Words:
    known = tuple(it.owner.model_fields) if it.owner else ()
    mend = did_you_mean(it.name, known) or f"remove it; known keys are {', '.join(known)}"
    if len(known) == 1:
        mend = f"remove it, or make it an entry of its own; beside {known[0]} no key is known"
    return "unknown-key", f"the key {clip(it.name)} is unknown", mend


def _wrong_type(expected: str) -> Callable[[Rejection], Words]:
    def words(it: Rejection) -> Words:
        if it.value is None:
            mend = "give it a value, or remove the key"
        elif expected == "text" and isinstance(it.value, int | float):
            mend = f'put quotes around it: "{str(it.value).lower()}"'
        elif expected == "a list" and isinstance(it.value, str | int):
            mend = f"write it as a list: [{clip(str(it.value))}]"
        elif expected == "true or false":
            mend = "write true or false, without quotes"
        elif isinstance(it.value, str) and _is_number(it.value):
            mend = "write the number without quotes"
        elif expected == "a mapping" and len(it.inner) == 1:
            needed = [key for key, field in it.inner[0].model_fields.items() if field.is_required()]
            mend = f"write it as {{{', '.join(f'{key}: …' for key in needed)}}}"
        else:
            mend = _help(it) or f"write {expected}"
        return "wrong-type", f"{expected} is expected, got {shown(it.value)}", mend

    return words


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _range(words: str, key: str) -> Callable[[Rejection], Words]:
    def ranged(it: Rejection) -> Words:
        limit = it.context[key]
        bound = f"{words} {limit:g}" if isinstance(limit, float) else f"{words} {limit}"
        return "out-of-range", f"{it.name} must be {bound}, got {shown(it.value)}", _help(it) or f"give one {bound}"

    return ranged


def _length(it: Rejection) -> Words:
    few = "min_length" in it.context
    limit = it.context["min_length" if few else "max_length"]
    bound = f"at least {limit}" if few else f"at most {limit}"
    entries = "entry" if limit == 1 else "entries"
    count = len(it.value) if isinstance(it.value, list | tuple | str) else "another number of"
    mend = _help(it) or f"give {bound}"
    return "wrong-length", f"{it.name or 'the rule'} must have {bound} {entries}, got {count}", mend


def _name(it: Rejection) -> Words:
    mend = "names have 1 to 128 letters, digits and . _ - : @ +, and do not begin with -"
    if it.context.get("pattern", NAME_PATTERN) != NAME_PATTERN:
        return (
            "bad-value",
            f"{shown(it.value)} does not fit here",
            _help(it) or f"write it like {it.context['pattern']}",
        )
    return "bad-name", f"{shown(it.value)} is no name", mend


def _choice(it: Rejection) -> Words:
    expected = str(it.context["expected"])
    if it.path == ("format",):
        wanted = expected.strip("'")
        mend = f"write format: {wanted}, or use a version of evac that reads the other"
        return "wrong-format", f"the format {wanted} is expected, got {shown(it.value)}", mend
    choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
    hint = did_you_mean(it.value, choices) if isinstance(it.value, str) else ""
    message = f"one of {', '.join(choices)} is expected, got {shown(it.value)}" if len(choices) > 1 else ""
    return "bad-value", message or f"{choices[0]} is expected, got {shown(it.value)}", hint or "write one of those"


def _quantity(it: Rejection) -> Words:
    text = str(it.context["error"])
    before, sign, mend = text.rpartition("; ")
    if not sign:
        before, sign, mend = text.partition(": write ")
        mend = f"write {mend}"
    return "bad-quantity", before or text, mend if sign else _help(it)


def _not_finite(it: Rejection) -> Words:
    return "not-finite", f"{it.name} must be a finite number, got {shown(it.value)}", _help(it) or "write a number"


def _no_kind(it: Rejection) -> Words:
    if not isinstance(it.value, dict):
        return _wrong_type("a mapping")(it)
    kinds = tuple(RULE_KINDS)
    if not it.value:
        return "missing-key", "the rule is empty", f"give it one of the keys {', '.join(kinds)}"
    key = str(next(iter(it.value)))
    mend = did_you_mean(key, kinds) or f"use one of {', '.join(kinds)}"
    return "unknown-key", f"the rule {clip(key)} is unknown", mend


def _any_value(it: Rejection) -> Words:
    return "bad-value", f"{it.said[:1].lower()}{it.said[1:]}, got {shown(it.value)}", _help(it) or "correct the value"


_WORDS: Mapping[str, Callable[[Rejection], Words]] = MappingProxyType(
    {
        "missing": _missing,
        "extra_forbidden": _unknown_key,
        "string_type": _wrong_type("text"),
        "int_type": _wrong_type("a whole number"),
        "int_from_float": _wrong_type("a whole number"),
        "int_parsing": _wrong_type("a whole number"),
        "float_type": _wrong_type("a number"),
        "float_parsing": _wrong_type("a number"),
        "bool_type": _wrong_type("true or false"),
        "bool_parsing": _wrong_type("true or false"),
        "tuple_type": _wrong_type("a list"),
        "model_type": _wrong_type("a mapping"),
        "model_attributes_type": _wrong_type("a mapping"),
        "dict_type": _wrong_type("a mapping"),
        "greater_than": _range("more than", "gt"),
        "greater_than_equal": _range("at least", "ge"),
        "less_than": _range("less than", "lt"),
        "less_than_equal": _range("at most", "le"),
        "too_short": _length,
        "too_long": _length,
        "string_too_short": _name,
        "string_too_long": _name,
        "string_pattern_mismatch": _name,
        "literal_error": _choice,
        "enum": _choice,
        "value_error": _quantity,
        "finite_number": _not_finite,
        "union_tag_not_found": _no_kind,
        "union_tag_invalid": _no_kind,
    }
)
"""What to say for each kind of error that the models can raise."""
