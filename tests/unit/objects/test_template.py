"""One patch for all changes, the record of what was, and the way back; proven by applying them to manifests."""

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import a_container, a_stateful_set, a_workload
from emqx_autocluster import objects
from emqx_autocluster.api.annotations import MODE, ORIGINAL, ROLL
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.objects import recorded, template
from emqx_autocluster.objects.recorded import ENV, FieldChange, Record
from emqx_autocluster.objects.template import AUTOMOUNT, DNS_POLICY, MIN_READY_SECONDS, SERVICE_ACCOUNT
from emqx_autocluster.observation import EnvVar, Workload, WorkloadKind

RIGHT = "https://kubernetes.default.svc:443"
FROM_SECRET = {"secretKeyRef": {"name": "emqx", "key": "api"}}

Object = dict[str, Any]


def applied(target: Any, patch: Mapping[str, Any]) -> Object:
    """Strategic merge, as far as these patches need it: null removes, lists of named things merge by name."""
    result = dict(target or {})
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = applied(result.get(key), value)
        elif isinstance(value, list):
            result[key] = _merged(result.get(key) or [], value)
        else:
            result[key] = value
    return result


def _merged(target: list[Object], patch: list[Object]) -> list[Object]:
    named = {item["name"]: item for item in target}
    for item in patch:
        if item.get("$patch") == "delete":
            named.pop(item["name"], None)
        else:
            named[item["name"]] = applied(named.get(item["name"]), item)
    return list(named.values())


def a_manifest(env: list[Object] | None = None, **pod: Any) -> Object:
    """A Deployment as the API server stores it."""
    container = {"name": "emqx", "image": "emqx/emqx:5.8.9", "env": env or []}
    return {
        "metadata": {
            "name": "emqx",
            "namespace": "iot",
            "uid": "u",
            "resourceVersion": "7",
            "annotations": {MODE: "Repair"},
        },
        "spec": {
            "replicas": 3,
            "selector": {},
            "template": {"spec": {"dnsPolicy": "ClusterFirst", **pod, "containers": [container]}},
        },
    }


def parsed(manifest: Object) -> Workload:
    return objects.workload(WorkloadKind.DEPLOYMENT, manifest)


def repaired(manifest: Object, changes: recorded.Changes) -> Object:
    workload = parsed(manifest)
    recorded = workload.annotations.get(ORIGINAL)
    return without_version(
        applied(manifest, template.patch(workload, workload.template.containers[0], changes, recorded))
    )


def reverted(manifest: Object) -> Object:
    workload = parsed(manifest)
    return applied(manifest, template.revert_patch(workload, workload.annotations[ORIGINAL]))


def without_version(manifest: Object) -> Object:
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": "8"}}


def env_of(manifest: Object) -> dict[str, Object]:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry for entry in container["env"]}


def wrong(manifest: Object) -> recorded.Changes:
    """All that a repair changes, as the planner would find it in this manifest."""
    workload = parsed(manifest)
    pod = workload.template
    return (
        template.env_change(pod.containers[0], API_SERVER, RIGHT),
        FieldChange(SERVICE_ACCOUNT, pod.service_account if pod.names_account else None, "emqx-discovery"),
        FieldChange(AUTOMOUNT, pod.automount_token, now=True),
        FieldChange(DNS_POLICY, pod.dns_policy, "ClusterFirst"),
        FieldChange(MIN_READY_SECONDS, workload.min_ready_seconds, 20),
    )


entries = st.sampled_from(
    [
        [],
        [{"name": API_SERVER, "value": "http://192.168.1.31:8888"}],
        [{"name": API_SERVER, "value": ""}],
        [{"name": API_SERVER, "valueFrom": FROM_SECRET}],
        [{"name": "OTHER", "value": "x"}, {"name": API_SERVER, "value": "http://10.0.0.1"}],
    ]
)
pods = st.fixed_dictionaries(
    {"dnsPolicy": st.sampled_from(["Default", "ClusterFirst"])},
    optional={
        "automountServiceAccountToken": st.sampled_from([False, True]),
        "serviceAccountName": st.sampled_from(["default", "emqx"]),
    },
)
manifests = st.builds(lambda env, pod: a_manifest(env, **pod), entries, pods)


