"""The name that a node gives itself: what each version's image makes of the container's environment."""

from dataclasses import replace

import pytest
from packaging.version import Version

from emqx_autocluster.emqx import ownname
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.emqx.ownname import Environment, Place
from emqx_autocluster.emqx.podwords import POD_IP, POD_NAME
from emqx_autocluster.observation import Unobserved

STATEFUL = Place("iot", "emqx-headless", "cluster.local")
DEPLOYED = Place("iot", None, "cluster.local")
FULL = "emqx-headless.iot.svc.cluster.local"
K8S = Environment(name="emqx", strategy="k8s", namespace="iot")
HOSTNAME = replace(K8S, address_type="hostname", suffix="svc.cluster.local")
DNS = Environment(name="emqx", strategy="dns", record_type="srv", dns_name=FULL)
IP = "emqx@<pod IP>"
NAMED = f"emqx@<pod>.{FULL}"


@pytest.mark.parametrize(
    ("version", "env", "place", "expected"),
    [
        pytest.param("5.8.9", Environment(), DEPLOYED, IP, id="5.x by itself"),
        pytest.param("4.4.19", Environment(), DEPLOYED, "<pod>@<pod IP>", id="4.x after its pod"),
        pytest.param("5.8.9", Environment(host="h.x"), DEPLOYED, "emqx@h.x", id="EMQX_HOST"),
        pytest.param(
            "5.8.9",
            Environment(host=POD_IP, node_name="a@b", long_node_name="c@d"),
            DEPLOYED,
            "a@b",
            id="short one",
        ),
        pytest.param("5.0.21", Environment(long_node_name="c@d"), DEPLOYED, "c@d", id="the long one"),
        pytest.param(
            "5.0.20", Environment(long_node_name="c@d"), DEPLOYED, IP, id="the long one has no effect yet"
        ),
        pytest.param("5.0.5", Environment(long_node_name="c@d"), DEPLOYED, IP, id="nor on 5.0.5"),
        pytest.param("5.0.3", Environment(), DEPLOYED, IP, id="5.0.3 without it"),
        pytest.param("4.4.19", replace(K8S, long_node_name="c@d"), DEPLOYED, IP, id="nor on 4.x"),
        pytest.param("5.8.9", HOSTNAME, STATEFUL, NAMED, id="by host name"),
        pytest.param(
            "4.2.14", replace(HOSTNAME, strategy=None), STATEFUL, NAMED, id="4.2 by the address type alone"
        ),
        pytest.param(
            "4.4.0", replace(HOSTNAME, strategy=None), STATEFUL, IP, id="4.4 not without the strategy in env"
        ),
        pytest.param(
            "5.0.3", replace(HOSTNAME, strategy=None), STATEFUL, NAMED, id="5.0.3 by the address type alone"
        ),
        pytest.param("5.0.4", replace(HOSTNAME, strategy=None), STATEFUL, IP, id="5.0.4 no more"),
        pytest.param(
            "5.8.9", replace(HOSTNAME, namespace=None), STATEFUL, IP, id="not without the namespace in env"
        ),
        pytest.param("5.8.9", replace(HOSTNAME, suffix=None), STATEFUL, NAMED, id="a suffix of its own"),
        pytest.param(
            "5.8.9", HOSTNAME, DEPLOYED, None, id="a Deployment has no such line in its hosts: it ends"
        ),
        pytest.param(
            "5.8.9",
            replace(HOSTNAME, suffix="svc.plant.internal"),
            STATEFUL,
            None,
            id="nor has another domain",
        ),
        pytest.param(
            "5.8.9",
            replace(HOSTNAME, suffix="svc.plant.internal"),
            replace(STATEFUL, domain=None),
            "emqx@<pod>.emqx-headless.iot.svc.plant.internal",
            id="a domain that may be the cluster's",
        ),
        pytest.param(
            "5.8.9",
            replace(HOSTNAME, suffix="svc.cluster.local."),
            STATEFUL,
            "emqx@<pod>.emqx-headless.iot.svc.cluster.local",
            id="a final dot, which no line has",
        ),
        pytest.param(
            "5.8.9",
            replace(K8S, address_type="dns"),
            DEPLOYED,
            "emqx@<pod IP with dashes>.iot.pod.cluster.local",
            id="by dns",
        ),
        pytest.param("5.8.9", DNS, STATEFUL, NAMED, id="strategy dns, srv"),
        pytest.param("4.4.19", DNS, STATEFUL, NAMED, id="the same on 4.4"),
        pytest.param("4.3.22", DNS, STATEFUL, IP, id="4.3 knows it not"),
        pytest.param("5.8.9", DNS, DEPLOYED, IP, id="dns without host names"),
        pytest.param("5.8.9", replace(DNS, record_type=None), STATEFUL, IP, id="dns without a type in env"),
        pytest.param(
            "5.8.9",
            replace(DNS, dns_name="emqx-headless"),
            STATEFUL,
            "emqx@<pod>.emqx-headless",
            id="a short name",
        ),
        pytest.param(
            "5.8.9",
            replace(DNS, dns_name="other.iot.svc.cluster.local"),
            STATEFUL,
            IP,
            id="of another Service",
        ),
        pytest.param(
            "5.8.9",
            replace(DNS, dns_name="emqx-headless.iot.svc.plant.internal"),
            STATEFUL,
            IP,
            id="another domain",
        ),
    ],
)
def test_own_name(version: str, env: Environment, place: Place, expected: str | None) -> None:
    found = ownname.own_name(Generation(Version(version)), env, place)
    assert (None if found is None else str(found)) == expected


def test_what_is_not_known_names_nobody() -> None:
    unread = Unobserved("EMQX_HOST may come from Secret s")
    found = ownname.own_name(Generation(Version("5.8.9")), Environment(host=unread), DEPLOYED)
    assert found == unread


def test_where_the_editions_differ_the_long_one_names_nobody() -> None:
    found = ownname.own_name(Generation(Version("5.0.3")), Environment(long_node_name="c@d"), DEPLOYED)
    assert isinstance(found, Unobserved)
    assert "Enterprise since 5.0.2" in found.reason


@pytest.mark.parametrize(
    ("env", "variable"),
    [
        (Environment(host=f"{POD_NAME}.x"), "EMQX_HOST"),
        (Environment(node_name=f"emqx@{POD_NAME}.x"), "EMQX_NODE_NAME"),
        (Environment(long_node_name=f"emqx@{POD_NAME}.x"), "EMQX_NODE__NAME"),
        (Environment(), None),
    ],
)
def test_which_variable_gives_the_host(env: Environment, variable: str | None) -> None:
    found = ownname.own_name(Generation(Version("5.8.9")), env, DEPLOYED)
    assert isinstance(found, ownname.OwnName)
    assert found.host_from == variable
