"""Exports of RVTools for tests: the sample of the examples, changed and written as csv files or as a workbook."""

from __future__ import annotations

import csv
import importlib.util
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMPORTS = Path(__file__).resolve().parent.parent / "examples" / "imports"
Tables = dict[str, list[dict[str, Any]]]


def sample() -> Tables:
    """Return the sheets of the sample."""
    spec = importlib.util.spec_from_file_location("rvtools_example", IMPORTS / "rvtools.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tables: Tables = module.tables()
    return tables


def small() -> Tables:
    """Return two hosts of one cluster with two VMs, and no more columns than are needed."""
    info = [
        {"VM": name, "Powerstate": "poweredOn", "CPUs": 2, "Memory": 4096, "Cluster": "c", "Host": host}
        for name, host in (("x", "a"), ("y", "b"))
    ]
    hosts = [{"Host": host, "Cluster": "c", "# Cores": 16, "# Memory": 65536} for host in ("a", "b")]
    return {"vInfo": info, "vHost": hosts}


def columns(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def write_csv(folder: Path, tables: Tables, separator: str = ",") -> str:
    """Write csv files as RVTools names them; return the directory."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"RVTools_tab{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns(rows) or ["VM"], delimiter=separator)
            writer.writeheader()
            writer.writerows(rows)
    return str(folder)


def workbook(tables: Tables) -> bytes:
    """Return a workbook; text that begins with = is a formula in it."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        names = columns(rows)
        sheet.append(names)
        for row in rows:
            sheet.append([row.get(key) for key in names])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def rewritten(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """Return a workbook with its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def with_shared_strings(data: bytes) -> bytes:
    """Return a workbook that keeps its text in a part of its own, as Excel and RVTools do."""
    strings: list[bytes] = []
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"

    def shared(match: re.Match[bytes]) -> bytes:
        strings.append(match[1])
        return b't="s"><v>%d</v>' % (len(strings) - 1)

    def change(part: str, text: bytes) -> bytes:
        if part.startswith("xl/worksheets"):
            return re.sub(rb't="inlineStr"><is><t>([^<]*)</t></is>', shared, text)
        override = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/></Types>' % kind
        return text.replace(b"</Types>", override)

    changed = io.BytesIO(rewritten(data, change))
    with zipfile.ZipFile(changed, "a") as archive:
        items = b"".join(b"<si><t>%s</t></si>" % text for text in strings)
        space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        archive.writestr("xl/sharedStrings.xml", b'<sst xmlns="%s">%s</sst>' % (space, items))
    return changed.getvalue()
