"""What NetworkPolicies let through, as Kubernetes defines them.

A pod is isolated in a direction if any policy of that direction selects it; then only what some rule of these
policies allows goes through. Where a rule speaks of what is not known here, such as the labels of namespaces, it counts
as one that allows: only what is certainly closed is closed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any

from emqx_autocluster.observation import ContainerPort, NetworkPolicy

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace has, with its name."""
_LONGEST = 200
"""Characters of what a rule goes by, for people."""


class Direction(StrEnum):
    INGRESS = "Ingress"
    EGRESS = "Egress"

    @property
    def peers(self) -> str:
        return "from" if self is Direction.INGRESS else "to"


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection."""

    namespaces: frozenset[str]
    """Where it may be said to live; none: not known, but not where the policies are."""
    addresses: frozenset[str] = frozenset()
    """None: not known."""
    labels: Mapping[str, str] | None = None
    """None: not known."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """What is known of the labels of those namespaces."""


@dataclass(frozen=True, slots=True)
class Way:
    """One connection, as the pod at its near end is judged for it."""

    direction: Direction
    labels: Mapping[str, str]
    """Of the pod that the policies may select."""
    namespace: str
    peer: Peer
    port: int
    protocol: str = "TCP"
    named: tuple[ContainerPort, ...] | None = None
    """Named ports of the pod that is connected to; None: not known."""
    for_certain: bool = False
    """Whether a rule about addresses or namespaces that are not known counts as one that does not allow."""


def isolating(
    policies: Iterable[NetworkPolicy], direction: Direction, labels: Mapping[str, str]
) -> tuple[NetworkPolicy, ...]:
    """Those by which a pod is isolated in a direction; none: all goes through."""
    return tuple(p for p in policies if direction in p.types and _selects(p.pod_selector, labels))


def allows(policies: Iterable[NetworkPolicy], way: Way) -> bool:
    """False: certainly not."""
    found = isolating(policies, way.direction, way.labels)
    return not found or any(_rule_allows(rule, way) for p in found for rule in _rules(p, way.direction))


def open_questions(policies: Iterable[NetworkPolicy], direction: Direction) -> tuple[str, ...]:
    """What their rules go by that manifests may not tell, in the words of the rules."""
    peers = (
        p
        for policy in policies
        for rule in _rules(policy, direction)
        for p in rule.get(direction.peers) or ()
    )
    told = (_open(peer) for peer in peers)
    return tuple(dict.fromkeys(each for each in told if each))


def _open(peer: Mapping[str, Any]) -> str:
    if "ipBlock" in peer:
        return f"ipBlock {peer['ipBlock']['cidr'][:_LONGEST]}"
    selector = peer.get("namespaceSelector") or {}
    labels = selector.get("matchLabels") or {}
    keys = [*(f"{key}={value}" for key, value in labels.items() if key != NAMESPACE_NAME)]
    keys += [str(each["key"]) for each in selector.get("matchExpressions") or ()]
    return f"namespaceSelector {', '.join(keys)[:_LONGEST]}" if keys else ""


def _rules(policy: NetworkPolicy, direction: Direction) -> tuple[Mapping[str, Any], ...]:
    return policy.ingress if direction is Direction.INGRESS else policy.egress


def _rule_allows(rule: Mapping[str, Any], way: Way) -> bool:
    """Without peers or without ports it means all of them."""
    peers, ports = rule.get(way.direction.peers), rule.get("ports")
    return (not peers or any(_is_peer(peer, way) for peer in peers)) and (
        not ports or any(_is_port(port, way) for port in ports)
    )


def _is_port(port: Mapping[str, Any], way: Way) -> bool:
    if port.get("protocol", "TCP") != way.protocol:
        return False
    match port.get("port"):
        case None:
            return True
        case int(first):
            return first <= way.port <= int(port.get("endPort", first))
        case name:
            meant = ContainerPort(name, way.port, way.protocol)
            return way.named is None or meant in way.named


def _is_peer(peer: Mapping[str, Any], way: Way) -> bool:
    if "ipBlock" in peer:
        addresses = way.peer.addresses
        inside = any(_in_block(address, peer["ipBlock"]) for address in addresses)
        return inside or not (addresses or way.for_certain)
    return _lives_there(peer.get("namespaceSelector"), way) and _selects(
        peer.get("podSelector") or {}, way.peer.labels
    )


def _lives_there(selector: Mapping[str, Any] | None, way: Way) -> bool:
    """Without a selector for namespaces the policy's own one is meant."""
    if selector is None:
        return way.namespace in way.peer.namespaces
    names = [{**way.peer.marks, NAMESPACE_NAME: name} for name in way.peer.namespaces]
    any_fits = any(_selects(selector, known, complete=way.for_certain) for known in names)
    return any_fits or (not names and not (way.for_certain and selector))


def _in_block(address: str, block: Mapping[str, Any]) -> bool:
    ip = ip_address(address)
    return ip in ip_network(block["cidr"], strict=False) and not any(
        ip in ip_network(part, strict=False) for part in block.get("except") or ()
    )


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str] | None, *, complete: bool = True) -> bool:
    """Whether a label selector fits; labels that are not known fit. An empty selector fits all."""
    if labels is None:
        return True
    equal = (
        {"key": key, "operator": "In", "values": [value]}
        for key, value in (selector.get("matchLabels") or {}).items()
    )
    wanted = (*equal, *(selector.get("matchExpressions") or ()))
    return all(_fits(e, labels) for e in wanted if complete or e["key"] in labels)


def _fits(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
