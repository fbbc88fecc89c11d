"""Answers of Prometheus that were saved: what they hold, what is refused with its place, and files that are junk."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from planner.cli.main import main
from planner.errors import InputError
from planner.importers.prometheus import Wishes, measure
from planner.importers.prometheus_ask import read_saved
from planner.importers.prometheus_format import read_answer
from planner.importers.prometheus_profiles import ASKED, KUBEVIRT, Role
from planner.inventory.load import load_inventory, parse_inventory

RATE = "kubevirt_vmi_dirty_rate_bytes_per_second"
SAMPLE = "examples/imports/kubevirt-dirty-rate.json"
LABELS = {"__name__": RATE, "namespace": "shop", "name": "db-1", "node": "hv01"}


def answer(*values: Any, labels: Any = None, **more: Any) -> dict[str, Any]:
    series = {"metric": LABELS if labels is None else labels, "values": list(values)}
    return {"status": "success", "data": {"resultType": "matrix", "result": [series]}, **more}


def save(folder: Path, document: Any, name: str = "saved.json") -> str:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return str(path)


def run(*saved: str, options: tuple[str, ...] = ()) -> Result:
    given = [f"--saved={one}" for one in saved]
    arguments = ["inventories/demo.yaml", "--exporter", "kubevirt", "--timezone", "UTC", *given, *options]
    return CliRunner().invoke(main, ["import", "prometheus", *arguments])


def test_a_file_is_of_what_its_series_are_named(tmp_path: Path) -> None:
    result = run(save(tmp_path, answer([100, "4e6"], [160, "4e6"], warnings=["part of the data is missing"])))
    assert result.exit_code == 0
    assert {vm.name: vm.write_rate for vm in parse_inventory(result.stdout).vms}["db-1"] == 4e6
    assert "Prometheus warns: part of the data is missing" in result.stderr


def test_series_without_a_name_need_a_role(tmp_path: Path) -> None:
    nameless = save(tmp_path, answer([100, "4e6"], labels={"namespace": "shop", "name": "db-1"}))
    refused = run(nameless)
    assert refused.exit_code == 2
    assert "data.result[0].metric" in refused.stderr
    assert "--saved write-rate=" in refused.stderr
    for role, field in zip(ASKED, ("write_rate", "read_rate", "nonzero_memory"), strict=True):
        value = "4e9" if role is Role.NONZERO_MEMORY else "4e6"
        path = save(tmp_path, answer([100, value], labels={"namespace": "shop", "name": "db-1"}))
        result = run(f"{role}={path}")
        assert result.exit_code == 0, result.output
        vm = next(vm for vm in parse_inventory(result.stdout).vms if vm.name == "db-1")
        assert getattr(vm, field) == pytest.approx(float(value), rel=0.001)


def test_what_is_outside_the_times_is_left_out(tmp_path: Path) -> None:
    path = save(tmp_path, answer([86_400, "1e6"], [172_800, "5e6"], [259_200, "9e6"]))
    result = run(path, options=("--from", "1970-01-03", "--to", "1970-01-03T12:00"))
    assert {vm.name: vm.write_rate for vm in parse_inventory(result.stdout).vms}["db-1"] == 5e6


def test_metrics_that_the_profile_does_not_know_are_told(tmp_path: Path) -> None:
    result = run(save(tmp_path, answer([1, "1"], labels={"__name__": "node_load1"})))
    assert result.exit_code == 0
    assert "metrics that the exporter's profile does not know: node_load1" in result.stderr


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (answer([1, 2]), "data.result[0].values[0]: a sample is a time and a number in quotes"),
        (answer([1, "2"], [1, "3"]), "data.result[0].values[1]: the times of samples are not in order"),
        (answer([1, "two"]), "values[0]: a sample"),
        (answer([1, "1" * 65]), "values[0]: a sample"),
        (answer(["1", "2"]), "values[0]: a sample"),
        (answer([True, "2"]), "values[0]: a sample"),
        (answer([1e300, "2"]), "values[0]: the times"),
        (answer([-5, "2"]), "values[0]: the times"),
        (answer([1, "1e30"]), "values[0]: 1e+30 is implausibly large"),
        (answer([1, "1e18"]), "says 1e+18 bytes/s of db-1, which is implausibly large"),
        (answer(None), "values[0]: a sample"),
        (answer([1, "2"], labels={"name": 7}), "data.result[0].metric: the labels are no names with text"),
        (answer([1, "2"], labels=[]), "data.result[0].metric"),
        (answer([1, "2"], labels={**LABELS, "x": "y" * 5000}), "data.result[0].metric"),
        (
            {"status": "success", "data": {"resultType": "matrix", "result": [7]}},
            "data.result[0]: this is no time series",
        ),
        (
            {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "histograms": []}]}},
            "this is a histogram",
        ),
        (
            {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}}]}},
            "this series has no list of samples",
        ),
        ({"status": "error", "errorType": "bad_data", "error": "no\u001b[31m"}, "could not answer: bad_data: no"),
        ('{"status":"success","status":"success","data":{"resultType":"matrix","result":[]}}', "given twice"),
        ('{"status": "succ', "this is no JSON"),
        ("\0", "binary"),
        ("", "empty"),
        ("!!python/object/apply:os.system [id]", "this is no JSON"),
        ("[" * 100_000, "nesting deeper"),
        (f'{{"status":"success","data":{{"resultType":"matrix","result":[{{"a":{"9" * 5000}}}]}}}}', "data.result[0]"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_exit_code_2(document: Any, told: str, tmp_path: Path) -> None:
    result = run(save(tmp_path, document))
    assert result.exit_code == 2
    assert all(part in result.stderr for part in told.split(": "))
    assert "Traceback" not in result.output
    assert "\x1b" not in result.stderr


def test_names_out_of_labels_are_shown_without_control_signs(tmp_path: Path) -> None:
    labels = {**LABELS, "name": "db\x1b[2J\n"}
    result = run(save(tmp_path, answer([1, "2"], labels=labels)))
    assert result.exit_code == 0
    assert "\x1b" not in result.output


def test_counters_that_were_asked_for_at_other_seconds_are_added_up(tmp_path: Path) -> None:
    """Disks carry 120 MB/s and the network 90; saved a few seconds apart, they are 210 together."""
    saved = []
    for name, shift, rate in (("storage_read_traffic", 0, 120e6), ("network_receive", 7, 90e6)):
        labels = {**LABELS, "__name__": f"kubevirt_vmi_{name}_bytes_total"}
        values = [[60 * k + shift, str(rate * 60 * k)] for k in range(1, 60)]
        saved.append(save(tmp_path, answer(*values, labels=labels), f"{name}.json"))
    result = run(*saved, options=("--io-floor",))
    assert result.exit_code == 0, result.output
    assert {vm.name: vm.write_rate for vm in parse_inventory(result.stdout).vms}["db-1"] == pytest.approx(
        210e6, rel=0.02
    )


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = run(str(tmp_path / "none.json"))
    assert result.exit_code == 2
    assert "there is no such file" in result.stderr


def test_one_vm_twice_in_an_answer_is_one_vm(tmp_path: Path) -> None:
    document = answer([100, "4e6"], [160, "4e6"])
    document["data"]["result"].append({"metric": {**LABELS, "pod": "other"}, "values": [[100, "6e6"], [220, "6e6"]]})
    result = run(save(tmp_path, document))
    assert {vm.name: vm.write_rate for vm in parse_inventory(result.stdout).vms}["db-1"] == 5.33e6


def test_mutated_samples_become_an_inventory_or_one_report(tmp_path: Path) -> None:
    """Whatever becomes of the file: rates, or problems; never a crash, and never rates that are wrong."""
    document = json.loads(Path(SAMPLE).read_text("utf-8"))
    document["data"]["result"] = [
        {**series, "values": series["values"][:6]} for series in document["data"]["result"][:4]
    ]
    text = json.dumps(document)
    inventory = load_inventory("inventories/demo.yaml")
    rng = random.Random(7)
    pieces = ["9", "-", "null", '"', "[", "}", "1e400", ":", "0", "true", "\\u0000", "NaN", ",", '"+Inf"', "\\n"]
    made = 0
    for _ in range(600):
        where, kind = rng.randrange(len(text)), rng.randrange(3)
        mutated = text[:where] + rng.choice(pieces) * (kind < 2) + text[where + (kind > 0) * rng.randrange(1, 9) :]
        path = save(tmp_path, mutated)
        try:
            said = read_saved([(None, path)], KUBEVIRT, None, None)
            measured = measure(inventory, said, KUBEVIRT, Wishes())
        except InputError:
            continue
        for vm in measured.inventory(inventory).vms:
            assert 0 <= vm.write_rate <= 1e15
            low, high = vm.write_rate_range or (vm.write_rate, vm.write_rate)
            assert 0 <= low <= vm.write_rate <= high
        made += 1
    assert 0 < made < 600


def test_truncated_samples_are_refused() -> None:
    text = Path(SAMPLE).read_text("utf-8")
    for cut in range(0, len(text) - 2, 997):
        with pytest.raises(InputError):
            read_answer(text[:cut], "cut.json")
