"""The commands from end to end: what they print, write and exit with."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from planner import api
from planner.cli.main import main
from planner.errors import InputError
from planner.inventory.load import load_inventory
from planner.plan.io import read_plan
from tests.render_samples import a_move, a_plan, not_known

ROOT = Path(__file__).resolve().parent.parent
DEMO = str(ROOT / "inventories" / "demo.yaml")
REQUEST = (DEMO, "--evacuate", "hv01", "--deadline", "15 min")

PINNED = """\
format: evac/inventory/1
name: small
hosts:
  - {name: hv01, cpus: 8, memory: 32 GiB}
  - {name: hv02, cpus: 8, memory: 32 GiB}
links:
  - {between: [hv01, hv02], bandwidth: 1 Gbit/s}
vms:
  - {name: stuck, host: hv01, vcpus: 2, memory: 4 GiB, read_rate: 1 MB/s, write_rate: 1 MB/s, pinned: true}
"""


def evac(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the plan of the demo as a file."""
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    done = evac("plan", *REQUEST, "-o", str(path))
    assert done.exit_code == 0
    assert done.stderr == f"Wrote the plan to {path}\n"
    return path


def altered(plan_file: Path, path: Path, **fields: Any) -> str:
    """Write the plan with other fields to another file."""
    document = json.loads(plan_file.read_text())
    path.write_text(json.dumps(document | fields))
    return str(path)


def test_plan_shows_a_verified_plan() -> None:
    done = evac("plan", *REQUEST)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout.startswith("demo: evacuate hv01 within 15 min 00 s\n")
    for words in ("post-copy", "optimal: no plan", "yes: replayed against the inventory", "Lower bound"):
        assert words in done.stdout


def test_plan_writes_what_it_shows(plan_file: Path) -> None:
    plan = read_plan(plan_file)
    assert {move.vm for move in plan.moves} == {vm.name for vm in load_inventory(DEMO).vms if vm.host == "hv01"}
    assert plan.verification is not None
    assert plan.verification.ok


def test_plan_as_json_is_the_plan_file(plan_file: Path) -> None:
    printed, written = json.loads(evac("plan", *REQUEST, "--format", "json").stdout), json.loads(plan_file.read_text())
    for document in (printed, written):
        document["solver"].pop("seconds")
    assert printed == written


def test_plan_fits_its_schema(plan_file: Path) -> None:
    schema = json.loads(evac("schema", "plan").stdout)
    jsonschema.validate(json.loads(plan_file.read_text()), schema)


def test_plan_with_times_of_day() -> None:
    done = evac("plan", DEMO, "-e", "hv01", "--start", "23:55", "--by", "00:10")
    assert done.exit_code == 0
    assert "23:55:00 to 00:10:00 +1d" in done.stdout


def test_quiet_says_nothing_on_stderr(tmp_path: Path) -> None:
    assert evac("plan", *REQUEST, "-q", "-o", str(tmp_path / "p.json")).stderr == ""


def test_an_impossible_deadline_is_a_no_with_its_reason(tmp_path: Path) -> None:
    for command in ("plan", "check"):
        done = evac(command, DEMO, "-e", "hv01", "-d", "30 s")
        assert done.exit_code == 1
        assert "outlasts the deadline" in done.stdout
        assert ("What could be done:" if command == "plan" else "What would help") in done.stdout
    answer = tmp_path / "answer.json"
    done = evac("plan", DEMO, "-e", "hv01", "-d", "30 s", "-o", str(answer))
    assert done.stderr == f"Wrote the answer to {answer}\n"


def test_a_pinned_vm_is_named(tmp_path: Path) -> None:
    inventory = tmp_path / "small.yaml"
    inventory.write_text(PINNED)
    done = evac("check", str(inventory), "-e", "hv01", "-d", "1h")
    assert done.exit_code == 1
    assert "VM stuck is pinned to host hv01" in done.stdout
    answer = json.loads(evac("check", str(inventory), "-e", "hv01", "-d", "1h", "--format", "json").stdout)
    assert answer["answer"] == "no"
    assert answer["reasons"][0]["vms"] == ["stuck"]


def test_check_says_yes_with_a_plan_behind_it() -> None:
    done = evac("check", *REQUEST)
    assert done.exit_code == 0
    assert done.stdout.startswith("Yes: hv01 can be empty after ")
    answer = json.loads(evac("check", *REQUEST, "--format", "json").stdout)
    assert answer["answer"] == "yes"
    assert answer["plan"]["verification"]["ok"] is True


@pytest.mark.parametrize("command", ["plan", "check"])
def test_not_known_is_3_and_never_a_no(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, command, lambda *_, **__: not_known())
    done = evac(command, *REQUEST)
    assert done.exit_code == 3
    assert "No:" not in done.stdout
    assert "infeasible" not in done.stdout


