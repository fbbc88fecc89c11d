"""The runbook in Markdown: all that a night shift needs, in order, and nothing that a foreign name could break."""

from __future__ import annotations

import re
import shlex

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from planner.inventory.models import Approach, Settings
from planner.plan.models import PathShare, Plan, Request
from planner.render.markdown import markdown_runbook
from tests.render_samples import GIB, a_move, a_plan, four_ways


def step_section(text: str, number: int) -> str:
    found = re.search(rf"^### Step {number}:.*?(?=^##)", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[0]


def runbook_of(move_approach: Approach, plan: Plan | None = None) -> str:
    return markdown_runbook(plan or a_plan(a_move(approach=move_approach)))


def test_sections_stand_in_the_order_of_work() -> None:
    headings = re.findall(r"^## \d\. (.*)$", markdown_runbook(four_ways()), re.MULTILINE)
    assert headings == [
        "Before the start",
        "Summary",
        "Steps",
        "Totals",
        "If the deadline is threatened",
        "At the end",
    ]


def test_the_head_tells_the_plan() -> None:
    head = markdown_runbook(four_ways()).split("## 1.")[0]
    for words in (
        "# Runbook: evacuate hv01 (rack-7)",
        "`" + "ab" * 32 + "`",
        "T+0:30:00 (00:20:00 +1d)",
        "4 VMs, ends after 3 min 20 s",
        "optimal",
        "3 checks passed",
        "Carried out by",
    ):
        assert words in head


def test_preconditions_name_hosts_memory_and_postcopy_steps() -> None:
    text = markdown_runbook(four_ways()).split("## 1.")[1].split("## 2.")[0]
    for host in ("hv01", "hv02", "hv03"):
        assert f"virsh -c qemu+ssh://{host}/system version" in text
    assert "| `hv02` | 2 | 72 GiB |" in text
    assert "| `hv03` | 2 | 16 GiB |" in text
    assert "source and target of steps 2, 3: `sysctl -n vm.unprivileged_userfaultfd`" in text
    assert "`evac verify INVENTORY PLAN.json`" in text
    assert "maintenance mode" in text
    assert "the plan moves none" in text


def test_preconditions_speak_of_postcopy_only_where_it_is_used() -> None:
    assert "userfaultfd" not in runbook_of(Approach.PRECOPY)
    assert "userfaultfd" not in runbook_of(Approach.COLD)
    assert "userfaultfd" in runbook_of(Approach.HYBRID)


def test_disks_that_move_are_listed() -> None:
    text = markdown_runbook(a_plan(a_move("a", disk_bytes=20 * GIB), a_move("b")))
    assert "| `a` | `hv02` | 20 GiB |" in text
    assert "| `b` | `hv02` | " not in text.split("## 2.")[0]


def test_the_summary_has_a_row_for_each_step() -> None:
    text = markdown_runbook(four_ways()).split("## 2.")[1].split("## 3.")[0]
    rows = [line for line in text.splitlines() if re.match(r"\| \d", line)]
    assert rows[2] == (
        "| 3 | T+0:01:30 | 23:51:30 | 1 | `cache-1` | `hv01` | `hv03` | hybrid | 30 s | 300 ms | 9 GiB |"
    )
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_every_step_has_its_times_commands_check_and_overrun() -> None:
    text = markdown_runbook(four_ways())
    for number, vm in enumerate(("web-1", "db-07", "cache-1", "old-1"), start=1):
        section = step_section(text, number)
        assert f"### Step {number}: `{vm}` from `hv01`" in section
        assert re.search(
            rf"^virsh -c qemu\+ssh://hv01/system migrate .* {vm} qemu\+ssh://hv0[23]/system$", section, re.M
        )
        assert f"domstate {vm}   # says: running" in section
        assert f"domjobinfo --completed {vm}" in section
        assert "**Overrun** if it has not ended" in section
        assert f"The service of `{vm}` answers" in section
    assert "T+0:01:30 (23:51:30), when step 1 has ended well" in step_section(text, 3)
    assert "T+0:00:00 (23:50:00), at once" in step_section(text, 1)
    assert "Step 3 must not start before it has ended well" in step_section(text, 1)


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def test_every_command_line_is_one_that_a_shell_can_read() -> None:
    blocks = [token.content for token in tokens(markdown_runbook(four_ways())) if token.type == "fence"]
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) > 20
    for line in lines:
        words = shlex.split(line, comments=True)
        assert words[:2] == ["virsh", "-c"]
        assert words[2].startswith("qemu+ssh://")


def test_postcopy_is_switched_at_once_and_never_aborted_after() -> None:
    section = step_section(markdown_runbook(four_ways()), 2)
    assert "In a second terminal, at once" in section
    assert "migrate-postcopy db-07" in section
    assert "never abort it, and touch neither `hv01` nor `hv02`" in section
    assert "--postcopy-resume" in section


def test_hybrid_is_switched_at_its_share() -> None:
    section = step_section(markdown_runbook(four_ways()), 3)
    assert "when `Data processed` has reached **2 GiB** (25% of the image" in section
    assert "migrate-postcopy cache-1" in section


