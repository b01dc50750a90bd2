"""What the tests of the clients and of the Lease share: a connection, and a namespace of their own."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from emqx_autocluster.clients.kube import Kube
from running import NAMESPACE, SERVICE_ACCOUNT
from sandbox.handle import SandboxHandle


@pytest.fixture
def namespace(sandbox: SandboxHandle) -> Iterator[str]:
    name = f"apiserver-{secrets.token_hex(4)}"
    sandbox.kubectl("create", "namespace", name)
    yield name
    sandbox.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
async def kube(sandbox: SandboxHandle) -> AsyncIterator[Kube]:
    async with Kube.from_kubeconfig(sandbox.kubeconfig) as kube:
        yield kube


@pytest.fixture
async def operators(sandbox: SandboxHandle, tmp_path: Path) -> AsyncIterator[Kube]:
    """With the rights that deploy/ gives to the operator, and no other."""
    kubeconfig = sandbox.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT, tmp_path / "kubeconfig")
    async with Kube.from_kubeconfig(Path(kubeconfig)) as connection:
        yield connection
