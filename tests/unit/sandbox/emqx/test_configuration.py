"""What the stand-in reads of a mounted emqx.conf."""

import pytest

from sandbox.emqx import configuration
from sandbox.emqx.entrypoint import enter
from sandbox.emqx.generations import release_of

HOCON = b"""
# a comment
cluster {
  discovery_strategy = k8s  # another
  k8s { apiserver = "https://kubernetes.default.svc:443", service_name = emqx
        address_type = hostname }
}
cluster.k8s.namespace = iot
cluster.k8s.suffix = "svc.cluster.local"
"""
LINES = b"## a comment\ncluster.discovery = k8s\ncluster.k8s.namespace = iot\n"


def test_both_formats() -> None:
    files = {configuration.CONF: HOCON}
    found = configuration.variables(release_of("5.8.9"), files)
    assert found["EMQX_CLUSTER__K8S__APISERVER"] == "https://kubernetes.default.svc:443"
    assert found["EMQX_CLUSTER__K8S__NAMESPACE"] == "iot"
    old = configuration.variables(release_of("4.4.19"), {configuration.CONF: LINES})
    assert old == {"EMQX_CLUSTER__DISCOVERY": "k8s", "EMQX_CLUSTER__K8S__NAMESPACE": "iot"}


def test_what_it_does_not_read_is_no_silent_loss() -> None:
    with pytest.raises(ValueError, match="does not read this"):
        configuration.variables(release_of("5.8.9"), {configuration.CONF: b"a = [1, 2]\nb = ???"})


def test_the_entrypoint_names_the_node_from_variables_alone() -> None:
    release = release_of("5.8.9")
    in_file = configuration.variables(release, {configuration.CONF: HOCON})
    hosts = "10.244.0.5 emqx-0.emqx.iot.svc.cluster.local emqx-0"
    entered = enter(release, {}, "emqx-0", "10.244.0.5", hosts, in_file=in_file)
    assert entered.node_name == "emqx@10.244.0.5"
    assert (entered.discovery.strategy, entered.discovery.address_type) == ("k8s", "hostname")


def test_a_variable_beats_the_file() -> None:
    release = release_of("5.8.9")
    in_file = configuration.variables(release, {configuration.CONF: HOCON})
    env = {"EMQX_CLUSTER__K8S__ADDRESS_TYPE": "ip"}
    entered = enter(release, env, "emqx-0", "10.244.0.5", "", in_file=in_file)
    assert entered.discovery.address_type == "ip"
