"""Which discovery settings are in force in a workload, and where each comes from."""

from typing import Any

import pytest

from builders import a_container, an_identity
from emqx_autocluster.emqx import configmaps, discovery, discoveryreader, versions
from emqx_autocluster.emqx.discovery import (
    API_SERVER,
    APP_NAME,
    LICENSE,
    NAMESPACE,
    SUFFIX,
    Setting,
    Source,
)
from emqx_autocluster.emqx.versions import UNKNOWN_VERSION
from emqx_autocluster.observation import (
    Container,
    EnvFrom,
    EnvVar,
    Fact,
    Identity,
    Unobserved,
)

FROM_FIELD = EnvVar(NAMESPACE, None, {"fieldRef": {"fieldPath": "metadata.namespace"}})
FROM_KEY = EnvVar(NAMESPACE, None, {"configMapKeyRef": {"name": "settings", "key": "namespace"}})
OPTIONAL_KEY = EnvVar(
    NAMESPACE, None, {"configMapKeyRef": {"name": "settings", "key": "namespace", "optional": True}}
)
UNREAD = Unobserved("configmaps is forbidden")


@pytest.mark.parametrize(
    ("container", "process", "config_maps", "expected"),
    [
        pytest.param(
            a_container(env={NAMESPACE: "iot"}),
            an_identity(**{NAMESPACE: "other"}),
            {},
            Setting("iot", Source.ENV),
            id="env wins over what the process has",
        ),
        pytest.param(
            a_container(env={NAMESPACE: "iot"}, env_from=(EnvFrom(config_map="settings"),)),
            None,
            {"settings": {NAMESPACE: "other"}},
            Setting("iot", Source.ENV),
            id="env wins over envFrom",
        ),
        pytest.param(
            Container("emqx", "emqx:5.8.9", (EnvVar(NAMESPACE, "first"), EnvVar(NAMESPACE, "last"))),
            None,
            {},
            Setting("last", Source.ENV),
            id="of duplicate entries the last wins",
        ),
        pytest.param(
            a_container(
                env={NAMESPACE: None}, env_from=(EnvFrom(config_map="one"), EnvFrom(config_map="two"))
            ),
            None,
            {"one": {NAMESPACE: "first"}, "two": {NAMESPACE: "last"}},
            Setting("last", Source.CONFIG_MAP),
            id="of several ConfigMaps the last wins",
        ),
        pytest.param(
            a_container(
                env={NAMESPACE: None}, env_from=(EnvFrom(config_map="one", prefix="EMQX_CLUSTER__"),)
            ),
            None,
            {"one": {"K8S__NAMESPACE": "iot"}},
            Setting("iot", Source.CONFIG_MAP),
            id="envFrom with a prefix",
        ),
        pytest.param(
            a_container(env={NAMESPACE: None}, env_from=(EnvFrom(config_map="gone"),)),
            an_identity(**{NAMESPACE: "iot"}),
            {"gone": None},
            Setting("iot", Source.RUNNING),
            id="a ConfigMap that does not exist gives nothing",
        ),
        pytest.param(
            a_container(env={NAMESPACE: None}, env_from=(EnvFrom(config_map="settings"),)),
            an_identity(**{NAMESPACE: "iot"}),
            {"settings": UNREAD},
            Unobserved("ConfigMap settings could not be read: configmaps is forbidden"),
            id="a ConfigMap that could not be read: not known, whatever the process has",
        ),
        pytest.param(
            a_container(env={NAMESPACE: FROM_FIELD}),
            an_identity(**{NAMESPACE: "iot"}),
            {},
            Setting("iot", Source.ENV_VALUE_FROM),
            id="valueFrom: what the process made of it",
        ),
        pytest.param(
            a_container(env={NAMESPACE: FROM_FIELD}),
            None,
            {},
            Unobserved(
                f"{NAMESPACE} is metadata.namespace of each pod, and no running container told what it became"
            ),
            id="valueFrom and no process: not known",
        ),
        pytest.param(
            a_container(env={NAMESPACE: FROM_KEY}),
            None,
            {"settings": UNREAD},
            Unobserved(
                f"{NAMESPACE} comes from key namespace of ConfigMap settings (configmaps is forbidden), and no running"
                " container told what it became"
            ),
            id="a key of a ConfigMap that could not be read, and no process",
        ),
        pytest.param(
            a_container(env={NAMESPACE: OPTIONAL_KEY}),
            None,
            {"settings": {"other": "iot"}},
            Setting("default", Source.DEFAULT),
            id="a key that may be missing, and is: Kubernetes leaves the variable out",
        ),
        pytest.param(
            a_container(env={NAMESPACE: FROM_KEY}),
            None,
            {"settings": {"namespace": "iot"}},
            Setting("iot", Source.ENV_VALUE_FROM),
            id="valueFrom a ConfigMap's key and no process: what the next one will get",
        ),
        pytest.param(
            a_container(env={NAMESPACE: FROM_KEY}),
            an_identity(**{NAMESPACE: "iot"}),
            {"settings": {"namespace": "edited"}},
            Setting("iot", Source.ENV_VALUE_FROM),
            id="valueFrom a ConfigMap's key: what the process made of it",
        ),
        pytest.param(
            a_container(env={NAMESPACE: EnvVar(NAMESPACE, "iot", {"fieldRef": {}})}),
            None,
            {},
            Setting("iot", Source.ENV),
            id="valueFrom a field of which the manifest is certain",
        ),
        pytest.param(
            a_container(env={NAMESPACE: "$(POD_NAMESPACE)"}),
            an_identity(**{NAMESPACE: "iot"}),
            {},
            Setting("iot", Source.ENV_VALUE_FROM),
            id="a reference to another variable: what the process made of it",
        ),
        pytest.param(
            a_container(env={NAMESPACE: None}),
            an_identity(**{NAMESPACE: "iot"}),
            {},
            Setting("iot", Source.RUNNING),
            id="set by the image itself",
        ),
        pytest.param(
            a_container(env={NAMESPACE: None}),
            an_identity(),
            {},
            Setting("default", Source.DEFAULT),
            id="set nowhere: the version's default",
        ),
        pytest.param(
            a_container(env={NAMESPACE: None}),
            None,
            {},
            Setting("default", Source.DEFAULT),
            id="set nowhere and nothing runs: the version's default",
        ),
    ],
)
def test_where_a_value_comes_from(
    container: Container, process: Identity | None, config_maps: dict[str, Any], expected: Fact[Setting]
) -> None:
    settings = discoveryreader.read_settings(container, [process] if process else [], config_maps)
    assert settings.namespace == expected


