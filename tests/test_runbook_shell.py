"""The runbook as a script, run for real against a virsh that only keeps a record."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from planner.inventory.models import Approach
from planner.plan.models import Plan
from planner.render.shell import shell_runbook
from tests.render_samples import a_move, a_plan, four_ways

SHELLS = [name for name in ("sh", "dash", "bash", "busybox") if shutil.which(name)]

# Keeps a line for each begin and end of a migration and each command about one under way. A migration ends when the
# file named in UNTIL_<vm> stands in the record's directory (it gives up after 20 s), and fails where FAIL names it.
FAKE_VIRSH = r"""#!/bin/sh
uri=$2
shift 2
case $1 in
migrate)
    for word in "$@"; do vm=$last last=$word; done
    echo "begin $vm $uri" >>"$RECORD/events"
    : >"$RECORD/begun-$vm"
    eval "until=\${UNTIL_$(echo "$vm" | tr - _):-}"
    left=200
    while [ -n "$until" ] && [ ! -e "$RECORD/$until" ]; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "gave-up $vm" >>"$RECORD/events"; exit 9; }
        sleep 0.1
    done
    echo "end $vm" >>"$RECORD/events"
    : >"$RECORD/ended-$vm"
    [ "$vm" != "${FAIL:-}" ] || exit 1
    : >"$RECORD/landed-$vm"
    ;;
domstate)
    [ -e "$RECORD/landed-$2" ] || exit 1
    [ "$2" != "${PAUSED:-}" ] || { echo paused; exit 0; }
    printf 'running\n\n'
    ;;
domjobinfo)
    [ -e "$RECORD/begun-$2" ] || exit 1
    echo "asked $2" >>"$RECORD/events"
    times=$(grep -c "asked $2" "$RECORD/events")
    [ "$times" -lt 2 ] || printf 'Job type: 2\ndata_processed: 99999999999\nmemory_iteration: %s\n' $((2 * times - 2))
    case $times in
    2) echo 'memory_remaining: 0' ;;
    3) echo 'memory_remaining: 8589934592' ;;
    4) echo 'memory_remaining: 4294967296' ;;
    esac
    ;;
domname)
    [ "$2 $uri" != "${MISTAKEN:-}" ] || { printf 'other-vm\n\n'; exit 0; }
    [ "$2" != "${SELF:-}" ] || { printf '%s\n\n' "$2"; exit 0; }
    exit 1
    ;;
*)
    vm=$2
    [ -e "$RECORD/begun-$vm" ] || exit 1
    echo "$1 $*" >>"$RECORD/events"
    : >"$RECORD/$1-$vm"
    ;;
