"""What EMQX's versions do otherwise than each other, as far as clustering on Kubernetes is concerned."""

from dataclasses import dataclass

from packaging.version import Version

from emqx_autocluster.observation import CANONICAL_HOST

CANONICAL_API_SERVER = f"https://{CANONICAL_HOST}:443"
DISCOVERY = "EMQX_CLUSTER__DISCOVERY"
DISCOVERY_STRATEGY = "EMQX_CLUSTER__DISCOVERY_STRATEGY"
DNS_TYPE = "EMQX_CLUSTER__DNS__TYPE"
DNS_RECORD_TYPE = "EMQX_CLUSTER__DNS__RECORD_TYPE"

_STEPS_4 = ("4.0.0", "4.2.0", "4.3.0", "4.3.15", "4.4.0", "4.4.4", "4.4.19")
_STEPS_5 = (
    "5.0.0",
    "5.0.2",
    "5.0.3",
    "5.0.4",
    "5.0.5",
    "5.0.9",
    "5.0.21",
    "5.0.23",
    "5.1.1",
    "5.2.0",
    "5.5.0",
    "5.6.0",
    "5.6.1",
    "5.8.0",
    "5.8.4",
    "5.9.0",
)
STEPS = tuple(map(Version, (*_STEPS_4, *_STEPS_5)))
"""The versions at which a rule of `Generation` changes, oldest first."""
_STEPS = {str(step): step for step in STEPS}


