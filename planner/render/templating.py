"""The templates beside this file and the filters that they share."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from planner.render import virsh
from planner.render.words import how_words, plain, plural
from planner.units import format_duration, format_rate, format_size

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&#])")


def environment() -> Environment:
    """Return the environment in which templates are read; an undefined name is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # Markdown and shell, not HTML: the filters escape for each
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "md": escape,
        "code": code,
        "comment": plain,
        "quote": shlex.quote,
        "uri": lambda host: shlex.quote(virsh.uri(host)),
        "duration": format_duration,
        "rate": format_rate,
        "size": format_size,
        "how": lambda move: how_words(move.approach, move.switch_point),
        "count": plural,
    }
    made.tests["number_name"] = str.isdigit
    return made


def escape(text: str) -> str:
    """Return a text with what Markdown would read as markup escaped, on one line."""
    return _SPECIAL.sub(r"\\\1", plain(text))


def code(text: str) -> str:
    """Return a text as a code span that also stands in a table cell."""
    return f"`{plain(text).replace('`', '').replace('|', '')}`"
