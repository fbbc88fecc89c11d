"""A cluster that is asked: the same objects that kubectl writes, fetched as kubeconfig says."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import yaml

from planner.errors import InputError, Place
from planner.importers.kubevirt_format import HINT, MOST_KEYS, WHAT, Cluster, read_objects
from planner.inventory.places import clip
from planner.inventory.read_json import read_json

SHOWN = "the cluster"
_CUSTOM = (
    ("kubevirt.io", "v1", "virtualmachineinstances", "VirtualMachineInstance"),
    ("kubevirt.io", "v1", "virtualmachines", "VirtualMachine"),
    ("kubevirt.io", "v1", "kubevirts", "KubeVirt"),
    ("migrations.kubevirt.io", "v1alpha1", "migrationpolicies", "MigrationPolicy"),
)
_NEEDED = "VirtualMachineInstance"
TIMEOUT_S = 30
"""How long the cluster may take for an answer [s]."""


def ask_cluster(context: str | None, *, unchecked: bool) -> Cluster:
    """Ask a cluster for its nodes, VMIs and the configuration of KubeVirt.

    Parameters
    ----------
    context
        Context of kubeconfig; None for the current one.
    unchecked
        Whether the cluster's certificate may go unchecked.

    Raises
    ------
    InputError
        If the package kubernetes is missing, kubeconfig does not serve, or the cluster does not answer.
    """
    try:
        from kubernetes import client, config
        from kubernetes.client.exceptions import ApiException
        from kubernetes.config import ConfigException
        from urllib3.exceptions import HTTPError
    except ImportError:
        message = "clusters can only be asked with the package kubernetes"
        mend = "pip install 'evac[kubevirt]', or give files that kubectl has written"
        raise InputError.single("missing-package", message, mend) from None
    configuration = client.Configuration()
    try:
        config.load_kube_config(os.environ.get("KUBECONFIG"), context, client_configuration=configuration)
    except (ConfigException, OSError, ValueError, TypeError, AttributeError, yaml.YAMLError):
        # What is wrong with it is not repeated: kubeconfig holds credentials.
        message = "kubeconfig cannot be used" + (f" with the context {clip(context)}" if context else "")
        raise InputError.single("no-connection", message, "check it with kubectl get nodes", Place(SHOWN)) from None
    if unchecked:
        configuration.verify_ssl = False
    elif not configuration.verify_ssl:
        message = "kubeconfig turns the check of the cluster's certificate off (insecure-skip-tls-verify)"
        mend = "give it the certificate, or give --insecure-no-tls-check"
        raise InputError.single("no-tls-check", message, mend, Place(SHOWN))
    configuration.retries = 1
    cluster = Cluster()
    with client.ApiClient(configuration) as connection:
        core, custom = client.CoreV1Api(connection), client.CustomObjectsApi(connection)
        questions: list[tuple[str, Callable[[], Any]]] = [
            ("Node", lambda: core.list_node(_preload_content=False, _request_timeout=TIMEOUT_S)),
            ("Namespace", lambda: core.list_namespace(_preload_content=False, _request_timeout=TIMEOUT_S)),
        ]
        for group, version, plural, kind in _CUSTOM:
            questions.append(
                (
                    kind,
                    lambda g=group, v=version, p=plural: custom.list_cluster_custom_object(  # type: ignore[misc]  # a lambda's default has no type
                        g, v, p, _preload_content=False, _request_timeout=TIMEOUT_S
                    ),
                )
            )
        for kind, question in questions:
            try:
                text = question().data.decode("utf-8", "replace")
            except ApiException as error:
                if kind != _NEEDED and error.status in (403, 404):
                    continue  # what may not be read, or is not there, is as if it were not among the files
                message = f"the cluster does not tell its {kind} objects: HTTP status {error.status}"
                mend = "check with kubectl get vmi -A who may read them, and that KubeVirt is there"
                raise InputError.single("no-connection", message, mend, Place(SHOWN)) from None
            except HTTPError as error:
                message = f"the cluster does not answer: {type(error).__name__}"
                raise InputError.single(
                    "no-connection", message, "check with kubectl get nodes", Place(SHOWN)
                ) from None
            read_answer(text, kind, cluster)
    return cluster


def read_answer(text: str, kind: str, cluster: Cluster) -> None:
    """Read a list that a cluster answered with into a cluster; its objects do not name their kind themselves.

    Raises
    ------
    InputError
        If something is wrong with it.
    """
    document = read_json(text, SHOWN, WHAT, HINT, max_keys=MOST_KEYS)
    items: Any = document.data.get("items") or []
    if isinstance(items, list):
        document.data["items"] = [{"kind": kind, **item} if isinstance(item, dict) else item for item in items]
    document.data["kind"] = "List"
    read_objects(document, cluster)
