"""Writes kubeconfig files. They are JSON, which every reader of YAML reads."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time it takes a third of a second, which each worker of the tests would pay
    from sandbox.pki import KeyPair


def for_certificate(path: Path, *, server: str, ca: Path, pair: "KeyPair") -> Path:
    user = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
    return _write(path, server=server, ca=ca, user=user, namespace="default")


def for_token(path: Path, *, server: str, ca: Path, token: str, namespace: str) -> Path:
    return _write(path, server=server, ca=ca, user={"token": token}, namespace=namespace)


def _write(path: Path, *, server: str, ca: Path, user: dict[str, Any], namespace: str) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {"server": server, "certificate-authority": str(ca)}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [
            {"name": "sandbox", "context": {"cluster": "sandbox", "user": "user", "namespace": namespace}}
        ],
        "current-context": "sandbox",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path