@pytest.mark.parametrize("image", ["emqx:4.4.19", "emqx:5.8.9"])
def test_what_is_set_nowhere_is_what_emqx_takes(image: str) -> None:
    settings = discoveryreader.read_settings(Container("emqx", image), [], {})
    assert settings.strategy == Setting("manual", Source.DEFAULT)
    assert settings.address_type == Setting("ip", Source.DEFAULT)
    assert settings.namespace == Setting("default", Source.DEFAULT)


def test_a_value_is_not_called_a_default_while_running_containers_could_not_be_asked() -> None:
    unread = Unobserved("exec timed out")
    settings = discoveryreader.read_settings(a_container(env={NAMESPACE: None}), [], {}, unread)
    assert isinstance(settings.namespace, Unobserved)
    assert "exec timed out" in settings.namespace.reason
    assert settings.api_server == Setting("https://kubernetes.default.svc:443", Source.ENV)


@pytest.mark.parametrize(
    ("image", "process", "expected"),
    [
        pytest.param("emqx/emqx:5.8.9", "4.4.19", "4.4.19", id="the process wins over any tag"),
        pytest.param("emqx/emqx:5.8.9", None, "5.8.9", id="the tag, while nothing runs"),
        pytest.param("emqx/emqx:5.8", None, "5.8", id="the beginning of a version"),
        pytest.param("registry.example/iot/emqx:1.4.2", None, None, id="a number of another series"),
        pytest.param("registry.example/iot/broker:5.8.9", None, None, id="an image of another name"),
        pytest.param(
            "emqx/emqx:latest", "5.4.1", "5.4.1", id="a tag that is no version: the container's word"
        ),
        pytest.param("emqx/emqx:latest", None, None, id="neither: not known"),
    ],
)
def test_the_version(image: str, process: str | None, expected: str | None) -> None:
    settings = discoveryreader.read_settings(a_container(image), [an_identity(process)], {})
    assert settings.version == (versions.parse(expected) or UNKNOWN_VERSION)


def test_each_version_reads_its_own_variable() -> None:
    version = versions.UNKNOWN_VERSION
    old = next(generation for generation in version.generations if generation.is_4x)
    settings = discoveryreader.read_settings(a_container("emqx/emqx:latest"), [], {}, None, version, old)
    assert discovery.text(settings.strategy) == "manual"
    assert settings.is_meant


@pytest.mark.parametrize(
    ("image", "variable", "strategy"),
    [
        ("emqx/emqx:4.4.19", "EMQX_CLUSTER__DISCOVERY", "k8s"),
        ("emqx/emqx:4.4.19", "EMQX_CLUSTER__DISCOVERY_STRATEGY", "manual"),
        ("emqx/emqx:5.8.9", "EMQX_CLUSTER__DISCOVERY_STRATEGY", "k8s"),
        ("emqx/emqx:5.8.9", "EMQX_CLUSTER__DISCOVERY", "manual"),
    ],
)
def test_each_version_reads_its_own_variable_and_k8s_is_meant_by_either(
    image: str, variable: str, strategy: str
) -> None:
    container = Container("emqx", image, (EnvVar(variable, "k8s"),))
    settings = discoveryreader.read_settings(container, [], {})
    assert (discovery.text(settings.strategy), settings.uses_k8s) == (strategy, True)
    assert settings.is_meant == (strategy == "manual")


