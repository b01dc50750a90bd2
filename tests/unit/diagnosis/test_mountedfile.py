"""An emqx.conf of one's own on 4.x, and the variables beside it."""

from collections.abc import Mapping
from typing import Any

import pytest

from builders import a_case, tells
from emqx_autocluster.api.findings import Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, configuration
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, API_SERVER, APP_NAME, NAME, NAMESPACE, SERVICE_NAME
from emqx_autocluster.emqx.generation import DISCOVERY
from emqx_autocluster.observation import ConfigMapFiles, EnvFrom, EnvVar, Mount

OLDER, OLD = "emqx/emqx:4.2.14", "emqx/emqx:4.4.19"
COOKIE = "node.cookie = something\n"
SETTINGS = """\
cluster.discovery = k8s
cluster.k8s.apiserver = https://kubernetes.default.svc:443
cluster.k8s.service_name = emqx
cluster.k8s.namespace = iot
cluster.k8s.address_type = ip
cluster.k8s.app_name = emqx
"""
COMMENTED = "".join(f"## {line}\n" for line in SETTINGS.splitlines())
IN_FILE = dict.fromkeys((DISCOVERY, API_SERVER, SERVICE_NAME, NAMESPACE, ADDRESS_TYPE, APP_NAME))
"""No variable says what the file says."""


def with_file(text: str, image: str = OLDER, env: Mapping[str, Any] | None = None, **facts: Any) -> Case:
    mount = Mount(
        "/opt/emqx/etc/emqx.conf", "ConfigMap", "emqx.conf", config_maps=(ConfigMapFiles("settings"),)
    )
    given = {"mounted": (mount,), "config_maps": {"settings": {"emqx.conf": text}}, "members": ()}
    return a_case(image=image, env={NAME: "emqx", **(env or {})}, **{**given, **facts})


def of_the_file(case: Case) -> list[Finding]:
    return [f for f in configuration.problems(case) if f.reason is Reason.FILE_UNSUITABLE]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        pytest.param(
            with_file("node {\n  cookie = x\n", "emqx/emqx:5.8.9"),
            (
                "emqx.conf of ConfigMap settings is broken (line 2: a } is missing)",
                "EMQX 5.8.9 does not start",
            ),
            id="a brace that nothing closes",
        ),
        pytest.param(
            with_file("node { cookie = x }\n}\n", "emqx/emqx:5.8.9"),
            ("line 2: a } too many",),
            id="one that closes nothing",
        ),
        pytest.param(
            with_file("node {\n  cookie = x\n}\n", OLD),
            ("line 1 is in HOCON, which EMQX reads from 5.0 on", "EMQX 4.4.19 does not start"),
            id="the form of 5.x for 4.x",
        ),
        pytest.param(
            with_file("cluster {\n", "emqx/emqx:5.8.9", env={"EMQX_CLUSTER__DISCOVERY_STRATEGY": None}),
            ("line 1: a } is missing",),
            id="where the strategy would stand",
        ),
    ],
)
def test_a_file_that_emqx_cannot_read_is_told(case: Case, words: tuple[str, ...]) -> None:
    [finding] = of_the_file(case)
    for word in words:
        assert word in finding.message


@pytest.mark.parametrize(
    ("text", "image"),
    [
        pytest.param("something odd\n", OLD, id="a line whose form nobody knows"),
        pytest.param("include more.conf\n", "emqx/emqx:5.8.9", id="what another file has"),
    ],
)
def test_a_file_that_only_we_cannot_read_is_not_blamed(text: str, image: str) -> None:
    assert of_the_file(with_file(text, image)) == []


def test_a_file_with_which_a_member_has_booted_is_not_blamed() -> None:
    assert of_the_file(with_file("node {\n", "emqx/emqx:5.8.9", members=a_case().observation.members)) == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        pytest.param(
            with_file(COOKIE + "cluster.discovery = k8s\n", env={DISCOVERY: None}),
            (API_SERVER, "have no effect", "emqx.conf of ConfigMap settings has none of these"),
            id="variables without a line in the file have no effect",
        ),
        pytest.param(
            with_file(COOKIE + SETTINGS, env=IN_FILE | {NAMESPACE: "iot"}),
            (f"writes {NAMESPACE} into emqx.conf", "mounted read-only", f"take {NAMESPACE} out of env"),
            id="one with a line in the file is written into it",
        ),
        pytest.param(
            with_file(COOKIE + SETTINGS + "## cluster.k8s.suffix = x\n", env=IN_FILE | {NAMESPACE: "iot"}),
            (f"writes {NAMESPACE} into emqx.conf",),
            id="also where another line is a comment",
        ),
        pytest.param(
            with_file(COOKIE + COMMENTED),
            (f"writes {DISCOVERY}, {ADDRESS_TYPE}", "and 1 more", "ends at once"),
            id="also where its own line is a comment",
        ),
        pytest.param(
            with_file(COOKIE + SETTINGS + "node.max_ports = 1024\n", env=IN_FILE),
            ("EMQX_NODE__MAX_PORTS, which the image sets itself, out of the file",),
            id="one that the image itself sets",
        ),
        pytest.param(
            with_file(SETTINGS, env=IN_FILE),
            ("has no node.cookie", "4.2.14 does not start"),
            id="4.2 without a cookie",
        ),
        pytest.param(
            with_file(SETTINGS, OLD, IN_FILE),
            ("has no node.cookie", "4.4.19 does not start"),
            id="4.4 without one",
        ),
    ],
)
def test_a_file_that_does_not_do(case: Case, words: tuple[str, ...]) -> None:
    [finding] = of_the_file(case)
    tells(finding, (Status.FALSE, Reason.FILE_UNSUITABLE), *words)


FROM_SECRET = EnvVar("EMQX_NODE_COOKIE", None, {"secretKeyRef": {"name": "s", "key": "k"}})


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(with_file(COOKIE + SETTINGS, env=IN_FILE), id="all of it in the file"),
        pytest.param(with_file(COOKIE, OLD), id="4.4 takes variables whatever the file has"),
        pytest.param(with_file(COOKIE + SETTINGS, OLD), id="and they win over it"),
        pytest.param(with_file(SETTINGS, OLD, {"EMQX_NODE__COOKIE": "x"}), id="a cookie by a variable"),
        pytest.param(with_file(SETTINGS, OLD, {"EMQX_NODE_COOKIE": FROM_SECRET}), id="by one from a Secret"),
        pytest.param(
            with_file(SETTINGS, OLD, env_from=(EnvFrom(secret="all"),)),  # noqa: S106 - its name
            id="a Secret may bring one",
        ),
        pytest.param(with_file("", "emqx/emqx:5.8.9"), id="5.x has a default"),
        pytest.param(a_case(image=OLDER, members=()), id="no file is mounted"),
        pytest.param(with_file("", OLDER, members=a_case().observation.members), id="it has booted"),
    ],
)
def test_a_file_that_does(case: Case) -> None:
    assert of_the_file(case) == []


def test_a_file_that_is_not_read_may_have_the_keys_or_not() -> None:
    mount = Mount("/opt/emqx/etc/emqx.conf", "Secret emqx-conf", "emqx.conf", is_secret=True)
    [finding] = configuration.problems(with_file("", mounted=(mount,)))
    tells(
        finding,
        (Status.UNKNOWN, Reason.SETTING_UNREADABLE),
        "only where emqx.conf has its key",
        "Secret emqx-conf",
    )
