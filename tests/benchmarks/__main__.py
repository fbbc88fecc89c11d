"""The command line of the benchmarks: ``python -m tests.benchmarks run`` and ``report``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tests.benchmarks.generator import KAPPAS, SHOWN_SEEDS

CACHE = Path(".benchmarks")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(_context: click.Context, _parameter: click.Parameter, text: str) -> list[float]:
    try:
        return [float(part) for part in _listed(text)]
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no list of numbers such as 1,2") from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure the planner on drawn clusters, beside what operators do today and beside CP-SAT."""


@main.command()
@click.option("--sizes", default="xs,s,m,l", show_default=True, help="Sizes; m@1 is size m with 1 Gbit/s.")
@click.option(
    "--kappas",
    default=",".join(map(str, KAPPAS)),
    show_default=True,
    callback=_numbers,
    help="Deadlines, as multiples of the fluid deadline.",
)
@click.option("--seeds", default=",".join(map(str, SHOWN_SEEDS)), show_default=True, callback=_numbers, help="Seeds.")
@click.option(
    "--limit", type=float, help="Seconds for the planner; by size where absent: l and below 10, xl 60, xxl 300."
)
@click.option("--baselines", is_flag=True, help="Let the rules of operators answer as well.")
@click.option("--cpsat", type=float, help="Let CP-SAT answer as well, in so many seconds; needs the extra bench.")
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE, show_default=True, help="For fluid deadlines.")
@click.option("--continue", "resume", is_flag=True, help="Append to a file what it does not hold yet.")
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="JSON lines.")
def run(
    sizes: str,
    kappas: list[float],
    seeds: list[float],
    limit: float | None,
    baselines: bool,
    cpsat: float | None,
    cache: Path,
    resume: bool,
    out: Path,
) -> None:
    """Answer all cases, each in a process of its own; exit code 1 if an answer failed or was rejected."""
    from tests.benchmarks import runner

    if out.exists() and not resume:
        raise click.UsageError(f"{out} exists: give --continue to append what it does not hold, or another name")
    try:
        cases = runner.cases_of(_listed(sizes), kappas, [int(seed) for seed in seeds])
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    out.parent.mkdir(parents=True, exist_ok=True)
    bad = runner.run(runner.Order(cases, limit, baselines, cpsat, cache), out, lambda line: click.echo(line, err=True))
    if bad:
        raise click.ClickException(f"{bad} answers failed or were rejected by the verifier: see {out}")


@main.command()
@click.argument("results", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("docs"), show_default=True)
@click.option(
    "--section",
    "sections",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Markdown of another comparison, to stand in the page as it is; may be given more than once.",
)
@click.option("--note", default="", help="What the reader has to know about this run.")
def report(results: Path, out: Path, sections: tuple[Path, ...], note: str) -> None:
    """Write benchmarks.md and its plots from a file of results; needs the extra bench."""
    from tests.benchmarks.report import write

    for path in write(results, out, sections, note):
        click.echo(path)


@main.command()
@click.option("--vms", default=20_000, show_default=True, type=click.IntRange(1), help="VMs.")
@click.option("--rates", default=8, show_default=True, type=click.IntRange(1), help="Bandwidths.")
@click.option("--points", default=16, show_default=True, type=click.IntRange(1), help="Switch points.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1), help="The best of so many counts.")
def predict(vms: int, rates: int, points: int, repeats: int) -> None:
    """Time predictions of many VMs, bandwidths and switch points at once."""
    from tests.benchmarks.predictions import measure

    pace = measure(vms, rates, points, repeats)
    click.echo(
        f"{vms:,} VMs x {rates} bandwidths x {points} switch points: {pace.predictions:,} predictions in"
        f" {pace.seconds:.2f} s of processor time"
    )


@main.command()
@click.option("--size", default="m", show_default=True, help="Size of the clusters; m has 200 VMs.")
@click.option("--seeds", default="51,52,53,54,55", show_default=True, callback=_numbers, help="Seeds.")
@click.option(
    "--shares",
    default="0.4,0.7,0.9,0.97",
    show_default=True,
    callback=_numbers,
    help="Deadlines, as shares of the fluid deadline, which nothing can undercut.",
)
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE, show_default=True, help="For fluid deadlines.")
def noes(size: str, seeds: list[float], shares: list[float], cache: Path) -> None:
    """Time noes with all that is said of them."""
    from tests.benchmarks.noes import measure

    seconds = []
    for answered in measure(size, [int(seed) for seed in seeds], shares, cache):
        seconds.append(answered.seconds)
        click.echo(answered.line())
    click.echo(f"{len(seconds)} answers, the longest in {max(seconds):.1f} s")


@main.command(hidden=True)
@click.argument("kind", type=click.Choice(["evac", "baselines", "cp-sat"]))
@click.argument("case")
@click.option("--limit", type=float, required=True)
@click.option("--cache", type=click.Path(path_type=Path), required=True)
def answer(kind: str, case: str, limit: float, cache: Path) -> None:
    """Answer one case and print the records: what `run` starts."""
    from tests.benchmarks import answers
    from tests.benchmarks.records import Case

    asked = Case(**json.loads(case))
    match kind:
        case "baselines":
            records = answers.baselines(asked, cache)
        case "cp-sat":
            records = answers.cpsat(asked, cache, limit)
        case _:
            records = answers.ours(asked, cache, limit)
    for record in records:
        click.echo(record.line())


if __name__ == "__main__":
    main(prog_name="python -m tests.benchmarks")
