"""`emqx-autocluster lint` on a text, and what the tests write into the good manifest."""

import json

from typer.testing import CliRunner, Result

from builders import GOOD_MANIFEST as GOOD
from emqx_autocluster.cli import app

CANONICAL = "https://kubernetes.default.svc:443"
RIGHTS = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: discovery}
rules: [{apiGroups: [""], resources: [endpoints], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: discovery}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: discovery}
subjects: [{kind: ServiceAccount, name: default, namespace: iot}]
"""
ENV_FROM = "          envFrom: [{configMapRef: {name: settings}}]\n          env:\n"
SETTINGS = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  EMQX_CLUSTER__K8S__APISERVER: kubernetes.default.svc:443
"""
LABELS = "metadata: {labels: {app: emqx}}"
NAME = "  name: emqx\nspec"
ADDRESS = f'            - {{name: EMQX_CLUSTER__K8S__APISERVER, value: "{CANONICAL}"}}\n'
MOUNT = (
    "          volumeMounts: [{name: conf, mountPath: /opt/emqx/etc/emqx.conf, subPath: emqx.conf}]\n"
    "          env:\n"
)
VOLUME = "      volumes: [{name: conf, configMap: {name: conf}}]\n"
GRANTED = RIGHTS.replace("[list]", "[get]")
HOST_ALIASES = (
    "      hostAliases: [{ip: 192.0.2.7, hostnames: [a, kubernetes.default.svc]},"
    " {ip: 192.0.2.8, hostnames: [kubernetes.default.svc]}]\n      containers:\n"
)
WEB = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: iot}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: emqx, tier: web}}
    spec: {containers: [{name: web, image: "nginx:1"}]}
"""


def lint(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["lint", "-f", "-", *arguments], input=text)


def found(text: str, *arguments: str) -> list[tuple[str, int, str]]:
    """(reason, line, path) of each finding."""
    result = lint(text, "-o", "json", *arguments)
    assert result.exit_code in {0, 1}, result.output
    entries = json.loads(result.stdout)["findings"]
    assert result.exit_code == any(entry["level"] == "error" for entry in entries)
    return [(entry["reason"], entry["line"], entry["path"]) for entry in entries]


def errors(text: str, *arguments: str) -> list[str]:
    """The reasons of those that are no advice."""
    entries = json.loads(lint(text, "-o", "json", *arguments).stdout)["findings"]
    return [entry["reason"] for entry in entries if entry["level"] == "error"]


def unjudged(text: str, *arguments: str) -> list[str]:
    """What is told of each question that was not judged."""
    gaps = json.loads(lint(text, "-o", "json", *arguments).stdout)["unjudged"]
    return [f"{gap['question']}: {gap['missing']}; {gap['remedy']}" for gap in gaps]


def by_file(conf: str) -> str:
    """With the API server's address in an emqx.conf alone."""
    text = GOOD.replace(ADDRESS, "").replace("          env:\n", MOUNT)
    return text.replace("      containers:\n", VOLUME + "      containers:\n") + conf
