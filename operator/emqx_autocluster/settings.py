"""The operator's own settings, from environment variables with the prefix EMQX_AUTOCLUSTER_."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SAFE_MIN_READY_SECONDS = 20
"""With this many seconds between Ready and available, none of ten measured rollouts went wrong."""


SETTLING_SECONDS = 30
"""A broker boots in 3 to 7 s and looks for its peers every 5 to 8 s; until this age, alone means nothing."""


class Settings(BaseSettings):
    """`cluster_dns`: host[:port] of the cluster's DNS; unset in a cluster, where /etc/resolv.conf names it.

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
