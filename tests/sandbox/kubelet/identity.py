"""API clients from what the supervisor hands over: a node's certificate, or a kubeconfig."""

import ssl
from pathlib import Path

import yaml

from .api import ApiClient
from .config import KubeletConfig, NodeConfig


def of_node(config: KubeletConfig, node: NodeConfig) -> ApiClient:
    context = ssl.create_default_context(cafile=config.ca)
    context.load_cert_chain(node.client_cert, node.client_key)
    return ApiClient(config.server, context)


def of_kubeconfig(path: Path) -> ApiClient:
    """Read a kubeconfig whose credentials are files or a token, as the sandbox writes them."""
    document = yaml.safe_load(path.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cafile=cluster["certificate-authority"])
    if "client-certificate" in user:
        context.load_cert_chain(user["client-certificate"], user["client-key"])
    return ApiClient(cluster["server"], context, user.get("token"))