@given(manifests, st.sets(st.integers(0, 4), min_size=1))
def test_repair_and_revert_give_back_the_original(manifest: Object, which: set[int]) -> None:
    before = copy.deepcopy(manifest)
    changes = tuple(wrong(manifest)[i] for i in sorted(which))
    after = reverted(repaired(manifest, changes))
    assert manifest == before, "the interpreter changes nothing in place"
    assert env_of(after) == env_of(before)
    # The API server itself keeps these equal and fills them in.
    for spec in (before["spec"]["template"]["spec"], after["spec"]["template"]["spec"]):
        spec.pop("containers")
        spec.pop("serviceAccount", None)
    after["spec"].setdefault("minReadySeconds", 0)
    before["spec"].setdefault("minReadySeconds", 0)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == {MODE: "Observe"}


@given(manifests)
def test_two_repairs_and_a_revert_give_back_the_first_original(manifest: Object) -> None:
    once = repaired(manifest, wrong(manifest))
    twice = repaired(once, wrong(once))
    assert env_of(reverted(twice)) == env_of(manifest)


def test_a_repair_makes_it_right() -> None:
    manifest = a_manifest([{"name": API_SERVER, "valueFrom": FROM_SECRET}], dnsPolicy="Default")
    after = repaired(manifest, wrong(manifest))
    assert env_of(after) == {API_SERVER: {"name": API_SERVER, "value": RIGHT}}
    spec = after["spec"]["template"]["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("emqx-discovery", "emqx-discovery")
    assert spec["automountServiceAccountToken"] is True
    assert spec["dnsPolicy"] == "ClusterFirst"
    assert after["spec"]["minReadySeconds"] == 20


def test_what_somebody_else_changed_since_stays() -> None:
    manifest = a_manifest([{"name": API_SERVER, "value": "nonsense"}], dnsPolicy="Default")
    after = repaired(manifest, wrong(manifest))
    spec = after["spec"]["template"]["spec"]
    spec["containers"][0]["env"] = [{"name": API_SERVER, "value": "https://my.own"}]
    spec["dnsPolicy"] = "None"
    back = reverted(after)
    assert env_of(back)[API_SERVER]["value"] == "https://my.own"
    assert back["spec"]["template"]["spec"]["dnsPolicy"] == "None"
    assert "serviceAccountName" not in back["spec"]["template"]["spec"], (
        "what still holds our value goes back"
    )


def test_after_somebody_elses_change_the_new_value_is_the_original() -> None:
    manifest = a_manifest([{"name": API_SERVER, "value": "nonsense"}])
    after = repaired(manifest, wrong(manifest))
    after["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": API_SERVER, "value": "other nonsense"}
    ]
    again = repaired(after, wrong(after))
    assert env_of(reverted(again))[API_SERVER]["value"] == "other nonsense"


def test_other_containers_and_variables_are_left_alone() -> None:
    manifest = a_manifest([{"name": "OTHER", "value": "x"}, {"name": API_SERVER, "value": "nonsense"}])
    after = repaired(
        manifest, (template.env_change(parsed(manifest).template.containers[0], API_SERVER, RIGHT),)
    )
    assert env_of(after)["OTHER"] == {"name": "OTHER", "value": "x"}


def test_the_patch_by_hand_needs_neither_record_nor_version() -> None:
    changes = (template.env_change(a_container(), API_SERVER, RIGHT),)
    assert "metadata" not in template.manual_patch(a_container(), changes)


def test_the_patches_are_refused_if_the_workload_changed_meanwhile() -> None:
    workload = a_workload(resource_version="42")
    changes = (FieldChange(MIN_READY_SECONDS, 0, 20),)
    for body in (
        template.patch(workload, a_container(), changes, None),
        template.revert_patch(workload, Record("emqx", changes).dump()),
    ):
        assert body["metadata"]["resourceVersion"] == "42"
        assert body["metadata"]["annotations"][ROLL] is None


