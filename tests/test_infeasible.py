"""A no is proven and names its culprit; "not found in time" is another answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.inventory.load import load_inventory
from planner.inventory.models import VM, Before, Inventory, NotAtOnce, Separate, Together
from planner.inventory.synthesize import synthesize
from planner.plan.models import Aim, Plan, ReasonKind, Status

EXAMPLES = Path(__file__).parent.parent / "examples" / "infeasible"
COMMAND = re.compile(r"evac (check examples/infeasible/\S+ --evacuate (\S+) --deadline (\"[^\"]+\"|\S+))")
CULPRITS = {
    "slow-link": (ReasonKind.LINK, ["hv01 -> sw1", "app-1, app-2 and app-3", "13 min"]),
    "no-memory": (ReasonKind.MEMORY, ["hv02 and hv03", "64 GiB are needed, 44 GiB are free"]),
    "pinned": (ReasonKind.PINNED, ["gpu-1", "hv01"]),
    "anti-affinity": (ReasonKind.SEPARATE, ["etcd-1 and etcd-2", "2 hosts are needed, 1 host"]),
    "labels": (ReasonKind.LABELS, ["simd-1", "x86-v4"]),
}


@pytest.mark.parametrize("name", CULPRITS)
def test_example_says_no_and_names_the_culprit(name: str) -> None:
    path = EXAMPLES / f"{name}.yaml"
    found = COMMAND.search(path.read_text())
    assert found, "the example says in its head how to run it"
    hosts, deadline = found[2], found[3].strip('"')
    result = CliRunner().invoke(main, ["check", str(path), "--evacuate", hosts, "--deadline", deadline])
    assert result.exit_code == 1
    assert result.stdout.startswith("No:")
    kind, words = CULPRITS[name]
    told = " ".join(result.stdout.split())
    for word in words:
        assert word in told
    assert kind in kinds(api.check(load_inventory(path), hosts.split(","), 600.0 if name == "slow-link" else 3600.0))


def test_every_example_is_tried() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(CULPRITS)


def kinds(plan: Plan) -> list[ReasonKind]:
    assert plan.status is Status.INFEASIBLE
    assert plan.infeasibility is not None
    return [reason.kind for reason in plan.infeasibility.reasons]


def cluster(vms: list[VM], rules: tuple[Separate | Together | NotAtOnce | Before, ...] = ()) -> Inventory:
    base = load_inventory(EXAMPLES / "no-memory.yaml")
    return base.model_copy(update={"vms": tuple(vms), "rules": rules})


def vm(name: str, host: str = "hv01", memory_gib: int = 16, write_mb: float = 2, **more: object) -> VM:
    facts = {"vcpus": 4, "memory": memory_gib * 2**30, "read_rate": 5e6, "write_rate": write_mb * 1e6, **more}
    return VM.model_validate({"name": name, "host": host, **facts})


@pytest.mark.parametrize(
    ("inventory", "deadline_s", "kind"),
    [
        (cluster([vm("a", approaches=["precopy"], write_mb=2000)]), 3600, ReasonKind.NO_APPROACH),
        (cluster([vm("a", max_downtime=0.01)]), 3600, ReasonKind.NO_APPROACH),
        (cluster([vm("a")]), 5, ReasonKind.TOO_SLOW),
        (cluster([vm("a", memory_gib=100)]), 3600, ReasonKind.NO_HOST_FITS),
        (cluster([vm("a", vcpus=32), vm("b", "hv02"), vm("c", "hv03")]), 3600, ReasonKind.NO_HOST_FITS),
        (
            cluster([vm(n, vcpus=12) for n in "abc"] + [vm(n, h, vcpus=16) for n, h in (("d", "hv02"), ("e", "hv03"))]),
            3600,
            ReasonKind.VCPUS,
        ),
        (cluster([vm("a", memory_gib=40), vm("b", memory_gib=40)], (Together(together=("a", "b")),)), 3600,
         ReasonKind.TOGETHER),
        (
            cluster([vm("a"), vm("b", "hv02"), vm("c", "hv03")], (Separate(separate=("a", "b", "c")),)),
            3600,
            ReasonKind.SEPARATED,
        ),
    ],
)  # fmt: skip
def test_no_has_its_kind(inventory: Inventory, deadline_s: float, kind: ReasonKind) -> None:
    assert kinds(api.check(inventory, ["hv01"], deadline_s, make_room="never")) == [kind]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (NotAtOnce(not_at_once=("a", "b")), ReasonKind.NOT_AT_ONCE),
        (Before(before=("a", "b")), ReasonKind.BEFORE),
    ],
)
def test_sequence_that_takes_too_long(rule: NotAtOnce | Before, kind: ReasonKind) -> None:
    """Each of two hosts could send its VM in time, but not one after the other."""
    vms = [vm("a"), vm("b", "hv02")]
    assert api.check(cluster(vms), ["hv01", "hv02"], 28).status is Status.OPTIMAL
    assert kinds(api.check(cluster(vms, (rule,)), ["hv01", "hv02"], 20)) == [kind]


@pytest.mark.parametrize("objective", ["finish", "ends"])
def test_a_pinned_vm_is_a_no_whatever_is_minimised(objective: Aim) -> None:
    inventory = load_inventory(EXAMPLES / "pinned.yaml")
    assert kinds(api.plan(inventory, ["hv01"], 3600.0, objective=objective)) == [ReasonKind.PINNED]


def test_no_target_is_said() -> None:
    assert kinds(api.check(cluster([vm("a")]), ["hv01", "hv02", "hv03"], 3600)) == [ReasonKind.NO_TARGET]


def test_not_found_in_time_is_not_a_no(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    runner = CliRunner()
    assert (
        runner.invoke(main, ["new", "--hosts", "200", "--vms", "2000", "--seed", "7", "-o", str(path)]).exit_code == 0
    )
    inventory = synthesize(200, 2000, 7)
    hosts = ",".join(host.name for host in inventory.hosts[:20])
    arguments = ["check", str(path), "--evacuate", hosts, "--deadline", "1h", "--time-limit", "0.01"]
    result = runner.invoke(main, arguments)
    assert result.exit_code == 3, result.output
    assert result.stdout.startswith("Not known:")
