"""The folder of one sandbox: where everything in it lies, and that only one supervisor uses it at a time."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.telling import SandboxError


@dataclass(frozen=True, slots=True)
class StateDirectory:
    root: Path

    @property
    def binaries(self) -> Path:
        return self.root / "bin"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def kubeconfigs(self) -> Path:
        return self.root / "kubeconfigs"

    @property
    def admin_kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def etcd(self) -> Path:
        return self.root / "etcd"

    @property
    def audit_policy(self) -> Path:
        return self.root / "audit-policy.json"

    @property
    def audit_log(self) -> Path:
        return self.root / "audit.log"

    @property
    def corefile(self) -> Path:
        return self.root / "Corefile"

    @property
    def hosts(self) -> Path:
        """Names beyond the cluster's that CoreDNS shall know, as in /etc/hosts; read again within 1 s."""
        return self.root / "hosts"

    @property
    def kubelet(self) -> Path:
        return self.root / "kubelet"

    @property
    def kubelet_config(self) -> Path:
        return self.root / "kubelet.json"

    @property
    def kubelet_ready(self) -> Path:
        return self.root / "kubelet-ready.json"

    @property
    def description(self) -> Path:
        """What the tests read; there as long as the sandbox is up."""
        return self.root / "sandbox.json"

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Holds the folder for this process and empties it of what an earlier sandbox has left there."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SandboxError(
                    f"another sandbox is running in {self.root}: stop it, or give another --state folder."
                ) from None
            self._clear()
            try:
                yield
            finally:
                self.description.unlink(missing_ok=True)

    def _clear(self) -> None:
        for file in (self.description, self.kubelet_ready, self.audit_log):
            file.unlink(missing_ok=True)
        for folder in (self.binaries, self.pki, self.kubeconfigs, self.logs, self.etcd, self.kubelet):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()


def write_json(path: Path, document: Any) -> None:
    """Whoever sees the file sees it whole."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(document, indent=2) + "\n")
    unfinished.replace(path)
