"""The API server's address, beyond what a dead one shows: paths, other API servers, and the certificate itself."""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    CANONICAL_HOST,
    CLUSTER_IP,
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_network,
    ago,
    changed,
    judge,
    members,
    some_rights,
    tells,
)
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.diagnosis.configuration import address
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER
from emqx_autocluster.observation import Network

APART = members("a", "b", "c")
OLD = "emqx/emqx:4.4.19"
"""Does not verify the certificate."""
API_SERVERS = frozenset({"10.0.0.10", "10.0.0.11"})
RIGHT = ((API_SERVER, CANONICAL_API_SERVER),)


def asking(value: str, **facts: Any) -> Case:
    return a_case(env={API_SERVER: value}, **facts)


def elsewhere(value: str = "https://192.168.7.7:6443", **facts: Any) -> Case:
    """An address of no API server of this cluster, on a version that does not verify, and members that stand apart."""
    known = {"image": OLD, "members": APART, "network": a_network(api_servers=API_SERVERS)}
    return asking(value, **{**known, **facts})


# --- a path


@pytest.mark.parametrize("image", [OLD, "emqx/emqx:5.4.1", "emqx/emqx:5.8.0", "emqx/emqx:5.8.9"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("https://kubernetes.default.svc:443/", "a trailing slash"),
        ("https://kubernetes.default.svc/api", "the path /api"),
        (f"https://{CLUSTER_IP}/", "a trailing slash"),
        ("https://kubernetes.default.svc:6443/", "a trailing slash"),
    ],
)
def test_a_path_is_never_right_on_any_version(image: str, value: str, words: str) -> None:
    finding = judge(asking(value, image=image), ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.FALSE, Reason.API_SERVER_HAS_PATH), value, words, "404", CANONICAL_API_SERVER)
    assert (finding.repairable, finding.sets, finding.field) == (True, RIGHT, f"env/{API_SERVER}")


@pytest.mark.parametrize(
    ("group", "told"), [((), True), (members("a", "b", "c"), True), (members("a b c"), False)]
)
def test_the_placeholder_of_the_documentation(group: tuple[Any, ...], told: bool) -> None:  # noqa: FBT001
    """In a cluster that is whole somebody may have put an API server there."""
    case = a_case(env={API_SERVER: "http://10.110.111.204:8080"}, members=group)
    finding = judge(case, ConditionType.CONFIGURATION_VALID)
    assert (finding.reason is Reason.API_SERVER_MISSING and "placeholder" in finding.message) is told


def test_a_path_to_a_host_that_the_certificate_names() -> None:
    network = a_network(certificate_hosts=frozenset({"10.0.0.10"}))
    finding = judge(elsewhere("https://10.0.0.10:6443/", network=network), ConditionType.CONFIGURATION_VALID)
    assert finding.reason is Reason.API_SERVER_HAS_PATH


def test_a_gateway_may_tell_clusters_apart_by_their_path() -> None:
    group = tuple(replace(m, lookups={"gateway.corp": ("192.168.7.7",)}) for m in members("a b c"))
    case = elsewhere("https://gateway.corp/clusters/7", members=group)
    assert address.problem(case) is None


# --- another API server


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(elsewhere(), id="an address of nothing that is known here"),
        pytest.param(
            elsewhere(
                "https://api.corp:6443",
                members=tuple(
                    replace(m, lookups={CANONICAL_HOST: (CLUSTER_IP,), "api.corp": ("192.168.7.7",)})
                    for m in APART
                ),
            ),
            id="a name that resolves to such an address",
        ),
        pytest.param(
            elsewhere(members=members("a b c"), unreachable="https://192.168.7.7:6443"),
            id="proven before the members were gathered",
        ),
    ],
)
def test_foreign(case: Case) -> None:
    finding = judge(case, ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.FALSE, Reason.API_SERVER_FOREIGN), "neither this cluster's", CANONICAL_API_SERVER)
    assert (finding.repairable, finding.sets) == (True, RIGHT)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(elsewhere("https://10.0.0.11:6443"), id="an API server's own address"),
        pytest.param(
            elsewhere(
                network=a_network(api_servers=API_SERVERS, certificate_hosts=frozenset({"192.168.7.7"}))
            ),
            id="a load balancer that the certificate names",
        ),
        pytest.param(
            elsewhere(
                "https://api.corp:6443",
                members=tuple(replace(m, lookups={"api.corp": ("192.168.7.7",)}) for m in APART),
                network=a_network(api_servers=API_SERVERS, certificate_hosts=frozenset({"api.corp"})),
            ),
            id="a name of it that the certificate has",
        ),
        pytest.param(elsewhere(members=members("a b c")), id="the members found each other by it"),
        pytest.param(elsewhere(rights=some_rights(allowed=False)), id="they may not ask anyway"),
        pytest.param(elsewhere(rights=some_rights(allowed=NOT_READ)), id="whether they may ask is not known"),
        pytest.param(elsewhere(network=a_network()), id="the API servers' addresses were not read"),
        pytest.param(
            elsewhere(network=a_network(api_servers=API_SERVERS, certificate_hosts=NOT_READ)),
            id="the certificate could not be read",
        ),
        pytest.param(
            elsewhere(network=a_network(api_servers=API_SERVERS, dns={})), id="the ClusterIP is not known"
        ),
        pytest.param(elsewhere(members=changed(APART, "b", running_since=ago(5))), id="one just started"),
        pytest.param(elsewhere(members=changed(APART, "b", view=NOT_READ)), id="one could not be asked"),
        pytest.param(elsewhere(**IN_ROLLOUT), id="a rollout goes on"),
    ],
)
def test_not_certainly_foreign(case: Case) -> None:
    assert address.problem(case) is None


