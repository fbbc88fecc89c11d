"""Writes docs/benchmarks.md and its plots from a file of records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import jinja2

from tests.benchmarks import tables
from tests.benchmarks.generator import SHOWN_SEEDS, TUNING_SEEDS
from tests.benchmarks.goals import goals
from tests.benchmarks.plots import draw
from tests.benchmarks.records import read
from tests.benchmarks.summary import FAMILIES, Results

TEMPLATES = Path(__file__).parent / "templates"


def write(source: Path, out: Path, sections: Sequence[Path] = (), note: str = "") -> list[Path]:
    """Write the page and its plots.

    Parameters
    ----------
    source
        A file that `run` wrote.
    out
        Directory of the page; the plots go to ``images`` in it.
    sections
        Files of Markdown that become parts of the page as they are.
    note
        What the reader has to know about this run.

    Returns
    -------
    list of Path
        What was written.
    """
    found = read(source)
    results = Results(found.records)
    images = draw(results, out / "images")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
    )
    page = environment.get_template("benchmarks.md.j2").render(
        machine=found.machine,
        seeds=sorted({case.seed for case in results.cases}),
        tuning=TUNING_SEEDS,
        shown=SHOWN_SEEDS,
        sizes=tables.definitions(),
        failed=[record for record in found.records if record.status == "failed" or record.verified is False],
        answers=len(found.records),
        images={path.stem for path in images},
        ours=tables.ours(results),
        baselines=tables.baselines(results),
        has_baselines=any(results.family(methods, case) for case in results.cases for methods in FAMILIES.values()),
        against_baselines=tables.against_baselines(results),
        cpsat=tables.cpsat(results),
        against_cpsat=tables.against_cpsat(results),
        growths=tables.growths(results),
        goals=goals(results),
        note=note,
        sections=[section.read_text(encoding="utf-8").strip() for section in sections],
    )
    path = out / "benchmarks.md"
    path.write_text(re.sub(r"\n{3,}", "\n\n", page).strip() + "\n", encoding="utf-8")
    return [path, *images]
