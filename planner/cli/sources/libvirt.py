"""``evac import libvirt``: libvirt hosts, asked or from files that virsh has written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.cli.options import help_text
from planner.cli.sources.common import finish, import_options

if TYPE_CHECKING:
    from planner.importers.loader import Wishes

HELP = help_text(
    """
    Make an inventory of libvirt hosts.

    Each SOURCE is a URI of a host, as virsh -c takes it, or a directory with what virsh has
    written: dumpxml of each VM, domstats --raw, capabilities, domcapabilities, nodeinfo,
    pool-dumpxml. A directory is a host and named so; a directory of directories is several.

    Hosts are only read, but for --measure-dirty-rate. Asking them needs the extra libvirt; files
    do not.
    """,
    "evac import libvirt dumps/ --shared-path /mnt/nfs -o inventory.yaml",
    "evac import libvirt qemu+ssh://hv1/system qemu+ssh://hv2/system -o inventory.yaml",
    "evac import libvirt qemu+tls://hv1/system --measure-dirty-rate 1 --measure-dirty-rate 10 --update inventory.yaml",
)


@click.command(name="libvirt", help=HELP)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--shared-path",
    "shared_paths",
    multiple=True,
    metavar="DIRECTORY",
    help="A directory whose disks all hosts see, such as an NFS mount; may be given several times.",
)
@click.option(
    "--measure-dirty-rate",
    type=click.IntRange(1, 60),
    multiple=True,
    metavar="SECONDS",
    help="Have the hosts measure how fast VMs dirty memory, for so long; several times give a curve. Not while VMs"
    " migrate.",
)
@click.option(
    "--insecure-no-tls-check",
    is_flag=True,
    help="Allow URIs with no_verify=1, which do not check the host's certificate.",
)
@import_options
def command(
    *,
    sources: tuple[str, ...],
    shared_paths: tuple[str, ...],
    measure_dirty_rate: tuple[int, ...],
    insecure_no_tls_check: bool,
    wishes: Wishes,
    output: Path | None,
    update: Path | None,
    quiet: bool,
) -> None:
    """Run the command."""
    from planner.cli import screen
    from planner.importers.libvirt import SharedStorage, facts_of
    from planner.importers.libvirt_files import read_dumps
    from planner.importers.libvirt_live import ask, is_uri

    uris = [source for source in sources if is_uri(source)]
    paths = [source for source in sources if not is_uri(source)]
    if uris and paths:
        raise click.UsageError("URIs and files do not go together; give one kind.")
    if measure_dirty_rate and not uris:
        raise click.UsageError("--measure-dirty-rate needs hosts to ask, as URIs; files hold what was measured.")
    silent: list[str] = []
    if uris:
        hosts, silent = ask(
            uris,
            measure_dirty_rate,
            unchecked=insecure_no_tls_check,
            tell=lambda line: screen.notice(line, quiet=quiet),
        )
        facts = facts_of(hosts, SharedStorage(shared_paths))
    else:
        hosts, ignored = read_dumps(paths)
        facts = facts_of(hosts, SharedStorage(shared_paths), ignored)
    facts.missing += silent
    given = tuple(path for path in paths if Path(path).is_file())
    name = "libvirt" if uris else Path(paths[0]).resolve().name
    finish(facts, wishes, name=name, given=given, output=output, update=update, quiet=quiet)
