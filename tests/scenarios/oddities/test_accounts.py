"""ServiceAccounts as people use them: shared, without a token, and with a token that is mounted by hand."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import manifests
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.effects import Effects
from emqx_autocluster.healing import Action, Step
from emqx_autocluster.healing.steps import Create
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.observer import Observer
from odd import ACCOUNT, with_rights
from story import Story, uids

Object = dict[str, Any]
TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"
UNMOUNTED = ACCOUNT | {"automountServiceAccountToken": False}


async def is_gone(story: Story, kind: str, name: str) -> bool:
    return await story.get(kind, name) is None


async def test_two_workloads_that_share_a_service_account_each_get_a_role_and_lose_only_their_own(
    story: Story,
) -> None:
    """The account that both name is missing: one of them makes it, and it outlives each of them."""
    for name in ("emqx", "edge"):
        env = {"EMQX_CLUSTER__K8S__SERVICE_NAME": name}
        workload = manifests.deployment(
            "5.8.9",
            story.namespace,
            manifests.CANONICAL,
            name=name,
            replicas=1,
            pod=ACCOUNT,
            **env,
        )
        workload["metadata"]["annotations"] = {"emqx-autocluster.io/mode": "Repair"}
        await story.apply(manifests.service(story.namespace, name=name, app=name), workload)
        await story.until_condition("RBACReady", "False", "ServiceAccountMissing", name=name)
    for name in ("emqx", "edge"):
        asked = {"spec": {"repair": {"createServiceAccount": True}}}
        await story.patch("EMQXAutoCluster", name, asked)

    for name in ("emqx", "edge"):
        await story.until_repaired(name=name, seconds=180)
        role, binding = [await story.get(kind, f"{name}-discovery") for kind in ("Role", "RoleBinding")]
        assert role
        assert binding
        assert role["rules"][0]["resourceNames"] == [name]
        assert [subject["name"] for subject in binding["subjects"]] == ["iot"]
    account = await story.get("ServiceAccount", "iot")

    await story.shell(f"kubectl delete deployment edge -n {story.namespace} --wait=false")
    for kind, gone in (
        ("Role", "edge-discovery"),
        ("RoleBinding", "edge-discovery"),
        ("EMQXAutoCluster", "edge"),
    ):
        await story.until(f"no {kind} {gone}", partial(is_gone, story, kind, gone))
    assert await story.get("ServiceAccount", "iot") == account
    may = f"kubectl auth can-i -n {story.namespace} --as system:serviceaccount:{story.namespace}:iot"
    assert (await story.shell(f"{may} get endpoints/emqx")).strip() == "yes"
    assert (await story.shell(f"{may} get endpoints/edge || true")).strip() == "no"
    await story.until_condition("Ready", "True", "SingleMember", name="emqx")


async def test_both_of_two_workloads_try_again_at_once_when_one_has_made_their_service_account(
    story: Story,
) -> None:
    """Each ReplicaSet that could make no pod waits up to a quarter of an hour, but for a change of its own."""
    effects = Effects(story.kube, EmqxCtl(Exec(story.kube, 1)))
    observer = Observer(story.kube, EmqxCtl(Exec(story.kube, 1)), None, "cluster.local")
    outcomes = []
    for name in ("emqx", "edge"):
        await story.apply(
            manifests.deployment(
                "5.8.9", story.namespace, manifests.CANONICAL, name=name, replicas=1, pod=ACCOUNT
            )
        )
        await story.until(f"a ReplicaSet of {name}", partial(replica_set, story, name))
        workload = await observer.workload(WorkloadRef(story.namespace, WorkloadKind.DEPLOYMENT, name))
        assert workload
        account = rbac.service_account(workload, "iot", ())
        step = Step(Action.CREATE_SERVICE_ACCOUNT, "ServiceAccount/iot", "", None, Create(account))
        outcomes.append(await effects.carry_out(step, workload, datetime.now(UTC)))

    assert [outcome.succeeded for outcome in outcomes] == [True, False]
    assert outcomes[1].superseded, "there is nothing to be sorry about: the plan is made anew"
    for name in ("emqx", "edge"):
        found = await replica_set(story, name)
        assert "emqx-autocluster.io/nudged" in found["metadata"]["annotations"], name


async def replica_set(story: Story, name: str) -> Object:
    found = await story.kube.list(paths.replicasets(story.namespace), label_selector=f"app={name}")
    return found[0] if found else {}


async def test_a_service_account_that_mounts_no_token_is_outvoted_in_the_pod_template(story: Story) -> None:
    """Its setting may be meant for other pods, so it stays; the template's word beats it."""
    await with_rights(story)
    await story.patch("ServiceAccount", "iot", {"automountServiceAccountToken": False})
    await story.apply(
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=ACCOUNT)
    )
    await story.until_lone(1)
    assert not await mounts_a_token(story)
    await story.annotate(mode="Observe")
    told = await story.until_condition("RBACReady", "False", "TokenNotMounted")
    assert "automountServiceAccountToken is false in ServiceAccount iot" in told["message"]
    assert (
        "EMQX has no token to show to the API server; set it to true in the pod template" in told["message"]
    )

    await story.annotate(mode="Repair")
    await story.until_repaired()

    workload, account = await story.get("Deployment"), await story.get("ServiceAccount", "iot")
    assert workload
    assert account
    assert workload["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    assert account["automountServiceAccountToken"] is False
    assert await story.rollouts() == 1
    assert await mounts_a_token(story)


async def mounts_a_token(story: Story) -> bool:
    (pod,) = await story.pods()
    mounts = pod["spec"]["containers"][0].get("volumeMounts") or ()
    return any(mount["mountPath"] == TOKENS for mount in mounts)


async def test_a_token_that_is_mounted_by_hand_counts_and_nothing_restarts(story: Story) -> None:
    """As hardened clusters have it: nothing mounted by itself, and a token of a chosen lifetime where it is read."""
    await with_rights(story)
    workload = manifests.deployment(
        "5.8.9",
        story.namespace,
        manifests.CANONICAL,
        replicas=1,
        pod=UNMOUNTED | {"volumes": [token_volume()]},
    )
    containers = workload["spec"]["template"]["spec"]["containers"]
    containers[0]["volumeMounts"] = [{"name": "token", "mountPath": TOKENS, "readOnly": True}]
    await story.apply(workload)
    await story.annotate(mode="Repair")
    await story.until_lone(1)
    first = uids(await story.pods())
    await story.patch("Deployment", "emqx", {"spec": {"replicas": 2}})

    await story.until_condition("Ready", "True", "AllMembersClustered", seconds=240)

    granted = await story.condition("RBACReady")
    assert (granted["status"], granted["reason"]) == ("True", "AccessGranted")
    await story.one_cluster(2)
    assert await story.rollouts() == 0
    assert first < uids(await story.pods())


def token_volume() -> Object:
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    return {"name": "token", "projected": {"sources": sources}}
