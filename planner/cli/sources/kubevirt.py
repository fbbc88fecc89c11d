"""``evac import kubevirt``: KubeVirt's VMs and nodes, from files of kubectl or from the cluster."""

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
    Make an inventory of the virtual machine instances of a KubeVirt cluster.

    Each FILE is what kubectl get writes with -o yaml or -o json: VMIs and nodes, and, where they
    are to count, vm, kubevirt, migrationpolicies and namespaces. With --live the cluster is asked
    as kubeconfig says; that needs the extra kubevirt, and only reads.
    """,
    "kubectl get vmi,vm,nodes,kubevirt,migrationpolicies,namespaces -A -o yaml > cluster.yaml",
    "evac import kubevirt cluster.yaml -o inventory.yaml",
    "evac import kubevirt --live --context prod -o inventory.yaml",
)


@click.command(name="kubevirt", help=HELP)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path())
@click.option("--live", is_flag=True, help="Ask the cluster that kubeconfig names.")
@click.option("--context", metavar="NAME", help="The context of kubeconfig; the current one if absent.")
@click.option(
    "--insecure-no-tls-check",
    is_flag=True,
    help="Do not check the cluster's certificate.",
)
@import_options
def command(
    *,
    files: tuple[str, ...],
    live: bool,
    context: str | None,
    insecure_no_tls_check: bool,
    wishes: Wishes,
    output: Path | None,
    update: Path | None,
    quiet: bool,
) -> None:
    """Run the command."""
    from planner.importers.kubevirt import facts_of
    from planner.importers.kubevirt_format import read_cluster
    from planner.importers.kubevirt_live import ask_cluster

    if live == bool(files):
        raise click.UsageError("Give files, or --live.")
    if not live and (context is not None or insecure_no_tls_check):
        raise click.UsageError("--context and --insecure-no-tls-check go with --live.")
    cluster = ask_cluster(context, unchecked=insecure_no_tls_check) if live else read_cluster(files)
    facts = facts_of(cluster, files[0] if files else None)
    name = Path(files[0]).stem if files else (context or "kubevirt")
    finish(facts, wishes, name=name, given=files, output=output, update=update, quiet=quiet)
