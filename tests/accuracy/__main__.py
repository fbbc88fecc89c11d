"""Judge the models on measured migrations: ``python -m tests.accuracy DATA_DIR [--write]`` from the top directory.

Prints the tables of docs/accuracy.md; with ``--write`` they take the place of those that stand there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from planner.calibrate import Calibration, calibrate
from planner.calibrate.calibration import fit_classes
from planner.calibrate.cases import Cases
from planner.calibrate.classes import class_names
from planner.calibrate.judge import METHODS, Errors, halves
from planner.calibrate.log import Log
from planner.calibrate.robust import relative_errors
from planner.inventory.models import Settings
from tests.accuracy.logs import CHECKS, JUDGED, DataSet
from tests.accuracy.page import PAGE, put, table

PART = "real migrations"
SHORT = {
    "calibrated": "saturating, calibrated",
    "saturating": "saturating, defaults",
    "factor": "V/mu, one factor fitted",
    "nominal": "V/mu",
    "paper": "paper (level 0)",
    "btrplace": "BtrPlace",
}


def fitted_half_error(log: Log) -> float:
    """Return how far the calibrated model is off on the half that it is fitted on: what a reading is chosen by [1]."""
    names = np.array(class_names(log.migrations))
    fitted = halves(log.migrations, list(names))
    cases = Cases.of(log.migrations).part(fitted)
    time = np.full(len(cases.migrations), np.nan)
    for name, (terms, _) in fit_classes(cases, names[fitted], Settings()).items():
        own = names[fitted] == name
        time[own] = cases.part(own).predict(terms.applied(Settings())).time_s
    return float(np.mean(relative_errors(time, cases.duration_s)))


def cell(errors: Errors) -> str:
    """Return mean and p90, and for how many there is no figure."""
    if errors.mean is None or errors.p90 is None:
        return "no figure"
    lost = f", {errors.no_figure} without" if errors.no_figure else ""
    return f"{100 * errors.mean:.1f}% ({100 * errors.p90:.1f}%{lost})"


def title(data: DataSet) -> str:
    """Return the name of a data set, with how it is read."""
    return f"{data.name}, {data.reading}" if data.reading else data.name


def errors_row(data: DataSet, found: Calibration) -> list[str]:
    """Return a data set's line in the table of errors."""
    held_out = found.whole.held_out
    repeats = "-" if found.whole.repeatability is None else f"{100 * found.whole.repeatability:.1f}%"
    judged = str(held_out["calibrated"].judged)
    return [title(data), data.split, judged, repeats, *(cell(held_out[name]) for name in METHODS)]


def report(data: Path) -> Iterator[str]:
    """Yield the lines of all tables; data sets that are not at hand are left out."""
    here = [one for one in JUDGED if one.at_hand(data)]
    logs = {title(one): one.log(data) for one in here}
    found = {name: calibrate(log) for name, log in logs.items()}
    head = ["data", "halves", "judged", "repeats differ by", *(SHORT[name] for name in METHODS)]
    yield "Mean error of times, and in brackets that at the 90th percentile:"
    yield ""
    yield from table(head, [errors_row(one, found[title(one)]) for one in here])
    yield ""
    yield "The same with halves of another kind:"
    yield ""
    yield from table(head, [errors_row(one, calibrate(one.log(data))) for one in CHECKS if one.at_hand(data)])
    yield ""
    yield "What was fitted, on all migrations:"
    yield ""
    rows = [
        [
            title(one),
            of.name,
            str(of.used),
            str(len(of.outlier_lines)),
            f"{of.terms.link_efficiency:.3f}",
            f"{of.terms.fixed_time:.2f} s",
            cell(of.held_out["calibrated"]),
        ]
        for one in here
        for of in found[title(one)].classes
    ]
    yield from table(["data", "class", "used", "aside", "link_efficiency", "fixed_time", "held out"], rows)
    yield ""
    yield "On the fitted half, which the reading of Grid'5000 was chosen by:"
    yield ""
    fitted = [[name, f"{100 * fitted_half_error(log):.1f}%"] for name, log in logs.items()]
    yield from table(["data", "mean error in the fit"], fitted)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description=__doc__.split(":")[0])
    parser.add_argument("data", type=Path, help="directory with the data sets")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    given = parser.parse_args()
    if not any(one.at_hand(given.data) for one in JUDGED):
        print(f"there is none of the data sets in {given.data}", file=sys.stderr)
        return 2
    text = "\n".join(report(given.data)) + "\n"
    print(text, end="")
    if given.write:
        put(PART, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