def test_a_revert_sets_mode_observe_so_that_it_stays_back() -> None:
    body = template.revert_patch(a_workload(), None)
    assert body["metadata"]["annotations"] == {ORIGINAL: None, ROLL: None, MODE: "Observe"}
    assert body["spec"] == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((FieldChange(MIN_READY_SECONDS, 0, 20),), False),
        ((FieldChange(DNS_POLICY, "Default", "ClusterFirst"),), True),
        ((FieldChange(MIN_READY_SECONDS, 0, 20), FieldChange(AUTOMOUNT, None, now=True)), True),
        ((), False),
    ],
)
def test_only_min_ready_seconds_restarts_nothing(changes: recorded.Changes, *, expected: bool) -> None:
    assert template.rolls(changes) == expected


# --- the record


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        "[]",
        "5",
        '"text"',
        "{}",
        '{"changes":5}',
        '{"changes":[{}]}',
        '{"changes":{"a":1}}',
    ],
)
def test_a_record_that_was_edited_beyond_recognition_puts_nothing_back(text: str | None) -> None:
    assert Record.load(text) == Record()


variables = st.from_regex(r"env/EMQX_[A-Z0-9_]{1,20}", fullmatch=True)
counts = st.none() | st.integers(0, 2**31 - 1)


@given(
    st.lists(
        st.builds(FieldChange, variables, st.none(), st.text())
        | st.builds(FieldChange, st.just("minReadySeconds"), counts, counts),
        max_size=4,
    )
)
def test_a_record_is_read_back_as_it_was_written(changes: list[FieldChange]) -> None:
    record = Record("emqx", tuple(changes))
    assert Record.load(record.dump()) == record
    assert json.loads(record.dump())["container"] == "emqx"


# --- who put it back

RECORD = Record(
    "emqx",
    (
        FieldChange(ENV + API_SERVER, {"name": API_SERVER, "value": "nonsense"}, RIGHT),
        FieldChange(MIN_READY_SECONDS, 0, 20),
    ),
).dump()


@pytest.mark.parametrize(
    ("workload", "undone"),
    [
        pytest.param(a_workload(env={API_SERVER: "nonsense"}), True, id="kubectl rollout undo"),
        pytest.param(
            a_workload(env={API_SERVER: "nonsense"}, annotations={ORIGINAL: RECORD}),
            False,
            id="a tool that applies a manifest leaves our annotation alone",
        ),
        pytest.param(a_workload(env={API_SERVER: RIGHT}), False, id="our value is still there"),
        pytest.param(a_workload(env={API_SERVER: "http://new"}), False, id="a new value"),
    ],
)
def test_a_persons_rollback_is_told_from_a_tools(workload: Workload, *, undone: bool) -> None:
    assert template.is_undone(workload, RECORD) == undone
    assert not template.is_undone(workload, None)


@pytest.mark.parametrize(
    ("change", "before"),
    [
        (FieldChange(ENV + API_SERVER, None, RIGHT), {"env": {API_SERVER: None}}),
        (
            FieldChange(ENV + API_SERVER, {"name": API_SERVER, "valueFrom": FROM_SECRET}, RIGHT),
            {"env": {API_SERVER: EnvVar(API_SERVER, None, FROM_SECRET)}},
        ),
        (FieldChange(SERVICE_ACCOUNT, None, "emqx-discovery"), {"service_account": "default"}),
        (FieldChange(DNS_POLICY, "Default", "ClusterFirst"), {"dns_policy": "Default"}),
        (FieldChange(AUTOMOUNT, was=False, now=True), {"automount_token": False}),
    ],
)
def test_a_rollback_is_seen_whatever_was_changed(change: FieldChange, before: dict[str, Any]) -> None:
    assert template.is_undone(a_workload(**before), Record("emqx", (change,)).dump())


