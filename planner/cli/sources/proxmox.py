"""``evac import proxmox``: clusters of Proxmox VE, live or from answers of their API that were saved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.cli.options import help_text
from planner.cli.sources.common import finish, import_options

if TYPE_CHECKING:
    from planner.importers.loader import Wishes

HELP = help_text(
    """
    Make an inventory of a cluster of Proxmox VE.

    Either of answers of its API that were saved: a directory with a file for each, or one JSON
    document with the paths as keys. Or live with --host: the secret comes from the environment,
    PROXMOX_TOKEN_ID and PROXMOX_TOKEN_SECRET, or PROXMOX_PASSWORD; the role PVEAuditor is enough.

    \b
    To save the answers, on a node:
      get() { f=answers$1.json; mkdir -p "${f%/*}"; pvesh get "$@" --output-format json >"$f" || rm "$f"; }
      for p in resources options ha/resources ha/groups ha/rules ha/status/manager_status; do
        get /cluster/$p
      done
      get /storage
      for n in /etc/pve/nodes/*; do get /nodes/${n##*/}/status; done
      for c in /etc/pve/nodes/*/qemu-server/*.conf; do
        n=${c#/etc/pve/nodes/}; v=${c##*/}; get /nodes/${n%%/*}/qemu/${v%.conf}/config --current 1
      done
    """,
    "evac import proxmox answers -o inventory.yaml",
    "evac import proxmox --host pve1.example.org --user planner@pve -o inventory.yaml",
    "evac import proxmox answers --nic-speed '25 Gbit/s' --update inventory.yaml",
)


@click.command(name="proxmox", help=HELP)
@click.argument("answers", metavar="[ANSWERS]", type=click.Path(), required=False)
@click.option("--host", envvar="PROXMOX_HOST", metavar="HOST[:PORT]", help="A node to ask live (PROXMOX_HOST).")
@click.option("--user", envvar="PROXMOX_USER", metavar="USER@REALM", help="Who asks (PROXMOX_USER).")
@click.option(
    "--insecure-no-tls-check", is_flag=True, help="Believe whoever answers: the node's certificate is not checked."
)
@click.option(
    "--vcpus-per-cpu",
    type=click.FloatRange(0.1, 100),
    metavar="NUMBER",
    help="vCPUs that a CPU of a node may carry; 4 if absent.",
)
@import_options
def command(
    *,
    answers: str | None,
    host: str | None,
    user: str | None,
    insecure_no_tls_check: bool,
    vcpus_per_cpu: float | None,
    wishes: Wishes,
    output: Path | None,
    update: Path | None,
    quiet: bool,
) -> None:
    """Run the command."""
    from planner.importers.proxmox import facts_of
    from planner.importers.proxmox_format import HINT, read_cluster
    from planner.importers.proxmox_live import Access, fetch
    from planner.importers.saved import read_saved

    if answers is not None:
        found, problems = read_saved(answers, "a saved answer of Proxmox VE", HINT)
        source, name = answers, Path(answers).stem
    else:
        if not host:
            raise click.UsageError("Name the saved answers, or a node to ask with --host.")
        secret, password = os.environ.get("PROXMOX_TOKEN_SECRET"), os.environ.get("PROXMOX_PASSWORD")
        token = os.environ.get("PROXMOX_TOKEN_ID")
        if token and "!" in token:  # with its user, as Proxmox VE shows it
            owner, _, token = token.partition("!")
            user = user or owner
        if not user:
            raise click.UsageError("Say who asks: --user planner@pve.")
        if not (token and secret) and not password:
            raise click.UsageError(
                "Set PROXMOX_TOKEN_ID and PROXMOX_TOKEN_SECRET, or PROXMOX_PASSWORD, in the environment."
            )
        token = token if secret else None
        found, problems = fetch(Access(host, user, token, secret, password, not insecure_no_tls_check)), []
        source, name = host, host.partition(".")[0]
    cluster = read_cluster(found, problems, source)
    facts = facts_of(cluster, vcpus_per_cpu, source)
    given = (answers,) if answers is not None else ()
    finish(facts, wishes, name=name, given=given, output=output, update=update, quiet=quiet)
