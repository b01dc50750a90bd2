"""Configuration files that ConfigMaps bring: which are EMQX's, what wins, and what is not known of those not read."""

from typing import Any

import pytest

from builders import NOT_READ, a_container
from emqx_autocluster.emqx import configfiles, discovery, discoveryreader
from emqx_autocluster.emqx.configfiles import FileSettings
from emqx_autocluster.emqx.discovery import NAMESPACE, SUFFIX, Setting, Source
from emqx_autocluster.observation import ConfigMapFiles, Container, EnvFrom, EnvVar, Mount, Unobserved

CONF = "/opt/emqx/etc/emqx.conf"
TEXT = "cluster { k8s { namespace = plant } }"


def mounted(
    path: str, name: str = "conf", *, sub_path: str = "", items: dict[str, str] | None = None
) -> Mount:
    return Mount(path, "ConfigMap", sub_path, (ConfigMapFiles(name, items),))


def container(*mounts: Mount, **facts: Any) -> Container:
    return a_container(env={NAMESPACE: None, **facts.pop("env", {})}, mounted=mounts, **facts)


def read(*mounts: Mount, is_4x: bool = False, **config_maps: Any) -> FileSettings:
    return configfiles.read(container(*mounts), config_maps, is_4x=is_4x)


def namespace(found: FileSettings) -> object:
    setting = found.settings.get(NAMESPACE)
    return setting.value if setting else found.unread


@pytest.mark.parametrize(
    ("mount", "data"),
    [
        pytest.param(mounted(CONF, sub_path="emqx.conf"), {"emqx.conf": TEXT}, id="one file of it"),
        pytest.param(mounted(CONF, sub_path="my.conf"), {"my.conf": TEXT}, id="under another key"),
        pytest.param(mounted("/opt/emqx/etc"), {"emqx.conf": TEXT}, id="the whole of it"),
        pytest.param(
            mounted("/opt/emqx/etc", items={"emqx.conf": "settings"}), {"settings": TEXT}, id="by items"
        ),
        pytest.param(mounted("/opt/emqx/etc/base.hocon", sub_path="b"), {"b": TEXT}, id="base.hocon"),
        pytest.param(
            mounted("/opt/emqx/data/configs/cluster.hocon", sub_path="c"), {"c": TEXT}, id="cluster.hocon"
        ),
    ],
)
def test_a_file_that_a_config_map_brings(mount: Mount, data: dict[str, str]) -> None:
    assert namespace(read(mount, conf=data)) == "plant"
    assert configfiles.config_map_names(container(mount)) == {"conf"}


@pytest.mark.parametrize(
    "mount",
    [
        pytest.param(mounted("/opt/emqx/etc/acl.conf", sub_path="emqx.conf"), id="access rules"),
        pytest.param(mounted("/opt/emqx/etc/certs"), id="certificates"),
        pytest.param(
            Mount("/opt/emqx/etc/certs", "Secret certs", is_secret=True), id="certificates of a Secret"
        ),
        pytest.param(Mount("/opt/emqx/data", "a volume (persistentVolumeClaim)"), id="a volume for data"),
        pytest.param(mounted("/opt/emqx/etcetera"), id="a folder that begins like it"),
        pytest.param(mounted("/opt/emqx/etc", items={"acl.conf": "emqx.conf"}), id="another file by items"),
    ],
)
def test_what_else_is_mounted_switches_nothing_off(mount: Mount) -> None:
    found = read(mount, conf={"emqx.conf": TEXT})
    assert (found.settings, found.unread) == ({}, None)


@pytest.mark.parametrize(
    ("mount", "data", "why"),
    [
        pytest.param(Mount(CONF, "Secret s", is_secret=True), {}, "comes from Secret s", id="a Secret"),
        pytest.param(Mount("/opt/emqx/etc", "a volume (emptyDir)"), {}, "a volume (emptyDir)", id="a volume"),
        pytest.param(mounted(CONF, sub_path="k"), NOT_READ, "ConfigMap conf: the request", id="not read"),
        pytest.param(mounted(CONF, sub_path="k"), None, "does not exist", id="not there"),
        pytest.param(
            mounted(CONF, sub_path="k"), {"k": 'include "other.conf"'}, "includes another", id="an include"
        ),
        pytest.param(mounted(CONF, sub_path="k"), {"k": "x" * 200_000}, "longer than", id="a long one"),
    ],
)
def test_a_file_that_is_not_read_may_say_anything(mount: Mount, data: Any, why: str) -> None:
    found = read(mount, conf=data)
    assert found.settings == {}
    assert found.unread
    assert why in found.unread.reason


