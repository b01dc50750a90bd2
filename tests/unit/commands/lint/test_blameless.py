"""What a manifest is not blamed for."""

from pathlib import Path

import pytest

from builders import GOOD_MANIFEST as GOOD
from linted import ADDRESS, CANONICAL, ENV_FROM, MOUNT, VOLUME, errors, found


def with_env(name: str, value: str) -> str:
    return GOOD + f"            - {{name: {name}, value: {value}}}\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD.partition("---\n")[2], id="a Service that is elsewhere"),
        pytest.param(GOOD.replace("replicas: 3", "replicas: 0"), id="scaled to zero"),
        pytest.param(
            GOOD.replace("replicas: 3", "replicas: 1").replace(CANONICAL, "http://10.0.0.1:8001"),
            id="one replica, and a proxy that may live",
        ),
        pytest.param(GOOD.replace(CANONICAL, "http://192.168.1.31:8888"), id="a proxy that may live"),
        pytest.param(GOOD.replace(CANONICAL, "https://api.corp.example:6443"), id="a name that may resolve"),
        pytest.param(
            with_env("EMQX_CLUSTER__K8S__ADDRESS_TYPE", "dns")
            + "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: pod.corp.example}\n",
            id="a cluster domain of its own",
        ),
        pytest.param(
            GOOD.replace(ADDRESS, "").replace("          env:\n", ENV_FROM),
            id="a ConfigMap that is elsewhere",
        ),
        pytest.param(GOOD.replace("emqx/emqx:5.8.9", "redis:7").replace("EMQX_", "REDIS_"), id="no EMQX"),
        pytest.param(
            GOOD.replace("5.8.9", "4.4.19").replace("DISCOVERY_STRATEGY", "DISCOVERY")
            + "            - {name: EMQX_NAME, value: emqx}\n"
            + "            - {name: EMQX_CLUSTER__K8S__APP_NAME, value: emqx}\n",
            id="4.4",
        ),
    ],
)
def test_what_may_be_well_is_not_blamed(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize("version", ["5.0.20", "5.4.1", "5.8.9", "6.0.1"])
def test_a_chart_that_is_right_gives_no_finding(version: str) -> None:
    """A sample in the form of the official chart with strategy k8s, as `helm template` prints it."""
    chart = (Path(__file__).parents[3] / "samples" / "manifests" / "helm-statefulset.yaml").read_text()
    licence = "  EMQX_LICENSE__KEY: key\n" if version.startswith("6") else ""
    text = chart.replace("5.8.9", version).replace("\ndata:\n", f"\ndata:\n{licence}")
    assert found(text) == []
    assert found(text, "-n", "iot") == []


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("          envFrom: [{secretRef: {name: settings}}]\n", id="a Secret"),
        pytest.param("          command: [sh, -c, start]\n", id="a start of its own"),
        pytest.param(MOUNT.replace("          env:\n", ""), id="a file"),
    ],
)
def test_a_default_is_believed_only_where_nothing_else_can_set_it(more: str) -> None:
    old = GOOD.replace("5.8.9", "5.0.9").replace(ADDRESS, "")
    old = old.replace("      containers:\n", f"{VOLUME}      containers:\n")
    assert "APIServerMissing" in [reason for reason, *_ in found(old)]
    assert found(old.replace("          env:\n", f"{more}          env:\n")) == []


def test_mistakes_in_what_is_no_emqx_are_not_told() -> None:
    other = GOOD.replace("emqx", "redis").replace("EMQX", "REDIS").replace("value: iot", "value: 5")
    assert found(GOOD + "---\n" + other) == []
