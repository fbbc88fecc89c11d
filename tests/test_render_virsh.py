"""The virsh command lines: right options for each approach, right units, safe names."""

from __future__ import annotations

import re

import pytest

from planner.inventory.models import Approach, Settings
from planner.render import virsh
from tests.render_samples import GIB, MIB, a_move


def test_a_live_precopy_move() -> None:
    assert virsh.migrate(a_move()).line == (
        "virsh -c qemu+ssh://hv01/system migrate --live --persistent --undefinesource --verbose --bandwidth 100"
        " web-1 qemu+ssh://hv02/system"
    )


def test_a_cold_move_is_not_live_and_cannot_switch() -> None:
    argv = virsh.migrate(a_move(approach=Approach.COLD)).argv
    assert "--live" not in argv
    assert not [word for word in argv if "postcopy" in word]


@pytest.mark.parametrize("approach", [Approach.POSTCOPY, Approach.HYBRID])
def test_what_switches_is_capped_after_the_switch_too(approach: Approach) -> None:
    argv = virsh.migrate(a_move(approach=approach)).argv
    assert {"--live", "--postcopy", "--postcopy-after-precopy"} <= set(argv)
    assert argv[argv.index("--bandwidth") + 1] == argv[argv.index("--postcopy-bandwidth") + 1] == "100"


@pytest.mark.parametrize("approach", list(Approach))
def test_disks_move_where_the_vm_has_one_that_moves(approach: Approach) -> None:
    assert "--copy-storage-all" in virsh.migrate(a_move(approach=approach, disk_bytes=GIB)).argv
    assert "--copy-storage-all" not in virsh.migrate(a_move(approach=approach)).argv


@pytest.mark.parametrize(
    ("rate", "mib"),
    [(MIB, 1), (1.9 * MIB, 1), (2 * MIB, 2), (1.25e9, 1192), (125e6, 119), (1000.0, 1), (2.0 * MIB - 1e-6, 1)],
)
def test_bandwidth_is_whole_mib_per_s_rounded_down_and_at_least_one(rate: float, mib: int) -> None:
    assert virsh.bandwidth_mib_per_s(rate) == mib
    assert virsh.bandwidth_mib_per_s(rate) * MIB <= max(rate, MIB)


def test_rounding_is_relative_to_the_planned_rate() -> None:
    assert virsh.rounding_change(1.5 * MIB) == pytest.approx(-1 / 3)
    assert virsh.rounding_change(0.5 * MIB) == pytest.approx(1.0)
    assert virsh.rounding_change(4.0 * MIB) == 0.0


def test_the_downtime_limit_is_the_threshold_over_the_rate_in_milliseconds() -> None:
    settings = Settings(stop_threshold=50 * MIB)
    assert virsh.downtime_limit_ms(a_move(), settings) == 500
    assert virsh.downtime_limit_ms(a_move(), Settings(downtime_limit=2.0)) == 2000
    assert [command.argv[-3:] for command in virsh.beside(a_move(), settings)] == [
        ("migrate-setmaxdowntime", "web-1", "500")
    ]


def test_a_threshold_in_bytes_is_a_limit_at_the_rate_that_is_measured() -> None:
    settings = Settings(model="saturating", stop_threshold=45 * MIB, link_efficiency=0.9)
    assert virsh.downtime_limit_ms(a_move(), settings) == 500
    assert virsh.downtime_limit_ms(a_move(), settings.model_copy(update={"tunnelled": True})) == 500
    slow = settings.model_copy(update={"tunnelled": True, "tunnel_bandwidth": 45.0 * MIB})
    assert virsh.downtime_limit_ms(a_move(), slow) == 1000
    assert virsh.downtime_limit_ms(a_move(), Settings(model="saturating", downtime_limit=0.5)) == 500


def test_a_longer_limit_is_twice_the_limit_whatever_a_throttle_takes() -> None:
    slowed = a_move(downtime_s=99.0)
    assert virsh.longer_limit_ms(slowed, Settings(model="saturating", auto_converge=True)) == 600
    assert virsh.longer_limit_ms(slowed, Settings(downtime_limit=2.0)) == 4000
    assert virsh.longer_limit_ms(slowed, Settings(downtime_limit=9000.0)) == 2_000_000


def test_what_the_prediction_counts_on_is_asked_for() -> None:
    plain, throttled = Settings(model="saturating"), Settings(model="saturating", auto_converge=True)
    assert virsh.counted_on(a_move(), plain) == ()
    assert virsh.counted_on(a_move(), Settings(auto_converge=True, tunnelled=True)) == (), "the paper's model has none"
    assert virsh.counted_on(a_move(), throttled.model_copy(update={"cpu_throttle_initial": 50})) == (
        "--auto-converge", "--auto-converge-initial", "50", "--auto-converge-increment", "10",
    )  # fmt: skip
    assert "--auto-converge" in virsh.counted_on(a_move(approach=Approach.HYBRID), throttled)
    for approach in (Approach.COLD, Approach.POSTCOPY):
        assert virsh.counted_on(a_move(approach=approach), throttled) == ()
    assert virsh.counted_on(a_move(approach=Approach.COLD), Settings(model="saturating", tunnelled=True)) == (
        "--p2p", "--tunnelled",
    )  # fmt: skip


