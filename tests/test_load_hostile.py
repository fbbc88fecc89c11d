"""Files that are no inventories at all: one problem each, never a traceback, whatever they hold."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from planner import files
from planner.errors import InputError, Problem
from planner.inventory.load import load_inventory, parse_inventory

HEAD = "format: evac/inventory/1\nname: lab\n"


def load(path: Path, content: bytes) -> list[Problem]:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_inventory(path)
    assert {problem.place.file for problem in caught.value.problems} == {str(path)}
    return list(caught.value.problems)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(20)
)

TEXTS = [
    ("empty", "", "empty-file", None, "empty", "evac new"),
    ("only comments", "# nothing\n\n# here\n", "empty-file", None, "empty", "evac new"),
    ("an empty document", "---\n", "empty-file", 2, "empty", "evac new"),
    ("a list", "- a\n- b\n", "not-a-mapping", 1, "got a list", "right file"),
    ("prose", "Dear all,\nplease find attached\n", "not-a-mapping", 1, "got text", "right file"),
    ("several documents", HEAD + "---\n" + HEAD, "several-documents", 3, "more than one", "without a further line ---"),
    ("a bomb", BOMB, "yaml-anchor", 1, "&a", "write the value out"),
    ("an alias", HEAD + "hosts: *all\n", "yaml-anchor", 3, "*all", "quotes"),
    ("a Python object", "!!python/object/apply:os.system [ls]\n", "yaml-tag", 1, "python/object", "remove the tag"),
    ("a tagged value", HEAD + "hosts: !!set {a}\n", "yaml-tag", 3, "set", "remove the tag"),
    ("deep lists", HEAD + "hosts: " + "[" * 100_000, "too-deep", 3, "deeper than 20", "right file"),
    ("deep mappings", "".join(" " * i + "a:\n" for i in range(500)), "too-deep", 22, "deeper than 20", "right file"),
    ("a key that is a list", HEAD + "{[a]: b}: c\n", "bad-key", 3, "a key is expected", "plain text"),
    ("many keys", "".join(f"k{i}: 1\n" for i in range(500)), "too-many", 101, "more than 100 keys", "right file"),
    ("an endless list", HEAD + "vms:\n" + "- 1\n" * 200_001, "too-many", 200_004, "200,000 entries", "right file"),
    ("an open bracket", HEAD + "hosts: [a, b\n", "bad-yaml", 4, "not closed", "close it with ]"),
    ("an open brace", HEAD + "hosts:\n  - {name: a\nlinks: []\n", "bad-yaml", 5, "begins on line 4", "close it with }"),
    ("an open quote", HEAD + 'hosts: "a\n', "bad-yaml", 4, "quote is not closed", "close it"),
    ("a colon too many", HEAD + "hosts: a: b\n", "bad-yaml", 3, "colon", "indentation"),
    ("a line without a colon", HEAD + "hosts\nlinks: []\n", "bad-yaml", 4, "no key: value", "add the colon"),
    ("a tab", HEAD + "settings:\n\tmodel: paper\n", "bad-yaml", 4, "tab", "spaces"),
    ("crooked keys", HEAD + "  hosts: []\n", "bad-yaml", 3, "colon", "indentation"),
    ("crooked dashes", HEAD + "hosts:\n  - a\n - b\n", "bad-yaml", 5, "indentation", "dashes"),
    ("a sign", HEAD + "hosts: @all\n", "bad-yaml", 3, "sign", "quotes"),
    ("a control character", HEAD + "hosts: \x01\n", "bad-yaml", 3, "U+0001", "remove it"),
    ("a bare percent", "%" * 1000, "bad-yaml", 1, "no YAML", "indentation"),
]


@pytest.mark.parametrize(("text", "code", "line", "message", "mend"), [t[1:] for t in TEXTS], ids=[t[0] for t in TEXTS])
def test_a_text_that_is_no_inventory(
    tmp_path: Path, text: str, code: str, line: int | None, message: str, mend: str
) -> None:
    (problem,) = load(tmp_path / "lab.yaml", text.encode())
    assert (problem.code, problem.place.line) == (code, line), str(problem)
    assert message in problem.message
    assert mend in problem.mend


JSON_TEXTS = [
    ("empty", " \n", "empty-file", None, "empty", "evac new"),
    ("YAML", "format: evac/inventory/1\n", "bad-json", 1, "no JSON", "commas"),
    ("cut off", '{"format":\n "evac/inventory/1",\n', "bad-json", 3, "no JSON", "quotes"),
    ("a list", "[1, 2]", "not-a-mapping", 1, "got a list", "right file"),
    ("deep", '{"a":' * 100_000, "too-deep", 1, "deeper than 20", "right file"),
    ("rather deep", '{"a":' * 50 + "1" + "}" * 50, "too-deep", None, "deeper than 20", "right file"),
    ("many keys", "{" + ",".join(f'"k{i}": 1' for i in range(500)) + "}", "too-many", 1, "100 keys", "right file"),
    ("an endless list", '{"vms": [' + "1," * 200_000 + "1]}", "too-many", None, "200,000", "right file"),
]


@pytest.mark.parametrize(
    ("text", "code", "line", "message", "mend"), [t[1:] for t in JSON_TEXTS], ids=[t[0] for t in JSON_TEXTS]
)
def test_a_json_file_that_is_no_inventory(
    tmp_path: Path, text: str, code: str, line: int | None, message: str, mend: str
) -> None:
    (problem,) = load(tmp_path / "lab.json", text.encode())
    assert (problem.code, problem.place.line) == (code, line), str(problem)
    assert message in problem.message
    assert mend in problem.mend


MEBIBYTES = 10
JUNK = {
    "one word": b"a" * MEBIBYTES * 2**20,
    "prose": b"lorem ipsum\n" * MEBIBYTES * 2**16,
    "brackets": b"[" * MEBIBYTES * 2**20,
    "braces": b"{" * MEBIBYTES * 2**20,
    "an open quote": b'"' + b"a" * MEBIBYTES * 2**20,
    "question marks": b"? " * MEBIBYTES * 2**19,
    "anchors": b"&a " * MEBIBYTES * 2**18,
    "percents": b"%" * MEBIBYTES * 2**20,
    "line breaks": b"\n" * MEBIBYTES * 2**20,
    "documents": b"---\n" * MEBIBYTES * 2**18,
    "bytes": bytes(range(1, 256)) * MEBIBYTES * 2**12,
    "zeros": bytes(MEBIBYTES * 2**20),
}


@pytest.mark.parametrize("suffix", ["yaml", "json"])
@pytest.mark.parametrize("content", JUNK.values(), ids=JUNK)
def test_ten_megabytes_of_junk(tmp_path: Path, content: bytes, suffix: str) -> None:
    (problem,) = load(tmp_path / f"junk.{suffix}", content)
    assert len(str(problem)) < 500 + len(str(tmp_path))


def test_one_key_ten_million_times(tmp_path: Path) -> None:
    problems = load(tmp_path / "junk.yaml", b"a: b\n" * 2**21)
    assert {problem.code for problem in problems} == {"duplicate-key", "more-problems"}
    assert len(problems) == 201


def test_nul_bytes(tmp_path: Path) -> None:
    (problem,) = load(tmp_path / "lab.yaml", b"format: x\n\0\n")
    assert (problem.code, problem.place.line) == ("binary-file", 2)


def test_latin_1(tmp_path: Path) -> None:
    (problem,) = load(tmp_path / "lab.yaml", b"format: x\n# K\xf6ln\n")
    assert (problem.code, problem.place.line) == ("not-utf8", 2)
    assert "0xf6" in problem.message
    assert "UTF-8" in problem.mend


def test_utf_16(tmp_path: Path) -> None:
    (problem,) = load(tmp_path / "lab.yaml", HEAD.encode("utf-16"))
    assert problem.code == "not-utf8"


def test_half_a_character_in_text() -> None:
    with pytest.raises(InputError) as caught:
        parse_inventory("name: \ud800\n")
    assert [problem.code for problem in caught.value.problems] == ["not-utf8"]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(HEAD + "hosts: [{name: a, cpus: 1, memory: 1 GiB}]\n", encoding="utf-8-sig")
    assert load_inventory(path).name == "lab"


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 2**20)
    (problem,) = load(tmp_path / "lab.yaml", b"#" * (2**20 + 1))
    assert problem.code == "too-large"
    assert "1 MiB" in problem.message


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no endless device here")
def test_an_endless_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 2**20)
    with pytest.raises(InputError) as caught:
        load_inventory("/dev/zero")
    assert [problem.code for problem in caught.value.problems] == ["too-large"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("none.yaml", "missing-file"), (".", "not-a-file"), ("a\0b", "unreadable"), ("x" * 5000, "unreadable")],
)
def test_no_file_to_read(tmp_path: Path, name: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        load_inventory(f"{tmp_path}/{name}")
    (problem,) = caught.value.problems
    assert problem.code == code
    assert problem.mend


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(HEAD)
    path.chmod(0)
    with pytest.raises(InputError) as caught:
        load_inventory(path)
    assert [problem.code for problem in caught.value.problems] == ["no-permission"]


def test_no_permission_as_the_system_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError) as caught:
        load_inventory(tmp_path / "lab.yaml")
    assert [problem.code for problem in caught.value.problems] == ["no-permission"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_can_be_read(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, (HEAD + "hosts: [{name: a, cpus: 1, memory: 1 GiB}]\n").encode())
    os.close(writing)
    try:
        assert load_inventory(f"/dev/fd/{reading}").name == "lab"
    finally:
        os.close(reading)
