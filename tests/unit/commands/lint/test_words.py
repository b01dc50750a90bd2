"""What a tired person reads: the variable that stands there, the value as it is, one cure, and no word too many."""

import pytest

from builders import GOOD_MANIFEST as GOOD
from linted import ENV_FROM, GRANTED, SETTINGS, errors, lint, unjudged

NAMESPACE = "            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}\n"
STATEFUL = GOOD.replace("kind: Deployment", "kind: StatefulSet").replace(
    "spec:\n  replicas", "spec:\n  serviceName: emqx\n  replicas"
)


def shown(text: str) -> str:
    return " ".join(lint(text, "-n", "iot").stdout.split())


@pytest.mark.parametrize("variable", ["EMQX_NODE__ROLE", "EMQX_NODE__DB_ROLE"])
def test_a_role_is_told_by_the_variable_that_gives_it(variable: str) -> None:
    text = GOOD + f"            - {{name: {variable}, value: replicant}}\n"
    assert errors(text, "-n", "iot") == ["RoleRefused"]
    assert f"{variable} is replicant" in shown(text)


def test_of_a_line_that_has_to_go_from_a_file_no_variable_is_advised() -> None:
    whole = "          volumeMounts: [{name: conf, mountPath: /opt/emqx/etc/emqx.conf, subPath: emqx.conf}]\n"
    text = GOOD.replace("5.8.9", "4.2.14").replace("DISCOVERY_STRATEGY", "DISCOVERY")
    text = text.replace("          env:\n", f"{whole}          env:\n").replace(
        "      containers:\n", "      volumes: [{name: conf, configMap: {name: conf}}]\n      containers:\n"
    )
    text += "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\n"
    text += "data: {emqx.conf: node.process_limit = 1024}\n"
    assert "take EMQX_NODE__PROCESS_LIMIT, which the image sets itself, out of the file" in shown(text)
    assert "EMQX_NODE__PROCESS_LIMIT stands in" not in shown(text)


def test_quotes_that_are_part_of_a_value_are_told_as_such() -> None:
    text = GOOD.replace("5.8.9", "4.4.19").replace(
        "DISCOVERY_STRATEGY, value: k8s", "DISCOVERY, value: '\"k8s\"'"
    )
    assert "(the quotes are part of it)" in shown(text)
    assert "(the quotes are part of it)" not in shown(text.replace("'\"k8s\"'", "kubernetes"))


def test_an_object_without_a_group_or_a_kind_is_told_without_an_empty_word() -> None:
    bare = GOOD.partition("---\n")[2].replace("apiVersion: apps/v1\n", "")
    assert ["it has no apiVersion" in told for told in unjudged(bare)] == [True]
    compose = lint("services: {broker: {image: 'emqx/emqx:5.8.9'}}").stdout
    assert "stdin:1: not judged\n" in compose


def test_the_entrypoint_reads_names_in_their_own_letters_from_a_config_map_too() -> None:
    named = SETTINGS.replace(
        "EMQX_CLUSTER__K8S__APISERVER: kubernetes.default.svc:443", "EMQX_host: 127.0.0.1"
    )
    text = GOOD.replace("          env:\n", ENV_FROM) + GRANTED
    assert errors(text + named.replace("EMQX_host", "EMQX_HOST"), "-n", "iot") == ["NodeNameFixed"]
    assert errors(text + named, "-n", "iot") == []


@pytest.mark.parametrize(("manifest", "right"), [(GOOD, "a"), (STATEFUL, "srv")])
def test_a_record_type_in_capitals_has_one_cure(manifest: str, right: str) -> None:
    """Of a Deployment's pods, type srv would lead to nobody."""
    text = manifest.replace("value: k8s", "value: dns") + (
        "            - {name: EMQX_CLUSTER__DNS__NAME, value: emqx.iot.svc.cluster.local}\n"
        "            - {name: EMQX_CLUSTER__DNS__RECORD_TYPE, value: SRV}\n"
    )
    told = shown(text)
    assert f"set EMQX_CLUSTER__DNS__RECORD_TYPE={right}" in told
    assert f"set EMQX_CLUSTER__DNS__RECORD_TYPE={'srv' if right == 'a' else 'a'}" not in told


def test_what_4_4_does_not_start_without_has_no_default_in_force() -> None:
    text = GOOD.replace("5.8.9", "4.4.19").replace("DISCOVERY_STRATEGY", "DISCOVERY")
    told = shown(text.replace("EMQX_CLUSTER__K8S__NAMESPACE", "EMQX_CLUSTER__KUBERNETES__NAMESPACE"))
    assert (
        "EMQX_CLUSTER__K8S__NAMESPACE may be meant, which is not set, and EMQX 4.4.19 does not start" in told
    )
    assert '"default" is in force' not in told


def test_a_strategy_that_ends_emqx_leaves_nothing_to_ask() -> None:
    text = GOOD.replace("value: k8s", "value: mcast") + GRANTED
    assert errors(text, "-n", "iot") == ["ValueNotAccepted"]
    assert not any("strategy mcast" in told for told in unjudged(text, "-n", "iot"))
    old = text.replace("5.8.9", "5.1.0")
    assert any("strategy mcast" in told for told in unjudged(old, "-n", "iot"))


def test_a_service_with_an_address_is_not_called_headless() -> None:
    kept = "          volumeMounts: [{name: data, mountPath: /opt/emqx/data}]\n          env:\n"
    text = STATEFUL.replace("          env:\n", kept) + "  volumeClaimTemplates: [{metadata: {name: data}}]\n"
    assert "a headless one in place of Service emqx, which has a ClusterIP, stay" in shown(text)
    headless = text.replace("spec:\n", "spec:\n  clusterIP: None\n", 1)
    assert "names by the headless Service emqx stay" in shown(headless)