def test_a_version_that_verifies_says_so_by_the_certificate() -> None:
    case = elsewhere(image="emqx/emqx:5.8.9")
    assert judge(case, ConditionType.CONFIGURATION_VALID).reason is Reason.API_SERVER_NOT_IN_CERTIFICATE


# --- the certificate itself

INVALID = a_network(certificate_hosts=frozenset())


def test_a_certificate_that_is_not_good_for_the_service_is_not_ours_to_put_right() -> None:
    finding = judge(a_case(network=INVALID), ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.FALSE, Reason.API_SERVER_CERTIFICATE_INVALID), "expired", "EMQX 5.8.9 verifies")
    assert (finding.repairable, finding.sets) == (False, ())


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(a_case(network=INVALID, image=OLD), id="a version that does not verify it"),
        pytest.param(a_case(network=a_network(certificate_hosts=NOT_READ)), id="it could not be read"),
    ],
)
def test_a_certificate_that_does_no_harm_or_is_not_known(case: Case) -> None:
    assert address.problem(case) is None


def test_what_a_bad_certificate_names_besides_is_not_known() -> None:
    finding = judge(asking("https://10.0.0.10:6443", network=INVALID), ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.UNKNOWN, Reason.PROBE_FAILED), "not good for kubernetes.default.svc")


@pytest.mark.parametrize(
    "value",
    [
        "http://kubernetes.default.svc:80",
        "http://kubernetes.default.svc:443",
        "https://kubernetes.default:6443",
        "https://kubernetes.default.svc.cluster.local:8443",
    ],
)
def test_the_service_of_the_api_server_answers_https_on_one_port_alone(value: str) -> None:
    for group in ((), members("a", "b", "c")):
        finding = judge(a_case(env={API_SERVER: value}, members=group), ConditionType.CONFIGURATION_VALID)
        tells(finding, (Status.FALSE, Reason.API_SERVER_MALFORMED), value, "port 443 alone")
    whole = judge(a_case(env={API_SERVER: value}), ConditionType.CONFIGURATION_VALID)
    assert whole.reason is not Reason.API_SERVER_MALFORMED, "one cluster shows that somebody answers there"


# --- manifests alone


@pytest.mark.parametrize("image", [OLD, "emqx/emqx:5.3.2", "emqx/emqx:5.8.9"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("https://192.168.1.10:6443", id="an address of a node"),
        pytest.param("https://192.168.1.10:6443/", id="an address of a node, with a path"),
        pytest.param("https://api.corp:6443", id="a name"),
        pytest.param("https://kubernetes:443", id="a short name that pods of another namespace resolve"),
    ],
)
def test_without_a_cluster_nobody_can_tell_whose_an_address_is(image: str, value: str) -> None:
    finding = judge(
        asking(value, image=image, members=(), network=Network()), ConditionType.CONFIGURATION_VALID
    )
    tells(finding, (Status.UNKNOWN, Reason.PROBE_FAILED), value, "API server of this cluster")
    assert finding.field == f"env/{API_SERVER}"


@pytest.mark.parametrize("image", [OLD, "emqx/emqx:5.3.2", "emqx/emqx:5.8.9"])
def test_without_a_cluster_the_service_kubernetes_is_known(image: str) -> None:
    case = asking(CANONICAL_API_SERVER, image=image, members=(), network=Network())
    assert address.problem(case) is None


# --- spaces around it


@pytest.mark.parametrize("value", [f"{CANONICAL_API_SERVER} ", f" {CANONICAL_API_SERVER}"])
def test_4x_asks_with_the_spaces_around_an_address_and_later_versions_do_not_read_them(value: str) -> None:
    finding = judge(asking(value, image=OLD), ConditionType.CONFIGURATION_VALID)
    tells(
        finding, (Status.FALSE, Reason.API_SERVER_MALFORMED), "with the space around it", CANONICAL_API_SERVER
    )
    assert address.problem(asking(value)) is None
