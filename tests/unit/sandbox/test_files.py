"""The sandbox's certificates, its folder, its ports and its audit log, without a cluster."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from sandbox import audit, pki
from sandbox.addresses import Ports
from sandbox.handle import SandboxHandle
from sandbox.pki import Authority
from sandbox.state import StateDirectory
from sandbox.telling import SandboxError


def test_the_api_server_is_known_by_its_usual_names_only(tmp_path: Path) -> None:
    pair = Authority.create(tmp_path).serving("apiserver", "kube-apiserver", pki.API_SERVER_NAMES)
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    ]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.96.0.1", "127.0.0.1"]


def test_a_client_is_a_user_with_groups_and_its_key_is_private(tmp_path: Path) -> None:
    pair = Authority.create(tmp_path).client("hollow-0", "system:node:hollow-0", ["system:nodes"])
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=system:node:hollow-0,O=system:nodes"
    assert pair.key.stat().st_mode & 0o077 == 0


def test_a_folder_is_used_by_one_sandbox_at_a_time_and_cleared_for_the_next(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    with state.occupied():
        (state.etcd / "member").touch()
        state.description.touch()
        with pytest.raises(SandboxError, match="another sandbox is running"), state.occupied():
            pass
    assert not state.description.exists()
    with state.occupied():
        assert not list(state.etcd.iterdir())


def test_two_sandboxes_never_get_the_same_port() -> None:
    with Ports() as first, Ports() as second:
        taken = [ports.take() for _ in range(50) for ports in (first, second)]
    assert len(set(taken)) == len(taken)


def test_a_handle_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.json"
    handle = SandboxHandle(
        kubeconfig=tmp_path / "kubeconfig",
        server="https://127.0.0.1:1",
        ca=tmp_path / "ca.crt",
        dns="127.0.0.1:2",
        etcd="http://127.0.0.1:4",
        audit_log=tmp_path / "audit.log",
        control="",
        kubectl_path=tmp_path / "kubectl",
        bin=tmp_path,
        pid=3,
    )
    handle.save(file)
    assert SandboxHandle.load(file) == handle
    assert SandboxHandle.load(tmp_path) == handle


def event(second: int, **changes: Any) -> dict[str, Any]:
    return {
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/shop/configmaps/a",
        "verb": "update",
        "user": {"username": "alice"},
        "objectRef": {"resource": "configmaps", "namespace": "shop", "name": "a"},
        "responseStatus": {"code": 200},
        "requestObject": {"data": {"a": "b"}},
        "userAgent": "kubectl/v1.36.0",
        "requestReceivedTimestamp": f"2026-01-01T00:00:{second:02}.000001Z",
    } | changes


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "audit.log"
    events = [
        event(1),
        event(2, verb="watch", stage="ResponseStarted"),
        event(3, user={"username": "bob"}),
        event(4, verb="get", requestObject=None),
        {key: value for key, value in event(5, verb="get").items() if key != "objectRef"},
    ]
    file.write_text("".join(json.dumps(one) + "\n" for one in events) + '{"stage": "Respon')
    return file


def test_only_answered_requests_are_entries_and_a_half_written_line_is_none(log: Path) -> None:
    assert [entry.timestamp.second for entry in audit.entries(log)] == [1, 3, 4, 5]


def test_an_entry_has_the_request(log: Path) -> None:
    assert audit.entries(log)[0] == audit.AuditEntry(
        user="alice",
        verb="update",
        resource="configmaps",
        subresource="",
        namespace="shop",
        name="a",
        code=200,
        timestamp=datetime(2026, 1, 1, 0, 0, 1, 1, tzinfo=UTC),
        path="/api/v1/namespaces/shop/configmaps/a",
        agent="kubectl/v1.36.0",
        body={"data": {"a": "b"}},
    )


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        ({"user": "alice"}, [1, 4, 5]),
        ({"verbs": audit.WRITE_VERBS}, [1, 3]),
        ({"since": datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC)}, [3, 4, 5]),
        ({"user": "alice", "verbs": ["get"]}, [4, 5]),
    ],
)
def test_entries_are_chosen(log: Path, wanted: dict[str, Any], seconds: list[int]) -> None:
    assert [entry.timestamp.second for entry in audit.entries(log, **wanted)] == seconds
