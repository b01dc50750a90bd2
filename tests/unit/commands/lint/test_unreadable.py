"""What cannot be read: file, line and reason."""

import copy
import functools
import operator
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from builders import GOOD_MANIFEST as GOOD
from emqx_autocluster.cli import app
from emqx_autocluster.commands import documents, faults, manifest
from emqx_autocluster.commands.documents import UnreadableError
from emqx_autocluster.commands.manifest.inputs import Input
from linted import ENV_FROM, MOUNT, RIGHTS, SETTINGS, lint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "no Kubernetes object", id="empty, as when helm failed"),
        pytest.param("a: [", "stdin:1: ", id="no YAML"),
        pytest.param(
            GOOD.replace("{name: emqx}\nspec", "{}\nspec").replace("  name: emqx\n", "  x: y\n"),
            "stdin:7: Deployment/ is not of the form",
            id="no name",
        ),
        pytest.param(
            GOOD.replace("value: iot", "value: 5"),
            "stdin:25: spec.template.spec.containers[0].env[3].value of Deployment/emqx is 5 and must be a string:"
            " quote it",
            id="a number",
        ),
        pytest.param(
            GOOD.replace("containers:", "container:"), "'containers' is missing", id="a typing error"
        ),
        pytest.param(
            GOOD.partition("          env:")[0] + "          env: {A: b}\n",
            "stdin:21: spec.template.spec.containers[0].env of Deployment/emqx is a mapping and must be a list",
            id="variables as a mapping",
        ),
        pytest.param(
            GOOD.replace("value: iot", "value: iot, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}"),
            "stdin:25: EMQX_CLUSTER__K8S__NAMESPACE has both value and valueFrom",
            id="a variable with two sources",
        ),
        pytest.param(
            GOOD.replace("matchLabels: {app: emqx}", "matchLabels: {app: mqtt}"),
            "stdin:14: Deployment/emqx selects app=mqtt, and its pods have app=emqx: the API server refuses it",
            id="pods of others",
        ),
        pytest.param(
            GOOD.replace("apiVersion: apps/v1", "apiVersion: extensions/v1beta1"),
            "no Kubernetes since 1.16 has Deployment in extensions/v1beta1: it is of apps/v1",
            id="a group that is gone",
        ),
        pytest.param(
            GOOD.replace("  replicas: 3\n", "  replicas: 3\n  progressDeadlineSeconds: 20\n"),
            "is 20 and has to be more than minReadySeconds, 20",
            id="a deadline that comes too soon",
        ),
        pytest.param(
            GOOD.replace("          env:\n", MOUNT),
            'volumeMounts[0].name of Deployment/emqx is "conf", and its pods have no such volume',
            id="a volume that is not there",
        ),
        pytest.param(
            GOOD.replace("labels: {app: emqx}}", "labels: {app: emqx, tier: 3}}"),
            "spec.template.metadata.labels.tier of Deployment/emqx is 3 and must be a string: quote it",
            id="a number as a label",
        ),
        pytest.param(
            GOOD.replace("          env:\n", ENV_FROM)
            + SETTINGS.replace("kubernetes.default.svc:443", "false"),
            "data.EMQX_CLUSTER__K8S__APISERVER of ConfigMap/settings is false and must be a string: quote it",
            id="a word of YAML in a ConfigMap",
        ),
        pytest.param(
            GOOD.replace("emqx/emqx:5.8.9", "4.4"),
            "image of Deployment/emqx is 4.4 and must be a string",
            id="a number as an image",
        ),
    ],
)
def test_what_cannot_be_read_is_exit_code_2_with_file_and_line(text: str, words: str) -> None:
    result = lint(text)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything within a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from paths(each, (*path, key))


@pytest.mark.parametrize("nonsense", [None, 5, "x", [], {}, [5]], ids=repr)
def test_whatever_stands_anywhere_is_judged_or_named(nonsense: object) -> None:
    whole = list(yaml.safe_load_all(GOOD.replace("          env:\n", ENV_FROM) + SETTINGS + RIGHTS))
    unreadable: list[str] = []
    for *way, last in paths(whole):
        changed = copy.deepcopy(whole)
        place: Any = functools.reduce(operator.getitem, way, changed)
        place[last] = nonsense
        try:
            given = Input(tuple(documents.read("a.yaml", yaml.safe_dump_all(changed))))
            refused: list[UnreadableError] = []
            for sight in manifest.sights(given, datetime.now(UTC), refused):
                faults.judge(sight)
            unreadable += map(str, refused)
        except UnreadableError as error:
            unreadable.append(str(error))
    assert unreadable
    assert [text for text in unreadable if not re.match(r"a\.yaml:\d+: ", text)] == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["lint", "-f", str(tmp_path / "no.yaml")])
    assert (result.exit_code, "no.yaml: No such file" in result.stderr) == (2, True)


def test_a_chart_that_is_not_rendered_is_told_how(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: emqx\nversion: 1.0.0\n")
    result = CliRunner().invoke(app, ["lint", "-f", str(tmp_path)])
    assert (result.exit_code, f"helm template {tmp_path}" in result.stderr) == (2, True)


def test_what_is_told_of_a_mistake_has_an_end() -> None:
    """A value in it may be as long as the file."""
    long = GOOD.replace("apiVersion: apps/v1", f"apiVersion: apps/{'x' * 5000}")
    assert "has Deployment in apps/xx" in lint(long).output
    assert len(lint(long).output) < 2000