def test_a_hybrid_of_unknown_size_switches_by_itself() -> None:
    section = step_section(markdown_runbook(a_plan(a_move("h", Approach.HYBRID, memory_bytes=0))), 1)
    assert "comes by itself after the first pass" in section
    assert "migrate-postcopy" not in section
    assert "not in the plan" in markdown_runbook(a_plan(a_move("h", Approach.HYBRID, memory_bytes=0)))


def test_precopy_can_be_given_more_downtime_or_up() -> None:
    section = step_section(markdown_runbook(four_ways()), 1)
    assert "migrate-setmaxdowntime web-1 40" in section
    assert "domjobabort web-1" in section
    assert "--postcopy" not in section


def test_cold_says_that_the_vm_stands_still() -> None:
    section = step_section(markdown_runbook(four_ways()), 4)
    assert "paused while its memory is sent" in section
    assert "--live --" not in section


def test_hosts_must_be_empty_at_the_end() -> None:
    plan = a_plan(a_move("a"), request=Request(evacuate=("hv01", "hv09"), deadline_s=600.0))
    end = markdown_runbook(plan).split("At the end")[1]
    assert "virsh -c qemu+ssh://hv01/system list --all\n" in end
    assert "virsh -c qemu+ssh://hv09/system list --all\n" in end
    assert "No evacuated host lists a VM" in end


def test_nothing_to_move_leaves_the_end_checks() -> None:
    text = markdown_runbook(a_plan())
    assert "there is nothing to move" in text
    assert "## 1. At the end" in text
    assert "### Step" not in text
    assert "noted above" not in text
    assert "never replayed" in markdown_runbook(a_plan(verification=None))


def test_a_plan_without_objective_claims_no_bound() -> None:
    totals = markdown_runbook(a_plan(a_move(downtime_s=2.0), objective=None)).split("## 4.")[1].split("## 5.")[0]
    assert "| Downtime | 2 s in all, 2 s weighted |" in totals
    assert "no plan has less than 2 s weighted" in markdown_runbook(a_plan(a_move(downtime_s=2.0)))


def test_a_plan_that_was_never_replayed_says_so_first() -> None:
    text = markdown_runbook(a_plan(a_move(), verification=None))
    assert "**This plan was never replayed against its inventory.**" in text.split("## 1.")[0]


@pytest.mark.parametrize("name", ["a|b", "# x", "<script>", "*x*", "a\n\n# b", "[x](y)"])
def test_free_text_of_a_foreign_plan_stays_text(name: str) -> None:
    plan = a_plan(a_move())
    text = markdown_runbook(plan.model_copy(update={"inventory": plan.inventory.model_copy(update={"name": name})}))
    first = text.splitlines()[0]
    assert first.startswith("# Runbook: evacuate hv01 (")
    assert not re.search(r"(?<!\\)[|<>*\[\]]", first)
    assert len([line for line in text.splitlines() if line.startswith("# ")]) == 1


def test_no_blank_paragraph_is_left_by_the_template() -> None:
    assert "\n\n\n\n" not in markdown_runbook(four_ways())


def test_a_reader_of_markdown_sees_tables_and_commands_as_such() -> None:
    plan = a_plan(*four_ways().moves, a_move("d", disk_bytes=GIB))
    kinds = [token.type for token in tokens(markdown_runbook(plan))]
    assert kinds.count("table_open") == 5  # the head, memory on targets, disks, summary, totals
    assert kinds.count("code_block") == 0
    assert kinds.count("fence") == 1 + 2 * 5 + 2 + 1  # hosts, each step twice, two switches, end


def test_steps_too_quick_for_hands_are_left_to_the_script() -> None:
    quick = markdown_runbook(a_plan(a_move("a", duration_s=9.0)))
    assert "1 step takes less than a minute: let the script" in quick
    assert "start it, and read along here" in quick
    assert "let the script" not in markdown_runbook(a_plan(a_move("a", duration_s=9.0), a_move("b", duration_s=500.0)))


def test_a_move_over_several_paths_tells_how_many_and_the_first() -> None:
    ways = tuple(
        PathShare(path=("hv01", "leaf1", spine, "leaf2", "hv02"), share=1 / 3) for spine in ("s1", "s2", "s`3")
    )
    text = markdown_runbook(a_plan(a_move(path=ways[0].path, paths=ways)))
    assert "- Paths: 3 with 33.3% each, the first `hv01` to `leaf1` to `s1` to `leaf2` to `hv02`\n" in text
    assert "- Path:" not in text
    assert "- Paths:" not in markdown_runbook(a_plan(a_move()))


def test_the_migration_network_is_to_be_set_on_the_targets() -> None:
    plan = a_plan(a_move(), settings=Settings(migration_network="vlan-30"))
    assert "Migrations use the network `vlan-30`: on each target `migration_host`" in markdown_runbook(plan)
    assert "migration_host" not in markdown_runbook(a_plan(a_move()))


def test_moves_of_several_flows_are_told_to_virsh() -> None:
    plan = a_plan(
        a_move("a"),
        a_move("b", approach=Approach.POSTCOPY),
        a_move("c", disk_bytes=GIB),
        settings=Settings(multifd_channels=4),
    )
    lines = [line for line in markdown_runbook(plan).splitlines() if line.startswith("virsh") and " migrate " in line]
    assert ["--parallel --parallel-connections 4" in line for line in lines] == [True, False, False]
