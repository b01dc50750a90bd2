"""What a manifest proves to be wrong, on which line, and by which reason."""

import pytest

from builders import GOOD_MANIFEST as GOOD
from linted import (
    ADDRESS,
    CANONICAL,
    ENV_FROM,
    GRANTED,
    LABELS,
    NAME,
    RIGHTS,
    SETTINGS,
    errors,
    found,
    lint,
    unjudged,
)

NAMESPACE = "            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}\n"


@pytest.mark.parametrize(
    ("text", "reason", "line", "path"),
    [
        pytest.param(
            GOOD.replace(CANONICAL, "kubernetes.default.svc:443"),
            "APIServerMalformed",
            23,
            "spec.template.spec.containers[0].env[1].value",
            id="no scheme",
        ),
        pytest.param(
            GOOD.replace("selector: {app: emqx}", "selector: {app: mqtt}"),
            "SelectorMismatch",
            5,
            "spec.selector",
            id="the Service, where it is in the input",
        ),
        pytest.param(
            GOOD.replace("5.8.9", "5.10.0"),
            "LicenseMissing",
            20,
            "spec.template.spec.containers[0].image",
            id="no licence",
        ),
        pytest.param(
            GOOD.replace("  minReadySeconds: 20\n", ""),
            "MinReadySecondsTooLow",
            11,
            "spec",
            id="a field that is not there",
        ),
        pytest.param(
            GOOD.replace("      containers:", "      dnsPolicy: Default\n      containers:"),
            "DNSPolicyUnsuitable",
            18,
            "spec.template.spec.dnsPolicy",
            id="dnsPolicy",
        ),
        pytest.param(
            GOOD.replace("      containers:", "      automountServiceAccountToken: false\n      containers:"),
            "TokenNotMounted",
            18,
            "spec.template.spec.automountServiceAccountToken",
            id="no token, whatever the rights",
        ),
        pytest.param(
            GOOD + RIGHTS, "PermissionDenied", 17, "spec.template.spec", id="rights that do not suffice"
        ),
        pytest.param(
            GOOD.replace(ADDRESS, "").replace("          env:\n", ENV_FROM) + SETTINGS,
            "APIServerMalformed",
            31,
            "data.EMQX_CLUSTER__K8S__APISERVER",
            id="a value in a ConfigMap of the input",
        ),
        pytest.param(
            GOOD.replace(
                "  name: emqx\nspec", "  name: emqx\n  annotations: {emqx-autocluster.io/mode: fix}\nspec"
            ),
            "InvalidAnnotation",
            11,
            "metadata.annotations",
            id="an annotation",
        ),
        pytest.param(
            GOOD.replace(LABELS, f"{LABELS[:-1]}, annotations: {{emqx-autocluster.io/mode: Observe}}}}"),
            "AnnotationOnPodTemplate",
            16,
            "spec.template.metadata.annotations['emqx-autocluster.io/mode']",
            id="an annotation in the wrong place",
        ),
        pytest.param(
            GOOD.replace(NAME, "  name: emqx\n  annotations: {emqx-autocluster.io/container: broker}\nspec"),
            "NoEMQXContainer",
            19,
            "spec.template.spec.containers",
            id="a container that is not there",
        ),
        pytest.param(
            GOOD.replace("      containers:", "      hostNetwork: true\n      containers:"),
            "DNSPolicyUnsuitable",
            17,
            "spec.template.spec",
            id="the node's network with the default dnsPolicy",
        ),
        pytest.param(
            GOOD.replace("value: k8s", "value: manual"),
            "StrategyUnsuitable",
            22,
            "spec.template.spec.containers[0].env[0].value",
            id="strategy manual",
        ),
        pytest.param(
            GOOD.replace("SERVICE_NAME, value: emqx", "SERVICE_NAME, value: emqx:4370"),
            "ServiceNameInvalid",
            24,
            "spec.template.spec.containers[0].env[2].value",
            id="a Service name with a port",
        ),
    ],
)
def test_what_is_wrong_is_found_on_its_line(text: str, reason: str, line: int, path: str) -> None:
    assert found(text) == [(reason, line, path)]


def test_the_namespace_matters_once_it_is_known() -> None:
    assert found(GOOD) == []
    assert found(GOOD, "-n", "iot") == []
    assert [reason for reason, *_ in found(GOOD, "-n", "lab")] == ["NamespaceMismatch"]
    own = GOOD.replace("  name: emqx\nspec", "  name: emqx\n  namespace: plant\nspec")
    assert [reason for reason, *_ in found(own)] == ["NamespaceMismatch"]
    unset = GOOD.replace(NAMESPACE, "")
    assert found(unset) == []
    assert [reason for reason, *_ in found(unset, "-n", "iot")] == ["NamespaceMismatch"]


OWN_NAMESPACE = NAMESPACE.replace("value: iot", "valueFrom: {fieldRef: {fieldPath: metadata.namespace}}")
IN_SECRETS = "          envFrom: [{secretRef: {name: s}}]\n          env:\n"


