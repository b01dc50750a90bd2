"""What differs between EMQX versions, as far as clustering on Kubernetes is concerned."""

import re
from dataclasses import dataclass

from packaging.version import Version

CANONICAL_API_SERVER = "https://kubernetes.default.svc:443"
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
    def strategy_variable(self) -> str:
        """4.x reads EMQX_CLUSTER__DISCOVERY, 5.0 and later EMQX_CLUSTER__DISCOVERY_STRATEGY."""
        return "EMQX_CLUSTER__DISCOVERY" if self.version.major < 5 else "EMQX_CLUSTER__DISCOVERY_STRATEGY"  # noqa: PLR2004

    @property
    def default_api_server(self) -> str | None:
        """EMQX 5.1.1 made the in-cluster address the default; before it there was none that could work."""
        return CANONICAL_API_SERVER if self.version >= Version("5.1.1") else None

    @property
    def default_service_name(self) -> str | None:
        return "emqx" if self.version >= Version("5.0.0") else None

    @property
    def verifies_certificate(self) -> bool:
        """EMQX 5.5 came with OTP 26, whose TLS client checks chain and host name by default."""
        return self.version >= Version("5.5.0")

    @property
    def has_discovery_command(self) -> bool:
        """`emqx_ctl cluster discovery enable` exists since EMQX 5.6.1."""
        return self.version >= Version("5.6.1")

    @property
    def needs_licence(self) -> bool:
        """From EMQX 5.9 on the licence that comes with the image allows a single node."""
        return self.version >= Version("5.9.0")
