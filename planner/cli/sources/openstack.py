"""``evac import openstack``: clouds, live or from answers of their APIs that were saved."""

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
    Make an inventory of a cloud of OpenStack.

    Either of answers of Nova, Placement and Neutron that were saved: a directory of JSON files, or
    one JSON document with the paths as keys. Or live with --cloud or the OS_ variables, as the
    openstack command does it; secrets stay in clouds.yaml or the environment.

    \b
    To save the answers, as an administrator; $nova, $placement and $neutron are the endpoints:
      token=$(openstack token issue -f value -c id)
      get() { f=answers/$1.json; mkdir -p "${f%/*}"; curl -fsS -o "$f" -H "X-Auth-Token: $token" \\
        -H "OpenStack-API-Version: $2" "$3" || rm -f "$f"; }
      get servers "compute 2.96" "$nova/servers/detail?all_tenants=1"
      get hypervisors "compute 2.87" "$nova/os-hypervisors/detail"
      get aggregates "compute 2.53" "$nova/os-aggregates"
      get groups "compute 2.64" "$nova/os-server-groups?all_projects=True"
      get flavors "compute 2.61" "$nova/flavors/detail?is_public=None"
      get services "compute 2.53" "$nova/os-services?binary=nova-compute"
      get ports "" "$neutron/v2.0/ports"
      get resource_providers "placement 1.14" "$placement/resource_providers"
      for u in $(grep -o '"uuid": *"[^"]*"' answers/resource_providers.json | cut -d'"' -f4); do
        for p in inventories usages traits; do
          get resource_providers/$u/$p "placement 1.14" "$placement/resource_providers/$u/$p"
        done
      done
    """,
    "evac import openstack answers -o inventory.yaml",
    "evac import openstack --cloud prod --shared-disks -o inventory.yaml",
)


@click.command(name="openstack", help=HELP)
@click.argument("answers", metavar="[ANSWERS]", type=click.Path(), required=False)
@click.option("--cloud", metavar="NAME", help="Ask this cloud of clouds.yaml live; OS_CLOUD or OS_AUTH_URL if absent.")
@click.option(
    "--insecure-no-tls-check", is_flag=True, help="Believe whoever answers: the cloud's certificates are not checked."
)
@click.option("--shared-disks", is_flag=True, help="Disks of flavors are on shared storage, such as Ceph or NFS.")
@click.option(
    "--vcpus-per-cpu",
    type=click.FloatRange(0.1, 100),
    metavar="NUMBER",
    help="vCPUs that a CPU may carry, where Placement does not say; 4 if absent.",
)
@import_options
def command(
    *,
    answers: str | None,
    cloud: str | None,
    insecure_no_tls_check: bool,
    shared_disks: bool,
    vcpus_per_cpu: float | None,
    wishes: Wishes,
    output: Path | None,
    update: Path | None,
    quiet: bool,
) -> None:
    """Run the command."""
    import os

    from planner.importers.openstack import facts_of
    from planner.importers.openstack_format import HINT, read_cloud
    from planner.importers.openstack_live import fetch
    from planner.importers.saved import read_saved

    if answers is not None and cloud is not None:
        raise click.UsageError("Give saved answers or --cloud, not both.")
    if answers is not None:
        found, problems = read_saved(answers, "a saved answer of OpenStack", HINT)
        source, name = answers, Path(answers).stem
    elif cloud or os.environ.get("OS_CLOUD") or os.environ.get("OS_AUTH_URL"):
        found, problems = fetch(cloud, verify_tls=not insecure_no_tls_check), []
        source = name = cloud or os.environ.get("OS_CLOUD") or "openstack"
    else:
        raise click.UsageError("Name the saved answers, or a cloud to ask with --cloud or the OS_ variables.")
    facts = facts_of(
        read_cloud(found, problems, source), shared_disks=shared_disks, vcpus_per_cpu=vcpus_per_cpu, file=source
    )
    given = (answers,) if answers is not None else ()
    finish(facts, wishes, name=name, given=given, output=output, update=update, quiet=quiet)
