"""Which discovery settings are in force in a workload, and where each comes from."""

from typing import Any

import pytest

from builders import a_container, a_workload, an_identity
from emqx_autocluster.emqx import discovery, versions
from emqx_autocluster.emqx.discovery import (
    API_SERVER,
    APP_NAME,
    LICENSE,
    NAMESPACE,
    SUFFIX,
    Address,
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
    PodTemplate,
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
    settings = discovery.read_settings(container, [process] if process else [], config_maps)
    assert settings.namespace == expected


def test_a_value_is_not_called_a_default_while_running_containers_could_not_be_asked() -> None:
    unread = Unobserved("exec timed out")
    settings = discovery.read_settings(a_container(env={NAMESPACE: None}), [], {}, unread)
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
    settings = discovery.read_settings(a_container(image), [an_identity(process)], {})
    assert settings.version == (versions.parse(expected) or UNKNOWN_VERSION)


@pytest.mark.parametrize(
    ("image", "said", "expected"),
    [
        pytest.param("emqx/emqx:latest", "5.8.9", "5.8.9", id="where the tag tells nothing"),
        pytest.param("emqx/emqx:5", "5.8", "5.8", id="where it tells a part"),
        pytest.param("emqx/emqx:5.8.9", "5.8", "5.8.9", id="not where the tag tells more"),
        pytest.param("emqx/emqx:5.10.1", "5.8.9", "5.10.1", id="not against the tag: an old annotation"),
    ],
)
def test_what_a_person_says_of_the_version(image: str, said: str, expected: str) -> None:
    assert discovery.known_version(image, (), versions.parse(said)) == versions.parse(expected)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("emqx/emqx:latest", "tag latest is no version"),
        ("registry.example/iot/emqx:1.4.2", "tag 1.4.2 is no version"),
        ("emqx/emqx:5", "tag 5 may be any version of 5"),
        ("emqx/emqx@sha256:0123456789abcdef", "a digest (sha256:0123456789ab...), which names no version"),
        ("emqx/emqx", "has no tag"),
    ],
)
def test_why_the_image_does_not_tell_it(image: str, words: str) -> None:
    assert words in discovery.why_no_version(image)


def test_each_version_reads_its_own_variable() -> None:
    version = versions.UNKNOWN_VERSION
    old = next(generation for generation in version.generations if generation.is_4x)
    settings = discovery.read_settings(a_container("emqx/emqx:latest"), [], {}, None, version, old)
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
    settings = discovery.read_settings(container, [], {})
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
    settings = discovery.read_settings(container, [], {})
    assert isinstance(settings.suffix, Unobserved) == mounted
    assert discovery.text(settings.app_name) == "mine"


def test_what_the_entrypoint_made_of_nothing_is_not_what_was_given() -> None:
    process = an_identity(EMQX_NAME="emqx-7f9c-x2kf9", EMQX_NODE_NAME="emqx@10.244.0.1")
    settings = discovery.read_settings(a_container(), [process], {})
    assert (discovery.text(settings.name), discovery.text(settings.node_name)) == (None, None)
    given = EnvVar("EMQX_NAME", None, {"secretKeyRef": {"name": "s", "key": "k"}})
    settings = discovery.read_settings(a_container(env={"EMQX_NAME": given}), [process], {})
    assert discovery.text(settings.name) == "emqx-7f9c-x2kf9"
    annotated = EnvVar("EMQX_NAME", None, {"fieldRef": {"fieldPath": "metadata.annotations['name']"}})
    settings = discovery.read_settings(a_container(env={"EMQX_NAME": annotated}), [process], {})
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
    settings = discovery.read_settings(a_container("emqx/emqx:5.9.0", **facts), [an_identity(**process)], {})
    assert settings.licensed is licensed


def test_whether_a_licence_is_set_is_not_known_while_no_process_could_be_asked() -> None:
    unread = Unobserved("exec timed out")
    assert discovery.read_settings(a_container("emqx/emqx:5.9.0"), [], {}, unread).licensed == unread