@pytest.mark.parametrize(
    ("path", "mounted"),
    [
        ("/opt/emqx/etc", True),
        ("/opt/emqx/etc/", True),
        ("/opt/emqx/etc/emqx.conf", True),
        ("/opt/emqx/etc/certs", False),
        ("/opt/emqx/data", False),
    ],
)
def test_a_file_of_the_users_may_have_what_is_set_nowhere_else(path: str, *, mounted: bool) -> None:
    container = a_container(env={SUFFIX: None, APP_NAME: "mine"}, mounts={path: "conf"})
    settings = discoveryreader.read_settings(container, [], {})
    assert isinstance(settings.suffix, Unobserved) == mounted
    assert discovery.text(settings.app_name) == "mine"


def test_what_the_entrypoint_made_of_nothing_is_not_what_was_given() -> None:
    process = an_identity(EMQX_NAME="emqx-7f9c-x2kf9", EMQX_NODE_NAME="emqx@10.244.0.1")
    settings = discoveryreader.read_settings(a_container(), [process], {})
    assert (discovery.text(settings.name), discovery.text(settings.node_name)) == (None, None)
    given = EnvVar("EMQX_NAME", None, {"secretKeyRef": {"name": "s", "key": "k"}})
    settings = discoveryreader.read_settings(a_container(env={"EMQX_NAME": given}), [process], {})
    assert discovery.text(settings.name) == "emqx-7f9c-x2kf9"
    annotated = EnvVar("EMQX_NAME", None, {"fieldRef": {"fieldPath": "metadata.annotations['name']"}})
    settings = discoveryreader.read_settings(a_container(env={"EMQX_NAME": annotated}), [process], {})
    assert isinstance(settings.name, Unobserved), "one pod's annotation tells nothing of another's"


@pytest.mark.parametrize(
    ("facts", "process", "licensed"),
    [
        pytest.param({}, {}, False, id="no key anywhere"),
        pytest.param({"env": {LICENSE: "MjIw..."}}, {}, True, id="a key in env"),
        pytest.param({"env": {LICENSE: "default"}}, {}, False, id="the community key, which allows one node"),
        pytest.param({"env": {LICENSE: "evaluation"}}, {}, True, id="the evaluation key"),
        pytest.param(
            {"env": {LICENSE: EnvVar(LICENSE, None, {"secretKeyRef": {"name": "emqx"}})}},
            {},
            True,
            id="from a Secret",
        ),
        pytest.param({"env_from": (EnvFrom(None, "emqx"),)}, {}, True, id="a Secret by envFrom may hold one"),
        pytest.param({}, {LICENSE: "set"}, True, id="the process has one"),
        pytest.param({}, {LICENSE: "default"}, False, id="the process has the community key"),
        pytest.param({}, {LICENSE: '"default"'}, False, id="the community key in quotes"),
        pytest.param(
            {"mounts": {"/opt/emqx/etc/emqx.lic": "licence"}}, {}, False, id="a file that no setting names"
        ),
        pytest.param({"mounts": {"/etc/localtime": "zone"}}, {}, False, id="any other file in some etc"),
    ],
)
def test_whether_a_licence_is_set(facts: dict[str, Any], process: dict[str, str], *, licensed: bool) -> None:
    settings = discoveryreader.read_settings(
        a_container("emqx/emqx:5.9.0", **facts), [an_identity(**process)], {}
    )
    assert settings.licensed is licensed


def test_whether_a_licence_is_set_is_not_known_while_no_process_could_be_asked() -> None:
    unread = Unobserved("exec timed out")
    assert discoveryreader.read_settings(a_container("emqx/emqx:5.9.0"), [], {}, unread).licensed == unread


def test_other_host_names_that_the_container_may_need() -> None:
    env = {
        "EMQX_DATABASE": "postgres://user@db.corp.example:5432/mqtt",
        "EMQX_AUTH": "https://auth.corp.example/verify?x=1",
        "EMQX_HOST_OF": "ldap.corp.example:389",
        "EMQX_ADDRESS": "http://10.0.0.7:80",
        "EMQX_WORDS": "just a sentence. And another",
        API_SERVER: "https://not.this.one:443",
    }
    names = discovery.other_host_names(a_container(env=dict(env)))
    assert names == ("auth.corp.example", "db.corp.example", "ldap.corp.example")


def test_config_maps_of_single_keys_are_read_only_while_no_process_can_be_asked() -> None:
    container = a_container(
        env={NAMESPACE: FROM_KEY}, env_from=(EnvFrom(config_map="all"), EnvFrom(None, "s"))
    )
    assert configmaps.names(container, running=True) == ["all"]
    assert configmaps.names(container, running=False) == ["all", "settings"]
