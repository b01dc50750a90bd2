"""The operator's own settings, from environment variables with the prefix EMQX_AUTOCLUSTER_."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`cluster_dns`: host[:port] of the cluster's DNS; unset in a cluster, where /etc/resolv.conf names it."""

    model_config = SettingsConfigDict(env_prefix="EMQX_AUTOCLUSTER_", frozen=True)

    kubeconfig: Path | None = None
    context: str | None = None
    cluster_dns: str | None = None
    cluster_domain: str = "cluster.local"
    health_address: str = "0.0.0.0"  # noqa: S104 - probes come from the kubelet
    health_port: int = Field(default=8080, ge=0, le=65535)
    workers: int = Field(default=10, ge=1)
    execs: int = Field(default=16, ge=1)
    crd_deadline: float = Field(default=120.0, gt=0)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] = "json"