@pytest.mark.parametrize(
    ("text", "reasons", "told"),
    [
        pytest.param(
            GOOD + GRANTED, [], ["it is judged as if that were iot, which EMQX asks for", "-n"], id="all speaks for one"
        ),
        pytest.param(
            GOOD.replace(NAMESPACE, "") + GRANTED, ["PermissionDenied"], ["that were default"], id="two that contradict"
        ),
        pytest.param(GOOD.replace(NAMESPACE, ""), [], ["that were default"], id="EMQX's default"),
        pytest.param(GOOD.replace(NAMESPACE, OWN_NAMESPACE) + GRANTED, [], [], id="EMQX asks for its own"),
        pytest.param(
            GOOD.replace(NAMESPACE, "").replace("          env:\n", IN_SECRETS) + GRANTED,
            [], ["neither its manifest nor -n"], id="a Secret may say another",
        ),
        pytest.param(GOOD.replace("value: k8s", "value: manual"), ["StrategyUnsuitable"], [], id="no discovery"),
    ],
)  # fmt: skip
def test_where_nothing_says_the_namespace(text: str, reasons: list[str], told: list[str]) -> None:
    assert errors(text) == reasons
    gaps = [gap for gap in unjudged(text) if "to which namespace" in gap]
    assert len(gaps) == bool(told)
    assert all(word in gaps[0] for word in told)
    assert not any("to which namespace" in gap for gap in unjudged(text, "-n", "iot"))


def test_what_is_of_another_namespace_is_none_of_its_business() -> None:
    namesake = GOOD.partition("---\n")[0].replace("{name: emqx}", "{name: emqx, namespace: lab}")
    other = namesake.replace("selector: {app: emqx}", "selector: {app: mqtt}")
    assert found(f"{GOOD}---\n{other}", "-n", "iot") == []


def test_as_many_as_an_autoscaler_may_make_count() -> None:
    alone = GOOD.replace("  replicas: 3\n", "").replace("value: k8s", "value: manual")
    scaler = (
        "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"
        "spec: {minReplicas: 3, scaleTargetRef: {kind: Deployment, name: emqx}}\n"
    )
    assert errors(alone) == []
    assert errors(alone + scaler) == ["StrategyUnsuitable"]
    assert "manual with 5 replicas" in lint(alone + scaler.replace("minReplicas: 3", "maxReplicas: 5")).stdout
    one_to_five = scaler.replace("minReplicas: 3", "minReplicas: 1, maxReplicas: 5")
    assert "manual with 5 replicas" in lint(alone + one_to_five).stdout
    assert errors(alone + scaler.replace("minReplicas: 3", "maxReplicas: 1")) == []
    without_counts = scaler.replace("minReplicas: 3, ", "")
    assert errors(alone + without_counts) == []
    by_keda = without_counts.replace("autoscaling/v2", "keda.sh/v1alpha1").replace(
        "HorizontalPodAutoscaler", "ScaledObject"
    )
    assert "manual with 100 replicas" in lint(alone + by_keda).stdout
    assert errors(alone + scaler.replace("name: emqx", "name: other")) == []


def test_of_two_objects_of_one_name_the_last_counts() -> None:
    service, rest = GOOD.split("---\n", 1)
    wrong = service.replace("selector: {app: emqx}", "selector: {app: mqtt}")
    assert wrong != service
    assert errors(f"{wrong}---\n{service}---\n{rest}") == []
    assert errors(f"{service}---\n{wrong}---\n{rest}") == ["SelectorMismatch"]


@pytest.mark.parametrize(
    ("service", "cookie", "reason"),
    [("emqx", "one", ""), ("emqx", "other", "CookieChanged"), ("edge", "one", "CoresNotListed")],
)
def test_replicants_are_held_against_the_cores_beside_them(service: str, cookie: str, reason: str) -> None:
    def with_cookie(text: str, value: str) -> str:
        return text + f"            - {{name: EMQX_NODE__COOKIE, value: {value}}}\n"

    cores = with_cookie(GOOD.replace("emqx/emqx:5.8.9", "emqx/emqx-enterprise:5.8.9"), "one")
    edge = with_cookie(cores.replace(NAME, NAME.replace("emqx", "edge")), cookie).partition("---\n")[2]
    edge = edge.replace("{app: emqx}", "{app: edge}").replace(
        "SERVICE_NAME, value: emqx", f"SERVICE_NAME, value: {service}"
    )
    edge += "            - {name: EMQX_NODE__ROLE, value: replicant}\n"
    own = GOOD.partition("---\n")[0].replace("emqx", "edge")
    assert errors(f"{cores}---\n{own}---\n{edge}", "-n", "iot") == ([reason] if reason else [])


