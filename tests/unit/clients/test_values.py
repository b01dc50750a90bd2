"""Paths, errors and resolver rules: the parts of the clients that do no I/O."""

import json

import pytest

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import (
    APIError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    TooManyRequests,
    Unavailable,
    api_error,
    one_line,
)
from emqx_autocluster.clients.resolv_conf import parse_resolv_conf
from emqx_autocluster.observation import ResolvConf

POD_CONF = ResolvConf(("10.96.0.10",), ("iot.svc.cluster.local", "svc.cluster.local", "cluster.local"), 5)


def test_paths() -> None:
    assert paths.deployments() == "/apis/apps/v1/deployments"
    assert paths.pods("iot") == "/api/v1/namespaces/iot/pods"
    assert paths.pod_exec("iot", "emqx-0") == "/api/v1/namespaces/iot/pods/emqx-0/exec"
    assert paths.pod_log("iot", "emqx-0") == "/api/v1/namespaces/iot/pods/emqx-0/log"
    assert paths.pod_eviction("iot", "emqx-0") == "/api/v1/namespaces/iot/pods/emqx-0/eviction"
    assert (
        paths.emqxautocluster_status("iot", "emqx")
        == "/apis/emqx-autocluster.io/v1alpha1/namespaces/iot/emqxautoclusters/emqx/status"
    )
    reviews = "/apis/authorization.k8s.io/v1/namespaces/iot/localsubjectaccessreviews"
    assert paths.local_subject_access_reviews("iot") == reviews
    assert (
        paths.rolebindings("iot", "a:b")
        == "/apis/rbac.authorization.k8s.io/v1/namespaces/iot/rolebindings/a%3Ab"
    )


def test_no_name_leaves_its_place_in_a_path() -> None:
    assert paths.services("../x", "a/b?c") == "/api/v1/namespaces/..%2Fx/services/a%2Fb%3Fc"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, Forbidden),
        (404, APIError),
        (409, Conflict),
        (410, Gone),
        (422, Invalid),
        (429, TooManyRequests),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_errors_by_status(status: int, kind: type[APIError]) -> None:
    error = api_error(
        status, json.dumps({"kind": "Status", "reason": "Why", "message": "so\n  it is"}).encode()
    )
    assert type(error) is kind
    assert (error.status, error.reason, error.message, str(error)) == (
        status,
        "Why",
        "so it is",
        "Why: so it is",
    )


def test_an_answer_that_is_no_status_object() -> None:
    error = api_error(502, b"<html>Bad gateway</html>")
    assert str(error) == "HTTP 502: <html>Bad gateway</html>"
    assert api_error(400, b"[]").message == "[]"


def test_already_exists_is_not_a_conflict_of_versions() -> None:
    exists = api_error(409, b'{"reason": "AlreadyExists", "message": "x"}')
    conflict = api_error(409, b'{"reason": "Conflict", "message": "x"}')
    assert isinstance(exists, Conflict)
    assert isinstance(conflict, Conflict)
    assert (exists.already_exists, conflict.already_exists) == (True, False)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("GET https://admin:p%40ss@10.0.0.1:6443/api failed", "GET https://10.0.0.1:6443/api failed"),
        ("http://user:p@ss@host", "http://host"),
        ("emqx@10.0.0.1 and http://us/er:p@b", "emqx@10.0.0.1 and http://b"),
        ("\x1b[31mred\x1b[0m\n two", "red two"),
        ("erl -setcookie abc -name n", "erl -setcookie … -name n"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_a_line_is_bounded() -> None:
    assert len(one_line("x" * 5000)) == 1000


def test_resolv_conf() -> None:
    text = (
        "# made by hand\nsearch old.example\nnameserver 10.96.0.10 # first\nnameserver fd00::a\n"
        "search iot.svc.cluster.local svc.cluster.local\noptions timeout:2 ndots:5 rotate\nbroken\nnameserver\n"
    )
    assert parse_resolv_conf(text) == ResolvConf(
        ("10.96.0.10", "fd00::a"), ("iot.svc.cluster.local", "svc.cluster.local"), 5
    )
    assert parse_resolv_conf("") is None
    assert parse_resolv_conf("nameserver 10.96.0.10\nsearch " + " d" * 33) is None
    conf = parse_resolv_conf("nameserver 10.96.0.10\noptions ndots:99\noptions ndots:x")
    assert conf
    assert conf.ndots == 15


@pytest.mark.parametrize(
    ("name", "conf", "expected"),
    [
        ("emqx", ResolvConf(()), ("emqx.",)),
        ("a.b.", POD_CONF, ("a.b.",)),
        (
            "kubernetes.default.svc",
            POD_CONF,
            (
                "kubernetes.default.svc.iot.svc.cluster.local.",
                "kubernetes.default.svc.svc.cluster.local.",
                "kubernetes.default.svc.cluster.local.",
                "kubernetes.default.svc.",
            ),
        ),
        (
            "apiserver.cluster.local",
            ResolvConf((), ("example.com", "."), 1),
            ("apiserver.cluster.local.", "apiserver.cluster.local.example.com."),
        ),
    ],
)
def test_candidates(name: str, conf: ResolvConf, expected: tuple[str, ...]) -> None:
    assert conf.candidates(name) == expected
