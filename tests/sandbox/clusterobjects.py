"""What an installer such as kubeadm puts into a new cluster, and this API server does not by itself."""

from typing import Any

from sandbox.addresses import API_SERVER_ADDRESS, API_SERVER_PORT, DNS_CLUSTER_IP, DNS_POD_IP

DNS_USER = "system:coredns"
PROVISIONER_USER = "system:volume-provisioner"
_NO_MIRROR = {"endpointslice.kubernetes.io/skip-mirror": "true"}
_API_PORT = {"name": "https", "port": API_SERVER_PORT, "protocol": "TCP"}
_KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
_RBAC = "rbac.authorization.k8s.io"
_BINDINGS = f"/apis/{_RBAC}/v1/clusterrolebindings"

KUBERNETES_ENDPOINTS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "kubernetes", "labels": _NO_MIRROR},
    "subsets": [{"addresses": [{"ip": API_SERVER_ADDRESS}], "ports": [_API_PORT]}],
}
KUBERNETES_ENDPOINT_SLICE: dict[str, Any] = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": [API_SERVER_ADDRESS], "conditions": {"ready": True}}],
    "ports": [_API_PORT],
}
DNS_SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "kube-dns",
        "labels": {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"},
    },
    # No selector: CoreDNS runs beside the cluster and not in it.
    "spec": {
        "clusterIP": DNS_CLUSTER_IP,
        "ports": [
            {"name": "dns", "port": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        ],
    },
}
# Nobody lives at that address: no pod gets it, and questions to the Service lead to CoreDNS.
DNS_ENDPOINTS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "kube-dns", "labels": {"k8s-app": "kube-dns"} | _NO_MIRROR},
    "subsets": [
        {
            "addresses": [{"ip": DNS_POD_IP}],
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
            ],
        }
    ],
}
DNS_ROLE: dict[str, Any] = {
    "apiVersion": f"{_RBAC}/v1",
    "kind": "ClusterRole",
    "metadata": {"name": DNS_USER},
    "rules": [
        {
            "apiGroups": [""],
            "resources": ["services", "pods", "namespaces"],
            "verbs": ["list", "watch"],
        },
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ],
}


def dns_config(corefile: str) -> tuple[str, dict[str, Any]]:
    """Path and body of the ConfigMap that CoreDNS is configured by."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns"},
        "data": {"Corefile": corefile},
    }
    return f"{_KUBE_SYSTEM}/configmaps", body


def _binding(user: str, role: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": user}],
    }


AT_START: tuple[tuple[str, dict[str, Any]], ...] = (
    (f"/apis/{_RBAC}/v1/clusterroles", DNS_ROLE),
    (_BINDINGS, _binding(DNS_USER, DNS_USER)),
    # The role is one of those that every API server makes.
    (_BINDINGS, _binding(PROVISIONER_USER, "system:persistent-volume-provisioner")),
    (f"{_KUBE_SYSTEM}/services", DNS_SERVICE),
    (f"{_KUBE_SYSTEM}/endpoints", DNS_ENDPOINTS),
    ("/api/v1/namespaces/default/endpoints", KUBERNETES_ENDPOINTS),
    ("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", KUBERNETES_ENDPOINT_SLICE),
)
