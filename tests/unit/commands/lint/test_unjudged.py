"""What could not be judged, told with the fact that is missing."""

import pytest

from builders import GOOD_MANIFEST as GOOD
from linted import CANONICAL, GRANTED, HOST_ALIASES, MOUNT, VOLUME, by_file, errors, lint, unjudged


def test_a_configuration_file_that_is_not_in_the_input_is_not_judged() -> None:
    result = lint(by_file(""))
    assert result.exit_code == 0
    assert "emqx.conf, which comes from ConfigMap conf" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            GOOD.replace("5.8.9", "latest"),
            ["VariableOfOtherVersion (before 5.0.0)", "latest is no version", "--emqx-version"],
            id="a tag that names no version, of which all depends",
        ),
        pytest.param(
            GOOD.replace("emqx/emqx:5.8.9", "registry.example/iot/emqx:1.4.2"),
            ["1.4.2 is no version"],
            id="a company's own number",
        ),
        pytest.param(
            GOOD.replace("5.8.9", "5"), ["LicenseMissing (5.9.0 and later)"], id="all that 5 can mean"
        ),
        pytest.param(
            GOOD.partition("---\n")[2],
            ["whether Service emqx, by which EMQX looks for its peers", "not in the input"],
            id="a Service that is elsewhere",
        ),
        pytest.param(
            GOOD, ["ServiceAccount default may get endpoints/emqx", "no Role"], id="no rights in it"
        ),
        pytest.param(
            GOOD.replace(CANONICAL, "https://api.corp.example:6443"),
            ["api.corp.example"],
            id="a name of theirs",
        ),
    ],
)
def test_what_could_not_be_judged_is_told_with_the_fact_that_is_missing(text: str, words: list[str]) -> None:
    told = " ".join(unjudged(text))
    assert [word for word in words if word not in told] == []
    result = lint(text)
    assert (result.exit_code, "not judged" in result.stdout) == (0, True)
    assert "Nothing is wrong in what was judged" in " ".join(result.stdout.split())


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{image: emqx:5.8.9}]}"
OPERATORS = "apiVersion: apps.emqx.io/v2beta1\nkind: EMQX\nmetadata: {name: a}"
OWNED = (
    "  name: emqx\n  ownerReferences: [{apiVersion: apps.emqx.io/v2beta1, kind: EMQX, name: emqx, uid: '1'}]"
)
OTHER_KINDS = (
    "apiVersion: apps.openshift.io/v1\nkind: DeploymentConfig",
    "apiVersion: apps/v1\nkind: DaemonSet",
    "apiVersion: apps/v1\nkind: ReplicaSet",
    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout",
    "apiVersion: apps.kruise.io/v1beta1\nkind: StatefulSet",
)


@pytest.mark.parametrize("head", OTHER_KINDS, ids=lambda head: head.rpartition(" ")[2])
def test_emqx_in_a_kind_that_is_not_supported_is_seen(head: str) -> None:
    text = GOOD.partition("---\n")[2].replace("apiVersion: apps/v1\nkind: Deployment", head)
    [told] = unjudged(text)
    assert head.rpartition(" ")[2] in told
    assert "Nothing is wrong in what was judged: 0 workloads" in lint(text).stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            POD,
            "Pod",
            id="a pod",
        ),
        pytest.param(OPERATORS, "EMQX/a", id="the operator's"),
        pytest.param(
            GOOD.replace("  name: emqx\nspec", OWNED + "\nspec"),
            "official EMQX operator",
            id="what the operator made",
        ),
        pytest.param(
            GOOD.replace("5.8.9", "{{ .Values.tag }}"),
            "it has {{ .Values.tag }}",
            id="a template that can be read",
        ),
        pytest.param(
            GOOD.replace("value: iot", 'value: "{{ .Release.Namespace }}"'),
            "render it first",
            id="a quoted action",
        ),
        pytest.param(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec: {chart: emqx}",
            "what HelmRelease/a makes of its chart",
            id="a chart that Flux renders",
        ),
        pytest.param(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {source: {chart: emqx}}",
            "what Application/a makes of its chart",
            id="a chart that Argo CD renders",
        ),
        pytest.param("services: {broker: {image: 'emqx/emqx:5.8.9'}}", "docker compose", id="compose"),
        pytest.param("kind: Kustomization\nresources: [a.yaml]", "kubectl kustomize", id="kustomize"),
        pytest.param(GOOD.replace("          image: emqx/emqx:5.8.9\n", ""), "a patch", id="a patch"),
    ],
)
def test_what_is_seen_and_not_judged(text: str, words: str) -> None:
    assert [words in told for told in unjudged(text)] == [True]
    assert lint(text).exit_code == 0