def test_emqx_conf_beats_the_weaker_ones() -> None:
    weaker = mounted("/opt/emqx/etc/base.hocon", "base", sub_path="b")
    main = mounted(CONF, sub_path="emqx.conf")
    base = {"b": "cluster.k8s.namespace = weak, cluster.k8s.suffix = x"}
    found = read(main, weaker, base=base, conf={"emqx.conf": TEXT})
    assert (namespace(found), found.settings[SUFFIX].value) == ("plant", "x")
    hidden = read(main, weaker, base=base, conf=NOT_READ)
    assert isinstance(namespace(hidden), Unobserved), "the stronger one may say otherwise"
    known = read(main, weaker, base=NOT_READ, conf={"emqx.conf": TEXT})
    assert namespace(known) == "plant", "the weaker one does not matter for this"


def test_4x_has_lines_and_one_file() -> None:
    text = {"emqx.conf": "cluster.k8s.namespace = plant\n"}
    mount = mounted("/opt/emqx/etc")
    assert namespace(read(mount, is_4x=True, conf=text)) == "plant"
    other = mounted("/opt/emqx/etc/base.hocon", sub_path="emqx.conf")
    assert read(other, is_4x=True, conf=text) == FileSettings()


def settings(*mounts: Mount, config_maps: dict[str, Any], **facts: Any) -> discovery.DiscoverySettings:
    return discoveryreader.read_settings(container(*mounts, **facts), (), config_maps)


MAIN = mounted(CONF, sub_path="emqx.conf")


class TestInForce:
    def test_a_file_beats_the_default(self) -> None:
        found = settings(MAIN, config_maps={"conf": {"emqx.conf": TEXT}})
        assert found.namespace == Setting("plant", Source.FILE)
        assert found.reader.place(NAMESPACE) == "emqx.conf of ConfigMap conf"

    def test_env_beats_a_file(self) -> None:
        found = settings(MAIN, config_maps={"conf": {"emqx.conf": TEXT}}, env={NAMESPACE: "iot"})
        assert found.namespace == Setting("iot", Source.ENV)
        assert found.reader.place(NAMESPACE) is None

    def test_env_from_a_config_map_beats_a_file_and_has_a_place(self) -> None:
        maps = {"conf": {"emqx.conf": TEXT}, "vars": {NAMESPACE: "iot"}}
        found = settings(MAIN, config_maps=maps, env_from=(EnvFrom(config_map="vars"),))
        assert found.namespace == Setting("iot", Source.CONFIG_MAP)
        assert found.reader.place(NAMESPACE) == f"ConfigMap vars, key {NAMESPACE}"

    def test_a_key_of_a_config_map_has_a_place(self) -> None:
        entry = EnvVar(NAMESPACE, None, {"configMapKeyRef": {"name": "vars", "key": "ns"}})
        found = settings(config_maps={"vars": {"ns": "iot"}}, env={NAMESPACE: entry})
        assert found.reader.place(NAMESPACE) == "ConfigMap vars, key ns"

    def test_what_no_file_sets_has_the_default(self) -> None:
        found = settings(MAIN, config_maps={"conf": {"emqx.conf": "node.cookie = x"}})
        assert found.namespace == Setting("default", Source.DEFAULT)

    def test_while_a_file_is_not_read_nothing_has_the_default(self) -> None:
        found = settings(MAIN, config_maps={"conf": NOT_READ})
        assert isinstance(found.namespace, Unobserved)
        assert "emqx.conf, which comes from ConfigMap conf" in found.namespace.reason
        assert isinstance(found.role, Unobserved)
        assert found.licensed is True

    def test_a_role_of_a_file(self) -> None:
        found = settings(MAIN, config_maps={"conf": {"emqx.conf": "node { role = replicant }"}})
        assert found.is_replicant
