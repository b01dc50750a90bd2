"""What NetworkPolicies close for the pods of a template, before any of them runs.

Told only where no rule of the given policies may open a way; a rule about addresses or namespaces that are not known
here counts as one that does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames
from emqx_autocluster.diagnosis.configuration.address import is_the_service
from emqx_autocluster.diagnosis.endpoints import closures, networkpolicy, templatepods
from emqx_autocluster.diagnosis.endpoints.closures import Closure
from emqx_autocluster.diagnosis.endpoints.networkpolicy import Direction, Peer, Way
from emqx_autocluster.emqx import apiaddress, discovery, ports, rpcport
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.podwords import POD_NAME
from emqx_autocluster.observation import ContainerPort, Fact, NetworkPolicy, Service, Unobserved, WorkloadKind

_TYPE = ConditionType.DISCOVERY_READY
DNS_PORTS = (53, 5353)
"""The Service's, and where OpenShift's DNS listens behind it: some networks judge the one, some the other."""
_SERVER_PORTS = (443, 6443, 8443, 16443)
"""The Service's, and where API servers mostly listen behind it."""
_ELSEWHERE = Peer(frozenset())
_A_FEW = 3


def problem(case: Case, policies: tuple[NetworkPolicy, ...]) -> Finding | None:
    if not _is_looked_for(case):
        return None
    plan = _Plan(case, policies)
    closed = (*plan.api_server(), *plan.dns(), *plan.members())
    if not closed:
        return None
    names = {p.name for each in closed for p in plan.isolating(each.direction)}
    whom = "the replicants from their cores" if case.is_replicant else "the members apart"
    told = f"{closures.told(names, closed, whom)} (where the cluster's network enforces policies)"
    return false(_TYPE, Reason.NETWORK_POLICY_BLOCKS, told)


def unjudged(case: Case, policies: tuple[NetworkPolicy, ...]) -> Iterator[Unjudged]:
    """Where a way is open or closed by a port that is not known."""
    plan = _Plan(case, policies)
    if _is_looked_for(case):
        yield from plan.unsure_members()
        yield from plan.unsure_server()
        yield from plan.unsure_messages()


def _is_looked_for(case: Case) -> bool:
    """Nobody looks for a single member."""
    return case.is_replicant or case.workload.replicas > 1


@dataclass(frozen=True, slots=True)
class _End:
    """A pod that will be. `labels` None: not known."""

    labels: Mapping[str, str] | None
    node: str
    partly: bool = False
    """Whether it has, or may have, more labels than these."""
    named: bool = True
    """Whether the part of its name before the @ is known."""


