"""How KubeVirt migrates: its configuration and migration policies as settings and approaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from planner.importers.kubevirt_format import Cluster
from planner.importers.kubevirt_objects import VMI, Migrations, Policy
from planner.importers.report import counted
from planner.inventory.models import Approach, Settings
from planner.units import format_size

DEFAULTS = Migrations(
    parallelMigrationsPerCluster=5,
    parallelOutboundMigrationsPerNode=2,
    completionTimeoutPerGiB=150,
    allowAutoConverge=False,
    allowPostCopy=False,
)
"""What KubeVirt does where nothing is configured."""


class MigrationPolicies:
    """What holds for migrations, over all and for each VMI.

    Parameters
    ----------
    cluster
        The objects.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        config = cluster.kubevirt.spec.configuration.migrations if cluster.kubevirt else Migrations()
        self._config = _over(DEFAULTS, config)
        self._chosen = {key: self._policy(vmi) for key, vmi in cluster.vmis.items()}

    def of(self, vmi: VMI) -> Migrations:
        """Return what holds for a VMI: its policy over the configuration of the cluster."""
        policy = self._chosen[vmi.key]
        return self._config if policy is None else _over(self._config, policy.spec)

    def approaches(self, vmi: VMI) -> tuple[Approach, ...]:
        """Return the approaches that KubeVirt has for a VMI: pre-copy, and a switch to post-copy where allowed."""
        return (Approach.PRECOPY, Approach.HYBRID) if self.of(vmi).allowPostCopy else (Approach.PRECOPY,)

    def settings(self, running: Sequence[VMI]) -> Settings:
        """Return the settings for all of some VMIs."""
        ways = {way for vmi in running for way in self.approaches(vmi)} or {Approach.PRECOPY}
        return Settings(
            model="saturating",
            approaches=tuple(way for way in Approach if way in ways),
            max_outgoing=min(10_000, self._config.parallelOutboundMigrationsPerNode or 2),
            max_incoming=min(10_000, self._config.parallelMigrationsPerCluster or 5),
            auto_converge=bool(running) and all(self.of(vmi).allowAutoConverge for vmi in running),
        )

    def assumed(self) -> Iterator[str]:
        """Yield what is taken because nothing says it."""
        if self._cluster.kubevirt is None:
            yield (
                "KubeVirt migrates as it does where nothing is configured: 2 out of a node and 5 in the cluster at"
                " once, pre-copy only (kubectl get kubevirt -A)"
            )

    def dropped(self, running: Sequence[VMI]) -> Iterator[str]:
        """Yield what of it an inventory cannot say."""
        yield (
            f"at most {self._config.parallelMigrationsPerCluster} migrations in the cluster at once: an inventory"
            " counts by host, so do not empty many hosts at once"
        )
        limits: dict[int, int] = {}
        for vmi in running:
            limit = self.of(vmi).bandwidthPerMigration
            if limit:
                limits[int(limit)] = limits.get(int(limit), 0) + 1
        for limit_bytes_per_s, count in sorted(limits.items()):
            yield (
                f"bandwidthPerMigration of {format_size(limit_bytes_per_s)}/s for {counted(count, 'VM')}: plans reckon"
                " with what the links have, so raise it, or give links less"
            )
        timeouts = sorted({self.of(vmi).completionTimeoutPerGiB or 0 for vmi in running})
        if timeouts:
            yield (
                f"completionTimeoutPerGiB ({', '.join(map(str, timeouts))} s): KubeVirt gives up a migration, or"
                " switches it to post-copy where allowed, after that time for each GiB"
            )
        throttled = sum(bool(self.of(vmi).allowAutoConverge) for vmi in running)
        if 0 < throttled < len(running):
            yield f"allowAutoConverge of {counted(throttled, 'VM')}: the setting is for all VMs or none"
        if self._config.network:
            yield f"the network {self._config.network} for migrations: give --nic-speed or --topology for it"
        hidden = [name for name, policy in self._cluster.policies.items() if self._is_hidden(policy)]
        if hidden:
            yield (
                f"the namespaces of migration policies, since no Namespace is among the files, so these hold for none:"
                f" {', '.join(hidden[:8])}"
            )

    def _is_hidden(self, policy: Policy) -> bool:
        return bool(policy.spec.selectors.namespaceSelector) and not self._cluster.namespaces

    def _policy(self, vmi: VMI) -> Policy | None:
        """Return the policy with the most labels that fit, the first by name among equals; None where none fits."""
        namespace = self._cluster.namespaces.get(vmi.metadata.namespace)
        space: Mapping[str, str] = {} if namespace is None else namespace.metadata.labels
        best: tuple[int, str] | None = None
        for name, policy in self._cluster.policies.items():
            wanted = policy.spec.selectors
            both = ((wanted.namespaceSelector, space), (wanted.virtualMachineInstanceSelector, vmi.metadata.labels))
            if all(labels.get(key) == value for needs, labels in both for key, value in needs.items()):
                rank = (-sum(len(needs) for needs, _ in both), name)
                best = rank if best is None else min(best, rank)
        return None if best is None else self._cluster.policies[best[1]]


def _over(base: Migrations, more: Migrations) -> Migrations:
    """Return what is said second over what is said first."""
    said = {name: getattr(more, name) for name in Migrations.model_fields if getattr(more, name) is not None}
    return base.model_copy(update=said)
