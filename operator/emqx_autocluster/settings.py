"""The operator's own settings, from environment variables with the prefix EMQX_AUTOCLUSTER_."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SAFE_MIN_READY_SECONDS = 20
"""With this many seconds between Ready and available, none of ten measured rollouts went wrong."""


SETTLING_SECONDS = 30
"""A broker boots in 3 to 7 s and looks for its peers every 5 to 8 s; until this age, alone means nothing."""

NAMESPACES = "EMQX_AUTOCLUSTER_NAMESPACES"
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Settings(BaseSettings):
    """`cluster_dns`: host[:port] of the cluster's DNS; unset in a cluster, where /etc/resolv.conf names it.

    `namespaces`: the only ones that are watched and acted in; None: all of the cluster.

    `lease_namespace`: where the Lease is by which replicas choose the one that acts; unset: there is no other.

    `min_ready_seconds`: the least minReadySeconds under which a rollout counts as safe, and what Repair sets where the
    resource asks for no more. For members that need longer to boot and join, or for stand-ins that need less.

    `settling_seconds`: how long after its container started a member that stands alone may still be looking for others.
    """

    model_config = SettingsConfigDict(env_prefix="EMQX_AUTOCLUSTER_", frozen=True)

    kubeconfig: Path | None = None
    context: str | None = None
    cluster_dns: str | None = None
    cluster_domain: str = "cluster.local"
    namespaces: Annotated[tuple[str, ...] | None, NoDecode] = None
    lease_namespace: str | None = None
    health_address: str = "0.0.0.0"  # noqa: S104 - probes come from the kubelet
    health_port: int = Field(default=8080, ge=0, le=65535)
    workers: int = Field(default=32, ge=1)
    execs: int = Field(default=32, ge=1)
    min_ready_seconds: int = Field(default=SAFE_MIN_READY_SECONDS, ge=1, le=600)
    settling_seconds: int = Field(default=SETTLING_SECONDS, ge=1, le=600)
    crd_deadline: float = Field(default=120.0, gt=0)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] = "json"

    @field_validator("namespaces", mode="before")
    @classmethod
    def _named(cls, given: str | tuple[str, ...] | None) -> tuple[str, ...] | None:
        if given is None:
            return None
        names = [name.strip() for name in given.split(",")] if isinstance(given, str) else given
        # An empty list is more likely a template without its value than the wish to act everywhere.
        if not any(names):
            raise ValueError("it names no namespace; take it away to look after all of them")
        wrong = next((name for name in names if not _NAMESPACE.fullmatch(name)), None)
        if wrong is not None:
            raise ValueError(f'"{wrong}" is no name of a namespace; expected are names such as iot,plant')
        return tuple(dict.fromkeys(names))

    def within(self, namespace: str | None) -> tuple[str | None, ...]:
        """Where to list what a person asks for; None as an element: in all namespaces at once."""
        return (namespace,) if namespace or self.namespaces is None else self.namespaces
