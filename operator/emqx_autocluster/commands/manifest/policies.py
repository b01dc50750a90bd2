"""NetworkPolicies of the input, as far as they have a say in one workload's connections."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from emqx_autocluster import objects
from emqx_autocluster.commands.documents import Document
from emqx_autocluster.commands.manifest import wellformed
from emqx_autocluster.commands.manifest.inputs import Input
from emqx_autocluster.diagnosis.endpoints import networkpolicy
from emqx_autocluster.diagnosis.endpoints.networkpolicy import Direction
from emqx_autocluster.observation import Fact, NetworkPolicy, Unobserved

_KINDS = (
    "NetworkPolicy",
    "GlobalNetworkPolicy",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "CiliumNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
)
_OF_A_NAMESPACE = frozenset({"NetworkPolicy", "CiliumNetworkPolicy"})
_GROUPS = ("networking.k8s.io/", "extensions/")
"""In which policies are those of Kubernetes itself."""


def around(
    input_: Input, document: Document, emqx: Iterable[Mapping[str, str]]
) -> Fact[tuple[NetworkPolicy, ...]]:
    """Those of its namespace; Unobserved where another kind of policy stands beside them, which adds to them."""
    near = [
        d for d in input_.each(*_KINDS) if input_.are_together(d, document) or d.kind not in _OF_A_NAMESPACE
    ]
    strange = next((d for d in near if not d.group.startswith(_GROUPS)), None)
    if strange is not None:
        return Unobserved(
            f"{strange.kind} {strange.name} ({strange.group}) has a say in it, and is not judged"
        )
    pods = tuple(emqx)
    odd = next((d for d in near if not wellformed.is_a_policy(d) and _may_select(d, pods)), None)
    if odd is not None:
        return Unobserved(f"NetworkPolicy {odd.name} is not of the form that the API server takes")
    found = tuple(
        objects.network_policy(input_.placed(each)) for each in near if wellformed.is_a_policy(each)
    )
    somewhere = input_.namespace_of(document) is None
    return tuple(map(_of_any_namespace, found)) if somewhere else found


def _may_select(policy: Document, pods: Iterable[Mapping[str, str]]) -> bool:
    """Of a policy of no form, as far as even that tells whom it is for."""
    if not wellformed.has_pod_selector(policy):
        return True
    bare = objects.network_policy(
        {"metadata": {"name": ""}, "spec": {"podSelector": policy.body["spec"]["podSelector"]}}
    )
    return any(networkpolicy.isolating((bare,), Direction.INGRESS, labels) for labels in pods)


def _of_any_namespace(policy: NetworkPolicy) -> NetworkPolicy:
    """What it selects by a namespace may be where all this goes."""
    return replace(
        policy,
        ingress=tuple(_without_namespaces(rule, "from") for rule in policy.ingress),
        egress=tuple(_without_namespaces(rule, "to") for rule in policy.egress),
    )


def _without_namespaces(rule: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    peers = rule.get(key) or ()
    return {**rule, key: [{k: v for k, v in peer.items() if k != "namespaceSelector"} for peer in peers]}