@pytest.mark.parametrize("command", ["plan", "check"])
def test_the_request_reaches_the_planner(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def record(inventory: Any, evacuate: Any, deadline_s: float, **rest: Any) -> Any:
        asked.update(rest, evacuate=evacuate, deadline_s=deadline_s, name=inventory.name)
        return a_plan(a_move())

    monkeypatch.setattr(api, command, record)
    done = evac(
        *(command, DEMO, "-e", "hv01,hv02", "--start", "1:30", "-d", "2h", "--seed", "9", "--time-limit", "7", "-q"),
        *("--objective", "ends"),
    )
    assert done.exit_code == 0
    assert asked == {
        "name": "demo",
        "evacuate": ("hv01", "hv02"),
        "deadline_s": 7200.0,
        "start_clock": "01:30",
        "seed": 9,
        "time_limit_s": 7.0,
        "progress": None,
        "objective": "ends",
        "make_room": "auto",
        "extra_move_price_s": None,
    } | ({"advise": True} if command == "check" else {"confidence": None, "if_infeasible": "refuse"})


def test_verify_accepts_the_plan_of_the_planner(plan_file: Path) -> None:
    done = evac("verify", DEMO, str(plan_file))
    assert done.exit_code == 0
    assert done.stdout.startswith("Yes: the plan keeps every rule;")
    answer = json.loads(evac("verify", DEMO, str(plan_file), "--format", "json").stdout)
    assert (answer["answer"], answer["violations"]) == ("yes", [])


def test_verify_says_no_and_why(plan_file: Path, tmp_path: Path) -> None:
    moves = json.loads(plan_file.read_text())["moves"]
    late = altered(plan_file, tmp_path / "late.json", moves=[moves[0] | {"start_s": 890.0}, *moves[1:]])
    done = evac("verify", DEMO, late)
    assert done.exit_code == 1
    assert done.stdout.startswith("No: the replay found ")
    assert "- deadline" in done.stdout
    answer = json.loads(evac("verify", DEMO, late, "--format", "json").stdout)
    assert answer["answer"] == "no"
    assert {violation["check"] for violation in answer["violations"]} >= {"deadline"}


@pytest.mark.parametrize(("plan", "code", "word"), [("30 s", 1, "no"), ("unknown", 3, "unknown")])
def test_verify_never_says_yes_to_an_answer_without_a_plan(plan: str, code: int, word: str, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    if plan == "unknown":
        path.write_text(not_known().model_dump_json(exclude={"inventory": {"sha256"}}))
    else:
        evac("plan", DEMO, "-e", "hv01", "-d", plan, "-o", str(path))
    done = evac("verify", DEMO, str(path))
    assert done.exit_code == code
    assert done.stdout.startswith("There is nothing to replay")
    answer = json.loads(evac("verify", DEMO, str(path), "--format", "json").stdout)
    assert (answer["answer"], answer["ok"]) == (word, None)


def test_verify_says_what_has_changed(plan_file: Path, tmp_path: Path) -> None:
    changed = tmp_path / "demo.yaml"
    text = Path(DEMO).read_text()
    assert text.count("write_rate: ") > 1
    changed.write_text(text.replace("write_rate: ", "write_rate: 1", 1))
    done = evac("verify", str(changed), str(plan_file))
    assert (done.exit_code, done.stdout) == (4, "")
    assert done.stderr.startswith("The plan is stale")
    assert "- the VMs have changed" in done.stderr
    answer = evac("verify", str(changed), str(plan_file), "--format", "json")
    assert answer.exit_code == 4
    assert json.loads(answer.stdout) == {"answer": "stale", "changes": ["the VMs have changed"]}


def test_what_is_read_is_never_replaced(plan_file: Path, tmp_path: Path) -> None:
    inventory, other, plan = tmp_path / "demo.yaml", tmp_path / "other.yaml", tmp_path / "plan.json"
    inventory.write_text(Path(DEMO).read_text())
    plan.write_text(plan_file.read_text())
    other.symlink_to(inventory)
    for words in (
        ["plan", str(inventory), "-e", "hv01", "-d", "15 min", "-o", str(inventory)],
        ["plan", str(inventory), "-e", "hv01", "-d", "15 min", "-o", str(other)],
        ["runbook", str(plan), "-o", str(plan)],
    ):
        done = evac(*words)
        assert done.exit_code == 2
        assert "would replace" in done.stderr
    assert inventory.read_text() == Path(DEMO).read_text()
    assert plan.read_text() == plan_file.read_text()


def test_runbook_in_its_three_forms(plan_file: Path, tmp_path: Path) -> None:
    vms = {move.vm for move in read_plan(plan_file).moves}
    markdown = evac("runbook", str(plan_file))
    assert markdown.exit_code == 0
    assert markdown.stdout.startswith("# Runbook: evacuate hv01 (demo)\n")
    assert markdown.stdout.count("\n### Step ") == len(vms)
    steps = json.loads(evac("runbook", str(plan_file), "--format", "json").stdout)["steps"]
    assert {step["vm"] for step in steps} == vms
    script = tmp_path / "runbook.sh"
    done = evac("runbook", str(plan_file), "--format", "shell", "-o", str(script))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"Wrote the runbook to {script}\n")
    printed = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert printed.count(" migrate --") == len(vms)


def test_there_is_no_runbook_of_a_no(tmp_path: Path) -> None:
    path = tmp_path / "no.json"
    assert evac("plan", DEMO, "-e", "hv01", "-d", "30 s", "-o", str(path)).exit_code == 1
    done = evac("runbook", str(path))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "There is no runbook" in done.stderr
    assert "outlasts the deadline" in done.stderr


def test_there_is_no_runbook_of_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "unknown.json"
    path.write_text(not_known().model_dump_json())
    done = evac("runbook", str(path))
    assert (done.exit_code, done.stdout) == (3, "")


def test_there_is_no_runbook_of_a_rejected_plan(plan_file: Path, tmp_path: Path) -> None:
    rejected = {"ok": False, "checks": ["memory"], "violations": [{"check": "memory", "message": "hv02 is full"}]}
    done = evac("runbook", altered(plan_file, tmp_path / "bad.json", verification=rejected))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "hv02 is full" in done.stderr


def test_predict_tells_every_approach() -> None:
    done = evac("predict", DEMO, "--vm", "db-1,app-1", "--bandwidth", "1 Gbit/s")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if "  1 Gbit/s  " in line] == ["db-1", "app-1"]
    assert "does not converge" in done.stdout
    rows = json.loads(evac("predict", DEMO, "--format", "json").stdout)
    assert len(rows) == 4 * len(load_inventory(DEMO).vms)


