"""What the record of replaced fields tells: originals as they were, and whether a person rolled back."""

from dataclasses import replace
from typing import Any

import pytest

from builders import a_workload
from emqx_autocluster.api import annotations
from emqx_autocluster.objects import template
from emqx_autocluster.objects.recorded import ENV, FieldChange, Record
from emqx_autocluster.observation import Container, EnvVar, Workload, WorkloadKind

NAME = "EMQX_CLUSTER__K8S__APISERVER"
RIGHT = "https://kubernetes.default.svc:443"
KEY = {"configMapKeyRef": {"name": "address", "key": "apiserver"}}
ENTRIES = {
    "plain": (EnvVar(NAME, "http://dead:1"), {"name": NAME, "value": "http://dead:1"}),
    "referenced": (EnvVar(NAME, None, KEY), {"name": NAME, "valueFrom": KEY}),
    "absent": (None, None),
}


def having(env: EnvVar | None, **fields: Any) -> Workload:
    container = Container("emqx", "emqx/emqx:5.8.9", (env,) if env else ())
    workload = a_workload(**fields)
    return replace(workload, template=replace(workload.template, containers=(container,)))


def recorded(*changes: FieldChange) -> str:
    return Record("emqx", changes).dump()


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_rollback_is_told_by_the_old_entry_being_there_again(kind: str) -> None:
    entry, was = ENTRIES[kind]
    record = recorded(FieldChange(ENV + NAME, was, RIGHT))
    assert template.is_undone(having(entry), record)
    assert not template.is_undone(having(EnvVar(NAME, RIGHT)), record)
    assert not template.is_undone(having(EnvVar(NAME, "http://another:2")), record)


@pytest.mark.parametrize("was", [None, "default"])
def test_a_rollback_of_the_service_account_alone_counts(was: str | None) -> None:
    record = recorded(FieldChange(template.SERVICE_ACCOUNT, was, "emqx-discovery"))
    assert template.is_undone(having(None, service_account="default"), record)
    assert not template.is_undone(having(None, service_account="emqx-discovery"), record)


def test_a_field_still_ours_or_our_annotation_still_there_is_no_rollback() -> None:
    changes = (
        FieldChange(ENV + NAME, ENTRIES["plain"][1], RIGHT),
        FieldChange(template.DNS_POLICY, "Default", "ClusterFirst"),
    )
    halfway = having(ENTRIES["plain"][0], dns_policy="ClusterFirst")
    assert not template.is_undone(halfway, recorded(*changes))
    back = having(ENTRIES["plain"][0], dns_policy="Default")
    assert template.is_undone(back, recorded(*changes))
    marked = replace(back, annotations={annotations.ORIGINAL: recorded(*changes)})
    assert not template.is_undone(marked, recorded(*changes))


def test_of_a_stateful_set_it_is_told_by_the_signature_since_its_annotations_stay() -> None:
    change = FieldChange(ENV + NAME, ENTRIES["plain"][1], RIGHT)
    kept = {annotations.ORIGINAL: recorded(change)}
    facts: dict[str, Any] = {"kind": WorkloadKind.STATEFUL_SET, "annotations": kept}
    back = having(ENTRIES["plain"][0], writers={f"env/{NAME}": "kubectl"}, **facts)
    assert template.is_undone(back, recorded(change))
    assert not template.is_undone(back, None), "who asks for the repair anew after it"
    applied = having(ENTRIES["plain"][0], writers={f"env/{NAME}": "argocd", "env/OTHER": "kubectl"}, **facts)
    assert not template.is_undone(applied, recorded(change)), "an earlier rollback was of something else"


def test_min_ready_seconds_alone_restarts_nothing_and_tells_no_rollback() -> None:
    change = FieldChange(template.MIN_READY_SECONDS, 0, 20)
    assert not template.is_undone(having(None), recorded(change))


@pytest.mark.parametrize(
    ("was", "text"),
    [
        (None, "(unset)"),
        ({"name": NAME, "value": "http://dead:1"}, "http://dead:1"),
        (
            {"name": NAME, "valueFrom": KEY},
            'valueFrom {"configMapKeyRef": {"name": "address", "key": "apiserver"}}',
        ),
        (False, "false"),
        (20, "20"),
        ("ClusterFirst", "ClusterFirst"),
    ],
)
def test_originals_are_shown_as_people_write_them(was: object, text: str) -> None:
    assert template.shown(was) == text
