"""A probe of a port that the version does not have is told as what nobody can judge, and nothing else is."""

from typing import Any

import pytest

from builders import a_case, a_container
from emqx_autocluster.diagnosis import Case, unjudged
from emqx_autocluster.observation import ContainerPort

OPENED = {"EMQX_DASHBOARD__LISTENERS__HTTP__BIND": "0.0.0.0:8081"}


def probed(image: str, probe: dict[str, Any], env: dict[str, str] | None = None, **facts: Any) -> Case:
    named = (ContainerPort("management", 8081), ContainerPort("dashboard", 18083))
    container = a_container(image, env, probes=(probe,), ports=named)
    return a_case(containers=(container,), **{"members": (), **facts})


def http(port: int | str) -> dict[str, Any]:
    return {"httpGet": {"path": "/status", "port": port}}


def told(case: Case) -> list[str]:
    return [str(gap) for gap in unjudged(case) if "answers probes" in gap.question]


@pytest.mark.parametrize(
    ("image", "port", "right"),
    [
        pytest.param("emqx/emqx:5.8.9", 8081, 18083, id="4.x's port on 5.8"),
        pytest.param("emqx/emqx:5.8.9", "management", 18083, id="by its name"),
        pytest.param("emqx/emqx:5", 8081, 18083, id="any 5"),
        pytest.param("emqx/emqx:4.4.19", 18083, 8081, id="the dashboard's on 4.4"),
    ],
)
def test_a_port_of_the_other_generation(image: str, port: int | str, right: int) -> None:
    [found] = told(probed(image, http(port)))
    assert f"tells its status on port {right} unless it is configured otherwise" in found
    assert f"set the probe's port to {right}" in found


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(probed("emqx/emqx:5.8.9", http(18083)), id="its own"),
        pytest.param(probed("emqx/emqx:4.4.19", http(8081)), id="4.4's own"),
        pytest.param(probed("emqx/emqx:5.8.9", http(1883)), id="a port of devices"),
        pytest.param(probed("emqx/emqx:5.8.9", {"tcpSocket": {"port": 8081}}), id="no question by HTTP"),
        pytest.param(probed("emqx/emqx:latest", http(8081)), id="a version that is not known"),
        pytest.param(probed("emqx/emqx:5.8.9", http(8081), OPENED), id="a variable opens it"),
    ],
)
def test_nothing_to_be_told(case: Case) -> None:
    assert told(case) == []


def test_members_that_run_show_it_themselves() -> None:
    case = a_case(containers=probed("emqx/emqx:5.8.9", http(8081)).workload.template.containers)
    assert case.running
    assert told(case) == []
