"""What differs between EMQX versions, as far as clustering on Kubernetes is concerned."""

import re
from dataclasses import dataclass

from packaging.version import Version

CANONICAL_HOST = "kubernetes.default.svc"
CANONICAL_API_SERVER = f"https://{CANONICAL_HOST}:443"
DISCOVERY = "EMQX_CLUSTER__DISCOVERY"
DISCOVERY_STRATEGY = "EMQX_CLUSTER__DISCOVERY_STRATEGY"
_TAG = re.compile(r"^[ev]?(\d+\.\d+\.\d+)(?:[-+.].*)?$")


def from_tag(image: str) -> Version | None:
    """The EMQX version that an image's tag names (`5.8.9-elixir`, `e5.9.0`), or None."""
    name = image.partition("@")[0].rpartition("/")[2]
    return parse(name.partition(":")[2])


def parse(text: str | None) -> Version | None:
    match = _TAG.match(text or "")
    return Version(match.group(1)) if match else None


@dataclass(frozen=True, slots=True)
class Generation:
    """The rules of one EMQX version."""

    version: Version

    @property
    def is_4x(self) -> bool:
        return self.version.major < 5  # noqa: PLR2004

    @property
    def strategy_variable(self) -> str:
        """4.x reads EMQX_CLUSTER__DISCOVERY, 5.0 and later EMQX_CLUSTER__DISCOVERY_STRATEGY."""
        return DISCOVERY if self.is_4x else DISCOVERY_STRATEGY

    @property
    def other_strategy_variable(self) -> str:
        """The one of the other generation, which this version does not read."""
        return DISCOVERY_STRATEGY if self.is_4x else DISCOVERY

    @property
    def default_api_server(self) -> str | None:
        """EMQX 5.1.1 made the in-cluster address the default; before it there was none that could work."""
        return CANONICAL_API_SERVER if self.version >= Version("5.1.1") else None

    @property
    def default_service_name(self) -> str | None:
        return "emqx" if self.version >= Version("5.0.0") else None

    @property
    def default_suffix(self) -> str:
        """5.0 and later look for names in `pod.local`, which is no cluster's domain; 4.x for names without any."""
        return "" if self.is_4x else "pod.local"

    @property
    def default_app_name(self) -> str | None:
        """4.x looks for `ekka@...` unless told otherwise; 5.0 and later for the name part that the node itself has."""
        return "ekka" if self.is_4x else None

    @property
    def default_name(self) -> str | None:
        """The part before the @ that the image gives a node; None: the pod's own name, another in each."""
        return None if self.is_4x else "emqx"

    @property
    def reads_long_node_name(self) -> bool:
        """Whether EMQX_NODE__NAME has an effect: before 5.0.21 the entrypoint's own EMQX_NODE_NAME wins over it."""
        return self.version >= Version("5.0.21")

    @property
    def verifies_certificate(self) -> bool:
        """EMQX 5.5 came with OTP 26, whose TLS client checks chain and host name by default."""
        return self.version >= Version("5.5.0")

    @property
    def looks_for_ever(self) -> bool:
        """Whether a lone node never ends to look for peers; from EMQX 5.0.9 on it does once it finds itself alone."""
        return self.version < Version("5.0.9")

    @property
    def has_discovery_command(self) -> bool:
        """`emqx_ctl cluster discovery enable` exists since EMQX 5.6.1."""
        return self.version >= Version("5.6.1")

    @property
    def needs_licence(self) -> bool:
        """From EMQX 5.9 on the licence that comes with the image allows a single node."""
        return self.version >= Version("5.9.0")
