"""The pods that any object of an input would make: their labels, their account, and who gives them host names."""

from typing import Any

import pytest

from emqx_autocluster.commands import documents
from emqx_autocluster.commands.manifest import podtemplates
from emqx_autocluster.observation import ContainerPort

LABELS = "metadata: {labels: {app: emqx, tier: 2}}"
POD = f"{LABELS}, spec: {{serviceAccountName: sa}}"

WITH_PORTS = """
metadata: {labels: {app: emqx}},
spec: {containers: [{name: a, ports: [{name: mqtt, containerPort: 1883}, {containerPort: 1}, 7]}, 7]}
"""


@pytest.mark.parametrize(
    ("text", "labels", "account", "governing"),
    [
        pytest.param(
            "{kind: StatefulSet, metadata: {name: a}, spec: {serviceName: emqx, template: {POD}}}",
            {"app": "emqx", "tier": "2"},
            "sa",
            "emqx",
            id="a StatefulSet names its pods",
        ),
        pytest.param(
            "{kind: Deployment, metadata: {name: a}, spec: {serviceName: emqx, template: {POD}}}",
            {"app": "emqx", "tier": "2"},
            "sa",
            None,
            id="a Deployment does not",
        ),
        pytest.param(
            "{kind: CronJob, metadata: {name: a}, spec: {jobTemplate: {spec: {template: {POD}}}}}",
            {"app": "emqx", "tier": "2"},
            "sa",
            None,
            id="pods of the jobs of a CronJob",
        ),
        pytest.param(
            "{kind: Pod, metadata: {name: a}, spec: {hostname: a, subdomain: emqx, containers: []}}",
            {},
            "default",
            "emqx",
            id="a pod with a name of its own",
        ),
        pytest.param(
            "{kind: Pod, metadata: {name: a, labels: {app: emqx}}, spec: {subdomain: emqx, containers: []}}",
            {"app": "emqx"},
            "default",
            None,
            id="a pod without a host name",
        ),
    ],
)
def test_what_an_object_says_of_its_pods(
    text: str, labels: dict[str, str], account: str, governing: str | None
) -> None:
    [document] = documents.read("a.yaml", text.replace("POD", POD))
    pods = podtemplates.pods_of(document)
    assert pods is not None
    assert (pods.labels, pods.account, pods.governing) == (labels, account, governing)


@pytest.mark.parametrize(
    "spec", ["{template: 7}", "[]", "{}", "{template: {spec: {}}}", "{template: {spec: [], metadata: 7}}"]
)
def test_what_makes_no_pods(spec: Any) -> None:
    [document] = documents.read("a.yaml", f"{{kind: Deployment, metadata: {{name: a}}, spec: {spec}}}")
    assert podtemplates.pods_of(document) is None


def test_those_that_last() -> None:
    texts = [
        "{kind: Deployment, metadata: {name: web}, spec: {template: {%s}}}",
        "{kind: Deployment, metadata: {name: none}, spec: {replicas: 0, template: {%s}}}",
        "{kind: Job, metadata: {name: once}, spec: {template: {%s}}}",
    ]
    read = [each for text in texts for each in documents.read("a.yaml", text.replace("%s", WITH_PORTS))]
    [pods] = podtemplates.lasting(read)
    assert (pods.owner, pods.ports) == ("Deployment/web", (ContainerPort("mqtt", 1883),))
