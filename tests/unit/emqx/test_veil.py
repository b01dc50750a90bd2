"""Values that come from a Secret: what is told of them is where they stand."""

import pytest

from builders import a_container, an_identity
from emqx_autocluster.emqx import veil
from emqx_autocluster.observation import EnvFrom, EnvVar, Identity

ADDRESS = "EMQX_CLUSTER__K8S__APISERVER"
SERVICE = "EMQX_CLUSTER__K8S__SERVICE_NAME"
FROM_SECRET = EnvVar(ADDRESS, None, {"secretKeyRef": {"name": "settings", "key": "address"}})


ALL = EnvFrom(secret="all")  # noqa: S106 - its name


def identity(**environ: str) -> list[Identity]:
    found = an_identity(**environ)
    assert isinstance(found, Identity)
    return [found]


@pytest.mark.parametrize(
    ("value", "text", "told"),
    [
        pytest.param(
            "http://10.1.2.3:8080",
            "EMQX asks http://10.1.2.3:8080 for it",
            "EMQX asks (Secret settings, key address) for it",
            id="an address",
        ),
        pytest.param(
            "http://me:pw@10.1.2.3:8080",
            "http://10.1.2.3:8080 refuses",
            "(Secret settings, key address) refuses",
            id="also without its user",
        ),
        pytest.param(
            "http://me:pw@10.1.2.3:8080",
            "10.1.2.3 refuses",
            "10.1.2.3 refuses",
            id="a part is told",
        ),
        pytest.param("https", "https://a", "https://a", id="what everybody knows is none"),
        pytest.param("10", "10 members", "10 members", id="nor is what stands in any text"),
    ],
)
def test_a_referenced_value_is_told_as_where_it_stands(value: str, text: str, told: str) -> None:
    container = a_container(env={ADDRESS: FROM_SECRET})
    drawn = veil.drawn(container, identity(**{ADDRESS: value}), ["https://kubernetes.default.svc:443"])
    assert drawn.over(text) == told


def test_what_only_the_process_has_may_come_from_a_secret_that_it_takes_as_a_whole() -> None:
    container = a_container(env={SERVICE: None, ADDRESS: None}, env_from=(ALL,))
    drawn = veil.drawn(
        container, identity(**{SERVICE: "hidden-brokers", "EMQX_NODE__NAME": "emqx@10.0.0.1"}), []
    )
    assert drawn.over("Service hidden-brokers of emqx@10.0.0.1") == "Service (Secret all) of emqx@10.0.0.1"


def test_a_plain_value_is_told() -> None:
    container = a_container(env={ADDRESS: "http://10.1.2.3:8080"}, env_from=(ALL,))
    drawn = veil.drawn(container, identity(**{ADDRESS: "http://10.1.2.3:8080"}), [])
    assert drawn.over("http://10.1.2.3:8080") == "http://10.1.2.3:8080"


def test_of_two_values_the_longer_one_is_hidden_as_a_whole() -> None:
    longer = EnvVar(SERVICE, None, {"secretKeyRef": {"name": "settings", "key": "service"}})
    container = a_container(env={ADDRESS: FROM_SECRET, SERVICE: longer})
    drawn = veil.drawn(container, identity(**{ADDRESS: "brokers", SERVICE: "brokers-inside"}), [])
    assert (
        drawn.over("brokers-inside brokers")
        == "(Secret settings, key service) (Secret settings, key address)"
    )
