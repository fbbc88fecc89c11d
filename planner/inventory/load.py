"""An inventory from a file or from text, or everything that is wrong with it in one error."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from planner.errors import InputError, Problem
from planner.files import read_text
from planner.inventory.checks import cross_check
from planner.inventory.draft import Draft, read_draft
from planner.inventory.models import INVENTORY_FORMAT, Inventory
from planner.inventory.places import Document, limited
from planner.inventory.read_json import read_json
from planner.inventory.read_yaml import read_yaml
from planner.inventory.translate import Finding

_WHAT = "an inventory"
_HINT = "check that it is the right file; `evac new` writes a starter"


def load_inventory(path: str | Path) -> Inventory:
    """Read and check an inventory.

    Parameters
    ----------
    path
        A YAML file, or a JSON file whose name ends in ``.json``.

    Returns
    -------
    Inventory
        The inventory, right in itself and in how its parts fit together.

    Raises
    ------
    InputError
        If anything is wrong: all problems, with file, line and path.
    """
    return parse_inventory(read_text(path), str(path))


def parse_inventory(text: str, file: str | None = None) -> Inventory:
    """Read and check an inventory from text.

    Parameters
    ----------
    text
        YAML, or JSON if the file's name ends in ``.json``.
    file
        Name of the file that it came from, or None.

    Raises
    ------
    InputError
        If anything is wrong: all problems, with line and path.
    """
    is_json = file is not None and file.lower().endswith(".json")
    document = read_json(text, file, _WHAT, _HINT) if is_json else read_yaml(text, file, _WHAT)
    document.require_kind(INVENTORY_FORMAT)
    draft, inventory, findings = read_draft(document.data)
    findings += cross_check(draft)
    if inventory is None or findings or document.problems:
        raise InputError(limited([*document.problems, *_placed(findings, document)]))
    return inventory


def check_inventory(inventory: Inventory) -> None:
    """Check how the parts of an inventory that came from no file fit together.

    Raises
    ------
    InputError
        If they do not: all problems, with their paths.
    """
    findings = cross_check(Draft.of(inventory))
    if findings:
        raise InputError(limited(_placed(findings, Document({}, None, dict))))


def _placed(findings: Iterable[Finding], document: Document) -> list[Problem]:
    return [Problem(finding.code, finding.message, finding.mend, document.place(finding.path)) for finding in findings]
