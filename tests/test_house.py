"""The house rules that import-linter and ruff do not hold."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HARD_LIMIT_LINES = 500
BACKEND = ROOT / "planner" / "optimize" / "backend.py"
SOLVERS = {"pulp", "highspy"}
OPTIONAL = {"matplotlib", "ortools", "libvirt-python", "kubernetes"}
"""What only the benchmarks and the questions to live systems need, and the tests do without."""
CODE = sorted(path for folder in ("planner", "tests", "docs", "examples") for path in (ROOT / folder).rglob("*.py"))
TEXT_SUFFIXES = {".md", ".py", ".toml", ".txt", ".sh", ".yaml", ".yml", ".json", ".j2", ".csv", ""}
# Joined here so that this file does not hold what it looks for.
FORBIDDEN = ["/" + "work/", "/" + "root/", "/" + "home/", "pypi" + ".org", "site-" + "packages/"]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def project_files() -> list[Path]:
    """The text files that belong to the project: those that git tracks or, outside a clone, those of its folders."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / name for name in listed.stdout.rstrip("\0").split("\0")]
    else:
        folders = ("planner", "tests", "docs", "examples", "inventories", ".ci")
        paths = [*ROOT.glob("*.*"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    return sorted(path for path in paths if path.is_file() and path.suffix in TEXT_SUFFIXES)


def imported_modules(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def catch_alls(tree: ast.Module) -> list[int]:
    """The lines of handlers that catch everything."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & {getattr(n, "id", "") for n in ast.walk(node.type)})
    ]


def dependency_names(requirements: list[str]) -> list[str]:
    return [re.split(r"[\[<>=!~; ]", requirement)[0].lower() for requirement in requirements]


def declared_dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    everything = project["dependencies"] + [r for extra in project["optional-dependencies"].values() for r in extra]
    return sorted(set(dependency_names(everything)) - {"evac"})


def documented_dependencies() -> dict[str, str]:
    """The names and licences in the tables of docs/dependencies.md."""
    rows = re.findall(r"^\| ([\w.-]+) \|.*\| ([^|]+) \|$", (ROOT / "docs/dependencies.md").read_text("utf-8"), re.M)
    return {name: licence for name, licence in rows if name not in {"package", "-"}}


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_one_concept_a_file(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= HARD_LIMIT_LINES


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_no_handler_catches_everything(path: Path) -> None:
    assert catch_alls(parsed(path)) == []


@pytest.mark.parametrize(
    "handler", ["except:", "except Exception:", "except BaseException as e:", "except (OSError, Exception):"]
)
def test_a_catch_all_is_seen(handler: str) -> None:
    assert catch_alls(ast.parse(f"try:\n    f()\n{handler}\n    pass\n")) == [3]
    assert catch_alls(ast.parse("try:\n    f()\nexcept (OSError, ValueError):\n    pass\n")) == []


def test_solvers_are_imported_in_the_backend_only() -> None:
    guests = {
        name_of(path)
        for path in CODE
        if path.is_relative_to(ROOT / "planner") and SOLVERS & {m.split(".")[0] for m in imported_modules(parsed(path))}
    }
    assert guests == {name_of(BACKEND)}


def test_the_verifier_does_not_import_the_optimiser() -> None:
    for path in sorted((ROOT / "planner" / "verify").rglob("*.py")):
        assert not [m for m in imported_modules(parsed(path)) if m.startswith("planner.optimize")], name_of(path)


def test_no_machine_is_mentioned() -> None:
    found = {
        name_of(path): word
        for path in project_files()
        for word in FORBIDDEN
        if word in path.read_text("utf-8", errors="replace").lower()
    }
    assert found == {}


def test_every_dependency_is_accounted_for() -> None:
    documented = {name.lower() for name in documented_dependencies()}
    assert [name for name in declared_dependencies() if name not in documented] == []


@pytest.mark.parametrize("name", sorted(documented_dependencies()))
def test_a_documented_licence_is_the_one_that_the_package_declares(name: str) -> None:
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        assert name in OPTIONAL
        pytest.skip(f"{name} comes with an extra that is not installed")
    declared = [metadata.get("License-Expression"), metadata.get("License")]
    declared += [entry.rsplit(" :: ", 1)[-1] for entry in metadata.get_all("Classifier") or []]
    assert documented_dependencies()[name] in declared


def test_pins_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints-dev.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)] == []
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in pins}
    assert [name for name in declared_dependencies() if re.sub(r"[-_.]+", "-", name) not in pinned] == []


def test_the_public_surface_is_documented() -> None:
    api = importlib.import_module("planner.api")
    page = (ROOT / "docs/api.md").read_text("utf-8")
    assert [name for name in api.__all__ if f"`{name}`" not in page] == []
