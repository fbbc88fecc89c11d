"""Whatever becomes of a file, reading it gives an inventory or says what is wrong; nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from planner.errors import InputError, Problem
from planner.inventory.load import load_inventory, parse_inventory
from planner.inventory.models import Inventory
from planner.inventory.write import inventory_yaml

DEMO = Path(__file__).resolve().parent.parent / "inventories" / "demo.yaml"
TOKENS = [
    "", "0", "-1", "1e400", ".nan", "null", "~", "true", "no", "[]", "{}", "[a, b]", "{a: b}", "hv01", "db-1", "sw1",
    "8 G", "8 GiB", "10 gb", "5 M", "x" * 300, "'", '"', "\t", "\0", "- ", ": ", "# ", "&a", "*a", "!!str", "!x", "|",
    ">", "---", "...", "%", "@", "`", "\u2028", "\ufeff", "\U0001f600", "é", "9" * 500, "separate", "before", "<<",
    "?", ",", "]", "}",
]  # fmt: skip


def check_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    inventory: Inventory | None = None
    problems: Sequence[Problem] = ()
    try:
        inventory = load_inventory(path)
    except InputError as error:
        problems = error.problems
    if inventory is None:
        assert problems
        assert all(problem.code and problem.message and problem.mend for problem in problems)
        assert all(len(str(problem)) < 1000 + len(str(path)) for problem in problems)
    else:
        assert parse_inventory(inventory_yaml(inventory)) == inventory


def flip_bytes(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def change_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    for _ in range(chance.randint(1, 3)):
        i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                del lines[i : i + chance.randint(1, 3)]
            case 1:
                lines.insert(j, lines[i])
            case 2:
                lines[i], lines[j] = lines[j], lines[i]
            case _:
                lines[i] = b" " * chance.randint(0, 4) + lines[i].lstrip()
    return b"".join(lines)


def replace_words(content: bytes, chance: random.Random) -> bytes:
    words = content.split(b" ")
    for _ in range(chance.randint(1, 3)):
        words[chance.randrange(len(words))] = chance.choice(TOKENS).encode()
    return b" ".join(words)


def cut(content: bytes, chance: random.Random) -> bytes:
    i, j = sorted((chance.randrange(len(content)), chance.randrange(len(content))))
    return content[:i] + content[j:] if chance.random() < 0.5 else content[i:j]


@pytest.mark.parametrize("mutate", [flip_bytes, change_lines, replace_words, cut])
@pytest.mark.parametrize("suffix", ["yaml", "json"])
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_demo(tmp_path: Path, mutate: object, suffix: str, seed: int) -> None:
    assert callable(mutate)
    content = DEMO.read_bytes()
    if suffix == "json":
        content = json.dumps(yaml.safe_load(content), indent=1).encode()
    chance = random.Random(seed)
    for _ in range(60):
        check_bytes(mutate(content, chance), tmp_path / f"demo.{suffix}")


def test_every_value_replaced_by_every_kind_of_value(tmp_path: Path) -> None:
    document = yaml.safe_load(DEMO.read_text("utf-8"))
    strange = [
        None,
        True,
        -1,
        0,
        1.5,
        float("nan"),
        float("inf"),
        10**400,
        "",
        "x",
        "8 G",
        [],
        {},
        ["a"],
        [None],
        {"a": 1},
    ]
    sections = [(document, key) for key in document]
    sections += [(document[key][0], inner) for key in ("hosts", "links", "vms", "rules") for inner in document[key][0]]
    sections += [(document["settings"], key) for key in document["settings"]]
    sections += [(document[key], 0) for key in ("hosts", "switches", "links", "vms", "rules")]
    for container, key in sections:
        kept = container[key]
        for value in strange:
            container[key] = value
            check_bytes(json.dumps(document).encode(), tmp_path / "demo.json")
        container[key] = kept
    check_bytes(json.dumps(document).encode(), tmp_path / "demo.json")
