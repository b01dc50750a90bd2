"""References of the container to keys that their ConfigMaps do not have, and to variables that nothing defines yet."""

from dataclasses import replace
from typing import Any

import pytest

from builders import NOT_READ, STRATEGY, a_case, a_container, judge, tells
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import configuration
from emqx_autocluster.emqx.discovery import NAMESPACE, SERVICE_NAME, SUFFIX
from emqx_autocluster.observation import ConfigMapFiles, Container, EnvVar, Mount

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


def not_in_order(*entries: EnvVar) -> Container:
    """Of a workload that is right in all else."""
    others = {entry.name: None for entry in entries}
    return replace(a_container(env=others), env=(*a_container(env=others).env, *entries))


NS = EnvVar("NS", "iot")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        pytest.param(
            (EnvVar(NAMESPACE, "$(NS)"), NS),
            (f'{NAMESPACE} is "$(NS)"', "NS is defined only after it", f"move NS above {NAMESPACE}"),
            id="defined too late",
        ),
        pytest.param(
            (EnvVar(SERVICE_NAME, "$(APP)-headless"), EnvVar("APP", "emqx")),
            (f'{SERVICE_NAME} is "$(APP)-headless"', f"move APP above {SERVICE_NAME}"),
            id="a part of it",
        ),
        pytest.param(
            (NS, EnvVar(NAMESPACE, "$$(NS)")),
            (f'{NAMESPACE} is "$$(NS)"', "literal text $(NS)", "with one $"),
            id="written with two dollars",
        ),
    ],
)
def test_a_reference_that_stays_as_it_stands(entries: tuple[EnvVar, ...], words: tuple[str, ...]) -> None:
    case = a_case(containers=(not_in_order(*entries),), members=())
    [finding] = configuration.problems(case)
    tells(finding, (Status.FALSE, Reason.REFERENCE_MISSING), *words)


def test_a_reference_that_nothing_defines_is_told_before_what_follows_from_it() -> None:
    case = a_case(containers=(not_in_order(EnvVar(NAMESPACE, "$(NS)")),), members=())
    first, *others = configuration.problems(case)
    tells(
        first, (Status.FALSE, Reason.REFERENCE_MISSING), "nothing defines NS", f"define NS above {NAMESPACE}"
    )
    assert [finding.reason for finding in others] == [Reason.NAMESPACE_MISMATCH]


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param((NS, EnvVar(NAMESPACE, "$(NS)")), id="it is in order"),
        pytest.param(
            (EnvVar(SUFFIX, "svc.$(DOMAIN)"),), id="of a setting that address type ip has no use for"
        ),
        pytest.param(
            (EnvVar("EMQX_NODE__COOKIE", "$(C)"),), id="of a cookie, which is the same text everywhere"
        ),
    ],
)
def test_a_reference_that_does_no_harm(entries: tuple[EnvVar, ...]) -> None:
    assert configuration.problems(a_case(containers=(not_in_order(*entries),), members=())) == ()