def test_a_mistake_in_one_object_does_not_stop_the_judgement_of_others() -> None:
    other = (
        GOOD.partition("---\n")[2]
        .replace("name: emqx\nspec", "name: other\nspec")
        .replace("value: iot", "value: 5")
    )
    text = f"{GOOD.replace(CANONICAL, 'nonsense')}---\n{other}"
    assert errors(text) == ["APIServerMalformed"]
    assert any("Deployment/other is 5 and must be a string" in told for told in unjudged(text))
    broken = GOOD.replace("selector: {app: emqx}\n---", "selector: [5]\n---")
    assert any("selector of Service/emqx is a list" in told for told in unjudged(broken))


def test_a_service_of_another_namespace_is_named() -> None:
    apart = GOOD.replace("metadata: {name: emqx}", "metadata: {name: emqx, namespace: x}", 1)
    assert apart != GOOD
    [gap] = [told for told in unjudged(apart, "-n", "iot") if "Service emqx" in told]
    assert "it is not in the input; the one of that name there is of namespace x" in gap
    odd = apart.replace("namespace: x", f"namespace: {'x' * 64}")
    assert "xx" not in lint(odd, "-n", "iot").stdout


BY_NAME = (
    "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: dns}\n"
    "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: pod.cluster.local}\n"
)
IN_THE_POD = GOOD.replace(CANONICAL, "http://localhost:8001")
PROXY = "        - {name: proxy, image: kubectl, args: [proxy, --port=8002]}\n        - name: emqx\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(GOOD + BY_NAME, None, id="the domain that most clusters have"),
        pytest.param(
            GOOD + BY_NAME.replace("cluster.local", "corp.zone"),
            "whether corp.zone is the cluster's domain",
            id="a domain that is the cluster's to tell",
        ),
        pytest.param(
            GOOD.replace("      containers:\n", "      serviceAccountName: default\n      containers:\n"),
            None,
            id="the account that every namespace has",
        ),
        pytest.param(
            IN_THE_POD.replace("        - name: emqx\n", PROXY),
            "whether a container beside EMQX answers at http://localhost:8001",
            id="a sidecar that may be a proxy, on another port",
        ),
        pytest.param(
            GOOD.replace("      containers:\n", HOST_ALIASES),
            "whether the API server answers at 192.0.2.7: hostAliases gives the pods that address for kubernetes.",
            id="the API server's name in hostAliases",
        ),
        pytest.param(
            GOOD.replace("      containers:\n", HOST_ALIASES.replace("kubernetes.default.svc", "broker")),
            None,
            id="another name there",
        ),
    ],
)
def test_what_only_the_cluster_can_tell_is_no_all_clear(text: str, told: str | None) -> None:
    assert errors(text + GRANTED, "-n", "iot") == []
    found = unjudged(text + GRANTED, "-n", "iot")
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


def test_endpoints_that_are_written_by_hand_are_not_judged() -> None:
    by_hand = "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: emqx}\nsubsets: []\n"
    text = GOOD.replace("selector: {app: emqx}\n---", "ports: [{port: 4370}]\n---")
    assert errors(text) == errors(text + by_hand) == []
    assert any("somebody may write by hand are not in the input" in told for told in unjudged(text))
    assert any("addresses are written by hand" in told for told in unjudged(text + by_hand))


