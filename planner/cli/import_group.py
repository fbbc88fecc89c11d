"""``evac import``: inventories from where they live; each source is a command of its own."""

from __future__ import annotations

from planner.cli.lazy import LazyGroup
from planner.cli.options import help_text

SOURCES = {
    name: f"planner.cli.sources.{name}"
    for name in (
        "libvirt",
        "proxmox",
        "openstack",
        "rvtools",
        "ganeti",
        "kubevirt",
        "btrplace",
        "prometheus",
    )
}
"""The module of each source, in the order in which they are told."""

HELP = help_text(
    """
    Make an inventory of what another system says.

    The inventory goes to stdout, or to a file with -o. A report on stderr tells what was found,
    what was assumed because the source does not say it, what was left out, and what is missing.
    """,
    "evac import proxmox answers -o inventory.yaml",
    "evac import openstack --cloud prod -o inventory.yaml",
    "evac import rvtools RVTools_export_all.xlsx -o inventory.yaml",
    "evac import ganeti cluster.example.com.data -o inventory.yaml",
    "evac import prometheus inventory.yaml --exporter kubevirt --url https://prometheus.example -o measured.yaml",
)


class SourceGroup(LazyGroup):
    """The sources."""

    def unknown(self, message: str, name: str, near: list[str]) -> str:
        """Return what is told of a source that there is not: the nearest or all are named."""
        del message
        return f"There is no source {name!r}; there is {', '.join(near or SOURCES)}."


command = SourceGroup("import", modules=SOURCES, help=HELP)
