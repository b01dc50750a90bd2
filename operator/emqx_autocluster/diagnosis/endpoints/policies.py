"""DiscoveryReady: whether the namespace's NetworkPolicies close a way that EMQX needs.

Judged by the policies alone, of which nobody knows whether the network enforces them: so only while members stand
apart, only as likely, and not where something that was seen says otherwise. Before any runs, `planned` judges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration.address import is_the_service
from emqx_autocluster.diagnosis.endpoints import closures, networkpolicy, planned
from emqx_autocluster.diagnosis.endpoints.closures import Closure
from emqx_autocluster.diagnosis.endpoints.networkpolicy import Direction, Peer, Way
from emqx_autocluster.emqx import apiaddress, discovery, ports
from emqx_autocluster.observation import (
    NOT_ASKED,
    DiscoveryError,
    DiscoveryTrace,
    Identity,
    Member,
    NetworkPolicy,
    Unobserved,
)

_TYPE = ConditionType.DISCOVERY_READY
SERVICE_PORT = 443
_SYSTEM = frozenset({"kube-system", "default"})
_NO_WORD = frozenset({DiscoveryError.TIMED_OUT, DiscoveryError.REFUSED})
_NOT_THE_SERVER = frozenset(
    {*_NO_WORD, DiscoveryError.NAME_NOT_FOUND, DiscoveryError.BAD_ADDRESS, DiscoveryError.NO_TOKEN}
)
"""What a member says that need not have reached the API server."""


def problem(case: Case) -> Finding | None:
    found = case.observation.network.policies
    if isinstance(found, Unobserved) or case.workload.template.host_network:
        return None
    if not case.running:
        return None if any(case.observation.each_member()) else planned.problem(case, found)
    if case.progressing or any(case.observation.is_settling(m) for m in case.running):
        return None
    closed = tuple(_closures(case, found))
    if not closed:
        return None
    labels = case.running[0].pod.labels
    names = (p.name for each in closed for p in networkpolicy.isolating(found, each.direction, labels))
    return false(_TYPE, Reason.NETWORK_POLICY_BLOCKS, f"likely {closures.told(names, closed)}")


def unjudged(case: Case) -> Iterator[Unjudged]:
    """Of a manifest: where policies stand beside it that are not understood here, or ports are not known."""
    found = case.observation.network.policies
    if case.running or found is NOT_ASKED:
        return
    if isinstance(found, Unobserved):
        yield Unjudged(_TYPE, "whether the nodes may reach each other, DNS and the API server", found.reason)
    elif not case.workload.template.host_network and not any(case.observation.each_member()):
        yield from planned.unjudged(case, found)


def _closures(case: Case, policies: tuple[NetworkPolicy, ...]) -> Iterator[Closure]:
    judge = _Judge(case, policies)
    for look in (judge.api_server, judge.dns, judge.members):
        yield from look()


@dataclass(frozen=True, slots=True)
class _Judge:
    case: Case
    policies: tuple[NetworkPolicy, ...]

    def api_server(self) -> Iterator[Closure]:
        network = self.case.observation.network
        own, servers, ports = network.service_address, network.api_servers, sorted(network.api_ports)
        if not isinstance(own, str) or isinstance(servers, Unobserved) or not servers or not ports:
            return
        if not asks_the_service(self.case) or any(_was_answered(m) for m in self.case.running):
            return
        by_service = self._leaves(Peer(_SYSTEM, frozenset({own})), (SERVICE_PORT,))
        by_server = self._leaves(Peer(_SYSTEM, servers), ports)
        # Most networks judge the address behind the Service, but not all: one open way alone is no proof.
        if by_server or (by_service and not any(_got_no_word(m) for m in self.case.running)):
            return
        ways = [
            f"{own}:{SERVICE_PORT}",
            *(f"{server}:{port}" for server in sorted(servers) for port in ports),
        ]
        rules = [
            _to_address(own, (SERVICE_PORT,)),
            *(_to_address(server, ports) for server in sorted(servers)),
        ]
        yield Closure(Direction.EGRESS, f"the API server ({', '.join(ways)})", ", ".join(rules))

    def dns(self) -> Iterator[Closure]:
        """Only where a pod does not resolve a name: else its way to DNS is open, whatever the policies say.

        And only where it is known what stands behind the Service: rules may let in the one or the other.
        """
        backends = self.case.observation.network.cluster_dns.backends
        if isinstance(backends, Unobserved):
            return
        for member in self.case.running:
            identity = member.identity
            conf = identity.resolv_conf if isinstance(identity, Identity) else None
            if conf is None or all(addresses != () for addresses in member.lookups.values()):
                continue
            servers = (
                Peer(frozenset({"kube-system"}), frozenset(conf.nameservers)),
                Peer(frozenset({"kube-system"}), frozenset(backends)),
            )
            if not any(self._leaves(server, planned.DNS_PORTS, "UDP") for server in servers):
                what = f"DNS ({', '.join(conf.nameservers)}, port 53)"
                yield Closure(Direction.EGRESS, what, closures.DNS_RULE)
                return

    def members(self) -> Iterator[Closure]:
        """The first two that the policies keep apart; none where something got through that they do not let through."""
        ways = list(permutations(self.case.running, 2))
        if any(self._talk_anyway(a, b) for a, b in ways):
            return
        for a, b in ways:
            closed: set[int] = set()
            if self._together(a, b) is False and not self._meet(a, b):
                closed |= {_dist_port(a), _dist_port(b)}
            rpc, shut = self._rpc_port(b), a.rpc.get(b.pod.name) is False
            if rpc is not None and (closed or shut) and not self._opens(a, b, rpc):
                closed.add(rpc)
            if closed:
                yield from self._between(a, b, sorted(closed))
                return

    def _talk_anyway(self, a: Member, b: Member) -> bool:
        """Whether two members talk although the policies do not let them: then nobody enforces these."""
        rpc = self._rpc_port(b)
        messages = rpc is not None and a.rpc.get(b.pod.name) is True and not self._opens(a, b, rpc)
        return messages or (self._together(a, b) is True and not self._meet(a, b))

    def _between(self, a: Member, b: Member, ports: list[int]) -> list[Closure]:
        ways = ((Direction.INGRESS, b, a), (Direction.EGRESS, a, b))
        labels = self.case.workload.selector.get("matchLabels") or {}
        return [
            closures.to_pods(direction, "each other", labels, ports)
            for direction, near, far in ways
            if not all(self._goes(direction, near, far, port) for port in ports)
        ]

    def _rpc_port(self, member: Member) -> int | None:
        settings, container = self.case.settings, self.case.container
        if settings is None or container is None:
            return None
        return ports.rpc_port(container, member.node or "", numbered=settings.generation.numbers_rpc_ports)

    def _together(self, a: Member, b: Member) -> bool | None:
        """Whether two are in one island; None: one of them has not told what it sees."""
        places = {m.pod.name: number for number, i in enumerate(self.case.membership.islands) for m in i}
        mine, its = places.get(a.pod.name), places.get(b.pod.name)
        return None if mine is None or its is None else mine == its

    def _meet(self, a: Member, b: Member) -> bool:
        """Whether one of the two gets through to the other: their connection serves both."""
        return self._opens(a, b, _dist_port(b)) or self._opens(b, a, _dist_port(a))

    def _opens(self, a: Member, b: Member, port: int) -> bool:
        """Whether `a` gets through to a port of `b`: it must be let out, and let in."""
        return self._goes(Direction.EGRESS, a, b, port) and self._goes(Direction.INGRESS, b, a, port)

    def _goes(self, direction: Direction, near: Member, far: Member, port: int) -> bool:
        namespace = self.case.workload.ref.namespace
        addresses = frozenset({far.pod.ip} if far.pod.ip else ())
        peer = Peer(frozenset({namespace}), addresses, far.pod.labels)
        named = tuple(p for c in self.case.workload.template.containers for p in c.ports)
        return networkpolicy.allows(
            self.policies, Way(direction, near.pod.labels, namespace, peer, port, named=named)
        )

    def _leaves(self, peer: Peer, ports: tuple[int, ...] | list[int], protocol: str = "TCP") -> bool:
        """Whether every pod may reach one of these ports there."""
        namespace = self.case.workload.ref.namespace
        return all(
            any(
                networkpolicy.allows(
                    self.policies,
                    Way(Direction.EGRESS, m.pod.labels, namespace, peer, port, protocol),
                )
                for port in ports
            )
            for m in self.case.running
        )


def asks_the_service(case: Case) -> bool:
    """Whether EMQX asks the API server by its Service."""
    value = discovery.text(case.settings.api_server) if case.settings and case.uses_k8s else None
    address = apiaddress.parse(value) if value else None
    return address is not None and is_the_service(case, address)


def _dist_port(member: Member) -> int:
    return ports.distribution_port(member.node or "")


def _was_answered(member: Member) -> bool:
    """Whether its own log has an error that only an API server gives."""
    trace = member.discovery_trace
    return isinstance(trace, DiscoveryTrace) and trace.error not in _NOT_THE_SERVER


def _got_no_word(member: Member) -> bool:
    trace = member.discovery_trace
    return isinstance(trace, DiscoveryTrace) and trace.error in _NO_WORD


def _to_address(address: str, ports: tuple[int, ...] | list[int]) -> str:
    length = 128 if ":" in address else 32
    return f"{{to: [{{ipBlock: {{cidr: {address}/{length}}}}}], ports: [{closures.listed(ports)}]}}"