SIDECAR = Container("exporter", "prom/exporter:1")


@pytest.mark.parametrize(
    ("containers", "named", "expected"),
    [
        pytest.param((SIDECAR, a_container()), None, "emqx", id="the one with cluster settings"),
        pytest.param(
            (SIDECAR, a_container()), "exporter", "exporter", id="the one that the annotation names"
        ),
        pytest.param((a_container(),), "mqtt", None, id="the annotation names none of them"),
        pytest.param(
            (SIDECAR, Container("mqtt", "emqx/emqx-ee:4.4.19")), None, "mqtt", id="by image: emqx-ee"
        ),
        pytest.param(
            (Container("mqtt", "my.registry:5000/x/emqx-enterprise"),), None, "mqtt", id="by image: registry"
        ),
        pytest.param((Container("mqtt", "emqx@sha256:0123"),), None, "mqtt", id="by image: digest"),
        pytest.param(
            (Container("mqtt", "my/emqx-exporter:1"),), None, None, id="an image that only begins like it"
        ),
        pytest.param((SIDECAR,), None, None, id="none"),
    ],
)
def test_the_emqx_container(
    containers: tuple[Container, ...], named: str | None, expected: str | None
) -> None:
    found = discovery.emqx_container(PodTemplate(containers), named)
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://kubernetes.default.svc:443", Address("https", "kubernetes.default.svc", 443)),
        ("https://kubernetes.default.svc", Address("https", "kubernetes.default.svc", 443)),
        ("https://kubernetes.default.svc/", Address("https", "kubernetes.default.svc", 443, "/")),
        ("http://192.168.1.31:8888", Address("http", "192.168.1.31", 8888)),
        ("http://proxy", Address("http", "proxy", 80)),
        ("https://user:secret@10.0.0.1:6443", Address("https", "10.0.0.1", 6443)),
        ("https://[fd00::1]:443", Address("https", "fd00::1", 443)),
        ("https://[FD00:0::1]", Address("https", "fd00::1", 443)),
        ("kubernetes.default.svc", None),
        ("kubernetes.default.svc:443", None),
        ("10.0.0.1:6443", None),
        ("tcp://10.0.0.1:6443", None),
        ("https://", None),
        ("https://host:port", None),
        ("https://host:99999", None),
        ("https://ho st", None),
        ("https://[::1", None),
        ("", None),
    ],
)
def test_addresses_that_an_emqx_can_use(value: str, expected: Address | None) -> None:
    assert discovery.parse_address(value) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://kubernetes.default.svc:443", "https://kubernetes.default.svc:443"),
        ("https://user:secret@10.0.0.1:6443/x", "https://10.0.0.1:6443/x"),
        ("https://us@er:se@cret@10.0.0.1", "https://10.0.0.1"),
        ("https://[::1", "https://[::1"),
    ],
)
def test_users_and_passwords_are_never_shown(value: str, shown: str) -> None:
    assert discovery.redacted(value) == shown


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


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("kubernetes.default.svc", True),
        ("kubernetes.default", True),
        ("kubernetes.default.svc.cluster.local", True),
        ("kubernetes.default.svc.other.zone", False),
        ("kubernetes", False),
        ("apiserver.cluster.local", False),
    ],
)
def test_spellings_of_the_service(host: str, *, expected: bool) -> None:
    assert discovery.names_the_service(host, "cluster.local") == expected


def test_the_builders_template_is_what_kubernetes_would_make() -> None:
    assert discovery.emqx_container(a_workload().template, None) == a_container()


def test_config_maps_of_single_keys_are_read_only_while_no_process_can_be_asked() -> None:
    container = a_container(
        env={NAMESPACE: FROM_KEY}, env_from=(EnvFrom(config_map="all"), EnvFrom(None, "s"))
    )
    assert discovery.config_map_names(container, running=True) == ["all"]
    assert discovery.config_map_names(container, running=False) == ["all", "settings"]