esac
"""


class Run:
    """One run of a script: its exit code, what it said, and what virsh recorded."""

    def __init__(self, plan: Plan, directory: Path, shell: str = "sh", /, **environment: str) -> None:
        script, record, tools = directory / "runbook.sh", directory / "record", directory / "bin"
        script.write_text(shell_runbook(plan))
        for folder in (record, tools):
            folder.mkdir(exist_ok=True)
        (tools / "virsh").write_text(FAKE_VIRSH)
        (tools / "virsh").chmod(0o755)
        done = subprocess.run(
            [*(["busybox", "sh"] if shell == "busybox" else [shell]), str(script)],
            cwd=directory,
            env={"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "RECORD": str(record), "RUN": "1"} | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.code, self.said, self.complaints = done.returncode, done.stdout, done.stderr
        events = record / "events"
        self.events = events.read_text().splitlines() if events.exists() else []
        self.logs = directory / "evac-logs"

    def order(self, *events: str) -> bool:
        """Say whether these events happened, in this order; each is told by how it begins."""
        places = [next((i for i, line in enumerate(self.events) if line.startswith(event)), -1) for event in events]
        return -1 not in places and places == sorted(places)


def until(plan: Plan) -> dict[str, str]:
    """Return what the moves of `four_ways` wait for, so that a run shows that they run side by side."""
    assert [move.vm for move in plan.moves] == ["web-1", "db-07", "cache-1", "old-1"]
    return {
        "UNTIL_web_1": "begun-db-07",
        "UNTIL_db_07": "migrate-postcopy-db-07",
        "UNTIL_cache_1": "migrate-postcopy-cache-1",
    }


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_accepted_by_every_shell_here(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "runbook.sh"
    script.write_text(shell_runbook(four_ways()))
    command = ["busybox", "sh"] if shell == "busybox" else [shell]
    assert subprocess.run([*command, "-n", str(script)], capture_output=True, check=True).stderr == b""
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-s", "sh", str(script)], check=True)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_run_keeps_order_and_parallelism_and_switches(shell: str, tmp_path: Path) -> None:
    plan = four_ways()
    run = Run(plan, tmp_path, shell, **until(plan))
    assert (run.code, run.complaints) == (0, "")
    # Side by side: web-1 ends only once db-07 has begun.
    assert run.order("begin web-1", "end web-1", "begin cache-1", "end cache-1")
    assert run.order("begin db-07", "end db-07", "begin old-1", "end old-1")
    assert run.order("begin db-07", "migrate-postcopy migrate-postcopy db-07", "end db-07")
    assert run.order("begin cache-1", "asked cache-1", "migrate-postcopy migrate-postcopy cache-1", "end cache-1")
    assert "all steps have ended well" in run.said
    assert "begin web-1 qemu+ssh://hv01/system" in run.events


def test_the_hybrid_waits_for_its_share(tmp_path: Path) -> None:
    run = Run(a_plan(a_move("h", Approach.HYBRID)), tmp_path, UNTIL_h="migrate-postcopy-h")
    assert run.code == 0
    # Asked until the second answer told enough bytes; only then switched.
    assert [event.split()[0] for event in run.events] == ["begin", "asked", "asked", "migrate-postcopy", "end"]


def test_a_hybrid_within_the_first_pass_waits_for_what_is_left(tmp_path: Path) -> None:
    move = a_move("h", Approach.HYBRID, switch_point=0.25)
    run = Run(a_plan(move), tmp_path, UNTIL_h="migrate-postcopy-h")
    assert run.code == 0
    # Of 8 GiB nothing is told at first, then that 0, 8 and 4 GiB remain: the last is no more than three quarters.
    assert [event.split()[0] for event in run.events] == ["begin", *4 * ["asked"], "migrate-postcopy", "end"]
    (tmp_path / "dry").mkdir()
    dry = Run(a_plan(move), tmp_path / "dry", RUN="")
    assert "once no more than 6442450944 bytes of memory remain" in dry.said


def test_a_hybrid_after_several_passes_waits_for_the_next(tmp_path: Path) -> None:
    move = a_move("h", Approach.HYBRID, switch_point=3.0, precopy_share=1.0)
    run = Run(a_plan(move), tmp_path, UNTIL_h="migrate-postcopy-h")
    assert run.code == 0
    # The first answer tells nothing, the second pass 2, the third pass 4: three are then done.
    assert [event.split()[0] for event in run.events] == ["begin", *3 * ["asked"], "migrate-postcopy", "end"]
    assert "--postcopy-after-precopy" not in run.events[0]


def test_without_run_it_prints_every_command_and_does_nothing(tmp_path: Path) -> None:
    run = Run(four_ways(), tmp_path, RUN="")
    assert (run.code, run.events) == (0, [])
    assert not run.logs.exists()
    lines = run.said.splitlines()
    assert [line.split()[-2] for line in lines if " migrate --" in line] == ["web-1", "db-07", "cache-1", "old-1"]
    assert "virsh -c qemu+ssh://hv01/system migrate-postcopy db-07" in lines
    assert "# in a second terminal, once 2147483648 bytes are sent, until it is accepted:" in lines
    assert "Nothing was done" in lines[-1]


def test_after_a_failure_nothing_more_starts_and_what_runs_ends(tmp_path: Path) -> None:
    plan = four_ways()
    # web-1 fails while db-07 is under way; db-07 goes on to its end.
    run = Run(plan, tmp_path, **(until(plan) | {"UNTIL_db_07": "ended-web-1"}), FAIL="web-1")
    assert run.code == 5
    assert run.order("end web-1", "end db-07")
    assert not [event for event in run.events if event.startswith(("begin cache-1", "begin old-1"))]
    assert "step 1: web-1 FAILED" in run.said
    assert "step 2: db-07 has landed" in run.said
    assert "failed: web-1; not started: cache-1 old-1" in run.said
    assert "plan again" in run.said.splitlines()[-1]


def test_a_migration_that_leaves_its_vm_paused_has_not_ended_well(tmp_path: Path) -> None:
    run = Run(a_plan(a_move("a"), a_move("b", start_s=100.0, after=("a",))), tmp_path, PAUSED="a")
    assert run.code == 5
    assert "failed: a; not started: b" in run.said


def test_a_step_waits_for_its_own_predecessors_only(tmp_path: Path) -> None:
    # b lasts until d has begun; c, which waits for b, stands before d.
    plan = a_plan(
        a_move("a", duration_s=10.0),
        a_move("b", duration_s=20.0),
        a_move("c", start_s=20.0, after=("b",)),
        a_move("d", start_s=20.0, after=("a",)),
    )
    run = Run(plan, tmp_path, UNTIL_b="begun-d")
    assert run.code == 0
    assert run.order("end a", "begin d", "end b", "begin c")


def test_each_vm_has_a_log_with_its_command(tmp_path: Path) -> None:
    run = Run(a_plan(a_move("a")), tmp_path)
    assert "virsh -c qemu+ssh://hv01/system migrate --live" in (run.logs / "a.log").read_text()


def test_a_second_run_does_not_start_beside_the_first(tmp_path: Path) -> None:
    Run(a_plan(a_move("a")), tmp_path)
    second = Run(a_plan(a_move("a")), tmp_path)
    assert second.code == 2
    assert "is there already" in second.complaints
    assert second.events.count("end a") == 1


@pytest.mark.parametrize("run", ["", "1"])
def test_a_plan_without_moves_says_so(tmp_path: Path, run: str) -> None:
    done = Run(a_plan(), tmp_path, RUN=run)
    assert (done.code, done.said, done.complaints) == (0, "nothing runs on hv01: there is nothing to move\n", "")
    assert not done.logs.exists()


@pytest.mark.parametrize("host", ["hv01", "hv02"])
def test_a_name_that_is_the_id_of_another_vm_moves_nothing(tmp_path: Path, host: str) -> None:
    run = Run(a_plan(a_move("101")), tmp_path, MISTAKEN=f"101 qemu+ssh://{host}/system")
    assert run.code == 5
    assert run.events == []
    assert "101 is the ID of other-vm" in (run.logs / "101.log").read_text()


@pytest.mark.parametrize("own", ["", "101"])
def test_a_name_that_is_no_id_or_its_own_moves(tmp_path: Path, own: str) -> None:
    run = Run(a_plan(a_move("101")), tmp_path, SELF=own)
    assert (run.code, run.order("begin 101", "end 101")) == (0, True)
    assert "domname 101" in Run(a_plan(a_move("101")), tmp_path, RUN="").said
    assert "domname" not in shell_runbook(a_plan(a_move("a")))


def test_a_hundred_steps_all_run(tmp_path: Path) -> None:
    moves = [a_move(f"v{i}", start_s=float(i), duration_s=1.0, after=(f"v{i - 1}",) if i else ()) for i in range(100)]
    run = Run(a_plan(*moves), tmp_path)
    assert run.code == 0
    assert [event for event in run.events if event.startswith("end")] == [f"end v{i}" for i in range(100)]


def test_free_text_of_a_foreign_plan_stays_in_its_comment(tmp_path: Path) -> None:
    plan = a_plan(a_move("a"))
    inventory = plan.inventory.model_copy(update={"name": "x\ntouch owned", "sha256": "y\ntouch owned"})
    run = Run(plan.model_copy(update={"inventory": inventory}), tmp_path)
    assert run.code == 0
    assert not (tmp_path / "owned").exists()


def test_an_unverified_plan_says_so() -> None:
    assert "NEVER REPLAYED" in shell_runbook(a_plan(a_move(), verification=None))
    assert "NEVER REPLAYED" not in shell_runbook(a_plan(a_move()))
