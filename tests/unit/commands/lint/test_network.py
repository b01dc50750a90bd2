"""Services and network policies in an input: who is in them, and who is kept out."""

import pytest

from builders import GOOD_MANIFEST as GOOD
from linted import GRANTED, LABELS, NAME, WEB, errors, found, unjudged

POLICY = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: devices, namespace: iot}
spec:
  podSelector: {matchLabels: {app: emqx}}
  ingress: [{ports: [{port: 1883}]}]
"""


def leading(*ports: str, more: str = "") -> str:
    """The good one, with these ports of its Service, and more in its container."""
    text = GOOD.replace(
        "  selector: {app: emqx}\n---", f"  selector: {{app: emqx}}\n  ports: [{', '.join(ports)}]\n---"
    )
    return text.replace("          env:\n", f"{more}          env:\n")


NAMED = "          ports: [{name: ekka, containerPort: 4370}]\n"


def test_ports_of_a_service_that_no_pod_has() -> None:
    named = "{port: 4370, targetPort: ekka}"
    assert [(reason, path) for reason, _, path in found(leading(named))] == [("NoAddresses", "spec.ports")]
    assert errors(leading(named, more=NAMED)) == []
    assert errors(leading(named, "{port: 1883}")) == []
    assert errors(leading("{port: 4370, targetPort: ekka, protocol: UDP}", more=NAMED)) == ["NoAddresses"]


def test_other_pods_in_a_service_of_host_names() -> None:
    names = "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: hostname}\n"
    names += "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: svc.cluster.local}\n"
    text = GOOD.replace("kind: Deployment", "kind: StatefulSet").replace(
        "spec:\n  replicas", "spec:\n  serviceName: emqx\n  replicas"
    )
    text = text.replace(
        "  selector: {app: emqx}\n---",
        "  clusterIP: None\n  publishNotReadyAddresses: true\n  selector: {app: emqx}\n---",
    )
    assert errors(text + names + WEB, "-n", "iot") == ["HostnameMissing"]
    assert errors(text + names + WEB.replace("namespace: iot", "namespace: lab"), "-n", "iot") == []
    assert errors(text + names + WEB.replace("replicas: 1", "replicas: 0"), "-n", "iot") == []
    assert errors(text + WEB, "-n", "iot") == errors(text, "-n", "iot")


def test_a_policy_that_lets_devices_in_alone() -> None:
    assert errors(GOOD + POLICY, "-n", "iot") == ["NetworkPolicyBlocks"]


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        pytest.param(POLICY.replace("namespace: iot", "namespace: web"), "", id="of another namespace"),
        pytest.param(
            POLICY.replace(
                "ports: [{port: 1883}]", "from: [{namespaceSelector: {matchLabels: {team: iot}}}]"
            ),
            "",
            id="by labels that namespaces may have",
        ),
        pytest.param(
            POLICY
            + POLICY.replace("networking.k8s.io/v1", "cilium.io/v2").replace("kind: N", "kind: CiliumN"),
            "CiliumNetworkPolicy devices (cilium.io/v2) has a say in it",
            id="another kind of policy adds to it",
        ),
        pytest.param(
            POLICY.replace("[{ports: [{port: 1883}]}]", "[{from: all}]"),
            "NetworkPolicy devices is not of the form that the API server takes",
            id="a policy of no form",
        ),
    ],
)
def test_a_policy_that_proves_nothing(policies: str, told: str) -> None:
    assert errors(GOOD + policies, "-n", "iot") == []
    assert any(told in gap for gap in unjudged(GOOD + policies, "-n", "iot")) or not told


def test_a_policy_of_no_form_for_others_hides_no_other() -> None:
    theirs = POLICY.replace("{app: emqx}", "{app: web}").replace("[{ports: [{port: 1883}]}]", "all")
    assert errors(GOOD + POLICY + theirs, "-n", "iot") == ["NetworkPolicyBlocks"]
    assert not any("NetworkPolicy" in gap for gap in unjudged(GOOD + theirs, "-n", "iot"))
    unnamed = theirs.replace("{matchLabels: {app: web}}", "[web]")
    assert any("is not of the form" in gap for gap in unjudged(GOOD + unnamed, "-n", "iot"))


def test_a_policy_of_the_whole_cluster_counts_wherever_all_else_goes() -> None:
    """It has no namespace, so that the one of the call is none of its own."""
    placed = GOOD.replace("metadata: {name: emqx}", "metadata: {name: emqx, namespace: iot}").replace(
        NAME, "  name: emqx\n  namespace: iot\nspec"
    )
    wide = (
        POLICY.replace("networking.k8s.io/v1", "cilium.io/v2")
        .replace("kind: N", "kind: CiliumClusterwideN")
        .replace(", namespace: iot", "")
    )
    assert errors(placed + POLICY, "-n", "web") == ["NetworkPolicyBlocks"]
    assert errors(placed + POLICY + wide, "-n", "web") == []
    told = unjudged(placed + POLICY + wide, "-n", "web")
    assert any("CiliumClusterwideNetworkPolicy devices (cilium.io/v2) has a say in it" in gap for gap in told)


def test_where_all_goes_is_not_known_a_policy_may_mean_that_namespace() -> None:
    mine = "from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: plant}}}]"
    policy = POLICY.replace("ports: [{port: 1883}]", mine).replace(", namespace: iot", "")
    assert errors(GOOD + policy) == []
    assert errors(GOOD + policy, "-n", "iot") == ["NetworkPolicyBlocks"]


def test_names_that_are_hidden_are_told_at_the_service() -> None:
    text = GOOD.replace("kind: Deployment", "kind: StatefulSet").replace(
        "  replicas: 3\n", "  serviceName: emqx\n  replicas: 3\n"
    )
    text = text.replace("  selector: {app: emqx}\n---", "  clusterIP: None\n  selector: {app: emqx}\n---")
    text += "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: hostname}\n"
    text += "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: svc.cluster.local}\n"
    text += "          readinessProbe: {httpGet: {path: /status, port: 18083}}\n"
    text += "          volumeMounts: [{name: data, mountPath: /opt/emqx/data}]\n"
    text += "  volumeClaimTemplates: [{metadata: {name: data}}]\n"
    assert found(text, "-n", "iot") == [("NamesHiddenUntilReady", 4, "spec")]


@pytest.mark.parametrize(
    ("families", "reasons"),
    [("[IPv6]", ["AddressFamilyUnsuitable"]), ("[IPv4]", []), ("[IPv4, IPv6]", [])],
)
def test_the_families_of_a_service(families: str, reasons: list[str]) -> None:
    service = f"spec:\n  ipFamilies: {families}\n  ipFamilyPolicy: SingleStack\n"
    assert errors(GOOD.replace("spec:\n", service, 1), "-n", "iot") == reasons


def test_a_mesh_is_told_as_advice() -> None:
    text = GOOD.replace(LABELS, "metadata: {labels: {app: emqx}, annotations: {linkerd.io/inject: enabled}}")
    assert [reason for reason, *_ in found(text, "-n", "iot")] == ["MeshBetweenNodes"]
    assert errors(text, "-n", "iot") == []


BY_ADDRESS = POLICY.replace("[{ports: [{port: 1883}]}]", "[{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}]")
BY_TIER = BY_ADDRESS.replace(
    "ipBlock: {cidr: 10.244.0.0/16}", "namespaceSelector: {matchLabels: {tier: broker}}"
)
LABELLED = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: iot, labels: {tier: broker}}\n"


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (BY_ADDRESS, "ipBlock 10.244.0.0/16"),
        (BY_TIER, "namespaceSelector tier=broker"),
        (BY_TIER + LABELLED, None),
        (BY_TIER + LABELLED.replace("labels:", "annotations:"), "namespaceSelector tier=broker"),
        (BY_ADDRESS.replace("[{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}]", "[{}]"), None),
        (BY_ADDRESS.replace("ipBlock: {cidr: 10.244.0.0/16}", "namespaceSelector: {}"), None),
    ],
)
def test_what_a_policy_goes_by_may_not_be_in_the_input(policy: str, told: str | None) -> None:
    assert errors(GOOD + GRANTED + policy, "-n", "iot") == []
    gaps = unjudged(GOOD + GRANTED + policy, "-n", "iot")
    assert [str(told) in gap for gap in gaps] == ([True] if told else [])