def test_the_default_downtime_limit_of_qemu_needs_no_command() -> None:
    assert virsh.beside(a_move(), Settings()) == ()
    assert virsh.beside(a_move(), Settings(downtime_limit=0.3)) == ()


def test_a_downtime_limit_is_one_that_qemu_accepts() -> None:
    assert virsh.downtime_limit_ms(a_move(), Settings(downtime_limit=9000.0)) == 2_000_000
    assert virsh.downtime_limit_ms(a_move(), Settings(downtime_limit=1e-6)) == 1


def test_postcopy_switches_at_once_and_hybrid_at_its_share_of_memory_and_disk() -> None:
    assert virsh.switch_bytes(a_move(approach=Approach.POSTCOPY)) == 0
    hybrid = a_move(approach=Approach.HYBRID, disk_bytes=4 * GIB)
    assert virsh.switch_bytes(hybrid) == 3 * GIB
    assert [command.argv[-2:] for command in virsh.beside(hybrid, Settings())] == [("migrate-postcopy", "web-1")]
    assert virsh.switch_bytes(a_move()) is None


def test_a_hybrid_of_unknown_size_is_left_to_its_own_switch() -> None:
    move = a_move(approach=Approach.HYBRID, memory_bytes=0)
    assert virsh.switch_bytes(move) is None
    assert virsh.beside(move, Settings()) == ()
    assert "--postcopy-after-precopy" in virsh.migrate(move).argv


@pytest.mark.parametrize(("share", "pure"), [(1.0, Approach.PRECOPY), (0.0, Approach.POSTCOPY)])
def test_a_hybrid_with_nothing_on_one_side_is_the_other_pure_approach(share: float, pure: Approach) -> None:
    move = a_move(approach=Approach.HYBRID, precopy_share=share)
    assert virsh.migrate(move) == virsh.migrate(a_move(approach=pure))


@pytest.mark.parametrize(
    ("point", "sent", "left", "at_pass", "own"),
    [
        (0.0, 0, None, None, True),
        (0.25, None, 6 * GIB, None, True),
        (1.0, None, None, None, True),
        (2.0, None, None, 3, False),
        (4.0, None, None, 5, False),
    ],
)
def test_a_switch_point_is_told_in_what_is_left_or_in_passes(
    point: float, sent: int | None, left: int | None, at_pass: int | None, own: bool
) -> None:
    share = min(point, 1.0)
    move = a_move(approach=Approach.HYBRID, switch_point=point, precopy_share=share, disk_bytes=4 * GIB)
    assert virsh.switch_bytes(move) == sent
    assert virsh.switch_left(move) == left
    assert virsh.switch_pass(move) == at_pass
    assert ("--postcopy-after-precopy" in virsh.migrate(move).argv) is own
    assert len(virsh.beside(move, Settings())) == (0 if point == 1.0 else 1)


def test_a_switch_point_that_only_the_settings_say() -> None:
    move = a_move(approach=Approach.HYBRID, precopy_share=0.25, disk_bytes=4 * GIB)
    paper = Settings(model="saturating", hybrid_switch="paper")
    assert virsh.with_switch_point(move, paper).switch_point == 0.25
    assert virsh.switch_left(virsh.with_switch_point(move, paper)) == 6 * GIB
    all_of_it = virsh.with_switch_point(move.model_copy(update={"precopy_share": 1.0}), paper)
    assert virsh.realised(all_of_it) is Approach.HYBRID
    assert virsh.with_switch_point(move, Settings(model="saturating", hybrid_switch=3)).switch_point == 3.0
    for other, settings in ((move, Settings()), (a_move(), paper), (all_of_it, paper)):
        assert virsh.with_switch_point(other, settings) == other


def test_a_line_is_quoted_for_the_shell() -> None:
    assert virsh.switch(a_move("a b;c")).line == "virsh -c qemu+ssh://hv01/system migrate-postcopy 'a b;c'"


@pytest.mark.parametrize("approach", list(Approach))
def test_every_option_is_one_that_virsh_knows(approach: Approach) -> None:
    known = {
        "--live", "--persistent", "--undefinesource", "--verbose", "--copy-storage-all", "--bandwidth", "--postcopy",
        "--postcopy-after-precopy", "--postcopy-bandwidth", "--postcopy-resume",
    }  # fmt: skip
    line = virsh.migrate(a_move(approach=approach, disk_bytes=GIB), "--postcopy-resume").line
    assert set(re.findall(r"--[a-z-]+", line)) <= known
