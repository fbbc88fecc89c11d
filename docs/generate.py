"""Fill the generated parts of the documentation from the code that they describe.

Run as ``python docs/generate.py``; with ``--check`` nothing is written and the exit code is 1 when a page is
stale. A generated part stands between two comments, and what is around them is written by hand::

    <!-- generated: fields planner.inventory.models.Host -->
    ...
    <!-- end -->

The word after ``generated:`` names the maker, one of `MAKERS`; what follows is its argument.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import annotated_types
import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from planner.inventory.models import Name
from planner.units import Duration, Rate, Size

ROOT = Path(__file__).resolve().parent.parent
PART = re.compile(r"(<!-- generated: (\w+) ?(\S*) -->\n).*?(<!-- end -->)", re.DOTALL)
UNIT = re.compile(r" ?\[([^\]]+)\](?=[.;])")
PURE_NUMBER = "1"
NAME_RULE = typing.get_args(Name)[1].description
QUANTITIES = {Size: "size", Rate: "rate", Duration: "duration", Name: "name"}
BOUNDS = {annotated_types.Gt: ">", annotated_types.Ge: "≥", annotated_types.Lt: "<", annotated_types.Le: "≤"}
PLAIN = {int: "integer", float: "number", str: "text", bool: "true or false"}


def named(dotted: str) -> Any:
    """Return the object that a dotted name stands for."""
    module, name = dotted.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("-",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def type_name(hint: Any) -> str:
    """Return a type in the words of the reader of a format."""
    quantity = next((word for kind, word in QUANTITIES.items() if is_quantity(hint, kind)), None)
    if quantity is not None:
        return quantity
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return type_name(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return " or ".join(dict.fromkeys(type_name(part) for part in arguments if part is not type(None)))
    if origin is tuple:
        one = type_name(arguments[0])
        return f"list of {one}" if arguments[-1] is Ellipsis else f"{len(arguments)} × {one}"
    if origin is dict:
        return f"map from {type_name(arguments[0])} to {type_name(arguments[1])}"
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" if value != "" else "empty" for value in arguments)
    if isinstance(hint, type) and issubclass(hint, BaseModel | Enum):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    return PLAIN[hint]


def is_quantity(hint: Any, kind: Any) -> bool:
    """Tell whether a type is a quantity, perhaps with bounds of its own."""
    if typing.get_origin(hint) is not typing.Annotated or hint.__origin__ is not kind.__origin__:
        return False
    return bool(hint.__metadata__[: len(kind.__metadata__)] == kind.__metadata__)


def bounds(field: FieldInfo) -> str:
    """Return the range of a field, such as ``> 0, ≤ 1``."""
    limits = [
        f"{sign} {getattr(limit, kind.__name__.lower()):,.10g}"
        for limit in field.metadata
        for kind, sign in BOUNDS.items()
        if isinstance(limit, kind)
    ]
    return ", ".join(limits)


def default(field: FieldInfo) -> str:
    """Return the default of a field, or that it must be given."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, tuple | list):
        return ", ".join(f"`{item}`" for item in value) or "none"
    if value is None or value in ("", {}):
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{str(value).lower()}`"


def fields(dotted: str) -> str:
    """Return the table of a model's fields."""
    model: type[BaseModel] = named(dotted)
    hints = typing.get_type_hints(model, include_extras=True)
    rows = []
    for name, field in model.model_fields.items():
        description = field.description or ""
        unit = UNIT.search(description)
        kind = ", ".join(part for part in (type_name(hints[name]), bounds(field)) if part)
        meaning = "Its name." if description == NAME_RULE else UNIT.sub("", description)
        shown_unit = unit[1] if unit and unit[1] != PURE_NUMBER else ""
        rows.append((f"`{name}`", kind, shown_unit, default(field), meaning))
    return table(("field", "type", "unit", "default", "meaning"), rows)


def values(dotted: str) -> str:
    """Return the list of an enumeration's values."""
    return "".join(f"- `{member.value}`\n" for member in named(dotted))


def command_group() -> tuple[click.Group, click.Context]:
    """Return the ``evac`` command and a context for its help."""
    group: click.Group = named("planner.cli.main.main")
    return group, click.Context(group, info_name="evac", **group.context_settings)


def commands(_argument: str) -> str:
    """Return the table of all commands."""
    group, context = command_group()
    rows = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            rows.append((f"`evac {name}`", command.get_short_help_str(200)))
    return table(("command", "what it does"), rows)


def command(name: str) -> str:
    """Return the usage, the help text and the options of a command; one of a group is ``group/name``."""
    found: click.Command
    found, context = command_group()
    for part in name.split("/"):
        inner = found.get_command(context, part) if isinstance(found, click.Group) else None
        if inner is None:
            raise ValueError(f"evac has no command {name!r}")
        found, context = inner, click.Context(inner, info_name=part, parent=context)
    name = name.replace("/", " ")
    usage = " ".join(found.collect_usage_pieces(context))
    records = [parameter.get_help_record(context) for parameter in found.get_params(context)]
    rows = [(f"`{record[0]}`", " ".join(record[1].split())) for record in records if record is not None and record[1]]
    paragraphs = [paragraph(text) for text in inspect.cleandoc(found.help or "").split("\n\n")]
    return "\n\n".join([f"\n    evac {name} {usage}", *paragraphs, table(("option", "meaning"), rows)])


def paragraph(text: str) -> str:
    """Return a paragraph of a help text; one that click is told to keep as it is becomes code below its first line."""
    if not text.startswith("\b\n"):
        return text
    head, *lines = text.splitlines()[1:]
    return "\n".join([head, "", *(f"    {line.strip()}" for line in lines)])


def docstring(text: str) -> str:
    """Return a numpydoc text as Markdown: bold section heads, and a list where there are definitions."""
    text = re.sub(r"^(.+)\n-+$", r"**\1**\n", text, flags=re.MULTILINE)
    return re.sub(r"^(\S.*)\n((?: {4}.*\n?)+)", definition, text, flags=re.MULTILINE).replace("``", "`").strip()