@dataclass(frozen=True, slots=True)
class Generation:
    """The rules of one EMQX version."""

    version: Version

    def since(self, text: str) -> bool:
        """Whether it has what came with that version, which is one of STEPS."""
        return self.version >= _STEPS[text]

    @property
    def is_4x(self) -> bool:
        return not self.since("5.0.0")

    @property
    def strategy_variable(self) -> str:
        """4.x reads EMQX_CLUSTER__DISCOVERY, 5.0 and later EMQX_CLUSTER__DISCOVERY_STRATEGY."""
        return DISCOVERY if self.is_4x else DISCOVERY_STRATEGY

    @property
    def record_type_variable(self) -> str:
        """4.x reads EMQX_CLUSTER__DNS__TYPE, 5.0 and later EMQX_CLUSTER__DNS__RECORD_TYPE."""
        return DNS_TYPE if self.is_4x else DNS_RECORD_TYPE

    @property
    def other_record_type_variable(self) -> str:
        """The one of the other generation, which this version does not read."""
        return DNS_RECORD_TYPE if self.is_4x else DNS_TYPE

    @property
    def default_dns_name(self) -> str | None:
        """5.0 and later ask for `localhost` unless told otherwise; 4.x does not start."""
        return None if self.is_4x else "localhost"

    @property
    def has_record_type(self) -> bool:
        """Before 4.4.0 there is no such setting: A records alone are asked for."""
        return self.since("4.4.0")

    @property
    def record_types(self) -> tuple[str, ...]:
        if self.is_4x:
            return ("a", "srv") if self.has_record_type else ("a",)
        return ("a", "aaaa", "srv") if self.since("5.6.0") else ("a", "srv")

    @property
    def wants_fitting_record_type(self) -> bool:
        """Whether EMQX refuses to start where its own name is no address and the record type asks for one."""
        return self.since("5.6.0")

    @property
    def strategies(self) -> tuple[str, ...]:
        """The values that this version takes for it."""
        more = (
            *(() if self.since("5.2.0") else ("mcast",)),
            *(("singleton",) if self.since("5.8.0") else ()),
        )
        return ("manual", "static", "dns", "etcd", "k8s", *more)

    @property
    def other_strategy_variable(self) -> str:
        """The one of the other generation, which this version does not read."""
        return DISCOVERY_STRATEGY if self.is_4x else DISCOVERY

    @property
    def default_api_server(self) -> str | None:
        """EMQX 5.1.1 made the in-cluster address the default; before it there was none that could work."""
        return CANONICAL_API_SERVER if self.since("5.1.1") else None

    @property
    def default_service_name(self) -> str | None:
        return "emqx" if self.since("5.0.0") else None

    @property
    def default_suffix(self) -> str:
        """5.0 and later look for names in `pod.local`, which is no cluster's domain; 4.x for names without any."""
        return "" if self.is_4x else "pod.local"

    @property
    def needs_each_setting(self) -> bool:
        """Whether it is known to end where strategy k8s lacks a namespace or APP_NAME (4.4.19 was seen to)."""
        return self.is_4x and self.since("4.4.0")

    @property
    def default_app_name(self) -> str | None:
        """4.x's ekka looks for `ekka@...` unless told otherwise; 5.0 and later for the part that the node itself has.

        EMQX's own 4.x does not come as far as that: see `discovery.DiscoverySettings.missing`.
        """
        return "ekka" if self.is_4x else None

    @property
    def default_name(self) -> str | None:
        """The part before the @ that the image gives a node; None: the pod's own name, another in each."""
        return None if self.is_4x else "emqx"

    @property
    def reads_long_node_name(self) -> bool | None:
        """Whether EMQX_NODE__NAME has an effect: before 5.0.21 the entrypoint's own EMQX_NODE_NAME wins over it.

        None: the editions differ. Enterprise had numbers of its own before 5.1, up to 5.0.4, and reads it since 5.0.2.
        """
        if self.since("5.0.2") and not self.since("5.0.5"):
            return None
        return self.since("5.0.21")

    @property
    def reads_role(self) -> bool | None:
        """Whether EMQX_NODE__ROLE has an effect; EMQX_NODE__DB_ROLE has one on all of 5.0 and later.

        None: the editions differ, as in `reads_long_node_name`. Enterprise reads it since its 5.0.3.
        """
        if self.since("5.0.3") and not self.since("5.0.5"):
            return None
        return self.since("5.0.23")

    @property
    def names_host_by_strategy(self) -> bool:
        """Whether the image names a node after DNS only where the strategy stands in env (from 4.4.0 and 5.0.4 on).

        Before, the address type of k8s discovery was enough, and strategy dns had no names of its own.
        """
        return self.since("4.4.0") if self.is_4x else self.since("5.0.4")

    @property
    def writes_into_file(self) -> bool:
        """Whether the image writes the variables into emqx.conf, where that has their keys: 4.0 to 4.2 do."""
        return not self.since("4.3.0")

    @property
    def checks_name_part(self) -> bool:
        """Whether `bin/emqx` ends where what stands before the @ is more than letters, digits, - and _."""
        return self.since("4.4.4") or (self.since("4.3.15") and not self.since("4.4.0"))

    @property
    def reads_base_file(self) -> bool:
        """Whether `bin/emqx` knows of an etc/base.hocon, below all other settings."""
        return self.since("5.8.4")

    @property
    def splits_seeds_at_spaces(self) -> bool:
        """4.x before 4.4.19 takes a space for a part of the name that it stands before; 5.0 and later read a list."""
        return self.since("4.4.19")

    @property
    def verifies_certificate(self) -> bool:
        """EMQX 5.5 came with OTP 26, whose TLS client checks chain and host name by default."""
        return self.since("5.5.0")

    @property
    def looks_for_ever(self) -> bool:
        """Whether a lone node never ends to look for peers; from EMQX 5.0.9 on it does once it finds itself alone."""
        return not self.since("5.0.9")

    @property
    def has_discovery_command(self) -> bool:
        """`emqx_ctl cluster discovery enable` exists since EMQX 5.6.1."""
        return self.since("5.6.1")

    @property
    def numbers_rpc_ports(self) -> bool:
        """Whether gen_rpc's port follows from the node's name, as the image of 4.2 leaves it; all others fix it."""
        return self.since("4.2.0") and not self.since("4.3.0")

    @property
    def refuses_open_source_replicants(self) -> bool:
        """Whether the open-source edition does not start as a replicant; from 5.9 on there is one edition, with it."""
        return self.since("5.8.0") and not self.since("5.9.0")

    @property
    def status_port(self) -> int:
        """Where it answers probes by HTTP: 4.x has a port of its own for that, 5.0 and later the dashboard's."""
        return 8081 if self.is_4x else 18083

    @property
    def needs_licence(self) -> bool:
        """From EMQX 5.9 on the licence that comes with the image allows a single node."""
        return self.since("5.9.0")
