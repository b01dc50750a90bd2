"""Ways that NetworkPolicies close, as a person is told of them and what would open them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emqx_autocluster.diagnosis.endpoints.networkpolicy import Direction

DNS_RULE = "{ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}"


@dataclass(frozen=True, slots=True)
class Closure:
    """A way that is closed, and the rule that would open it."""

    direction: Direction
    what: str
    rule: str


def told(names: Iterable[str], closed: Sequence[Closure], whom: str = "the members apart") -> str:
    """`names`: of the policies that close it; `whom` they keep from whom."""
    ways = " and ".join(f"{each.direction.lower()} {each.direction.peers} {each.what}" for each in closed)
    rules = "; ".join(
        _rules(closed, direction) for direction in dict.fromkeys(each.direction for each in closed)
    )
    policies = ", ".join(sorted(set(names)))
    return f"NetworkPolicy {policies} keeps {whom}: no rule allows their {ways}; add {rules}"


def _rules(closed: Sequence[Closure], direction: Direction) -> str:
    """What has to be added to a policy, as it is written there."""
    return f"{direction.lower()}: [{', '.join(each.rule for each in closed if each.direction is direction)}]"


def to_pods(direction: Direction, whom: str, labels: Mapping[str, str], ports: Sequence[int]) -> Closure:
    """Of the way to pods with these labels, or from them."""
    written = ", ".join(f"{key}: {value}" for key, value in labels.items())
    peers = f"{direction.peers}: [{{podSelector: {{matchLabels: {{{written}}}}}}}]"
    what = f"{whom} ({', '.join(map(str, ports))})"
    return Closure(direction, what, f"{{{peers}, ports: [{listed(ports)}]}}")


def listed(ports: Iterable[int]) -> str:
    return ", ".join(f"{{port: {port}, protocol: TCP}}" for port in ports)