def test_predict_corrects_a_name() -> None:
    done = evac("predict", DEMO, "--vm", "db-01,web-1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "did you mean 'db-1'?" in done.stderr


def test_new_writes_an_inventory_that_loads_and_plans(tmp_path: Path) -> None:
    starter = tmp_path / "starter.yaml"
    assert evac("new", "-o", str(starter)).exit_code == 0
    inventory = load_inventory(starter)
    assert evac("check", str(starter), "-e", inventory.hosts[0].name, "-d", "24h").exit_code == 0
    assert evac("new").stdout == starter.read_text()


def test_new_makes_the_same_cluster_from_the_same_seed(tmp_path: Path) -> None:
    words = ("new", "--hosts", "6", "--vms", "30", "--seed", "3")
    first, again, other = evac(*words), evac(*words), evac(*words[:-1], "4")
    assert first.exit_code == 0
    assert first.stdout == again.stdout != other.stdout
    path = tmp_path / "synthetic.yaml"
    path.write_text(first.stdout)
    inventory = load_inventory(path)
    assert (len(inventory.hosts), len(inventory.vms)) == (6, 30)


@pytest.mark.parametrize(
    "words", [("--hosts", "3"), ("--vms", "3"), ("--hosts", "0", "--vms", "3"), ("--hosts", "3", "--vms", "-1")]
)
def test_new_refuses_what_makes_no_cluster(words: tuple[str, ...]) -> None:
    done = evac("new", *words)
    assert (done.exit_code, done.stdout) == (2, "")


def test_schemas_hold_what_is_shipped() -> None:
    schema = json.loads(evac("schema", "inventory").stdout)
    document = load_inventory(DEMO).model_dump(mode="json", exclude_none=True)
    jsonschema.validate(document, schema)


@pytest.mark.parametrize("text", ["", "hosts: [", "\x00\x01", "format: evac/inventory/9\n", "{" * 5000, "- 1\n"])
def test_a_bad_inventory_is_one_report(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    done = evac("check", str(path), "-e", "hv01", "-d", "1h")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0].endswith(("problem:", "problems:"))
    assert "Traceback" not in done.stderr


def test_a_bad_plan_is_one_report(plan_file: Path, tmp_path: Path) -> None:
    for command in (("runbook",), ("verify", DEMO)):
        done = evac(*command, altered(plan_file, tmp_path / "bad.json", format="evac/plan/9", extra=1))
        assert (done.exit_code, done.stdout) == (2, "")
        assert "bad.json" in done.stderr


def test_a_name_that_is_not_safe_makes_no_runbook(plan_file: Path, tmp_path: Path) -> None:
    moves = json.loads(plan_file.read_text())["moves"]
    path = altered(plan_file, tmp_path / "evil.json", moves=[moves[0] | {"vm": "$(reboot)"}])
    done = evac("runbook", path, "--format", "shell")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "may stand on a command line" in done.stderr


def test_an_older_file_stands_if_the_new_one_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")

    def refuse(*_: Any, **__: Any) -> Any:
        raise InputError.single("x", "wrong", "mend")

    monkeypatch.setattr(api, "plan", refuse)
    assert evac("plan", *REQUEST, "-o", str(path)).exit_code == 2
    assert path.read_text() == "old"