def test_slices_that_are_written_by_hand_lead_to_addresses_by_dns_alone() -> None:
    by_hand = (
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: emqx-1, labels: {kubernetes.io/service-name: emqx}}\nendpoints: []\n"
    )
    text = (
        GOOD.replace("selector: {app: emqx}\n---", "clusterIP: None\n  ports: [{port: 4370}]\n---") + by_hand
    )
    assert any("Endpoints that somebody may write by hand are not" in told for told in unjudged(text))
    dns = text.replace("value: k8s", "value: dns").replace(
        "EMQX_CLUSTER__K8S__SERVICE_NAME, value: emqx",
        "EMQX_CLUSTER__DNS__NAME, value: emqx.iot.svc.cluster.local",
    )
    assert errors(dns, "-n", "iot") == []
    assert any("its addresses are written by hand" in told for told in unjudged(dns, "-n", "iot"))


def test_a_service_of_the_input_that_would_do_is_named_for_one_that_is_not_there() -> None:
    text = GOOD.replace("SERVICE_NAME, value: emqx", "SERVICE_NAME, value: peers")
    assert any("Service emqx selects them" in gap for gap in unjudged(text, "-n", "iot"))


@pytest.mark.parametrize(
    ("policy", "count"),
    [("dnsPolicy: None", 1), ("dnsPolicy: Default", 1), ("dnsPolicy: ClusterFirst", 0)],
)
def test_nameservers_of_the_templates_own_are_not_judged(policy: str, count: int) -> None:
    own = f"      {policy}\n      dnsConfig: {{nameservers: [192.0.2.53]}}\n      containers:\n"
    text = GOOD.replace("      containers:\n", own)
    assert errors(text, "-n", "iot") == []
    assert len([gap for gap in unjudged(text, "-n", "iot") if "nameservers" in gap]) == count


def test_a_service_of_another_group_is_none() -> None:
    odd = GOOD.replace("apiVersion: v1\nkind: Service", "apiVersion: apps/v1\nkind: Service")
    assert odd != GOOD
    told = unjudged(odd + GRANTED, "-n", "iot")
    assert ["Service emqx" in told[0], "no Kubernetes has Service in apps/v1" in told[1]] == [True, True]
    assert errors(odd.replace("selector: {app: emqx}\n---", "selector: {app: x}\n---"), "-n", "iot") == []


def test_names_of_pods_below_a_service_with_an_address_are_for_its_dns_to_tell() -> None:
    """CoreDNS has them, as it was seen to; the rules that Kubernetes has for DNS ask for them below headless ones."""
    names = "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: hostname}\n"
    names += "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: svc.cluster.local}\n"
    text = GOOD.replace("kind: Deployment", "kind: StatefulSet") + names + GRANTED
    text = text.replace("spec:\n  replicas", "spec:\n  serviceName: emqx\n  replicas")
    assert errors(text, "-n", "iot") == []
    assert ["Service emqx has a ClusterIP" in told for told in unjudged(text, "-n", "iot")] == [True]
    assert unjudged(text.replace("spec:\n", "spec:\n  clusterIP: None\n", 1), "-n", "iot") == []


def test_of_no_replicas_it_is_said_that_there_is_nobody() -> None:
    none = GOOD.replace("replicas: 3", "replicas: 0") + GRANTED
    assert errors(none, "-n", "iot") == []
    assert ["replicas is 0" in told for told in unjudged(none, "-n", "iot")] == [True]


def test_no_suffix_makes_an_address_of_a_host_name() -> None:
    """It may stand in a file that is not in the input, and what is certain is certain all the same."""
    text = GOOD.replace("kind: Deployment", "kind: StatefulSet")
    text = text.replace("spec:\n  replicas", "spec:\n  serviceName: emqx\n  replicas")
    text = text.replace("          env:\n", MOUNT).replace(
        "      containers:\n", f"{VOLUME}      containers:\n"
    )
    text += "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: hostname}\n"
    text += "            - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n"
    by_address = text + "            - {name: EMQX_NODE_NAME, value: emqx@$(POD_IP)}\n"
    assert errors(by_address, "-n", "iot") == ["HostPartMismatch"]
    assert any("EMQX_CLUSTER__K8S__SUFFIX is not set" in told for told in unjudged(text, "-n", "iot"))
