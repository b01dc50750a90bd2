"""kubelet.json: what the supervisor tells the kubelet process."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class NodeConfig(BaseModel):
    """One node to register, with its own client certificate (CN=system:node:<name>, O=system:nodes)."""

    model_config = ConfigDict(frozen=True)

    name: str
    client_cert: Path
    client_key: Path
    kubelet_port: int = 0


class KubeletConfig(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True)

    server: str
    ca: Path
    nodes: tuple[NodeConfig, ...]
    serving_cert: Path
    serving_key: Path
    client_ca: Path
    dns: str
    control_port: int = 0
    state_dir: Path
    ready_file: Path
    admin_kubeconfig: Path | None = None
    """For the volume provisioner: a node's own rights do not let it create PersistentVolumes."""


def read(path: Path) -> KubeletConfig:
    """Read and check the file."""
    return KubeletConfig.model_validate_json(path.read_bytes())