def test_a_strategy_is_no_cure_where_its_settings_are_not_there() -> None:
    """4.4 does not start with it then, and three brokers that work become none."""
    alone = GOOD.replace("value: k8s", "value: manual")
    assert 'value: "k8s"' in lint(alone, "-n", "iot").stdout
    bare = alone.replace(NAMESPACE, "")
    assert errors(bare, "-n", "iot") == ["StrategyUnsuitable"]
    assert "together with EMQX_CLUSTER__K8S__NAMESPACE, which it needs" in " ".join(
        lint(bare, "-n", "iot").stdout.split()
    )
    assert lint(bare, "-n", "iot", "-o", "kustomize").stdout == ""


@pytest.mark.parametrize("letters", ["emqx_cluster__k8s__service_name", "Emqx_CLUSTER__K8S__SERVICE_NAME"])
def test_a_name_that_does_not_begin_as_emqx_has_it_is_none(letters: str) -> None:
    in_map = SETTINGS.replace("EMQX_CLUSTER__K8S__APISERVER: kubernetes.default.svc:443", f"{letters}: peers")
    text = GOOD.replace("EMQX_CLUSTER__K8S__SERVICE_NAME", letters)
    assert errors(text.replace("value: emqx}", "value: peers}"), "-n", "iot") == ["UnknownVariable"]
    text = GOOD.replace("            - {name: EMQX_CLUSTER__K8S__SERVICE_NAME, value: emqx}\n", "")
    assert text != GOOD
    text = text.replace("          env:\n", ENV_FROM) + in_map
    assert errors(text, "-n", "iot") == ["UnknownVariable"]
    assert errors(text.replace(letters, "EMQX_cluster__k8s__SERVICE_NAME"), "-n", "iot") == []


@pytest.mark.parametrize(
    ("version", "seeds", "wrong"),
    [
        ("5.8.9", "[emqx@a, emqx@b]", []),
        ("4.4.19", "emqx@a, emqx@b", []),
        ("4.4.18", "emqx@a, emqx@b", []),
        ("4.4.18", " emqx@a, emqx@b", ["SeedsUnsuitable"]),
        ("4.4.19", " emqx@a, emqx@b", []),
        ("4.4.19", "[emqx@a,emqx@b]", ["SeedsUnsuitable"]),
        ("4.4.19", '\\"emqx@a\\",\\"emqx@b\\"', ["SeedsUnsuitable"]),
    ],
)
def test_how_seeds_are_parted(version: str, seeds: str, wrong: list[str]) -> None:
    strategy = "DISCOVERY" if version.startswith("4") else "DISCOVERY_STRATEGY"
    text = GOOD.replace("5.8.9", version).replace(
        "DISCOVERY_STRATEGY, value: k8s", f"{strategy}, value: static"
    )
    text += f'            - {{name: EMQX_CLUSTER__STATIC__SEEDS, value: "{seeds}"}}\n'
    text += "            - {name: EMQX_NODE_NAME, value: emqx@a}\n"
    assert [reason for reason in errors(text, "-n", "iot") if reason == "SeedsUnsuitable"] == wrong
    shown = " ".join(lint(text, "-n", "iot").stdout.split())
    assert ("write names with commas alone" in shown) == bool(wrong)


def test_a_value_in_other_letters_is_no_other_name() -> None:
    """Once it is what is meant, the names fit as well: another cure would contradict the first."""
    text = GOOD.replace("kind: Deployment", "kind: StatefulSet").replace(
        "spec:\n", "spec:\n  clusterIP: None\n", 1
    )
    text = text.replace("spec:\n  replicas", "spec:\n  serviceName: emqx\n  replicas")
    text += "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: svc.cluster.local}\n"
    text += "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: Hostname}\n"
    assert errors(text, "-n", "iot") == ["ValueNotAccepted"]


def test_a_space_behind_a_value_is_lost_where_it_goes_through_a_file() -> None:
    text = GOOD.replace("DISCOVERY_STRATEGY, value: k8s", 'DISCOVERY, value: "k8s "')
    for version, wrong in (("4.2.14", False), ("4.4.19", True)):
        assert ("ValueNotAccepted" in errors(text.replace("5.8.9", version), "-n", "iot")) == wrong


ALONE = GOOD.replace("replicas: 3", "replicas: 1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ALONE.replace("value: iot", "value: lab"), "NamespaceMismatch"),
        (ALONE.replace("DISCOVERY_STRATEGY", "DISCOVERY"), "VariableOfOtherVersion"),
        (ALONE + RIGHTS, "PermissionDenied"),
    ],
)
def test_what_keeps_others_away_is_advice_to_one_that_is_alone(text: str, reason: str) -> None:
    assert errors(text, "-n", "iot") == []
    shown = " ".join(lint(text, "-n", "iot").stdout.split())
    assert f"advice: {reason}" in shown
    assert "it matters once there are more" in shown
    assert reason in errors(text.replace("replicas: 1", "replicas: 2"), "-n", "iot")


def test_what_ends_emqx_ends_a_single_one_as_well() -> None:
    text = ALONE.replace("5.8.9", "4.4.19").replace("DISCOVERY_STRATEGY", "DISCOVERY").replace(NAMESPACE, "")
    assert "NamespaceMismatch" in errors(text, "-n", "iot")
