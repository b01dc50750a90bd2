"""What each version's entrypoint makes of the environment."""

import pytest

from sandbox.emqx.entrypoint import Entered, EntrypointError, enter
from sandbox.emqx.generations import release_of

IP = "10.244.0.5"
HOSTS = f"127.0.0.1\tlocalhost\n{IP}\temqx-0.emqx-headless.iot.svc.cluster.local\temqx-0\n"


def _enter(version: str, hosts: str = HOSTS, ip: str = IP, **variables: str) -> Entered:
    env = {f"EMQX_{key}": value for key, value in variables.items()}
    return enter(release_of(version), env, "emqx-0", ip, hosts)


@pytest.mark.parametrize(
    ("version", "variables", "name"),
    [
        ("4.4.19", {}, f"emqx-0@{IP}"),
        ("4.4.19", {"NAME": "emqx"}, f"emqx@{IP}"),
        ("4.4.19", {"NODE__NAME": "a@b.c"}, f"emqx-0@{IP}"),
        ("4.4.19", {"NODE_NAME": "a@b.c"}, "a@b.c"),
        ("5.0.3", {}, f"emqx@{IP}"),
        ("5.0.3", {"NODE__NAME": "a@b.c"}, f"emqx@{IP}"),
        ("5.8.9", {}, f"emqx@{IP}"),
        ("5.8.9", {"NODE__NAME": "a@b.c"}, "a@b.c"),
        ("5.8.9", {"NODE__NAME": "a@b.c", "NODE_NAME": "d@e.f"}, "d@e.f"),
        ("5.8.9", {"HOST": "h.x"}, "emqx@h.x"),
    ],
)
def test_node_name(version: str, variables: dict[str, str], name: str) -> None:
    assert _enter(version, **variables).node_name == name


def _k8s(version: str, kind: str, **more: str) -> Entered:
    variable = "CLUSTER__DISCOVERY" if version.startswith("4.") else "CLUSTER__DISCOVERY_STRATEGY"
    given = {variable: "k8s", "CLUSTER__K8S__ADDRESS_TYPE": kind, "CLUSTER__K8S__NAMESPACE": "iot"}
    return _enter(version, **(given | more))


def test_a_default_suffix_serves_the_own_name_only() -> None:
    entered = _k8s("5.8.9", "dns")
    assert entered.node_name == "emqx@10-244-0-5.iot.pod.cluster.local"
    assert entered.discovery.node_name("10-244-0-5") == "emqx@10-244-0-5.iot.pod.local"


def test_hostname_names_agree_with_a_suffix() -> None:
    suffix = {"CLUSTER__K8S__SUFFIX": "svc.cluster.local", "CLUSTER__K8S__SERVICE_NAME": "emqx-headless"}
    entered = _k8s("5.8.9", "hostname", **suffix)
    assert entered.node_name == "emqx@emqx-0.emqx-headless.iot.svc.cluster.local"
    assert entered.discovery.node_name("emqx-0") == entered.node_name


def test_hostname_without_a_line_in_hosts_ends_the_container() -> None:
    with pytest.raises(EntrypointError):
        _k8s("5.8.9", "hostname", hosts=f"{IP}\temqx-7d9f8b6c5-x2kf9\n")


def test_without_the_strategy_in_the_environment_the_name_is_the_ip() -> None:
    given = {"CLUSTER__K8S__ADDRESS_TYPE": "dns", "CLUSTER__K8S__NAMESPACE": "iot"}
    assert _enter("5.8.9", **given).node_name == f"emqx@{IP}"
    assert _enter("5.0.3", **given).node_name == "emqx@10-244-0-5.iot.pod.cluster.local"


def test_an_ipv6_pod_has_no_host() -> None:
    with pytest.raises(EntrypointError):
        _enter("5.8.9", ip="fd00::5")


def test_5x_warns_of_4x_variables_and_stays_manual() -> None:
    entered = _enter("5.8.9", CLUSTER__DISCOVERY="k8s", CLUSTER__K8S__APP_NAME="emqx")
    assert entered.discovery.strategy == "manual"
    assert entered.unknown == ("EMQX_CLUSTER__DISCOVERY", "EMQX_CLUSTER__K8S__APP_NAME")


def test_4x_defaults() -> None:
    discovery = _enter("4.4.19", CLUSTER__DISCOVERY="k8s").discovery
    assert (discovery.app_name, discovery.namespace, discovery.suffix) == ("ekka", "default", "")


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ("4.4.19", {"EMQX_NODE_NAME", "EMQX_NAME", "EMQX_HOST", "EMQX_NODE__MAX_PORTS"}, {"EMQX_NODE__NAME"}),
        ("5.0.3", {"EMQX_NODE__NAME"}, {"EMQX_NODE_NAME", "EMQX_NAME", "EMQX_HOST"}),
        ("5.8.9", {"EMQX_NODE__NAME", "EMQX_NAME", "EMQX_HOST"}, {"EMQX_NODE_NAME"}),
    ],
)
def test_pid_1_environment(version: str, present: set[str], absent: set[str]) -> None:
    environ = _enter(version).environ.keys()
    assert present <= environ
    assert not absent & environ


_SRV = {"CLUSTER__DISCOVERY_STRATEGY": "dns", "CLUSTER__DNS__RECORD_TYPE": "srv"}


@pytest.mark.parametrize(
    ("version", "variables", "name"),
    [
        (
            "5.8.9",
            {"CLUSTER__DNS__NAME": "emqx-headless.iot.svc.cluster.local"},
            "emqx-0.emqx-headless.iot.svc.cluster.local",
        ),
        ("5.8.9", {"CLUSTER__DNS__NAME": "emqx-headless"}, "emqx-0.emqx-headless"),
        ("5.8.9", {"CLUSTER__DNS__NAME": "other.iot.svc.cluster.local"}, IP),
        ("5.0.3", {"CLUSTER__DNS__NAME": "emqx-headless.iot.svc.cluster.local"}, IP),
    ],
)
def test_srv_names_a_node_by_its_line_in_hosts(version: str, variables: dict[str, str], name: str) -> None:
    assert _enter(version, **_SRV, **variables).node_name == f"emqx@{name}"


@pytest.mark.parametrize(("version", "starts"), [("5.5.1", True), ("5.8.9", False)])
def test_record_type_a_wants_an_address_in_the_name(version: str, *, starts: bool) -> None:
    given = {"CLUSTER__DISCOVERY_STRATEGY": "dns", "CLUSTER__DNS__NAME": "x.y", "HOST": "emqx-0.x.y"}
    if starts:
        assert _enter(version, **given).node_name == "emqx@emqx-0.x.y"
        return
    with pytest.raises(EntrypointError, match="name@IP format"):
        _enter(version, **given)


def test_4x_does_not_start_without_the_settings_of_dns() -> None:
    with pytest.raises(EntrypointError, match=r"cluster\.dns\.app"):
        _enter("4.4.19", CLUSTER__DISCOVERY="dns", CLUSTER__DNS__NAME="x.y")


def test_settings_count_in_any_letter_case() -> None:
    given = {"cluster__discovery_strategy": "k8s", "Cluster__K8s__Namespace": "iot"}
    discovery = _enter("5.8.9", **given).discovery
    assert (discovery.strategy, discovery.namespace) == ("k8s", "iot")
