"""The documentation tells the truth: its examples run, its generated parts are fresh, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import console
import generate
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE)


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown renderer makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if console.examples(page.read_text("utf-8"))], ids=page_id)
def test_console_examples_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    console.make_workplace(tmp_path)
    for example in console.examples(page.read_text("utf-8")):
        printed = console.run(example.command, tmp_path)
        if not console.agrees(example.said, printed):
            assert console.comparable(printed) == console.comparable(example.said), example.command


def test_console_examples_are_found_and_differences_are_seen() -> None:
    page = "```console\n$ a\none 1\ntwo\n$ b\n```\n\n```sh\n$ no\n```\n\n````console\n$ c\n```sh\n```\n````\n"
    assert console.examples(page) == [
        console.Example("a", "one 1\ntwo\n"),
        console.Example("b", ""),
        console.Example("c", "```sh\n```\n"),
    ]
    assert console.agrees("one 1\ntwo", "one 1\ntwo\n")
    assert not console.agrees("one 1\ntwo", "one 2\ntwo\n")
    assert console.agrees("Planned in    93 ms by HiGHS", "Planned in  1.2 s by HiGHS")
    assert not console.agrees("Finish in 0.2 s", "Finish in 11 s")
    assert console.agrees("one\n...\nsix", "one\ntwo\nthree\nsix\n")
    assert console.agrees("one\n...", "one\ntwo\nthree\n")
    assert not console.agrees("one\n...\nsix", "one\ntwo\nthree\n")
    assert not console.agrees("one\n...\nsix", "two\nsix\n")


def test_a_failing_console_example_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        console.run("exit 3", tmp_path)


def test_generated_parts_are_fresh() -> None:
    assert [page_id(page) for page in generate.stale_pages()] == [], "run python docs/generate.py"


def test_a_stale_generated_part_is_seen() -> None:
    stale = "<!-- generated: values planner.plan.models.Status -->\n- `optimal`\n<!-- end -->\n"
    assert generate.filled(stale) != stale
    assert "- `infeasible`\n" in generate.filled(stale)
    assert generate.filled(generate.filled(stale)) == generate.filled(stale)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        if not goal.exists() or (anchor and anchor not in anchors(goal.read_text("utf-8"))):
            broken.append(target)
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, queue = set(), [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
            queue.append((page.parent / target.partition("#")[0]).resolve())
    assert [page_id(page) for page in PAGES if page not in reached] == []