@dataclass(frozen=True, slots=True)
class _Plan:
    case: Case
    policies: tuple[NetworkPolicy, ...]

    def api_server(self) -> Iterator[Closure]:
        listens = self._server_ports()
        if listens and not any(self._leaves(port) for port in listens):
            told = ", ".join(map(str, listens[:2]))
            yield Closure(
                Direction.EGRESS, f"the API server ({told})", f"{{ports: [{closures.listed(listens[:2])}]}}"
            )

    def unsure_server(self) -> Iterator[Unjudged]:
        """Some networks judge the Service's port, most of them the one behind it."""
        service, *behind = self._server_ports() or (0,)
        if not behind or not self._leaves(service) or any(self._leaves(port) for port in behind):
            return
        names = ", ".join(sorted({policy.name for policy in self.isolating(Direction.EGRESS)}))
        told = f"NetworkPolicy {names} lets out to port {service}, and not to {behind[0]}, where it often listens"
        rule = f"egress: [{{ports: [{closures.listed(behind[:1])}]}}]"
        remedy = f"see kubectl get endpoints -n default kubernetes, and add {rule}"
        yield Unjudged(_TYPE, "whether NetworkPolicies let the members reach the API server", told, remedy)

    def unsure_members(self) -> Iterator[Unjudged]:
        """Where a way is open only if addresses or namespaces are what a rule asks for."""
        for a, b in self.pairs():
            port = ports.distribution_port(b.node)
            perhaps = self.shut(a, b, port, for_certain=True) if not self.shut(a, b, port) else ()
            for direction in perhaps:
                policies = self.isolating(direction)
                by = ", ".join(networkpolicy.open_questions(policies, direction)[:_A_FEW])
                names = ", ".join(sorted({policy.name for policy in policies}))
                told = f"NetworkPolicy {names} goes by {by}, and whether that fits these pods is not in the input"
                whom = "the replicants and their cores" if self.case.is_replicant else "the members"
                yield Unjudged(_TYPE, f"whether NetworkPolicies let {whom} reach each other", told)
            if perhaps:
                return

    def unsure_messages(self) -> Iterator[Unjudged]:
        """Where the usual port is shut, and theirs is not known."""
        settings = self.case.settings
        for a, b in self.pairs() if settings else ():
            port = self.messages(b)
            if (
                isinstance(port, Unobserved)
                and settings
                and self.shut(a, b, rpcport.usual(settings.generation))
            ):
                question = "whether NetworkPolicies let through the messages between the nodes (gen_rpc)"
                yield Unjudged(_TYPE, question, f"by which port they go is not known: {port.reason}")
                return

    def _server_ports(self) -> tuple[int, ...]:
        """Where the API server may listen, the Service's port first; none: it is not asked."""
        settings = self.case.settings
        value = discovery.text(settings.api_server) if settings and self.case.uses_k8s else None
        address = apiaddress.parse(value) if value else None
        if address is None or apiaddress.is_loopback(address.host):
            return ()
        return _SERVER_PORTS if is_the_service(self.case, address) else (address.port,)

    def dns(self) -> Iterator[Closure]:
        template = self.case.workload.template
        ours = template.dns_policy in {"ClusterFirst", "ClusterFirstWithHostNet"} and not template.dns_config
        if ours and self._asks_dns() and not any(self._leaves(port, "UDP") for port in DNS_PORTS):
            yield Closure(Direction.EGRESS, "DNS (port 53)", closures.DNS_RULE)

    def members(self) -> Iterator[Closure]:
        """The first two that the policies keep apart."""
        container = self.case.container
        if container is None or ports.node_ports(container, None, (), numbered=None) is None:
            return
        for a, b in self.pairs():
            messages = self.messages(b)
            closed = {messages} if isinstance(messages, int) and self.shut(a, b, messages) else set[int]()
            ways = {ports.distribution_port(b.node): (a, b)}
            if not self.case.is_replicant:
                ways[ports.distribution_port(a.node)] = (b, a)
            if all(self.shut(*ends, port) for port, ends in ways.items()):
                closed |= ways.keys()
            if closed:
                shut = dict.fromkeys(d for port in sorted(closed) for d in self.shut(a, b, port))
                yield from (self._closure(direction, b, sorted(closed)) for direction in shut)
                return

    def _closure(self, direction: Direction, far: _End, listens: list[int]) -> Closure:
        """To or from the pods at the other end, in the words of who has to write the rule."""
        own = self.case.workload.selector.get("matchLabels") or {}
        if not self.case.is_replicant:
            return closures.to_pods(direction, "each other", own, listens)
        if direction is Direction.EGRESS:
            return closures.to_pods(direction, "the cores", far.labels or {}, listens)
        return closures.to_pods(direction, "the replicants to the cores", own, listens)

    def isolating(self, direction: Direction) -> tuple[NetworkPolicy, ...]:
        return tuple(
            policy
            for end in self._ends()
            for policy in networkpolicy.isolating(self.policies, direction, end.labels or {})
            if end.labels is not None
        )

    def _asks_dns(self) -> bool:
        """Whether anything that members look for is a name."""
        case, settings = self.case, self.case.settings
        if settings is None:
            return False
        own, value = ownnames.predicted(case, settings), discovery.text(settings.api_server)
        address = apiaddress.parse(value) if value and case.uses_k8s else None
        by_name = address is not None and not apiaddress.is_ip(address.host)
        return case.uses_dns or by_name or (isinstance(own, OwnName) and POD_NAME in own.host)

    def pairs(self) -> list[tuple[_End, _End]]:
        if not self.case.is_replicant:
            return list(combinations(self._own(), 2))
        return [(own, self._core()) for own in self._own()[:1]]

    def _ends(self) -> list[_End]:
        return [*self._own(), *((self._core(),) if self.case.is_replicant else ())]

    def _own(self) -> list[_End]:
        workload, settings = self.case.workload, self.case.settings
        own = ownnames.predicted(self.case, settings) if settings else None
        part = own.part if isinstance(own, OwnName) else ""
        named = isinstance(own, OwnName)
        if workload.ref.kind is not WorkloadKind.STATEFUL_SET:
            named = named and POD_NAME not in part
            return [_End(workload.template.labels, f"{part}@", named=named)] * 2
        pods = templatepods.by_name(workload, _A_FEW).items()
        return [_End(labels, f"{part.replace(POD_NAME, name)}@", named=named) for name, labels in pods]

    def _core(self) -> _End:
        """A pod that the Service selects which the replicants ask for."""
        service = self.case.observation.service
        return _End(service.selector if isinstance(service, Service) else None, "", partly=True, named=False)

    def messages(self, far: _End) -> Fact[int]:
        """Where it takes messages."""
        settings = self.case.settings
        if settings is None:
            return Unobserved("its settings are not known")
        return rpcport.listening(settings.reader, settings.generation, far.node if far.named else None)

    def shut(self, a: _End, b: _End, port: int, *, for_certain: bool = False) -> tuple[Direction, ...]:
        """The directions in which the way of `a` to a port of `b` is closed; none: it is open, or may be.

        `for_certain`: also those in which it may be.
        """
        ways = ((Direction.INGRESS, b, a), (Direction.EGRESS, a, b))
        return tuple(
            d
            for d, near, far in ways
            if near.labels is not None and not self._goes(d, near, far, port, for_certain=for_certain)
        )

    def _goes(self, direction: Direction, near: _End, far: _End, port: int, *, for_certain: bool) -> bool:
        namespace, marks = self.case.workload.ref.namespace, self.case.observation.network.namespace_labels
        peer = Peer(frozenset({namespace}), labels=None if far.partly else far.labels, marks=marks)
        named = None if self.case.is_replicant else self._named()
        way = Way(direction, near.labels or {}, namespace, peer, port, named=named, for_certain=for_certain)
        return networkpolicy.allows(self.policies, way)

    def _leaves(self, port: int, protocol: str = "TCP") -> bool:
        """Whether every pod may reach that port somewhere outside."""
        namespace = self.case.workload.ref.namespace
        return all(
            networkpolicy.allows(
                self.policies, Way(Direction.EGRESS, end.labels or {}, namespace, _ELSEWHERE, port, protocol)
            )
            for end in self._own()
        )

    def _named(self) -> tuple[ContainerPort, ...]:
        return tuple(p for c in self.case.workload.template.containers for p in c.ports)
