"""The same cure as a patch of kustomize and as values of the official chart."""

import yaml

from builders import a_container, a_stateful_set
from emqx_autocluster.commands import overlays
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, NAMESPACE
from emqx_autocluster.objects import template
from emqx_autocluster.objects.recorded import FieldChange
from emqx_autocluster.observation import EnvVar

WORKLOAD = a_stateful_set()
[CONTAINER] = WORKLOAD.template.containers
SPACE = template.env_change(CONTAINER, NAMESPACE, "iot")
SECONDS = FieldChange(template.MIN_READY_SECONDS, 0, 20)
POLICY = FieldChange(template.DNS_POLICY, "Default", "ClusterFirst")


def test_a_patch_for_kustomize() -> None:
    text = overlays.kustomize(WORKLOAD, CONTAINER, (SPACE, SECONDS))
    assert "target: {kind: StatefulSet, name: emqx}" in text
    body = yaml.safe_load(text)
    assert (body["apiVersion"], body["kind"], body["metadata"]) == (
        "apps/v1",
        "StatefulSet",
        {"name": "emqx"},
    )
    assert body["spec"]["minReadySeconds"] == 20
    assert body["spec"]["template"]["spec"]["containers"] == [
        {"name": "emqx", "env": [{"name": NAMESPACE, "value": "iot", "valueFrom": None}]}
    ]


def test_a_variable_that_stands_twice_is_taken_away_before_it_comes_in() -> None:
    container = a_container()
    twice = type(container)("emqx", container.image, (*container.env, EnvVar(NAMESPACE, "x")))
    [first, *rest] = yaml.safe_load(overlays.kustomize(WORKLOAD, twice, (SPACE,)))["spec"]["template"][
        "spec"
    ]["containers"][0]["env"]
    assert first == {"name": NAMESPACE, "$patch": "delete"}
    assert [entry["value"] for entry in rest] == ["iot"]


def test_values_for_the_chart() -> None:
    text = overlays.helm(WORKLOAD, (SPACE, SECONDS, POLICY))
    assert yaml.safe_load(text) == {"minReadySeconds": 20, "emqxConfig": {NAMESPACE: "iot"}}
    assert '# Not a value of the chart, by a post-renderer only: dnsPolicy: "ClusterFirst"' in text


def test_no_change_is_no_file() -> None:
    assert (overlays.kustomize(WORKLOAD, CONTAINER, ()), overlays.helm(WORKLOAD, ())) == ("", "")


def test_each_field_once_as_it_was_told_first() -> None:
    other = template.env_change(CONTAINER, NAMESPACE, "other")
    address = template.env_change(CONTAINER, ADDRESS_TYPE, "ip")
    assert overlays.once((SPACE, other, address)) == (SPACE, address)
