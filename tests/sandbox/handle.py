"""A running sandbox as tests and benchmarks hold it: its addresses, its users, and its audit log."""

import json
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from sandbox import audit, kubeconfig
from sandbox.audit import AuditEntry
from sandbox.state import StateDirectory, write_json

KUBECTL_SECONDS = 60
USER_LIFETIME = "24h"


class KubectlError(Exception):
    """kubectl's exit was not 0: what it was asked, and what it said."""


@dataclass(frozen=True, slots=True)
class SandboxHandle:
    kubeconfig: Path
    """Cluster-admin's."""
    server: str
    ca: Path
    dns: str
    """CoreDNS as host:port, for UDP and TCP."""
    etcd: str
    """URL of its clients' API, without credentials."""
    audit_log: Path
    control: str
    """URL of the hollow kubelet's switches; empty without a kubelet."""
    kubectl_path: Path
    bin: Path
    pid: int

    @classmethod
    def load(cls, path: Path) -> Self:
        """From sandbox.json, or from the folder that it is in."""
        file = path / "sandbox.json" if path.is_dir() else path
        document = json.loads(file.read_text())
        return cls(
            kubeconfig=Path(document["kubeconfig"]),
            server=document["server"],
            ca=Path(document["ca"]),
            dns=document["dns"],
            etcd=document["etcd"],
            audit_log=Path(document["audit_log"]),
            control=document["control"],
            kubectl_path=Path(document["kubectl"]),
            bin=Path(document["bin"]),
            pid=document["pid"],
        )

    def save(self, file: Path) -> None:
        document = {
            "kubeconfig": str(self.kubeconfig),
            "server": self.server,
            "ca": str(self.ca),
            "dns": self.dns,
            "etcd": self.etcd,
            "audit_log": str(self.audit_log),
            "control": self.control,
            "kubectl": str(self.kubectl_path),
            "bin": str(self.bin),
            "pid": self.pid,
        }
        write_json(file, document)

    @property
    def corefile(self) -> Path:
        """What CoreDNS is configured by; read again within 2 s."""
        return StateDirectory(self.kubeconfig.parent).corefile

    @property
    def kubernetes(self) -> tuple[int, int]:
        """The API server's version, without its patch."""
        version = json.loads(self.kubectl("get", "--raw", "/version"))
        return int(version["major"]), int(version["minor"])

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as in subprocess.run
        """What kubectl prints, as cluster-admin."""
        done = subprocess.run(
            (self.kubectl_path, f"--kubeconfig={self.kubeconfig}", *arguments),
            input=input,
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def kubeconfig_for(self, namespace: str, service_account: str, path: Path) -> Path:
        """Writes a kubeconfig with a token of that ServiceAccount, which must exist."""
        token = self.kubectl("create", "token", service_account, "-n", namespace, "--duration", USER_LIFETIME)
        return kubeconfig.for_token(
            path, server=self.server, ca=self.ca, token=token.strip(), namespace=namespace
        )

    def audit_entries(
        self,
        *,
        user: str | None = None,
        namespace: str | None = None,
        verbs: Collection[str] | None = None,
        since: datetime | None = None,
    ) -> list[AuditEntry]:
        return audit.entries(self.audit_log, user=user, namespace=namespace, verbs=verbs, since=since)
