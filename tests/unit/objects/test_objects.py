"""From the API server's JSON to the values that are judged, with Kubernetes' own defaults."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import a_stateful_set, a_workload
from emqx_autocluster import objects
from emqx_autocluster.observation import (
    EndpointAddress,
    Endpoints,
    EnvFrom,
    EnvVar,
    Service,
    TargetPort,
    WorkloadKind,
    WorkloadRef,
)

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
PROJECTED = {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}


def a_body(kind: str = "Deployment", *, pod: Any = None, status: Any = None, **spec: Any) -> dict[str, Any]:
    """The least that the API server gives."""
    template = {
        "metadata": {"labels": {"app": "emqx"}},
        "spec": {"containers": [{"name": "emqx"}], **(pod or {})},
    }
    return {
        "kind": kind,
        "metadata": {"name": "emqx", "namespace": "iot", "uid": "u", "resourceVersion": "7"},
        "spec": {"template": template, **spec},
        "status": status or {},
    }


def test_the_least_that_there_is() -> None:
    workload = objects.workload(WorkloadKind.DEPLOYMENT, a_body())
    assert workload.ref == WorkloadRef("iot", WorkloadKind.DEPLOYMENT, "emqx")
    assert (workload.replicas, workload.strategy, workload.min_ready_seconds) == (1, "RollingUpdate", 0)
    assert (workload.template.service_account, workload.template.names_account) == ("default", False)
    assert (workload.template.dns_policy, workload.template.automount_token) == ("ClusterFirst", None)
    assert (workload.paused, workload.partition, workload.claim_templates) == (False, 0, ())
    assert workload.template.labels == {"app": "emqx"}


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        ({"replicas": 0}, "replicas", 0),
        ({"minReadySeconds": 30}, "min_ready_seconds", 30),
        ({"progressDeadlineSeconds": 60}, "progress_deadline_seconds", 60),
        ({"paused": True}, "paused", True),
        ({"strategy": {"type": "Recreate"}}, "strategy", "Recreate"),
        ({"updateStrategy": {"type": "OnDelete"}}, "strategy", "OnDelete"),
        ({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}, "partition", 2),
        ({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": None}}, "partition", 0),
        ({"podManagementPolicy": "Parallel"}, "pod_management", "Parallel"),
        ({"serviceName": "emqx-headless"}, "service_name", "emqx-headless"),
        ({"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}, "claim_templates", ("data",)),
    ],
)
def test_fields_of_a_workload(spec: dict[str, Any], field: str, expected: Any) -> None:
    assert getattr(objects.workload(WorkloadKind.STATEFUL_SET, a_body(**spec)), field) == expected


def test_a_stateful_set_starts_its_pods_in_order_and_a_deployment_does_not() -> None:
    assert objects.workload(WorkloadKind.STATEFUL_SET, a_body()).pod_management == "OrderedReady"
    assert objects.workload(WorkloadKind.DEPLOYMENT, a_body()).pod_management == "Parallel"


def test_a_deadline_that_was_exceeded() -> None:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    body = a_body(status={"conditions": [{"type": "Available"}, condition]})
    assert objects.workload(WorkloadKind.DEPLOYMENT, body).progress_deadline_exceeded


@pytest.mark.parametrize(
    ("status", "rolling"),
    [
        pytest.param({}, False, id="rolled out"),
        pytest.param({"generation": 5}, True, id="the controller has not seen the change yet"),
        pytest.param({"updated_replicas": 2}, True, id="an old pod is left"),
        pytest.param({"status_replicas": 4}, True, id="an old pod beside the new ones"),
        pytest.param({"available_replicas": 2}, True, id="one is not available yet"),
        pytest.param({"updated_replicas": 3, "status_replicas": 3, "replicas": 2}, False, id="scaled down"),
    ],
)
def test_rolling(status: dict[str, int], *, rolling: bool) -> None:
    numbers: dict[str, Any] = {"status_replicas": 3, "updated_replicas": 3, "available_replicas": 3}
    assert a_workload(**{**numbers, **status}).rolling == rolling
    assert a_stateful_set(**{**numbers, **status}).rolling == rolling


def test_pods_behind_a_partition_shall_stay_old() -> None:
    assert not a_stateful_set(partition=2, updated_replicas=1).rolling
    assert a_stateful_set(partition=1, updated_replicas=1).rolling


def test_an_owner_is_told_by_group_and_kind() -> None:
    body = a_body()
    body["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps.emqx.io/v2beta1", "kind": "EMQX", "name": "x"}
    ]
    assert objects.workload(WorkloadKind.STATEFUL_SET, body).owners == (("apps.emqx.io", "EMQX"),)


@pytest.mark.parametrize(
    ("pod", "projects"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"volumes": [PROJECTED]}, False, id="a volume that nobody mounts"),
        pytest.param(
            {
                "volumes": [PROJECTED],
                "containers": [
                    {"name": "emqx", "volumeMounts": [{"name": "token", "mountPath": f"{TOKEN_PATH}/"}]}
                ],
            },
            True,
            id="mounted at the usual path",
        ),
        pytest.param(
            {
                "volumes": [PROJECTED],
                "containers": [{"name": "emqx", "volumeMounts": [{"name": "token", "mountPath": "/token"}]}],
            },
            False,
            id="mounted where EMQX does not look",
        ),
        pytest.param(
            {
                "volumes": [{"name": "token", "projected": {"sources": [{"configMap": {}}]}}],
                "containers": [
                    {"name": "emqx", "volumeMounts": [{"name": "token", "mountPath": TOKEN_PATH}]}
                ],
            },
            False,
            id="a projected volume without a token",
        ),
        pytest.param(
            {
                "volumes": [PROJECTED],
                "containers": [
                    {"name": "emqx"},
                    {"name": "vault", "volumeMounts": [{"name": "token", "mountPath": TOKEN_PATH}]},
                ],
            },
            False,
            id="mounted into another container",
        ),
        pytest.param(
            {
                "volumes": [
                    {
                        "name": "token",
                        "projected": {"sources": [{"serviceAccountToken": {"path": "vault-token"}}]},
                    }
                ],
                "containers": [
                    {"name": "emqx", "volumeMounts": [{"name": "token", "mountPath": TOKEN_PATH}]}
                ],
            },
            False,
            id="a file of a name that EMQX does not read",
        ),
    ],
)
def test_a_projected_token(pod: dict[str, Any], *, projects: bool) -> None:
    assert (
        objects.workload(WorkloadKind.DEPLOYMENT, a_body(pod=pod)).template.containers[0].projects_token
        == projects
    )


@pytest.mark.parametrize("audience", [None, "vault"])
def test_the_audience_of_a_projected_token(audience: str | None) -> None:
    token = {"path": "token", **({"audience": audience} if audience else {})}
    pod = {
        "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": token}]}}],
        "containers": [{"name": "emqx", "volumeMounts": [{"name": "token", "mountPath": TOKEN_PATH}]}],
    }
    (container,) = objects.workload(WorkloadKind.DEPLOYMENT, a_body(pod=pod)).template.containers
    assert (container.projects_token, container.token_audience) == (True, audience)


def test_volumes_are_told_by_their_kind() -> None:
    volumes = [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "persistentVolumeClaim": {"claimName": "x"}},
        {"name": "c"},
    ]
    template = objects.workload(WorkloadKind.DEPLOYMENT, a_body(pod={"volumes": volumes})).template
    assert template.volumes == {"a": "emptyDir", "b": "persistentVolumeClaim", "c": "emptyDir"}


def test_a_container() -> None:
    body = {
        "name": "emqx",
        "image": "emqx/emqx:5.8.9",
        "env": [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "C", "valueFrom": {"fieldRef": {}}}],
        "envFrom": [{"configMapRef": {"name": "cm"}, "prefix": "P_"}, {"secretRef": {"name": "s"}}],
        "volumeMounts": [{"name": "data", "mountPath": "/opt/emqx/data"}],
    }
    (container,) = objects.workload(
        WorkloadKind.DEPLOYMENT, a_body(pod={"containers": [body]})
    ).template.containers
    assert container.env == (EnvVar("A", "1"), EnvVar("B", ""), EnvVar("C", None, {"fieldRef": {}}))
    assert container.env_from == (EnvFrom("cm", None, "P_"), EnvFrom(None, "s"))
    assert container.mounts == {"/opt/emqx/data": "data"}


# --- pods

CREATED = "2026-11-23T11:00:00Z"
STARTED = "2026-11-23T11:00:05Z"


def a_pod_body(state: Any = None, *, ready: str = "True", **metadata: Any) -> dict[str, Any]:
    statuses = [] if state is None else [{"name": "emqx", "containerID": "containerd://1", "state": state}]
    return {
        "metadata": {"name": "emqx-0", "uid": "u", "creationTimestamp": CREATED, **metadata},
        "spec": {"containers": []},
        "status": {
            "phase": "Running",
            "podIP": "10.244.0.5",
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": STARTED}],
            "containerStatuses": [
                {"name": "sidecar", "state": {"running": {"startedAt": CREATED}}},
                *statuses,
            ],
        },
    }


def test_a_running_pod() -> None:
    pod = objects.pod(a_pod_body({"running": {"startedAt": STARTED}}), "emqx")
    assert pod.running
    assert pod.running_since == pod.ready_since == datetime(2026, 11, 23, 11, 0, 5, tzinfo=UTC)
    assert pod.created == datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert (pod.ready, pod.deleting, pod.ip, pod.hostname) == (True, False, "10.244.0.5", "emqx-0")


@pytest.mark.parametrize(
    ("state", "waiting"),
    [
        (
            {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "CrashLoopBackOff: back-off 40s",
        ),
        ({"waiting": {"reason": "ContainerCreating"}}, "ContainerCreating"),
        ({"terminated": {"reason": "OOMKilled", "exitCode": 137}}, "OOMKilled"),
        ({"waiting": {}}, "waiting"),
        (None, None),
    ],
)
def test_why_the_emqx_container_does_not_run(state: Any, waiting: str | None) -> None:
    pod = objects.pod(a_pod_body(state, ready="False"), "emqx")
    assert not pod.running
    assert pod.waiting == waiting
    assert (pod.ready, pod.ready_since) == (False, None)


def test_a_pod_that_has_no_status_yet() -> None:
    body = {"metadata": {"name": "x", "uid": "u", "creationTimestamp": CREATED}, "spec": {}}
    pod = objects.pod(body, "emqx")
    assert (pod.phase, pod.ip, pod.running, pod.ready) == ("Pending", None, False, False)


def test_a_pod_that_is_being_deleted() -> None:
    assert objects.pod(a_pod_body(deletionTimestamp=CREATED), "emqx").deleting


def cookie_of(env: dict[str, Any], **container: Any) -> str | None:
    body = a_pod_body()
    entries = [{"name": name, **source} for name, source in env.items()]
    body["spec"] = {"containers": [{"name": "emqx", "env": entries, **container}]}
    return objects.pod(body, "emqx").cookie


def from_secret(name: str) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": "cookie"}}}


PLAIN = {"value": "s3cret-cookie"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"EMQX_NODE__COOKIE": PLAIN}, {"EMQX_NODE__COOKIE": PLAIN}, True, id="the same value"),
        pytest.param({"EMQX_NODE__COOKIE": PLAIN}, {"EMQX_NODE_COOKIE": PLAIN}, True, id="by its other name"),
        pytest.param(
            {"EMQX_NODE__COOKIE": PLAIN}, {"EMQX_NODE__COOKIE": {"value": "x"}}, False, id="another value"
        ),
        pytest.param(
            {"EMQX_NODE__COOKIE": from_secret("a")}, {"EMQX_NODE__COOKIE": from_secret("a")}, True, id="a key"
        ),
        pytest.param(
            {"EMQX_NODE__COOKIE": from_secret("a")},
            {"EMQX_NODE__COOKIE": from_secret("b")},
            False,
            id="another Secret",
        ),
        pytest.param(
            {"EMQX_NODE_COOKIE": PLAIN, "EMQX_NODE__COOKIE": from_secret("a")},
            {"EMQX_NODE_COOKIE": PLAIN},
            True,
            id="the short name wins",
        ),
        pytest.param({}, {}, True, id="the default"),
        pytest.param({}, {"EMQX_NODE__COOKIE": PLAIN}, False, id="the default and one that is given"),
    ],
)
def test_two_cookies_are_compared_and_none_is_told(
    one: dict[str, Any], other: dict[str, Any], *, same: bool
) -> None:
    first, second = cookie_of(one), cookie_of(other)
    assert (first == second) == same
    assert "s3cret" not in f"{first}{second}"


def test_a_cookie_cannot_be_guessed_from_what_is_compared() -> None:
    digest = hashlib.blake2b(PLAIN["value"].encode(), digest_size=16).hexdigest()
    assert cookie_of({"EMQX_NODE__COOKIE": PLAIN}) != digest


def test_a_cookie_that_may_come_from_anywhere_is_not_compared() -> None:
    assert cookie_of({}, envFrom=[{"secretRef": {"name": "s"}}]) is None


@pytest.mark.parametrize(
    ("phase", "finished"), [("Running", False), ("Pending", False), ("Failed", True), ("Succeeded", True)]
)
def test_finished_pods_are_no_members(phase: str, *, finished: bool) -> None:
    assert objects.is_finished({"status": {"phase": phase}}) == finished


# --- services and selectors


def test_a_service() -> None:
    body = {"metadata": {"name": "emqx"}, "spec": {"clusterIP": "None", "publishNotReadyAddresses": True}}
    seen = Service("emqx", {}, headless=True, publish_not_ready=True, ports=(), single_stack=True)
    assert objects.service(body) == seen


def test_where_the_ports_of_a_service_lead() -> None:
    ports = [
        {"port": 4370},
        {"port": 1883, "targetPort": "mqtt"},
        {"port": 53, "protocol": "UDP", "targetPort": 5353},
    ]
    seen = objects.service({"metadata": {"name": "emqx"}, "spec": {"ports": ports}})
    assert seen.targets == (TargetPort(4370), TargetPort("mqtt"), TargetPort(5353, "UDP"))


def test_a_service_of_both_families() -> None:
    spec = {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack"}
    seen = objects.service({"metadata": {"name": "emqx"}, "spec": spec})
    assert (seen.families, seen.single_stack) == (("IPv6", "IPv4"), False)


@pytest.mark.parametrize(("value", "published"), [("true", True), ("false", False)])
def test_the_annotation_that_publishes_pods_as_before(value: str, *, published: bool) -> None:
    marks = {"service.alpha.kubernetes.io/tolerate-unready-endpoints": value}
    body = {"metadata": {"name": "emqx", "annotations": marks}, "spec": {}}
    assert objects.service(body).publish_not_ready is published


def test_what_has_to_succeed_before_a_pod_is_ready() -> None:
    startup, readiness, liveness = ({"tcpSocket": {"port": port}} for port in (1, 2, 3))
    probes = {"startupProbe": startup, "readinessProbe": readiness, "livenessProbe": liveness}
    workload = objects.workload(
        WorkloadKind.DEPLOYMENT, a_body(pod={"containers": [{"name": "emqx", **probes}]})
    )
    assert workload.template.containers[0].probes == (startup, readiness)


def test_endpoints_of_several_subsets() -> None:
    subsets = [
        {"addresses": [{"ip": "10.0.0.1", "hostname": "emqx-0", "targetRef": {"name": "emqx-0"}}]},
        {"addresses": [{"ip": "10.0.0.2"}], "notReadyAddresses": [{"ip": "10.0.0.3"}]},
        {},
    ]
    ready = (EndpointAddress("10.0.0.1", "emqx-0", "emqx-0"), EndpointAddress("10.0.0.2"))
    assert objects.endpoints({"subsets": subsets}) == Endpoints(ready, (EndpointAddress("10.0.0.3"),))
    assert objects.endpoints({}) == Endpoints(())


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, ""),
        ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, "a in (1,2)"),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, "a notin (1)"),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "a"),
        (
            {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]},
            "a=1,!b",
        ),
    ],
)
def test_a_label_selector(selector: dict[str, Any], expected: str) -> None:
    assert objects.label_selector(selector) == expected


def test_a_managed_object_is_ours_by_its_label() -> None:
    body = {
        "metadata": {"name": "x", "uid": "u", "labels": {"app.kubernetes.io/managed-by": "emqx-autocluster"}}
    }
    assert objects.managed(body).ours
    assert not objects.managed({"metadata": {"name": "x", "uid": "u"}}).ours


def test_the_own_namespace_is_known_before_any_pod_runs() -> None:
    reference = {"fieldRef": {"fieldPath": "metadata.namespace"}}
    containers = [{"name": "emqx", "env": [{"name": "A", "valueFrom": reference}]}]
    workload = objects.workload(WorkloadKind.DEPLOYMENT, a_body(pod={"containers": containers}))
    assert workload.template.containers[0].env == (EnvVar("A", "iot", reference),)


def test_who_wrote_a_field_last() -> None:
    def entry(manager: str, minute: int, value: str, **pod: Any) -> dict[str, Any]:
        env: dict[str, Any] = {".": {}, 'k:{"name":"A"}': {".": {}, "f:name": {}, value: {}}}
        fields = {"f:containers": {".": {}, 'k:{"name":"emqx"}': {"f:env": env}}, **pod}
        spec = {"f:template": {"f:spec": fields}, "f:replicas": {}}
        return {"manager": manager, "time": f"2026-11-23T12:0{minute}:00Z", "fieldsV1": {"f:spec": spec}}

    body = a_body()
    body["metadata"]["managedFields"] = [
        entry("later", 5, "f:value"),
        entry("first", 1, "f:value", **{"f:dnsPolicy": {}}),
        entry("only its place in the list", 7, "f:name"),
        {"manager": "controller", "subresource": "status", "fieldsV1": {"f:status": {"f:replicas": {}}}},
    ]
    writers = objects.workload(WorkloadKind.DEPLOYMENT, body).writers
    assert (writers["env/A"], writers["dnsPolicy"]) == ("later", "first")


def test_who_paused_a_rollout_last() -> None:
    def entry(manager: str, minute: int, spec: dict[str, Any]) -> dict[str, Any]:
        return {"manager": manager, "time": f"2026-11-23T12:0{minute}:00Z", "fieldsV1": {"f:spec": spec}}

    rolling = {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}, "f:type": {}}
    body = a_body()
    body["metadata"]["managedFields"] = [
        entry("a person", 5, {"f:paused": {}}),
        entry("us", 1, {"f:paused": {}, "f:strategy": rolling}),
    ]
    writers = objects.workload(WorkloadKind.DEPLOYMENT, body).writers
    assert (writers["paused"], writers["strategy.rollingUpdate.maxSurge"]) == ("a person", "us")


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_the_account_by_both_names_of_its_field(field: str) -> None:
    pod = {"containers": [{"name": "emqx"}], field: "emqx"}
    assert objects.workload(WorkloadKind.DEPLOYMENT, a_body(pod=pod)).template.service_account == "emqx"