@pytest.mark.parametrize(
    ("address", "seconds", "told"),
    [
        (RIGHT, 20, [ENV + API_SERVER, MIN_READY_SECONDS]),
        (RIGHT, 0, [ENV + API_SERVER]),
        ("x", 20, [MIN_READY_SECONDS]),
    ],
)
def test_a_record_tells_of_the_fields_that_hold_our_value(
    address: str, seconds: int, told: list[str]
) -> None:
    kept = template.still_held(a_workload(env={API_SERVER: address}, min_ready_seconds=seconds), RECORD)
    assert [change.field for change in Record.load(kept).changes] == told


def test_a_record_of_which_nothing_holds_is_dropped() -> None:
    assert template.still_held(a_workload(env={API_SERVER: "x"}, min_ready_seconds=0), RECORD) is None
    assert template.still_held(a_workload(), None) is None


# --- for people


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "(unset)"),
        ("http://x", "http://x"),
        (20, "20"),
        (True, "true"),
        ({"name": "X", "value": "y"}, "y"),
        ({"name": "X", "valueFrom": {"fieldRef": {}}}, 'valueFrom {"fieldRef": {}}'),
    ],
)
def test_values_as_people_write_them(value: Any, shown: str) -> None:
    assert template.shown(value) == shown


def test_the_value_that_a_field_has_now() -> None:
    workload = a_stateful_set(dns_policy="Default", automount_token=False, min_ready_seconds=7)
    now = {
        f: template.current(workload, a_container(), f) for f in (DNS_POLICY, AUTOMOUNT, MIN_READY_SECONDS)
    }
    assert now == {DNS_POLICY: "Default", AUTOMOUNT: False, MIN_READY_SECONDS: 7}
    assert template.current(workload, None, ENV + API_SERVER) is None
    assert template.current(workload, a_container(), "no such field") is None


def test_of_a_name_that_is_there_twice_every_entry_goes_before_the_new_one_comes() -> None:
    """Strategic merge finds the first of a name, and the last one counts."""
    once = a_container(env={API_SERVER: RIGHT})
    twice = replace(once, env=(*once.env, EnvVar(API_SERVER, "nonsense")))
    change = template.env_change(twice, API_SERVER, RIGHT)
    gone, new = (
        {"name": API_SERVER, "$patch": "delete"},
        {"name": API_SERVER, "value": RIGHT, "valueFrom": None},
    )

    def env_patch(body: Object) -> Any:
        return body["spec"]["template"]["spec"]["containers"][0]["env"]

    assert env_patch(template.manual_patch(twice, (change,))) == [gone, new]
    assert env_patch(template.manual_patch(once, (change,))) == [new]
    again = replace(once, env=(*once.env, EnvVar(API_SERVER, RIGHT)))
    workload = a_workload(containers=(again,))
    added = Record("emqx", (FieldChange(ENV + API_SERVER, None, RIGHT),)).dump()
    assert env_patch(template.revert_patch(workload, added)) == [gone]


# --- names in other letters

SMALL, EXACT = "EMQX_cluster__k8s__namespace", "EMQX_CLUSTER__K8S__NAMESPACE"


@pytest.mark.parametrize(
    ("given", "name", "gone"),
    [
        pytest.param("iot", EXACT, SMALL, id="the right value: it is the name that has to be another"),
        pytest.param('"iot" ', EXACT, SMALL, id="the right value to EMQX"),
        pytest.param("lab", SMALL, None, id="another value: it is put right where it stands"),
    ],
)
def test_where_only_the_letters_are_wrong_the_old_entry_goes(given: str, name: str, gone: str | None) -> None:
    manifest = a_manifest([{"name": SMALL, "value": given}])
    container = objects.workload(WorkloadKind.DEPLOYMENT, manifest).template.containers[0]
    change = template.exact_change(container, EXACT, "iot")
    assert (change.field, template.replaced(change)) == (f"{ENV}{name}", gone)
    patched = applied(manifest, template.manual_patch(container, (change,)))
    [entry] = patched["spec"]["template"]["spec"]["containers"][0]["env"]
    assert (entry["name"], entry["value"]) == (name, "iot")
