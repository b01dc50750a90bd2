"""What keeps EMQX from starting or from asking for its peers: values, files, and what belongs to another version."""

from base64 import b64encode

import pytest

from builders import GOOD_MANIFEST as GOOD
from linted import (
    CANONICAL,
    ENV_FROM,
    GRANTED,
    MOUNT,
    SETTINGS,
    VOLUME,
    by_file,
    errors,
    found,
    lint,
    unjudged,
)

CONF = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data:
  emqx.conf: |
    cluster.k8s.apiserver = "kubernetes.default.svc:443"
"""


def test_a_mistake_in_a_configuration_file_is_told_where_it_stands() -> None:
    [(reason, _, path)] = found(by_file(CONF))
    assert (reason, path) == ("APIServerMalformed", "data['emqx.conf']")
    assert "emqx.conf of ConfigMap conf" in lint(by_file(CONF)).stdout


def test_a_variable_of_the_other_version_is_told_before_what_may_follow_from_it() -> None:
    text = GOOD.replace("emqx/emqx:5.8.9", "emqx/emqx:4.4.19")
    assert errors(text)[:2] == ["VariableOfOtherVersion", "NamePartMismatch"]


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        pytest.param(
            GOOD.replace(CANONICAL, "http://127.0.0.1:8001"),
            "APIServerUnreachable",
            "nothing but EMQX runs in it",
            id="a proxy in the pod, and none is there",
        ),
        pytest.param(
            GOOD.replace("value: iot", "valueFrom: {configMapKeyRef: {name: settings, key: ns}}") + SETTINGS,
            "ReferenceMissing",
            "key ns of ConfigMap settings, which has no such key, only EMQX_CLUSTER__K8S__APISERVER",
            id="a key that is not in its ConfigMap",
        ),
        pytest.param(
            by_file(CONF.replace("emqx.conf: |", "main.conf: |")),
            "ReferenceMissing",
            "/opt/emqx/etc/emqx.conf is mounted from key emqx.conf of ConfigMap conf",
            id="a file that is not in its ConfigMap",
        ),
        pytest.param(
            by_file(CONF).replace("emqx:5.8.9", "emqx:4.4.19").replace("DISCOVERY_STRATEGY", "DISCOVERY"),
            "FileUnsuitable",
            "emqx.conf of ConfigMap conf has no node.cookie",
            id="a file of 4.x without a cookie",
        ),
        pytest.param(
            by_file(CONF.replace('apiserver = "kubernetes.default.svc:443"', "app_name = emqx")),
            "UnknownVariable",
            "emqx.conf of ConfigMap conf has cluster.k8s.app_name, which EMQX 5.8.9 does not know",
            id="a line of another version in a file",
        ),
        pytest.param(
            by_file(CONF.replace("cluster.k8s.apiserver", "cluster.discovery")),
            "UnknownVariable",
            "it is called cluster.discovery_strategy there",
            id="the strategy as 4.x calls it, in a file",
        ),
        pytest.param(
            GOOD.replace("value: k8s", "value: dns")
            .replace("          env:\n", MOUNT)
            .replace("      containers:\n", VOLUME + "      containers:\n")
            + CONF.replace(
                'k8s.apiserver = "kubernetes.default.svc:443"',
                'dns { type = srv, name = "emqx.iot.svc.cluster.local" }',
            ),
            "UnknownVariable",
            "it is called cluster.dns.record_type there",
            id="the record type as 4.x calls it, in a file",
        ),
        pytest.param(
            GOOD.replace("spec:\n  selector", "spec:\n  type: ExternalName\n  externalName: a.b\n  selector"),
            "SelectorMismatch",
            "it is of type ExternalName and leads to a.b",
            id="a Service that is another's name",
        ),
    ],
)
def test_what_keeps_emqx_from_starting_or_asking(text: str, reason: str, words: str) -> None:
    assert errors(text)[:1] == [reason]
    assert words in " ".join(lint(text).stdout.split())


def test_text_in_binary_data_is_read_as_well() -> None:
    encoded = b64encode(b'cluster.k8s.apiserver = "kubernetes.default.svc:443"\n').decode()
    text = by_file(CONF.partition("\ndata:")[0] + f"\nbinaryData: {{emqx.conf: {encoded}}}\n")
    assert errors(text) == ["APIServerMalformed"]
    assert any("binaryData is not in base64" in told for told in unjudged(text.replace(encoded, "abc")))


def test_a_value_that_is_not_taken_is_found_with_its_cure() -> None:
    text = GOOD.replace("value: k8s", "value: kubernetes")
    assert errors(text) == ["ValueNotAccepted"]
    assert 'value: "k8s"' in lint(text).stdout


NAMESPACE = "            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}\n"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("EMQX_HOST", "$(POD_NAME).emqx.iot.svc.cluster.local", "NodeNameFixed"),
        ("EMQX_NODE_NAME", "emqx@$(POD_IP)", "NodeNameFixed"),
        ("EMQX_CLUSTER__K8S__NAMESPACE", "$(MY_NAMESPACE)", "NamespaceMismatch"),
    ],
)
def test_kubernetes_expands_nothing_in_a_config_map(name: str, value: str, reason: str) -> None:
    variables = SETTINGS.replace(
        "EMQX_CLUSTER__K8S__APISERVER: kubernetes.default.svc:443", f"{name}: {value}"
    )
    text = GOOD.replace(NAMESPACE, "").replace("          env:\n", ENV_FROM) + variables
    assert errors(text, "-n", "iot")[:2] == ["ReferenceMissing", reason]
    assert f'{name} is "{value}" in ConfigMap settings' in " ".join(lint(text, "-n", "iot").stdout.split())
    assert errors(text.replace("$(", "x("), "-n", "iot")[:1] != ["ReferenceMissing"]


@pytest.mark.parametrize(
    ("command", "wrong", "told"),
    [
        ("command: [/opt/emqx/bin/emqx, foreground]", ["NodeNameFixed"], []),
        ("command: [/opt/emqx/bin/emqx], args: [foreground]", ["NodeNameFixed"], []),
        ("command: [sh, -c, docker-entrypoint.sh]", [], ["the container starts sh"]),
        ("command: [sleep, infinity]", [], ["the container starts sleep"]),
        ("command: [/usr/bin/docker-entrypoint.sh], args: [emqx, foreground]", [], []),
        ("args: [/opt/emqx/bin/emqx, foreground]", [], []),
    ],
)
def test_a_command_of_its_own_in_place_of_the_entrypoint(
    command: str, wrong: list[str], told: list[str]
) -> None:
    """It is the entrypoint that names each node after its pod."""
    lines = "".join(f"          {each}\n" for each in command.split(", args")[:1])
    lines += "".join(f"          args{each}\n" for each in command.split(", args")[1:])
    text = GOOD.replace("          env:\n", f"{lines}          env:\n") + GRANTED
    assert errors(text, "-n", "iot") == wrong
    gaps = unjudged(text, "-n", "iot")
    assert [word for word in told if word not in " ".join(gaps)] == []
    assert bool(gaps) == bool(told or wrong)


def test_a_name_that_is_given_needs_no_entrypoint() -> None:
    named = "            - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n"
    named += "            - {name: EMQX_NODE_NAME, value: emqx@$(POD_IP)}\n"
    text = GOOD.replace("          env:\n", "          command: [emqx, foreground]\n          env:\n")
    assert errors(text, "-n", "iot") == ["NodeNameFixed"]
    assert errors(text + named, "-n", "iot") == []


@pytest.mark.parametrize(
    ("more", "wrong"),
    [("", ["FileUnsuitable"]), ("  vm.args: -heart\n", []), ("  other: x\n", ["FileUnsuitable"])],
)
def test_a_config_map_over_the_whole_folder_hides_what_emqx_needs(more: str, wrong: list[str]) -> None:
    whole = MOUNT.replace("/opt/emqx/etc/emqx.conf, subPath: emqx.conf", "/opt/emqx/etc")
    text = by_file(CONF.replace("kubernetes.default", "https://kubernetes.default") + more).replace(
        MOUNT, whole
    )
    assert errors(text, "-n", "iot") == wrong
    assert errors(text.partition("---\napiVersion: v1\nkind: ConfigMap")[0], "-n", "iot") == []


def test_of_a_command_only_the_name_of_its_file_is_told() -> None:
    """The rest of it may be as long as the file, and hold what is nobody's to read."""
    for command in (f"[/{'x' * 5000}/emqx, foreground, {'y' * 5000}]", f"[{'z' * 5000}, secret]"):
        text = GOOD.replace("          env:\n", f"          command: {command}\n          env:\n") + GRANTED
        told = lint(text, "-n", "iot").stdout
        assert "the container starts " in told
        assert not [word for word in ("x" * 300, "y" * 300, "z" * 300, "secret") if word in told]
