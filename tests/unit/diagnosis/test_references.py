"""References of the container to keys that their ConfigMaps do not have: Kubernetes does not start it."""

from typing import Any

import pytest

from builders import NOT_READ, STRATEGY, a_case, judge, tells
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.emqx.discovery import NAMESPACE
from emqx_autocluster.observation import ConfigMapFiles, EnvVar, Mount

MAPS = {"settings": {"namespace": "iot"}}
FILE = "/opt/emqx/etc/emqx.conf"


def from_key(name: str, key: str, **more: Any) -> dict[str, EnvVar]:
    return {name: EnvVar(name, None, {"configMapKeyRef": {"name": "settings", "key": key, **more}})}


def from_file(sub_path: str) -> tuple[Mount, ...]:
    return (Mount(FILE, "ConfigMap", sub_path, config_maps=(ConfigMapFiles("settings"),)),)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(
            {"env": from_key(NAMESPACE, "ns")},
            (f"{NAMESPACE} comes from key ns of ConfigMap settings", "only namespace"),
            id="of a setting",
        ),
        pytest.param(
            {"env": from_key(STRATEGY, "strategy")},
            (f"{STRATEGY} comes from key strategy of ConfigMap settings",),
            id="of the strategy, so that nothing else can be told",
        ),
        pytest.param(
            {"mounted": from_file("emqx.conf")},
            (f"{FILE} is mounted from key emqx.conf of ConfigMap settings",),
            id="of a file that is mounted by itself",
        ),
    ],
)
def test_a_key_that_is_not_there(facts: dict[str, Any], words: tuple[str, ...]) -> None:
    case = a_case(config_maps=MAPS, members=(), **facts)
    tells(judge(case, ConditionType.CONFIGURATION_VALID), (Status.FALSE, Reason.REFERENCE_MISSING), *words)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"env": from_key(NAMESPACE, "namespace")}, id="it is there"),
        pytest.param({"env": from_key(NAMESPACE, "ns", optional=True)}, id="it may be missing"),
        pytest.param(
            {"env": from_key(NAMESPACE, "ns"), "config_maps": {"settings": NOT_READ}},
            id="the ConfigMap was not read",
        ),
        pytest.param({"mounted": from_file("namespace")}, id="a file by its key"),
    ],
)
def test_what_is_no_missing_key(facts: dict[str, Any]) -> None:
    case = a_case(**{"config_maps": MAPS, "members": (), **facts})
    assert judge(case, ConditionType.CONFIGURATION_VALID).reason is not Reason.REFERENCE_MISSING


def test_a_member_that_has_booted_got_what_it_needs() -> None:
    case = a_case(env=from_key(NAMESPACE, "ns"), config_maps=MAPS)
    assert judge(case, ConditionType.CONFIGURATION_VALID).reason is not Reason.REFERENCE_MISSING
