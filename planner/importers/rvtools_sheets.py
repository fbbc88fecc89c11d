"""Sheets of an RVTools export, from an xlsx file or from csv files, as text with places; nothing is computed."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from planner.errors import InputError, Place
from planner.files import MAX_FILE_BYTES, read_bytes, read_text
from planner.importers.rvtools_names import SHEETS, columns_of, plain, sheet_name
from planner.inventory.models import MAX_ITEMS
from planner.inventory.places import clip

MAX_COLUMNS = 2_000
"""Most columns of a sheet [count]; RVTools has up to 100, and one for each custom attribute."""
MAX_UNPACKED_BYTES = 16 * MAX_FILE_BYTES
"""Most that a workbook may hold once unpacked [bytes]: 1 GiB."""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, ParseError, EOFError, OSError, KeyError, IndexError, ValueError, TypeError,
    AttributeError, OverflowError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What openpyxl and zipfile raise on workbooks that are damaged, as found by mutating some."""


class Formula(str):
    """A cell with a formula: what it would come to is not known."""


@dataclass(frozen=True)
class Row:
    """A row of a sheet: its cells by the names of their columns, and where it stands."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """A sheet: rows with cells as text, and the columns that are of use, by their names in lower case."""

    name: str
    file: str
    columns: Mapping[str, str]
    rows: Sequence[Row]

    def place(self, row: Row | None, column: str = "") -> Place:
        """Return where a cell stands."""
        return Place(self.file, None if row is None else row.number, f"{self.name}.{column}" if column else self.name)


def read_sheets(path: str) -> dict[str, Sheet]:
    """Read the sheets of an export that are of use, by name.

    Parameters
    ----------
    path
        An xlsx file, a directory of csv files, or one csv file.

    Raises
    ------
    InputError
        If it is none, or damaged.
    """
    if Path(path).is_dir():
        return _directory(Path(path))
    data = read_bytes(path)
    if data.startswith(_ZIP):
        return _workbook(data, path)
    if data.startswith(_OLE):
        message = "this is a workbook of Excel 97 or one with a password"
        raise InputError.single("old-workbook", message, "save it as .xlsx without a password", Place(path))
    name = sheet_name(Path(path).stem) or "vInfo"
    return {name: _csv(name, path)}


def _directory(folder: Path) -> dict[str, Sheet]:
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.[cC][sS][vV]")):
        name = sheet_name(path.stem)
        if name is None:
            continue
        if name in found:
            message = f"{found[name].name} and {path.name} are both {name}"
            raise InputError.single("two-sheets", message, "keep the files of one export", Place(str(folder)))
        found[name] = path
    if not found:
        message = f"there is no csv file of RVTools in it, such as RVTools_tab{SHEETS[0]}.csv"
        raise InputError.single("no-sheets", message, "give the directory of an export", Place(str(folder)))
    return {name: _csv(name, str(path)) for name, path in found.items()}


def _csv(name: str, path: str) -> Sheet:
    text = read_text(path)
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return _sheet(name, path, ((reader.line_num, row) for row in reader))
    except csv.Error as error:
        mend = "export it again"
        raise InputError.single("bad-csv", f"this is no csv: {error}", mend, Place(path, reader.line_num)) from None


def _workbook(data: bytes, path: str) -> dict[str, Sheet]:
    try:
        import openpyxl
    except ImportError:
        mend = "pip install 'evac[xlsx]', or export to csv and give the directory"
        raise InputError.single("no-openpyxl", "openpyxl, which reads xlsx, is not here", mend, Place(path)) from None
    try:
        _harmless(data, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which say nothing here
            found = _read(openpyxl, data, path)
    except _DAMAGE as error:
        message = f"the workbook is damaged: {clip(str(error) or type(error).__name__, 120)}"
        raise InputError.single("damaged", message, "export it again, or to csv", Place(path)) from None
    if not found:
        message = f"no sheet in it is one of RVTools, such as {SHEETS[0]}"
        raise InputError.single("no-sheets", message, "export all to xlsx", Place(path))
    return found


def _read(openpyxl: Any, data: bytes, path: str) -> dict[str, Sheet]:
    found: dict[str, Sheet] = {}
    for sheet in openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False).worksheets:
        name = sheet_name(sheet.title)
        if name is None:
            continue
        if name in found:
            message = f"{name} is there twice"
            raise InputError.single("two-sheets", message, "keep the sheets of one export", Place(path))
        # The size that a sheet claims to have is not believed.
        sheet.reset_dimensions()
        found[name] = _sheet(name, path, _cells(sheet.iter_rows()))
    return found


def _harmless(data: bytes, path: str) -> None:
    """Refuse workbooks that unpack to too much, or declare entities, as no spreadsheet program writes them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
            message = f"it would unpack to more than {MAX_UNPACKED_BYTES // 2**20} MiB"
            raise InputError.single("too-large", message, "check that it is the right file", Place(path))
        for member in members:
            if not member.filename.lower().endswith((".xml", ".rels")):
                continue
            with archive.open(member) as file:
                kept = b""
                first = True
                while piece := file.read(2**20):
                    text = kept + piece
                    if (first and b"\0" in piece[:8]) or any(word in text for word in _DECLARATIONS):
                        message = f"{clip(member.filename)} declares a document type or is no UTF-8"
                        mend = "save it anew with a spreadsheet program"
                        raise InputError.single("declarations", message, mend, Place(path))
                    kept, first = piece[-16:], False


def _cells(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a sheet with the text of their cells."""
    for number, row in enumerate(rows, start=1):
        yield number, [_text(cell.value, getattr(cell, "data_type", "")) for cell in row]


def _text(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "f":
        return Formula(value if isinstance(value, str) else "=")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _sheet(name: str, file: str, rows: Iterator[tuple[int, list[str]]]) -> Sheet:
    """Return a sheet: its first row has the names of the columns, empty rows are passed over."""
    wanted = {plain(theirs) for choice in columns_of(name).values() for theirs in choice}
    columns: dict[str, str] = {}
    places: list[tuple[str, int]] = []
    read: list[Row] = []
    seen = False
    for number, cells in rows:
        if number > MAX_ITEMS + 1 or len(read) > MAX_ITEMS or len(cells) > MAX_COLUMNS:
            message = f"{name} has more than {MAX_ITEMS} rows or {MAX_COLUMNS} columns"
            raise InputError.single("too-many", message, "check that it is the right file", Place(file, number, name))
        if not any(cells):
            continue
        if not seen:
            seen = True
            for at, cell in enumerate(cells):
                key = plain(cell)
                # Custom attributes may have the name of a column; the first is RVTools' own.
                if key in wanted and key not in columns:
                    columns[key] = " ".join(cell.split())
                    places.append((key, at))
            continue
        # A formula stays one; other text loses its margins.
        read.append(
            Row(
                number,
                {
                    key: cells[at] if isinstance(cells[at], Formula) else cells[at].strip()
                    for key, at in places
                    if at < len(cells)
                },
            )
        )
    return Sheet(name, file, columns, read)