def definition(found: re.Match[str]) -> str:
    """Return a term and its indented text as a list item."""
    return f"- `{found[1]}`: {' '.join(found[2].split())}\n"


def signature(name: str, function: Callable[..., Any]) -> str:
    """Return a signature with one parameter a line, as indented code. Annotations are text, as the source has them."""
    found = inspect.signature(function)
    lines = [f"{name}("]
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "    *," not in lines:
            lines.append("    *,")
        default_text = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        lines.append(f"    {parameter.name}: {parameter.annotation}{default_text},")
    return "\n".join(f"    {line}" for line in [*lines, f") -> {found.return_annotation}"])


def functions(dotted: str) -> str:
    """Return the signatures and docstrings of the public names of a module."""
    module = importlib.import_module(dotted)
    parts = []
    for name in module.__all__:
        item = getattr(module, name)
        code = f"{signature(name, item)}\n\n" if inspect.isfunction(item) else ""
        parts.append(f"### `{name}`\n\n{code}{docstring(inspect.getdoc(item) or '')}\n")
    return "\n" + "\n".join(parts)


def columns(_argument: str) -> str:
    """Return the table of the columns of a log of migrations."""
    known = named("planner.calibrate.columns.COLUMNS")
    rows = [(f"`{one.name}`", one.kind, "required" if one.required else "", one.meaning) for one in known]
    return table(("column", "type", "", "meaning"), rows)


MAKERS: dict[str, Callable[[str], str]] = {
    "fields": fields,
    "values": values,
    "commands": commands,
    "command": command,
    "functions": functions,
    "columns": columns,
}


def filled(text: str) -> str:
    """Return a page with all its generated parts made anew."""
    return PART.sub(lambda part: part[1] + MAKERS[part[2]](part[3]) + part[4], text)


def pages() -> list[Path]:
    """Return all pages of the documentation."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def stale_pages() -> list[Path]:
    """Return the pages whose generated parts are not what the code says now."""
    return [page for page in pages() if filled(page.read_text(encoding="utf-8")) != page.read_text(encoding="utf-8")]


def main(arguments: list[str]) -> int:
    """Renew the pages, or with ``--check`` only say which are stale."""
    stale = stale_pages()
    for page in stale:
        if "--check" in arguments:
            print(f"{page.relative_to(ROOT)} is stale: run python docs/generate.py", file=sys.stderr)
        else:
            page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
            print(f"{page.relative_to(ROOT)} renewed")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
