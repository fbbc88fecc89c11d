"""What a YAML parser's complaint means to those who wrote the file."""

from __future__ import annotations

import yaml

from planner.errors import Place, Problem
from planner.inventory.places import clip

_QUOTE = "put quotes around text that holds ': ' or ' #' or begins with a sign such as @ or %"
_PLAIN_WORDS = (
    ("mapping values are not allowed", "a colon stands where no key can be", f"check the indentation, and {_QUOTE}"),
    ("cannot start any token", "text begins with a sign that needs quotes", _QUOTE),
    ("could not find expected ':'", "this line is no key: value and no entry of a list", "add the colon or the dash"),
    ("expected ',' or ']'", "the bracket [ is not closed, or a comma is missing", "close it with ] or add the comma"),
    ("expected ',' or '}'", "the brace { is not closed, or a comma is missing", "close it with } or add the comma"),
    ("unexpected end of stream", "a quote is not closed", "close it"),
    (
        "did not find expected key",
        "the indentation does not fit the lines above",
        "indent the keys of a mapping alike, and the dashes of a list",
    ),
    ("expected '-' indicator", "the indentation does not fit the list above", "indent the dashes of a list alike"),
    ("expected <document start>", "this does not belong to what stands above", "check the indentation"),
    ("did not find expected node content", "a value is missing or has a sign that needs quotes", _QUOTE),
)
"""Part of the parser's words, then what is wrong and the mend."""


def syntax_problem(error: yaml.YAMLError, text: str, file: str | None) -> Problem:
    """Return the problem for an error of the YAML parser.

    Parameters
    ----------
    error
        What the parser raised.
    text
        The text that it read.
    file
        Name of the file, or None.
    """
    if isinstance(error, yaml.reader.ReaderError):
        return _bad_character(error, text, file)
    words = str(getattr(error, "problem", None) or error)
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    line = None if mark is None else mark.line + 1
    message, mend = next(
        ((message, mend) for part, message, mend in _PLAIN_WORDS if part in words),
        (f"this is no YAML: {clip(words, 120)}", "check the indentation, brackets and quotes here and above"),
    )
    if mark is not None and _indented_by_tab(text, mark.line):
        message, mend = "the line is indented with a tab", "indent with spaces"
    elif opened is not None and mark is not None and opened.line != mark.line:
        message += f"; what is not finished begins on line {opened.line + 1}"
    return Problem("bad-yaml", message, mend, Place(file, line))


def _bad_character(error: yaml.reader.ReaderError, text: str, file: str | None) -> Problem:
    # The C parser counts bytes and the Python parser characters: look for the character itself.
    code = error.character if isinstance(error.character, int) else ord(error.character)
    position = text.find(chr(code))
    line = text.count("\n", 0, position) + 1 if position >= 0 else None
    message = f"the control character U+{code:04X} is not allowed"
    return Problem("bad-yaml", message, "remove it, and check that it is the right file", Place(file, line))


def _indented_by_tab(text: str, line: int) -> bool:
    lines = text.split("\n", line + 1)
    return len(lines) > line and "\t" in lines[line][: len(lines[line]) - len(lines[line].lstrip())]
