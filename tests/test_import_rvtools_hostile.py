"""Exports of RVTools that are damaged, made up or meant to do harm: one report with places, and nothing else."""

from __future__ import annotations

import io
import random
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner.cli.main import main
from planner.errors import InputError
from planner.importers import rvtools_sheets
from planner.importers.loader import Wishes, load
from planner.importers.rvtools import rvtools_facts
from tests.rvtools_samples import IMPORTS, rewritten, sample, small, with_shared_strings, workbook, write_csv

XLSX = IMPORTS / "rvtools.xlsx"
BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>"""


def problems(path: Path | str) -> list[str]:
    with pytest.raises(InputError) as caught:
        rvtools_facts(str(path))
    return [str(problem) for problem in caught.value.problems]


def changed(tmp_path: Path, sheet: str, row: dict[str, str]) -> str:
    tables = small()
    tables.setdefault(sheet, [{}])[0].update(row)
    return write_csv(tmp_path / "export", tables)


def saved(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "export.xlsx"
    path.write_bytes(data)
    return path


def in_part(name: str, change: Callable[[bytes], bytes]) -> bytes:
    whole = with_shared_strings(XLSX.read_bytes())
    changed = rewritten(whole, lambda part, data: change(data) if part == name else data)
    assert changed != whole
    return changed


@pytest.mark.parametrize(
    ("sheet", "row", "told"),
    [
        ("vInfo", {"Memory": "4 GB"}, "RVTools_tabvInfo.csv:2: vInfo.Memory: a whole number of MiB without its unit"),
        ("vInfo", {"Memory": "4.096"}, "vInfo.Memory: a whole number of MiB"),
        ("vInfo", {"Memory": "-1"}, "vInfo.Memory: a whole number of MiB"),
        ("vInfo", {"Memory": "9" * 17}, "vInfo.Memory: a whole number of MiB"),
        ("vInfo", {"Memory": "9" * 4000}, "vInfo.Memory: a whole number of MiB"),
        ("vInfo", {"Memory": "nan"}, "vInfo.Memory: a whole number of MiB"),
        ("vInfo", {"Memory": "0"}, "vInfo.Memory: a VM that runs has no memory"),
        ("vInfo", {"Memory": ""}, "vInfo.Memory: a VM that runs has no memory"),
        ("vInfo", {"CPUs": "two"}, "vInfo.CPUs: a count from 0 to 1000000 is expected, got 'two'"),
        ("vInfo", {"CPUs": ""}, "vInfo.CPUs: a VM that runs has no cpus"),
        ("vInfo", {"Powerstate": "on"}, "vInfo.Powerstate: 'on' is none of poweredOn, poweredOff, suspended"),
        ("vInfo", {"Template": "perhaps"}, "vInfo.Template: True or False is expected, got 'perhaps'"),
        ("vInfo", {"Host": ""}, "vInfo.Host: a VM that runs has no host"),
        ("vInfo", {"VM": ""}, "vInfo.VM: a VM that runs has no name"),
        ("vHost", {"# Memory": "412316860416"}, "vHost.# Memory: a whole number of MiB"),
        ("vHost", {"# Cores": "1e9"}, "vHost.# Cores: a count"),
        ("vHost", {"Host": "b"}, "vHost.Host: the host 'b' is there twice, first in row 2"),
        ("vHost", {"Host": ""}, "vHost.Host: the host has no name"),
        ("vHost", {"in Maintenance Mode": "=TRUE()"}, "True or False is expected, got '=TRUE()'"),
        ("vNIC", {"Host": "a", "Speed": "10 Gbit/s"}, "vNIC.Speed: a whole number of Mbit/s without its unit"),
        ("vDatastore", {"Name": "san", "# Hosts": "many"}, "vDatastore.# Hosts: a count"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, sheet: str, row: dict[str, str], told: str) -> None:
    found = problems(changed(tmp_path, sheet, row))
    assert any(told in line for line in found), found


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    tables = small()
    tables["vInfo"][0] |= {"Memory": "4 GB", "CPUs": "two"}
    tables["vHost"][1] |= {"# Cores": "x"}
    assert len(problems(write_csv(tmp_path / "export", tables))) == 3


def test_a_vm_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    tables = small()
    tables["vInfo"].append(dict(tables["vInfo"][0]))
    assert "the VM 'x' is there twice, first in row 2" in problems(write_csv(tmp_path / "export", tables))[0]


@pytest.mark.parametrize("column", ["VM", "Powerstate", "Host"])
def test_a_column_that_is_needed_is_missed(tmp_path: Path, column: str) -> None:
    tables = small()
    for row in tables["vInfo"]:
        del row[column]
    assert f"vInfo has no column {column}" in problems(write_csv(tmp_path / "export", tables))[0]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "there is no csv file of RVTools in it"),
        ({"notes.csv": b"a,b\n"}, "there is no csv file of RVTools in it"),
        ({"RVTools_tabvHost.csv": b"Host\na\n"}, "there is no sheet vInfo, only vHost"),
        ({"tabvInfo.csv": b"VM\n", "vInfo.csv": b"VM\n"}, "tabvInfo.csv and vInfo.csv are both vInfo"),
        ({"vInfo.csv": b"VM,Host\0\n"}, "binary"),
        ({"vInfo.csv": "VM\n".encode("utf-16")}, "UTF-16"),
        ({"vInfo.csv": b""}, "vInfo has no column VM"),
        ({"vInfo.csv": b"VM,Powerstate,Host\n"}, "neither vHost nor vInfo names a host"),
        ({"vInfo.csv": b'VM,Host\n"' + b"x" * 200_000 + b'"\n'}, "this is no csv"),
    ],
)
def test_directories_that_are_no_export_are_refused(tmp_path: Path, files: dict[str, bytes], told: str) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert told in problems(tmp_path)[0]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"PK\x03\x04 and then nothing", "the workbook is damaged"),
        (XLSX.read_bytes()[:9000], "the workbook is damaged"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "a workbook of Excel 97 or one with a password"),
        (b"\0\0\0\0", "binary"),
        (b"junk", "vInfo has no column VM"),
        (workbook({"Sheet1": [{"A": 1}]}), "no sheet in it is one of RVTools"),
        (workbook({"vInfo": small()["vInfo"], "tabvInfo": small()["vInfo"]}), "vInfo is there twice"),
        (in_part("xl/worksheets/sheet1.xml", lambda data: data[:2000]), "the workbook is damaged"),
        (in_part("xl/workbook.xml", lambda _: b""), "the workbook is damaged"),
        (in_part("xl/worksheets/sheet1.xml", lambda data: BOMB + data), "sheet1.xml declares a document type"),
        (in_part("xl/sharedStrings.xml", lambda data: OUTSIDE + data), "sharedStrings.xml declares a document type"),
        (in_part("xl/workbook.xml", lambda data: data.decode().encode("utf-16")), "is no UTF-8"),
        (in_part("xl/worksheets/sheet1.xml", lambda data: b"<a>" * 200_000), "the workbook is damaged"),
        (in_part("xl/worksheets/sheet1.xml", lambda data: data.replace(b"<v>1<", b"<v>9999<")), "is damaged"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_workbooks_that_are_none_are_refused(tmp_path: Path, data: bytes, told: str) -> None:
    found = problems(saved(tmp_path, data))
    assert any(told in line for line in found), found
    assert all("export.xlsx" in line for line in found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'r="2"', b'r="900000000"'),
        (b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>'),
        (b'r="A2"', b'r="ZZZZZZ2"'),
        (b'r="A2"', b'r="XFD2"'),
    ],
)
def test_sheets_that_claim_to_be_huge_do_not_hang(tmp_path: Path, old: bytes, new: bytes) -> None:
    data = in_part("xl/worksheets/sheet1.xml", lambda part: part.replace(old, new, 1))
    try:
        facts = rvtools_facts(str(saved(tmp_path, data)))
    except InputError:
        return
    assert len(facts.vms) == 13


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rvtools_sheets, "MAX_UNPACKED_BYTES", 2**20)
    path = tmp_path / "export.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 2**21)
    assert path.stat().st_size < 10_000
    assert "it would unpack to more than 1 MiB" in problems(path)[0]


def test_a_member_that_is_larger_than_it_claims_is_refused(tmp_path: Path) -> None:
    data = bytearray(XLSX.read_bytes())
    entry = data.find(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, 5)
    assert "the workbook is damaged" in problems(saved(tmp_path, bytes(data)))[0]


def test_formulas_are_no_values(tmp_path: Path) -> None:
    tables = small()
    tables["vInfo"][0] |= {"Memory": "=1024*4", "CPUs": '=HYPERLINK("http://example.com")'}
    found = problems(saved(tmp_path, workbook(tables)))
    assert "export.xlsx:2: vInfo.Memory: a formula stands where a value is expected: =1024*4" in "\n".join(found)
    assert "vInfo.CPUs: a formula" in "\n".join(found)


def test_formulas_in_columns_of_no_use_do_not_matter(tmp_path: Path) -> None:
    tables = small()
    tables["vInfo"][0] |= {"Annotation": "=1/0"}
    assert len(rvtools_facts(str(saved(tmp_path, workbook(tables)))).vms) == 2


def test_text_like_a_formula_never_reaches_the_inventory_as_such(tmp_path: Path) -> None:
    facts = rvtools_facts(changed(tmp_path, "vInfo", {"VM": "=cmd|' /C calc'!A0"}))
    inventory = load(facts, Wishes("rack")).inventory
    assert inventory.vms[0].name == "cmd-C-calc-A0"


def test_without_openpyxl_csv_files_are_read_and_the_way_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "pip install 'evac[xlsx]'" in problems(XLSX)[0]
    assert len(rvtools_facts(write_csv(tmp_path / "export", small())).vms) == 2


def test_a_bad_export_is_one_report_and_exit_code_2(tmp_path: Path) -> None:
    path = saved(tmp_path, XLSX.read_bytes()[:9000])
    for bad in (path, tmp_path / "missing.xlsx", tmp_path):
        result = CliRunner().invoke(main, ["import", "rvtools", str(bad)])
        assert result.exit_code == 2, result.output
        assert bad.name in result.stderr
        assert "Traceback" not in result.output
        assert result.stdout == ""


def outcome(path: str) -> bool:
    """Return whether an export is read; it is refused otherwise, and nothing else may happen."""
    try:
        load(rvtools_facts(path), Wishes("rack", file=path))
    except InputError:
        return False
    return True


def test_mutated_csv_files_give_an_inventory_or_a_report(tmp_path: Path) -> None:
    rng = random.Random(6)
    spec = {path.name: path.read_text("utf-8") for path in sample_csv(tmp_path)}
    junk = ["", ",", "\n", '"', "=", "-1", "1e9", "9" * 30, "\t", "True", "💾", "\r", "poweredOn", "[", "esx01", "{{"]
    read = 0
    for _ in range(200):
        name = rng.choice(list(spec))
        text = spec[name]
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(junk) + text[at + rng.choice((0, 1, 5, 60)) :]
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        read += outcome(str(tmp_path))
        (tmp_path / name).write_text(spec[name], encoding="utf-8", newline="")
    assert 20 < read < 200


def sample_csv(folder: Path) -> list[Path]:
    write_csv(folder, sample())
    return sorted(folder.glob("*.csv"))


def test_mutated_workbooks_give_an_inventory_or_a_report(tmp_path: Path) -> None:
    rng = random.Random(7)
    whole = with_shared_strings(XLSX.read_bytes())
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        names = archive.namelist()
    read = 0
    for number in range(160):
        if number % 3 == 0:
            data = bytearray(whole)
            for _ in range(rng.randint(1, 20)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            mutated = bytes(data)
        else:
            mutated = rewritten(whole, mutation(rng, rng.choice(names)))
        read += outcome(str(saved(tmp_path, mutated)))
    assert 10 < read < 160


def mutation(rng: random.Random, name: str) -> Callable[[str, bytes], bytes]:
    """Return a change of one part of a workbook."""
    junk = [b"", b"<", b">", b'"', b"&", b"&lt;", b"0", b"-1", b"99999999", b"\0", b"\xff", b"<c>", b"</row>", b"A1"]

    def change(part: str, data: bytes) -> bytes:
        if part != name or not data:
            return data
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data) + 1)
            data = data[:at] + rng.choice(junk) + data[at + rng.choice((0, 1, 3, 50)) :]
        return data

    return change
