"""The virsh command lines of a move.

What is relied on (virsh(1) and the QEMU driver of libvirt):

- ``--bandwidth`` and ``--postcopy-bandwidth`` are in MiB/s. The first also caps the copy of disks.
- Without ``--live`` the VM is paused while its memory is sent, and runs on by itself on the target, or on the
  source if the migration fails. With ``--copy-storage-all`` disks are copied first, while the VM still runs.
- ``--postcopy`` only enables post-copy; ``migrate-postcopy`` from another virsh makes the switch, and
  ``--postcopy-after-precopy`` makes it after the first pass if nobody else did.
- ``migrate-setmaxdowntime`` is in milliseconds and for a migration that runs; QEMU's default is 300 ms.
- ``domjobinfo --rawstats`` counts the passes as ``memory_iteration``: 1 in the first, 2 in the second. Its
  ``memory_remaining`` is what is left of a pass, pages of zeros included, and 0 before the memory's turn.
- After the switch no host has the whole state: it cannot be aborted, only resumed with ``--postcopy-resume``.
- ``--parallel`` sends memory over several connections (multifd), whose bandwidth is that of all together. QEMU before
  10.1 refuses it together with post-copy.
- A migration whose virsh ends is cancelled: the virsh that starts it must stay.
- ``--tunnelled`` needs ``--p2p``: the source's daemon itself connects to the target, and goes on where virsh ends.
- ``--auto-converge-initial`` and ``--auto-converge-increment`` are in percent.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

from planner.inventory.models import DEFAULT_DOWNTIME_LIMIT_S, Approach, Settings
from planner.plan.models import Move

_MIB = 2**20
_LONGEST_DOWNTIME_MS = 2_000_000
"""The longest downtime limit that QEMU accepts [ms]."""
ROUNDING_WORTH_SAYING = 0.05
"""From this relative change on, the rounding of a bandwidth to whole MiB/s is told [1]."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line.

    Parameters
    ----------
    argv
        Program and arguments.
    purpose
        What it is for, in a few words.
    """

    argv: tuple[str, ...]
    purpose: str

    @property
    def line(self) -> str:
        """The line as a shell reads it."""
        return shlex.join(self.argv)


def uri(host: str) -> str:
    """Return the libvirt URI of a host."""
    return f"qemu+ssh://{host}/system"


def virsh(host: str, *arguments: str, purpose: str) -> Command:
    """Return a virsh command that talks to a host."""
    return Command(("virsh", "-c", uri(host), *arguments), purpose)


def bandwidth_mib_per_s(rate_bytes_per_s: float) -> int:
    """Return a rate in whole MiB/s as virsh takes it: rounded down, and at least 1 [MiB/s]."""
    return max(1, int(rate_bytes_per_s // _MIB))


def rounding_change(rate_bytes_per_s: float) -> float:
    """Return by how much the rounding to whole MiB/s changes a rate, relative to it; negative where it shrinks [1]."""
    return bandwidth_mib_per_s(rate_bytes_per_s) * _MIB / rate_bytes_per_s - 1.0


def with_switch_point(move: Move, settings: Settings) -> Move:
    """Return a move with the switch point of its own that a plan leaves out where the settings say it.

    With the model saturating a hybrid switches at the paper's share of the first pass, which is what its pre-copied
    share is then, or after the number of passes that the settings have.
    """
    if settings.model != "saturating" or move.approach is not Approach.HYBRID or move.switch_point is not None:
        return move
    named = settings.hybrid_switch
    return move.model_copy(update={"switch_point": move.precopy_share if isinstance(named, str) else named})


def realised(move: Move) -> Approach:
    """Return the approach as which a move is carried out: a hybrid with nothing on one side is the other pure one."""
    if move.approach is Approach.HYBRID and move.switch_point is not None:
        return Approach.HYBRID if move.switch_point > 0 else Approach.POSTCOPY
    if move.approach is Approach.HYBRID and move.precopy_share >= 1.0:
        return Approach.PRECOPY
    if move.approach is Approach.HYBRID and move.precopy_share <= 0.0:
        return Approach.POSTCOPY
    return move.approach


def switches(move: Move) -> bool:
    """Return whether a move switches to post-copy."""
    return realised(move) in (Approach.POSTCOPY, Approach.HYBRID)


def switch_bytes(move: Move) -> int | None:
    """Return how much has been sent when the move is switched to post-copy by hand [bytes]; 0 means at once.

    It is the share phi of the image. None where there is nothing to do by hand or bytes sent do not tell: the move
    does not switch, or at a switch point, or it is a hybrid of a VM whose size the plan does not tell, for which
    libvirt's own switch after the first pass serves.
    """
    match realised(move):
        case Approach.POSTCOPY:
            return 0
        case Approach.HYBRID if move.switch_point is not None:
            return None
        case Approach.HYBRID if move.memory_bytes > 0:
            return round(move.precopy_share * (move.memory_bytes + move.disk_bytes))
        case _:
            return None


def switch_left(move: Move) -> int | None:
    """Return how much of the memory is left when the move is switched by hand in its first pass [bytes]; None if not.

    What is left counts pages; of zeros and of what compresses well less is sent.
    """
    point = move.switch_point
    if realised(move) is Approach.HYBRID and point is not None and point < 1.0 and move.memory_bytes > 0:
        return round((1.0 - point) * move.memory_bytes)
    return None


def switch_pass(move: Move) -> int | None:
    """Return at whose start the move is switched to post-copy by hand [number of the pass]; None where it is not.

    After one pass libvirt makes the switch itself.
    """
    if realised(move) is Approach.HYBRID and move.switch_point is not None and move.switch_point > 1.0:
        return math.ceil(move.switch_point) + 1
    return None


def switch_when(move: Move) -> tuple[str, int] | None:
    """Return the count of virsh's job statistics, and its value, at which the move is switched by hand, or None.

    No bytes of ``data_processed`` mean at once.
    """
    counts = (
        ("memory_iteration", switch_pass(move)),
        ("memory_remaining", switch_left(move)),
        ("data_processed", switch_bytes(move)),
    )
    return next(((count, value) for count, value in counts if value is not None), None)


def downtime_limit_ms(move: Move, settings: Settings) -> int | None:
    """Return the downtime limit to set for a move [ms], l over the bandwidth; None where QEMU's default is meant.

    QEMU counts the limit at the rate that it measures. To stop with a number of bytes left, it is longer by what the
    link does not carry of the bandwidth.
    """
    if realised(move) is not Approach.PRECOPY:
        return None
    rate = move.bandwidth_bytes_per_s
    limit_s = settings.stop_threshold_bytes(rate) / rate
    if settings.stop_threshold is not None and settings.model == "saturating":
        import numpy as np

        from planner.predict.link_terms import link_terms

        limit_s = settings.stop_threshold / link_terms(settings, np.array([rate])).wire_bytes_per_s.item()
    if abs(limit_s - DEFAULT_DOWNTIME_LIMIT_S) < 5e-4:
        return None
    return min(_LONGEST_DOWNTIME_MS, max(1, round(limit_s * 1000)))


def longer_limit_ms(move: Move, settings: Settings) -> int:
    """Return twice the downtime limit of a pre-copy, as far as QEMU accepts it [ms]."""
    limit_ms = downtime_limit_ms(move, settings) or round(DEFAULT_DOWNTIME_LIMIT_S * 1000)
    return min(_LONGEST_DOWNTIME_MS, 2 * limit_ms)


def counted_on(move: Move, settings: Settings) -> tuple[str, ...]:
    """Return the options of ``virsh migrate`` for what the prediction counts on: a tunnel, and auto-converge."""
    if settings.model != "saturating":
        return ()
    options = ["--p2p", "--tunnelled"] if settings.tunnelled else []
    if settings.auto_converge and realised(move) in (Approach.PRECOPY, Approach.HYBRID):
        options.append("--auto-converge")
        options += ["--auto-converge-initial", str(settings.cpu_throttle_initial)]
        options += ["--auto-converge-increment", str(settings.cpu_throttle_increment)]
    return tuple(options)


def migrate(move: Move, *extra: str, flows: int = 1) -> Command:
    """Return the command that starts a move and stays until it has ended.

    Parameters
    ----------
    move
        The move.
    extra
        Further options, such as ``--postcopy-resume``.
    flows
        TCP connections that carry the memory [count].
    """
    rate = str(bandwidth_mib_per_s(move.bandwidth_bytes_per_s))
    options = [] if realised(move) is Approach.COLD else ["--live"]
    options += ["--persistent", "--undefinesource", "--verbose"]
    if move.disk_bytes > 0:
        options.append("--copy-storage-all")
    options += ["--bandwidth", rate]
    if flows > 1:
        options += ["--parallel", "--parallel-connections", str(flows)]
    if switches(move):
        # Its own switch after the first pass would come too soon for one after several.
        own = [] if switch_pass(move) else ["--postcopy-after-precopy"]
        options += ["--postcopy", *own, "--postcopy-bandwidth", rate]
    return virsh(
        move.source,
        "migrate",
        *options,
        *extra,
        move.vm,
        uri(move.target),
        purpose="moves the VM and waits for its end",
    )


def beside(move: Move, settings: Settings) -> tuple[Command, ...]:
    """Return the commands to give from a second terminal while the move runs."""
    limit_ms = downtime_limit_ms(move, settings)
    if limit_ms is not None:
        return (set_downtime(move, limit_ms),)
    return () if switch_when(move) is None else (switch(move),)


def set_downtime(move: Move, limit_ms: int) -> Command:
    """Return the command that allows a pause at the end of pre-copy [ms]."""
    return virsh(
        move.source, "migrate-setmaxdowntime", move.vm, str(limit_ms), purpose="allows that long a pause at the end"
    )


def switch(move: Move) -> Command:
    """Return the command that switches a running migration to post-copy."""
    return virsh(move.source, "migrate-postcopy", move.vm, purpose="switches to post-copy")


def job(move: Move) -> Command:
    """Return the command that shows how far a move is."""
    return virsh(move.source, "domjobinfo", move.vm, purpose="shows how far it is")


def abort(move: Move) -> Command:
    """Return the command that gives a move up."""
    return virsh(move.source, "domjobabort", move.vm, purpose="gives up; the VM stays on its source")


def domain_name(host: str, number: str) -> Command:
    """Return the command that tells which domain has a number for its ID on a host."""
    return virsh(host, "domname", number, purpose="fails where none has it")


def checks(move: Move) -> tuple[Command, ...]:
    """Return the commands that show that a move has ended well."""
    return (
        virsh(move.target, "domstate", move.vm, purpose="says: running"),
        virsh(move.source, "list", "--all", "--name", purpose=f"no longer lists {move.vm}"),
        virsh(
            move.target,
            "domjobinfo",
            "--completed",
            move.vm,
            purpose="shows the real time and downtime, once: note them",
        ),
    )
