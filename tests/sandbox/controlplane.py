"""The command line of every part of the control plane, and the files that it is configured with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sandbox import audit, kubeconfig, pki
from sandbox.addresses import API_SERVER_ADDRESS, CLUSTER_DOMAIN, LOOPBACK, SERVICE_CIDR, Ports
from sandbox.clusterobjects import DNS_USER, PROVISIONER_USER
from sandbox.pki import Authority, KeyPair
from sandbox.state import StateDirectory, write_json

TOKEN_ISSUER = f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}"
EXTRA_NAMES_TTL = 5


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One control plane that could be started: ports taken, certificates and configuration written."""

    state: StateDirectory
    authority: Authority
    admin: KeyPair
    api_server_port: int
    etcd_port: int
    etcd_peer_port: int
    dns_port: int
    dns_ready_port: int

    @classmethod
    def prepare(cls, state: StateDirectory, ports: Ports) -> Self:
        authority = Authority.create(state.pki)
        plane = cls(
            state=state,
            authority=authority,
            admin=authority.client("admin", "kubernetes-admin", ["system:masters"]),
            api_server_port=ports.take(),
            etcd_port=ports.take(),
            etcd_peer_port=ports.take(),
            dns_port=ports.take(),
            dns_ready_port=ports.take(),
        )
        kubeconfig.for_certificate(
            state.admin_kubeconfig, server=plane.server, ca=authority.certificate_file, pair=plane.admin
        )
        return plane

    @property
    def server(self) -> str:
        return f"https://{LOOPBACK}:{self.api_server_port}"

    @property
    def etcd_server(self) -> str:
        return f"http://{LOOPBACK}:{self.etcd_port}"

    @property
    def dns(self) -> str:
        return f"{LOOPBACK}:{self.dns_port}"

    def etcd(self) -> Sequence[str]:
        client = self.etcd_server
        peer = f"http://{LOOPBACK}:{self.etcd_peer_port}"
        return (
            self._binary("etcd"),
            "--name=sandbox",
            f"--data-dir={self.state.etcd}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=sandbox={peer}",
            "--socket-reuse-port",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def api_server(self) -> Sequence[str]:
        serving = self.authority.serving("apiserver", "kube-apiserver", pki.API_SERVER_NAMES)
        kubelet_client = self.authority.client("apiserver-kubelet-client", "kube-apiserver-kubelet-client")
        signing_key, checking_key = pki.service_account_keys(self.state.pki)
        write_json(self.state.audit_policy, audit.POLICY)
        ca = self.authority.certificate_file
        return (
            self._binary("kube-apiserver"),
            f"--etcd-servers=http://{LOOPBACK}:{self.etcd_port}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={self.api_server_port}",
            "--permit-port-sharing",
            f"--advertise-address={API_SERVER_ADDRESS}",
            "--endpoint-reconciler-type=none",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={ca}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-account-issuer={TOKEN_ISSUER}",
            f"--service-account-signing-key-file={signing_key}",
            f"--service-account-key-file={checking_key}",
            f"--kubelet-client-certificate={kubelet_client.certificate}",
            f"--kubelet-client-key={kubelet_client.key}",
            f"--kubelet-certificate-authority={ca}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--audit-policy-file={self.state.audit_policy}",
            f"--audit-log-path={self.state.audit_log}",
            "--audit-log-mode=blocking",  # an entry is there before its request is answered
            "--audit-log-maxsize=100000",  # megabytes: never rotated, or tests would miss the older entries
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
            "--profiling=false",
        )

    def controller_manager(self, *, node_grace: str) -> Sequence[str]:
        own = self._kubeconfig("controller-manager", "system:kube-controller-manager")
        return (
            self._binary("kube-controller-manager"),
            f"--kubeconfig={own}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self.state.pki / 'service-account.key'}",
            f"--root-ca-file={self.authority.certificate_file}",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
            # Made where it is missing, and its default is a folder of the whole machine.
            f"--flex-volume-plugin-dir={self.state.root / 'flexvolume'}",
            f"--node-monitor-grace-period={node_grace}",
            # A thousand workloads shall wait for the part that is measured, not for this client's limiter.
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        )

    def scheduler(self) -> Sequence[str]:
        own = self._kubeconfig("scheduler", "system:kube-scheduler")
        return (
            self._binary("kube-scheduler"),
            f"--kubeconfig={own}",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        )

    def coredns(self) -> Sequence[str]:
        pair = self.authority.client("coredns", DNS_USER)
        self.state.hosts.touch()
        self.state.corefile.write_text(self._corefile(pair))
        return (self._binary("coredns"), f"-conf={self.state.corefile}", f"-dns.port={self.dns_port}")

    def kubelet_config(self, *, nodes: int) -> dict[str, Any]:
        serving = self.authority.serving("kubelet", "kubelet", [LOOPBACK])
        ca = str(self.authority.certificate_file)
        return {
            "server": self.server,
            "ca": ca,
            "nodes": [self._node(f"hollow-{number}") for number in range(nodes)],
            "serving_cert": str(serving.certificate),
            "serving_key": str(serving.key),
            "client_ca": ca,
            "dns": self.dns,
            "control_port": 0,
            "state_dir": str(self.state.kubelet),
            "ready_file": str(self.state.kubelet_ready),
            # What it needs this for, creating volumes, takes a provisioner's rights and not an administrator's.
            "admin_kubeconfig": str(self._kubeconfig("volume-provisioner", PROVISIONER_USER)),
        }

    def _node(self, name: str) -> dict[str, Any]:
        pair = self.authority.client(name, f"system:node:{name}", ["system:nodes"])
        return {
            "name": name,
            "client_cert": str(pair.certificate),
            "client_key": str(pair.key),
            "kubelet_port": 0,
        }

    def _kubeconfig(self, file_name: str, user: str) -> Path:
        return kubeconfig.for_certificate(
            self.state.kubeconfigs / file_name,
            server=self.server,
            ca=self.authority.certificate_file,
            pair=self.authority.client(file_name, user),
        )

    def _binary(self, name: str) -> str:
        return str(self.state.binaries / name)

    def _corefile(self, pair: KeyPair) -> str:
        """The cluster's zones, as kubeadm serves them; beyond them only what the hosts file has.

        No name is ever asked anywhere else.
        """
        return f"""\
{CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
    bind {LOOPBACK}
    errors
    reload 2s
    ready {LOOPBACK}:{self.dns_ready_port}
    cache 5
    kubernetes {{
        endpoint {self.server}
        tls {pair.certificate} {pair.key} {self.authority.certificate_file}
        pods insecure
        ttl 5
    }}
}}
. {{
    bind {LOOPBACK}
    errors
    hosts {self.state.hosts} {{
        ttl {EXTRA_NAMES_TTL}
        reload 1s
        fallthrough
    }}
    template ANY ANY {{
        rcode NXDOMAIN
        authority ". {EXTRA_NAMES_TTL} IN SOA ns.invalid. hostmaster.invalid. 1 60 60 60 {EXTRA_NAMES_TTL}"
    }}
}}
"""
