"""Manifests as text: which objects are in them, and on which line each field stands."""

import pytest

from emqx_autocluster.commands import documents
from emqx_autocluster.commands.documents import Path, UnreadableError

TWO = """\
---
# Source: broker/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: emqx
spec:
  selector: {app: emqx}
---
# only a comment
---
kind: Deployment
metadata: {name: emqx, annotations: {example.com/a: b}}
spec:
  template:
    spec:
      containers:
        - name: sidecar
        - name: emqx
          env:
            - name: A
              value: "1"
            - name: B
              value: >-
                2
"""
LIST = """\
kind: List
items:
- kind: Service
  metadata:
    name: emqx
- kind: ServiceList
  items:
  - kind: Service
    metadata:
      name: inner
"""
JSON = '{\n\t"kind": "Service",\n\t"metadata": {\n\t\t"name": "emqx"\n\t}\n}\n'


def test_documents_are_told_apart_and_empty_ones_are_counted() -> None:
    service, deployment = documents.read("all.yaml", TWO)
    assert (service.kind, service.number, deployment.kind, deployment.number) == (
        "Service",
        1,
        "Deployment",
        3,
    )
    assert (deployment.name, deployment.namespace) == ("emqx", None)


@pytest.mark.parametrize(
    ("path", "line", "shown"),
    [
        ((), 12, ""),
        (("metadata", "annotations", "example.com/a"), 13, "metadata.annotations['example.com/a']"),
        (
            ("spec", "template", "spec", "containers", 1, "env", 1, "value"),
            24,
            "spec.template.spec.containers[1].env[1].value",
        ),
        (("spec", "template", "spec", "dnsPolicy"), 16, "spec.template.spec"),
        (("spec", "minReadySeconds"), 14, "spec"),
    ],
)
def test_a_field_has_its_line_and_one_that_is_not_there_the_line_above_it(
    path: Path, line: int, shown: str
) -> None:
    _, deployment = documents.read("all.yaml", TWO)
    at = deployment.position(path)
    assert (at.file, at.document, at.line, at.path) == ("all.yaml", 3, line, shown)


def test_the_items_of_lists_are_objects_and_know_that_they_are_items() -> None:
    outer, inner = documents.read("list.yaml", LIST)
    assert outer.position(("metadata", "name")).path == "items[0].metadata.name"
    at = inner.position(("metadata", "name"))
    assert (at.path, at.line) == ("items[1].items[0].metadata.name", 10)


def test_json_with_tabs_is_a_manifest_too() -> None:
    [service] = documents.read("a.json", JSON)
    assert service.position(("metadata", "name")).line == 4


def test_anchors_and_merged_mappings_are_followed() -> None:
    text = "kind: Service\nmetadata: &m\n  name: emqx\nspec:\n  <<: *m\n  x: 1\n"
    [service] = documents.read("a.yaml", text)
    assert service.body["spec"] == {"name": "emqx", "x": 1}
    assert service.position(("spec", "name")).line == 3


def test_a_key_that_is_written_twice_is_told_with_both_lines() -> None:
    with pytest.raises(UnreadableError, match=r"^a\.yaml:4: the key name .* after line 3"):
        list(documents.read("a.yaml", "kind: Service\nmetadata:\n  name: a\n  name: b\n"))


def test_a_missing_separator_is_guessed() -> None:
    with pytest.raises(UnreadableError, match="--- missing"):
        list(documents.read("a.yaml", "kind: Service\nmetadata: {name: a}\nkind: Service\n"))


def test_an_anchor_that_is_merged_twice_is_no_key_twice() -> None:
    text = "kind: Service\nmetadata: &m {name: a}\nx: {<<: *m, <<: *m}\n"
    assert [document.name for document in documents.read("a.yaml", text)] == ["a"]


def test_the_items_of_the_api_servers_own_lists_leave_out_what_they_are() -> None:
    text = "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n"
    found = [(d.group, d.kind, d.name) for d in documents.read("a.yaml", text)]
    assert found == [("apps/v1", "Deployment", "a"), ("apps/v1", "Deployment", "b")]


def test_a_kustomization_may_leave_out_what_it_is() -> None:
    text = "resources: [../base]\nnamePrefix: prod-\n"
    assert [d.kind for d in documents.read("overlay/kustomization.yaml", text)] == ["Kustomization"]
    assert list(documents.read("overlay/values.yaml", text)) == []


@pytest.mark.parametrize("text", ["", "---\n---\n", "replicas: 3\n", "- kind: Service\n", "kind: Service\n"])
def test_what_is_no_object_is_passed_over(text: str) -> None:
    assert list(documents.read("values.yaml", text)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Service\nmetadata:\n  name: emqx\n bad: x\n", "a.yaml:4: "),
        ("kind: Service\nmetadata:\n  name: {{ .Release.Name }}\n", "helm template . |"),
        (
            "kind: Service\nspec:\n  replicas: {{ .Values.n }}\n",
            "as the name of a field; a template of Helm?",
        ),
        ("kind: [Service\n", "a.yaml:2: "),
        ("kind: Service\nmetadata:\n\tname: a\n", "a.yaml:3: a tab begins here"),
        ("kind: Service\n? [a]\n: b\n", "a.yaml:2: "),
        ("kind: \x07\n", "a.yaml:1: "),
        ("[" * 5000, "a.yaml:1: "),
    ],
)
def test_what_is_broken_is_named_with_its_line(text: str, words: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        list(documents.read("a.yaml", text))
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
