"""What else has the nodes that a cluster lists as stopped: asked of a real API server."""

from typing import Any

from builders import a_member, a_pod, a_workload, an_observation
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import View, WorkloadKind, WorkloadRef
from emqx_autocluster.observer.strangers import Strangers

Object = dict[str, Any]
LABELS = {"app": "zone-b"}


def a_set(name: str) -> Object:
    template = {
        "metadata": {"labels": LABELS},
        "spec": {"containers": [{"name": "emqx", "image": "no-such-image:1"}]},
    }
    spec = {"replicas": 1, "serviceName": "emqx", "selector": {"matchLabels": LABELS}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


async def test_what_else_has_a_stopped_node_or_may_have_it_again(
    kube: Kube, operators: Kube, namespace: str
) -> None:
    """Whatever it is in: the pod of the other set never starts, and its second one is not there."""
    await kube.create(paths.statefulsets(namespace), a_set("zone-b"))
    own = await kube.create(paths.statefulsets(namespace), a_set("zone-a"))
    held = {
        f"emqx@zone-b-1.emqx.{namespace}.svc.cluster.local": "StatefulSet zone-b",
        "emqx@zone-a-5.emqx.other.svc.cluster.local": "a pod of namespace other",
        "emqx@10-1-2-3.other.pod.cluster.local": "a pod of namespace other",
    }
    gone = {
        f"emqx@zone-a-7.emqx.{namespace}.svc.cluster.local",
        f"emqx@zone-c-0.emqx.{namespace}.svc.cluster.local",
        "emqx@10.1.2.3",
    }
    ref = WorkloadRef(namespace, WorkloadKind.STATEFUL_SET, "zone-a")
    workload = a_workload(WorkloadKind.STATEFUL_SET, ref=ref, uid=own["metadata"]["uid"], replicas=1)
    view = View(frozenset({"emqx@own"}), frozenset({*held, *gone}))
    seen = an_observation(workload, members=(a_member(pod=a_pod("a"), node="emqx@own", view=view),))
    assert await Strangers(operators).holders(seen) == held
