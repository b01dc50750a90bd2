"""The record of replaced fields is obeyed by `revert`, and anybody may write it who may annotate."""

import json
from typing import Any

import pytest

from emqx_autocluster.objects import recorded
from emqx_autocluster.objects.recorded import FieldChange, Record

API = "env/EMQX_CLUSTER__K8S__APISERVER"
NAME = API.removeprefix("env/")
SECRET = {"name": NAME, "valueFrom": {"secretKeyRef": {"name": "other", "key": "password"}}}

SOUND = {
    "a variable that was not there": (API, None, "x"),
    "a variable with a text": (API, {"name": NAME, "value": "x"}, "y"),
    "a variable from a Secret": (API, SECRET, "y"),
    "an account that was not named": ("serviceAccountName", None, "emqx"),
    "a switch": ("automountServiceAccountToken", False, True),
    "a policy": ("dnsPolicy", "Default", "ClusterFirst"),
    "a count": ("minReadySeconds", 0, 20),
    "a share": ("strategy.rollingUpdate.maxSurge", "25%", 1),
}
FORGED = {
    "a field that the operator never replaces": ("hostNetwork", False, True),
    "another variable": ("env/LD_PRELOAD", None, "x"),
    "a variable of another name within": (API, {"name": "LD_PRELOAD", "value": "x"}, "y"),
    "a number as a variable's value": (API, None, 5),
    "more than a variable": (API, {"name": NAME, "value": "x", "$patch": "replace"}, "y"),
    "an entry that is a list": (API, [SECRET], "y"),
    "a source that Kubernetes does not know": (API, {"name": NAME, "valueFrom": {"exec": {"a": "b"}}}, "y"),
    "a nested source": (API, {"name": NAME, "valueFrom": {"secretKeyRef": {"name": {"a": "b"}}}}, "y"),
    "an account that is no name": ("serviceAccountName", "a/b", "emqx"),
    "an account that is a list": ("serviceAccountName", ["admin"], "emqx"),
    "a switch that is a text": ("automountServiceAccountToken", "false", True),
    "a policy that is none": ("dnsPolicy", "Mine", "ClusterFirst"),
    "a count below none": ("minReadySeconds", -1, 20),
    "a count that is a switch": ("minReadySeconds", True, 20),
    "a count that no field holds": ("minReadySeconds", 10**30, 20),
    "a field that is a number": (5, 0, 1),
}


def text(*changes: tuple[Any, Any, Any], container: Any = "emqx") -> str:
    listed = [{"field": field, "was": was, "now": now} for field, was, now in changes]
    return json.dumps({"container": container, "changes": listed})


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_what_the_operator_writes_is_read(change: tuple[Any, Any, Any]) -> None:
    assert Record.read(text(change)) == Record("emqx", (FieldChange(*change),))


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_what_it_never_writes_is_refused_as_a_whole(change: tuple[Any, Any, Any]) -> None:
    forged = text(SOUND["a count"], change)
    with pytest.raises(ValueError, match=r"^[^\n]{10,120}$"):
        Record.read(forged)
    assert Record.load(forged) == Record()


@pytest.mark.parametrize("container", [5, ["emqx"], "a b", "$patch: delete"])
def test_a_container_that_is_no_name_is_refused(container: Any) -> None:
    with pytest.raises(ValueError, match="its container is no name"):
        Record.read(text(SOUND["a count"], container=container))


@pytest.mark.parametrize("name", ["a variable from a Secret", "an account that was not named"])
def test_what_gives_pods_something_of_others_is_believed_from_our_own_copy_alone(name: str) -> None:
    told, plain = text(SOUND[name], SOUND["a count"]), text(SOUND["a count"])
    assert recorded.believed(told, None) == Record.load(plain)
    assert recorded.believed(told, plain) == Record.load(plain)
    believed = recorded.believed(None, told)
    assert sorted(believed.changes, key=str) == sorted(Record.load(told).changes, key=str)
    assert recorded.believed(told, told) == believed


def test_our_own_copy_counts_where_both_tell_of_a_field() -> None:
    forged = text(("minReadySeconds", 7, 20))
    assert recorded.believed(forged, text(SOUND["a count"])).changes == (FieldChange(*SOUND["a count"]),)
