"""The Service that EMQX asks for, as the operator makes it where it is asked to, and as a user may apply it.

Headless, since only its Endpoints are read; and with the addresses of pods that are not Ready yet, so that readiness
may wait for the cluster without keeping it from forming.
"""

import json
import shlex
from typing import Any

from emqx_autocluster.emqx import ports
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import Workload


def obstacle(workload: Workload, name: str, *, by_hostname: bool) -> str:
    """Why the operator cannot know the one right Service; empty: it can."""
    if workload.selector.get("matchExpressions") or not workload.selector.get("matchLabels"):
        return "the workload selects its pods by matchExpressions, which no Service can do"
    if by_hostname and workload.service_name not in {None, name}:
        return (
            f"the pods' host names belong to Service {workload.service_name}, the StatefulSet's serviceName, which"
            " cannot be changed"
        )
    return ""


def service(workload: Workload, name: str) -> dict[str, Any]:
    """Ours, and gone with the workload."""
    return _service(rbac.metadata(workload, name, owned=True), workload)


def apply_command(workload: Workload, name: str) -> str:
    """The same by hand, without our label and owner."""
    body = _service({"name": name, "namespace": workload.ref.namespace}, workload)
    manifest = json.dumps(body, separators=(",", ":"), sort_keys=True)
    return f"echo {shlex.quote(manifest)} | kubectl apply -f -"


def _service(metadata: dict[str, Any], workload: Workload) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": dict(workload.selector.get("matchLabels") or {}),
            "ports": [{"name": "ekka", "port": ports.DISTRIBUTION, "targetPort": ports.DISTRIBUTION}],
        },
    }
