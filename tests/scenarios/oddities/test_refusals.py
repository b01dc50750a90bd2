"""The API server refuses what the operator wants to write: its words are told, and the operator stays patient."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

import manifests
from odd import ACCOUNT, NO_SCHEME, address, with_rights
from requests_seen import RequestsSeen
from story import Story, condition, uids

Object = dict[str, Any]
FORBIDDEN, NOT_FOUND, INVALID = 403, 404, 422
LONGEST_WAIT = 90
"""60 s, on a busy machine."""


class Tries:
    """How often the operator was refused, and when."""

    def __init__(self, story: Story, *resources: str) -> None:
        self._seen, self._resources = RequestsSeen.from_now(story), resources

    def at(self) -> list[datetime]:
        self._seen.read_on()
        return [
            write.timestamp
            for write in self._seen.writes
            if write.code in {FORBIDDEN, INVALID} and write.resource in self._resources
        ]

    def others(self) -> list[str]:
        """Resources of all other refused writes."""
        self._seen.read_on()
        refused = [w.resource for w in self._seen.writes if w.code in {FORBIDDEN, INVALID}]
        return [resource for resource in refused if resource not in self._resources]

    def waits(self) -> list[float]:
        at = self.at()
        return [(after - before).total_seconds() for before, after in pairwise(at)]


async def until_tried(story: Story, tries: Tries, count: int) -> None:
    async def so_often() -> bool:
        return len(tries.at()) >= count

    await story.until(f"{count} refused tries", so_often, seconds=2 * LONGEST_WAIT)


async def until_told(story: Story, kind: str, words: str) -> Object:
    async def told() -> Object | None:
        found = await story.condition(kind)
        return found if words in found.get("message", "") else None

    found: Object = await story.until(f"{kind} to say: {words}", told, seconds=180)
    return found


def grow(waits: list[float]) -> bool:
    """At least 5 s, 10 s, 20 s, ...; more where the machine is busy."""
    return all(wait > 0.98 * 5 * 2**n for n, wait in enumerate(waits))


async def quota(story: Story, **hard: str) -> None:
    """In force once the quota controller has counted what is there."""
    limits = {name.replace("__", "/").replace("_", "."): value for name, value in hard.items()}
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "no-more", "namespace": story.namespace},
        "spec": {"hard": limits},
    }
    await story.shell(f"echo '{json.dumps(body)}' | kubectl create -f -")
    counted = f"kubectl get quota no-more -n {story.namespace} -o jsonpath='{{.status.hard}}'"

    async def in_force() -> bool:
        return bool((await story.shell(counted)).strip())

    await story.until("the quota in force", in_force)


async def test_a_quota_that_forbids_roles_is_told_in_its_own_words_and_waited_out(story: Story) -> None:
    await story.apply(
        manifests.service_account(story.namespace, "iot"),
        manifests.service(story.namespace),
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=ACCOUNT),
    )
    await story.until_lone(1)
    await quota(story, count__roles_rbac_authorization_k8s_io="0")
    tries = Tries(story, "roles")
    await story.annotate(mode="Repair")

    told = await until_told(story, "RBACReady", "exceeded quota: no-more")
    assert (told["status"], told["reason"]) == ("False", "PermissionDenied")
    assert "ServiceAccount iot may not get endpoints/emqx" in told["message"]
    assert "CreateRole Role/emqx-discovery failed: " in told["message"]
    assert "tried again" in told["message"]
    assert (await story.condition("Ready"))["message"] == told["message"]
    await until_tried(story, tries, 3)
    assert grow(tries.waits()), tries.waits()
    assert await story.get("RoleBinding", "emqx-discovery") is None, "useless without its Role"
    refusals = [e for e in await story.events("Deployment") if e["reason"] == "CreateRole"]
    assert len(refusals) == 1, "an event for the refusal, and none for each try"

    await story.shell(f"kubectl delete quota no-more -n {story.namespace}")
    await story.until_condition("RBACReady", "True", "AccessGranted", seconds=LONGEST_WAIT)
    resource = await story.until_repaired(seconds=LONGEST_WAIT)
    assert "exceeded quota" not in json.dumps(resource["status"]["conditions"])


async def test_where_no_resource_can_be_made_an_event_on_the_workload_says_so(story: Story) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1),
    )
    await quota(story, **{"count__emqxautoclusters_emqx-autocluster_io": "0"})
    tries = Tries(story, "emqxautoclusters")
    await story.annotate(mode="Observe")

    await until_tried(story, tries, 3)
    refusals = [e["note"] for e in await story.events("Deployment") if e["reason"] == "ActionFailed"]
    assert len(set(refusals)) == len(refusals) > 0, "an event for the refusal, and none for each try"
    assert "no EMQXAutoCluster can be made" in refusals[0]
    assert "quota: no-more" in refusals[0]

    await story.shell(f"kubectl delete quota no-more -n {story.namespace}")
    await story.until_condition("Accepted", "True", seconds=LONGEST_WAIT)


async def policy(story: Story, name: str, says: str) -> None:
    """A ValidatingAdmissionPolicy for this namespace: templates of Deployments do not change."""
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["UPDATE"],
                        "resources": ["deployments"],
                    }
                ]
            },
            "validations": [
                {"expression": "object.spec.template == oldObject.spec.template", "message": says}
            ],
        },
    }
    own = {"matchLabels": {"kubernetes.io/metadata.name": story.namespace}}
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": own},
        },
    }
    for each in (body, binding):
        await story.shell(f"echo '{json.dumps(each)}' | kubectl create -f -")
    change = f"kubectl set env deployment/emqx -n {story.namespace} TRIED=1 --dry-run=server 2>&1 || true"

    async def in_force() -> bool:
        return says in await story.shell(change)

    await story.until("the policy in force", in_force)


@pytest.fixture
async def freeze(story: Story) -> AsyncIterator[str]:
    """The name of a policy; policies are not of a namespace, and so do not go with it."""
    name = f"frozen-{story.namespace[-6:]}"
    yield name
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        await story.shell(f"kubectl delete {kind} {name} --ignore-not-found")


async def test_an_admission_policy_that_refuses_the_patch_is_told_in_its_own_words_and_waited_out(
    story: Story, freeze: str
) -> None:
    await with_rights(story)
    await story.apply(manifests.deployment("5.8.9", story.namespace, NO_SCHEME, replicas=1, pod=ACCOUNT))
    await story.until_lone(1)
    says = "production is frozen until Monday, ask in #change-advisory"
    await policy(story, freeze, says)
    tries, pods = Tries(story, "deployments"), uids(await story.pods())
    await story.annotate(mode="Repair")

    told = await until_told(story, "ConfigurationValid", says)
    assert (told["status"], told["reason"]) == ("False", "APIServerMalformed")
    assert 'PatchWorkload Deployment/emqx failed: Invalid: deployments.apps "emqx"' in told["message"]
    assert freeze in told["message"], "who refuses it"
    await until_tried(story, tries, 3)
    assert grow(tries.waits()), tries.waits()
    resource = await story.resource()
    assert says in condition(resource, "ConfigurationValid")["message"], "it stays there between the tries"
    assert resource["status"]["lastAction"]["result"] == "Failed"
    assert uids(await story.pods()) == pods

    await story.shell(f"kubectl delete validatingadmissionpolicybinding {freeze}")
    await story.until_repaired(seconds=LONGEST_WAIT + 120)
    assert await address(story) == manifests.CANONICAL
    assert await story.rollouts() == 1


async def test_a_namespace_that_is_being_deleted_is_no_reason_for_haste(story: Story) -> None:
    """Its pods go first. One that takes its time keeps the workload there, and nothing can be created any more."""
    await with_rights(story)
    await story.apply(
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=ACCOUNT)
    )
    await story.annotate(mode="Repair")
    await story.until_repaired()
    (pod,) = await story.pods()
    await story.patch("Pod", pod["metadata"]["name"], {"metadata": {"finalizers": ["example.com/slow"]}})
    await story.patch("EMQXAutoCluster", "emqx", {"spec": {"repair": {"createServiceAccount": True}}})
    accounts, resources = Tries(story, "serviceaccounts"), Tries(story, "emqxautoclusters")
    await story.shell(f"kubectl delete namespace {story.namespace} --wait=false")
    await story.until("the pod is being deleted", partial(is_leaving, story))

    await story.delete("ServiceAccount", "iot")
    told = await until_told(story, "RBACReady", "is being terminated")
    assert (told["status"], told["reason"]) == ("False", "ServiceAccountMissing")
    await until_tried(story, accounts, 3)
    assert grow(accounts.waits()), accounts.waits()
    assert set(accounts.others()) <= {"events"}

    await story.delete("EMQXAutoCluster", "emqx")
    await until_tried(story, resources, 4)
    assert sum(resources.waits()) > 5, "1 s, 2 s, 4 s"
    assert await story.get("Deployment"), "there to the end, or nothing would have been tried"

    end = RequestsSeen.from_now(story)
    await story.patch("Pod", pod["metadata"]["name"], {"metadata": {"finalizers": None}})
    await story.until("the workload gone", partial(is_gone, story))

    async def noticed() -> bool:
        end.read_on()
        return any(e.resource == "deployments" and e.code == NOT_FOUND for e in end.entries)

    await story.until("a look at what is gone", noticed)
    tried = [write.resource for write in end.writes if write.resource != "events"]
    assert tried in ([], ["emqxautoclusters"]), "no more than the try that was due"


async def is_leaving(story: Story) -> bool:
    return all("deletionTimestamp" in pod["metadata"] for pod in await story.pods())


async def is_gone(story: Story) -> bool:
    return await story.get("Deployment") is None
