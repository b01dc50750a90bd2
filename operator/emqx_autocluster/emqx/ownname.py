"""The name that a node gives itself, as the image of its version makes it of the container's environment.

The image's entrypoint looks at `env` alone, under the exact names, and knows none of EMQX's own defaults: a setting in
a configuration file, or one that EMQX takes by default, does not name a node. Texts are in the words of `podwords`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from emqx_autocluster.emqx import podwords
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.emqx.podwords import DASHED_IP, POD_IP, POD_NAME
from emqx_autocluster.observation import Fact, Unobserved

NAME = "EMQX_NAME"
HOST = "EMQX_HOST"
NODE_NAME = "EMQX_NODE_NAME"
LONG_NODE_NAME = "EMQX_NODE__NAME"

T = TypeVar("T")

_EDITIONS = f"open-source EMQX reads {LONG_NODE_NAME} since 5.0.21, and Enterprise since 5.0.2"
_K8S, _DNS = "EMQX_CLUSTER__K8S__", "EMQX_CLUSTER__DNS__"
_STRATEGY_K8S, _STRATEGY_DNS = "k8s", "dns"
POD_ZONE, SERVICE_ZONE = "pod.cluster.local", "svc.cluster.local"
"""What the entrypoint takes for a suffix that is not set; it serves the own name only, and EMQX has another default."""
_OF_NAMES = re.compile(r"[A-Za-z0-9.-]*")
"""What a name in /etc/hosts is made of: no space, and no quote."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the entrypoint finds in `env`, strategy and record type by the variables of its version; None: not there."""

    name: Fact[str | None] = None
    host: Fact[str | None] = None
    node_name: Fact[str | None] = None
    long_node_name: Fact[str | None] = None
    strategy: Fact[str | None] = None
    address_type: Fact[str | None] = None
    namespace: Fact[str | None] = None
    suffix: Fact[str | None] = None
    record_type: Fact[str | None] = None
    dns_name: Fact[str | None] = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pods live. `governing`: the Service of a StatefulSet, by which /etc/hosts has a name for each pod."""

    namespace: str
    governing: str | None = None
    domain: str | None = None
    """The cluster's; None: not known."""
    subdomain: str | None = None
    """Of other pods: /etc/hosts has a name by it too, and neither Endpoints nor DNS have one."""

    why_no_line: str = ""
    """Why the image finds no name of the pod in /etc/hosts, whatever it looks for; empty: it may."""

    @property
    def parent(self) -> str | None:
        """What follows the pod's name in /etc/hosts; None: it stands there alone."""
        return self.governing or self.subdomain

    def has_in_hosts(self, below: str) -> bool:
        """Whether /etc/hosts has `<pod>.<below>`, which the entrypoint looks for as a part of a line."""
        if self.parent is None or self.why_no_line:
            return False
        known = f"{self.parent}.{self.namespace}.svc."
        if self.domain is not None:
            return f"{known}{self.domain}".startswith(below)
        rest = below.removeprefix(known) if below.startswith(known) else None
        return known.startswith(below) or (rest is not None and _OF_NAMES.fullmatch(rest) is not None)


@dataclass(frozen=True, slots=True)
class OwnName:
    """`part`@`host`."""

    part: str
    host: str
    host_from: str | None
    """The variable that gives it; None: the image makes it itself."""

    def __str__(self) -> str:
        return podwords.shown(f"{self.part}@{self.host}")

    @property
    def fixed(self) -> bool:
        """Whether every pod gives its node the same host."""
        return not podwords.differs(self.host)


def environment(given: Callable[[str], Fact[str | None]], generation: Generation) -> Environment:
    """`given`: what the container's `env` gives for a variable, in the words of `podwords`; None: it is not there."""
    return Environment(
        name=given(NAME),
        host=given(HOST),
        node_name=given(NODE_NAME),
        long_node_name=given(LONG_NODE_NAME),
        strategy=given(generation.strategy_variable),
        address_type=given(f"{_K8S}ADDRESS_TYPE"),
        namespace=given(f"{_K8S}NAMESPACE"),
        suffix=given(f"{_K8S}SUFFIX"),
        record_type=given(generation.record_type_variable),
        dns_name=given(f"{_DNS}NAME"),
    )


def as_read(generation: Generation, given: Fact[T], absent: T) -> Fact[T]:
    """What EMQX_NODE__NAME counts for where the manifest gives that; `absent`: as if it were not there."""
    if generation.reads_long_node_name or given == absent:
        return given
    return absent if generation.reads_long_node_name is False else Unobserved(_EDITIONS)


def own_name(generation: Generation, env: Environment, place: Place) -> Fact[OwnName | None]:
    """None: the entrypoint ends before EMQX starts, since it finds no line for the pod in /etc/hosts."""
    long = as_read(generation, env.long_node_name, None)
    for variable, given in ((NODE_NAME, env.node_name), (LONG_NODE_NAME, long)):
        if isinstance(given, Unobserved):
            return given
        if given:
            part, _, host = given.partition("@")
            return OwnName(part, host, variable)
    if isinstance(env.name, Unobserved):
        return env.name
    part = env.name or generation.default_name or POD_NAME
    if isinstance(env.host, Unobserved):
        return env.host
    if env.host:
        return OwnName(part, env.host, HOST)
    made = _made(generation, env, place)
    return OwnName(part, made, None) if isinstance(made, str) else made


def _made(generation: Generation, env: Environment, place: Place) -> Fact[str | None]:
    looked_at = [env.address_type, env.namespace, env.suffix]
    if generation.names_host_by_strategy:
        looked_at += [env.strategy, env.record_type, env.dns_name]
    unread = next((value for value in looked_at if isinstance(value, Unobserved)), None)
    if unread:
        return unread
    if generation.names_host_by_strategy and env.strategy == _STRATEGY_DNS:
        below = env.dns_name or ""
        return (
            f"{POD_NAME}.{below}" if env.record_type == "srv" and place.has_in_hosts(str(below)) else POD_IP
        )
    if not env.namespace or (generation.names_host_by_strategy and env.strategy != _STRATEGY_K8S):
        return POD_IP
    match env.address_type:
        case "dns":
            return f"{DASHED_IP}.{env.namespace}.{env.suffix or POD_ZONE}"
        case "hostname":
            # A final dot is any character to the entrypoint, which takes the name as it stands in the line.
            below = f"{place.parent}.{env.namespace}.{env.suffix or SERVICE_ZONE}".removesuffix(".")
            return f"{POD_NAME}.{below}" if place.has_in_hosts(below) else None
    return POD_IP
