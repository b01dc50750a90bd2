"""EMQX's discovery by DNS as one workload has it set: one question, and the names that it is about."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from emqx_autocluster.emqx.environment import Setting, Source, text
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.emqx.peernames import A
from emqx_autocluster.observation import Fact

DNS_NAME = "EMQX_CLUSTER__DNS__NAME"
DNS_APP = "EMQX_CLUSTER__DNS__APP"

DEFAULT_DOMAIN = "cluster.local"
"""Of nearly every cluster."""
_LONGEST = 254
"""Characters of a name in DNS, with its final dot."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_SERVICE_NAME = re.compile(
    rf"(?P<service>{_LABEL})\.(?P<namespace>{_LABEL})\.svc\.(?P<domain>{_LABEL}(?:\.{_LABEL}){{0,20}})\.?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DNSSettings:
    """`record_type`, `other_type`: by the variable of this version, and by that of the other generation."""

    name: Fact[Setting]
    record_type: Fact[Setting]
    other_type: Fact[Setting]
    app: Fact[Setting]
    """What stands before the @ of the names looked for; 4.x alone has such a setting."""

    @property
    def asked(self) -> str | None:
        """The name that is asked for, without the final dot; None: not known, or none is set."""
        name = text(self.name) if self.is_named else None
        return name.rstrip(".") if name else None

    @property
    def is_named(self) -> bool:
        """Whether a name is set; EMQX's own default is nobody's."""
        return isinstance(self.name, Setting) and self.name.source is not Source.DEFAULT

    @property
    def is_unset(self) -> bool:
        """Whether it is certainly EMQX's own default."""
        return isinstance(self.name, Setting) and not self.is_named

    @property
    def kind(self) -> str | None:
        """The record type; None: not known."""
        return text(self.record_type)

    @property
    def service(self) -> str | None:
        """The Service that is meant: the first label, whatever follows it. Only in their own namespace it can be."""
        return _bare(self.asked).partition(".")[0] if self.asked else None


@dataclass(frozen=True, slots=True)
class ServiceName:
    """The full name of a Service in the cluster's DNS."""

    service: str
    namespace: str
    domain: str

    def __str__(self) -> str:
        return f"{self.service}.{self.namespace}.svc.{self.domain}"


def service_name(name: str) -> ServiceName | None:
    """None: it is not fully qualified, or no name of a Service."""
    found = _SERVICE_NAME.fullmatch(name) if len(name) <= _LONGEST else None
    return ServiceName(found["service"], found["namespace"], found["domain"].rstrip(".")) if found else None


def right_name(asked: str, namespace: str, domain: str | None) -> ServiceName | None:
    """What a name of a Service should be for pods of that namespace; None: it is no name of a Service.

    `domain`: the cluster's, where that is known.
    """
    asked = _bare(asked)
    named = service_name(asked)
    if named is not None:
        return ServiceName(named.service, namespace, domain or named.domain)
    service = asked.partition(".")[0]
    if not _is_shortened(asked, namespace):
        return None
    return ServiceName(service, namespace, domain or DEFAULT_DOMAIN)


def name_to_ask(dns: DNSSettings, namespace: str, domain: str) -> str | None:
    """The absolute name that has to resolve: the right one, where another is set. None: not known."""
    if dns.asked is None:
        return None
    right = right_name(dns.asked, namespace, domain)
    return f"{right or dns.asked}."


def _bare(name: str) -> str:
    """Without what makes an address of it."""
    return _SCHEME.sub("", name, count=1).partition("/")[0]


def _is_shortened(name: str, namespace: str) -> bool:
    """Whether it is a name of a Service that only a search list makes a full one."""
    service, *more = name.split(".")
    return bool(re.fullmatch(_LABEL, service, re.IGNORECASE)) and (
        not more or more[0] == namespace or more[1:2] == ["svc"]
    )


def read(setting: Callable[[str, str | None], Fact[Setting]], generation: Generation) -> DNSSettings:
    """`setting`: the value of a variable, or the given default."""
    has, none = generation.has_record_type, Setting(None, Source.DEFAULT)
    return DNSSettings(
        name=setting(DNS_NAME, generation.default_dns_name),
        record_type=setting(generation.record_type_variable, A) if has else Setting(A, Source.DEFAULT),
        other_type=setting(generation.other_record_type_variable, None) if has else none,
        app=setting(DNS_APP, None),
    )
