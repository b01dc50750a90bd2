"""The names that nodes give themselves, by a manifest: which of them EMQX ends with, or nobody looks for."""

import pytest

from builders import GOOD_MANIFEST as GOOD
from linted import ENV_FROM, SETTINGS, errors, lint

NAMESPACE = "            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}\n"


@pytest.mark.parametrize(
    ("version", "name", "wrong"),
    [
        ("5.8.9", "emqx.broker", True),
        ("4.4.19", "emqx.broker", True),
        ("4.4.0", "emqx.broker", False),
        ("4.3.10", "emqx.broker", False),
        ("4.3.22", "emqx.broker", True),
        ("5.8.9", "emqx_1-b", False),
    ],
)
def test_the_start_script_takes_no_dot_before_the_at(version: str, name: str, wrong: bool) -> None:  # noqa: FBT001
    text = GOOD.replace("5.8.9", version) + f"            - {{name: EMQX_NAME, value: {name}}}\n"
    assert ("ValueNotAccepted" in errors(text, "-n", "iot")) == wrong


@pytest.mark.parametrize("path", ["metadata.name", "status.podIP"])
def test_a_whole_name_without_a_host(path: str) -> None:
    text = GOOD + f"            - {{name: EMQX_NODE__NAME, valueFrom: {{fieldRef: {{fieldPath: {path}}}}}}}\n"
    assert errors(text, "-n", "iot")[:1] == ["NodeNameFixed"]
    assert "without an @ and a host behind it" in " ".join(lint(text, "-n", "iot").stdout.split())


def test_a_name_in_the_way_of_shells_is_told_as_such() -> None:
    text = GOOD + "            - {name: EMQX_HOST, value: '${POD_IP}'}\n"
    assert "Kubernetes expands $(NAME), and not ${NAME}" in " ".join(lint(text, "-n", "iot").stdout.split())


STATEFUL = (
    GOOD.replace("kind: Deployment", "kind: StatefulSet")
    .replace("spec:\n", "spec:\n  clusterIP: None\n", 1)
    .replace("spec:\n  replicas", "spec:\n  serviceName: emqx\n  replicas")
)
BY_HOST_NAME = (
    "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: hostname}\n"
    "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: svc.cluster.local}\n"
)


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("hostNetwork: true\n      dnsPolicy: ClusterFirstWithHostNet", "the machine's own /etc/hosts"),
        ("setHostnameAsFQDN: true", "its whole name already"),
    ],
)
def test_where_the_image_finds_no_line_for_its_pod(field: str, why: str) -> None:
    text = STATEFUL.replace("      containers:\n", f"      {field}\n      containers:\n")
    assert errors(text, "-n", "iot") == []
    assert errors(text + BY_HOST_NAME, "-n", "iot") == ["HostMissing"]
    by_srv = text.replace("value: k8s", "value: dns") + (
        "            - {name: EMQX_CLUSTER__DNS__NAME, value: emqx.iot.svc.cluster.local}\n"
        "            - {name: EMQX_CLUSTER__DNS__RECORD_TYPE, value: srv}\n"
    )
    assert errors(by_srv, "-n", "iot")[:1] == ["RecordTypeUnsuitable"]
    for each in (text + BY_HOST_NAME, by_srv):
        assert why in " ".join(lint(each, "-n", "iot").stdout.split())


def test_seeds_count_from_the_first_ordinal() -> None:
    seeds = ",".join(f"emqx@emqx-{n}.emqx.iot.svc.cluster.local" for n in range(3))
    text = STATEFUL.replace("value: k8s", "value: static") + (
        f'            - {{name: EMQX_CLUSTER__STATIC__SEEDS, value: "[{seeds}]"}}\n'
        "            - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
        "            - {name: EMQX_HOST, value: $(POD_NAME).emqx.iot.svc.cluster.local}\n"
    )
    assert errors(text, "-n", "iot") == []
    later = text.replace("  serviceName: emqx\n", "  serviceName: emqx\n  ordinals: {start: 5}\n")
    assert errors(later, "-n", "iot") == ["SeedsUnsuitable"]
    cores_elsewhere = later.replace("emqx/emqx:", "emqx/emqx-enterprise:")
    assert (
        errors(cores_elsewhere + "            - {name: EMQX_NODE__ROLE, value: replicant}\n", "-n", "iot")
        == []
    )


def test_what_a_config_map_defines_is_the_same_text_in_every_pod() -> None:
    """A reference in it stays as it stands, also where a variable of env refers to that."""
    settings = SETTINGS.replace(
        "EMQX_CLUSTER__K8S__APISERVER: kubernetes.default.svc:443", "ADDRESS: $(POD_IP)"
    )
    text = GOOD.replace("          env:\n", ENV_FROM) + "            - {name: EMQX_HOST, value: $(ADDRESS)}\n"
    assert errors(text + settings, "-n", "iot") == ["NodeNameFixed"]


BY_DNS = (
    GOOD.replace("value: k8s", "value: dns").replace("spec:\n", "spec:\n  clusterIP: None\n", 1)
    + "            - {name: EMQX_CLUSTER__DNS__NAME, value: emqx.iot.svc.cluster.local}\n"
)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (BY_DNS, "EMQX_CLUSTER__DNS__TYPE"),
        (
            BY_DNS.replace("5.8.9", "4.4.19").replace("DISCOVERY_STRATEGY", "DISCOVERY")
            + "            - {name: EMQX_NAME, value: emqx}\n"
            + "            - {name: EMQX_CLUSTER__DNS__APP, value: emqx}\n",
            "EMQX_CLUSTER__DNS__RECORD_TYPE",
        ),
    ],
)
def test_a_record_type_that_nobody_reads_is_no_fault_where_the_names_fit_without_it(
    text: str, other: str
) -> None:
    """Type a is in force, and the image, which reads that variable no more than EMQX, names the nodes to fit."""
    unread = f"            - {{name: {other}, value: srv}}\n"
    assert errors(text + unread, "-n", "iot") == []
    by_name = "            - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
    by_name += "            - {name: EMQX_HOST, value: $(POD_NAME).emqx.iot.svc.cluster.local}\n"
    stateful = text.replace("kind: Deployment", "kind: StatefulSet").replace(
        "spec:\n  replicas", "spec:\n  serviceName: emqx\n  replicas"
    )
    assert errors(stateful + unread + by_name, "-n", "iot")[:1] == ["VariableOfOtherVersion"]


def test_a_cure_names_only_what_is_not_there_yet() -> None:
    kept = "          volumeMounts: [{name: data, mountPath: /opt/emqx/data}]\n          env:\n"
    text = STATEFUL.replace("          env:\n", kept).replace(NAMESPACE, "") + BY_HOST_NAME
    text += "  volumeClaimTemplates: [{metadata: {name: data}}]\n"
    told = " ".join(lint(text, "-n", "iot").stdout.split())
    assert "NodeNameNotStable" in told
    assert "stay: set EMQX_CLUSTER__K8S__NAMESPACE=iot, where cluster.local" in told
