"""Settings that can never work on this version of EMQX: what has one right value is put right, all at once."""

from dataclasses import dataclass
from typing import Any

import pytest

import manifests
from odd import ACCOUNT, apply_as, container, the, until_planned, with_rights
from story import Story, env_of, uids

Object = dict[str, Any]

OLD, NEW = "EMQX_CLUSTER__DISCOVERY", "EMQX_CLUSTER__DISCOVERY_STRATEGY"
K8S = "EMQX_CLUSTER__K8S__"
NAME, APP_NAME, NAMESPACE, SUFFIX = "EMQX_NAME", f"{K8S}APP_NAME", f"{K8S}NAMESPACE", f"{K8S}SUFFIX"
UNSET = ""
TOOL = "manifest-sync"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class Mistake:
    version: str
    env: Object
    reason: str
    right: dict[str, str]
    """`NAMESPACE` stands for the test's own."""
    kind: str = "Deployment"
    api_server: str = manifests.CANONICAL
    rights: bool = True


MISTAKES = {
    "the-variable-of-4x-another-namespace-and-no-rights": Mistake(
        "5.8.9",
        {OLD: "k8s", NEW: UNSET, NAMESPACE: "production"},
        "VariableOfOtherVersion",
        {NEW: "k8s", NAMESPACE: "NAMESPACE"},
        rights=False,
    ),
    "the-variable-of-5x": Mistake("4.4.19", {NEW: "k8s", OLD: UNSET}, "VariableOfOtherVersion", {OLD: "k8s"}),
    "no-app-name": Mistake("4.4.19", {APP_NAME: UNSET}, "NamePartMismatch", {APP_NAME: "emqx"}),
    "no-suffix": Mistake(
        "4.4.19",
        {f"{K8S}ADDRESS_TYPE": "hostname"},
        "ClusterDomainMismatch",
        {SUFFIX: "svc.cluster.local"},
        kind="StatefulSet",
    ),
    "a-trailing-slash": Mistake(
        "5.8.9",
        {},
        "APIServerHasPath",
        {f"{K8S}APISERVER": manifests.CANONICAL},
        api_server=f"{manifests.CANONICAL}/",
    ),
    "another-clusters-api-server": Mistake(
        "4.4.19",
        {},
        "APIServerForeign",
        {f"{K8S}APISERVER": manifests.CANONICAL},
        api_server="https://192.168.7.7:6443",
    ),
}


async def broken(story: Story, mistake: Mistake) -> None:
    """Three lone members; they have their rights unless the mistake is to give them none."""
    stateful = mistake.kind == "StatefulSet"
    build = manifests.stateful_set if stateful else manifests.deployment
    if mistake.rights:
        await with_rights(story, headless=stateful)
    else:
        await story.apply(manifests.service(story.namespace))
    pod = ACCOUNT if mistake.rights else {}
    await story.apply(build(mistake.version, story.namespace, mistake.api_server, pod=pod, **mistake.env))
    await story.until_lone()
    await story.until_views(1, 1, 1)


async def until_by_hand(story: Story) -> Object:
    """The last of status.plannedActions, once it is a patch that is the user's to apply."""

    async def check() -> Object | None:
        actions = (await story.resource()).get("status", {}).get("plannedActions") or [{}]
        return actions[-1] if actions[-1].get("message", "").startswith("by hand: set") else None

    found: Object = await story.until("a patch by hand is planned", check)
    return found


async def names(story: Story) -> set[str]:
    return {name for running, _ in await story.views() for name in running}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
async def test_one_rollout_puts_it_right(story: Story, mistake: Mistake) -> None:
    await broken(story, mistake)
    before, nodes = uids(await story.pods()), await names(story)
    await story.annotate(kind=mistake.kind, mode="Repair")
    await story.until_condition("ConfigurationValid", "False", mistake.reason, seconds=180)

    resource = await story.until_repaired()

    await story.until_views(3, 3, 3)
    assert await story.rollouts(mistake.kind) == 1
    assert not uids(await story.pods()) & before
    env = env_of(await the(story, mistake.kind))
    right = {k: story.namespace if v == "NAMESPACE" else v for k, v in mistake.right.items()}
    assert {name: env[name] for name in right} == right
    discovery = resource["status"]["discovery"]
    assert (discovery["strategy"], discovery["namespace"]) == ("k8s", story.namespace)
    if mistake.kind == "StatefulSet":
        assert await names(story) == nodes, "the repair must not rename anybody"
    if not mistake.rights:
        given = {e.namespace for e in story.operator_writes() if e.resource in {"roles", "rolebindings"}}
        assert given == {story.namespace}, "no right in another namespace"


async def test_until_then_the_strategy_that_is_in_force_stays_visible(story: Story) -> None:
    await broken(story, MISTAKES["the-variable-of-5x"])
    await story.annotate(mode="Observe")
    told = await story.until_condition("ConfigurationValid", "False", "VariableOfOtherVersion")
    assert "its strategy is manual" in told["message"]
    assert (await story.resource())["status"]["discovery"]["strategy"] == "manual"
    planned = await until_planned(story, "PatchWorkload")
    assert f'"name":"{OLD}","value":"k8s"' in planned["command"]


async def test_revert_puts_all_of_it_back(story: Story) -> None:
    await broken(story, MISTAKES["the-variable-of-5x"])
    was = env_of(await the(story))
    await story.annotate(mode="Repair")
    await story.until_repaired()
    assert env_of(await the(story)) != was

    await story.shell(f"emqx-autocluster revert deployment/emqx -n {story.namespace} --yes")

    assert env_of(await the(story)) == was


async def test_a_tool_that_sets_back_what_its_manifest_has_is_not_fought(story: Story) -> None:
    """It never had the right variable, so that the second patch is smaller than the first, and no new value."""
    await with_rights(story)
    wrong: Object = {OLD: "k8s", NEW: UNSET, NAMESPACE: "default"}
    manifest = manifests.deployment(
        "5.8.8", story.namespace, manifests.CANONICAL, replicas=1, pod=ACCOUNT, **wrong
    )
    await apply_as(story, TOOL, manifest)
    await story.until_lone(1)
    await story.annotate(mode="Repair")
    await story.until_repaired()
    await apply_as(story, TOOL, manifest)

    async def put_right_again() -> bool:
        return env_of(await the(story))[NAMESPACE] == story.namespace

    await story.until("the namespace is put right once more", put_right_again)
    await apply_as(story, TOOL, manifest)

    told = await story.until_condition("Ready", "False", "ExternalRevert", seconds=180)
    for words in (
        f"{NAMESPACE}=default was set back 2 times",
        f"by the field manager {TOOL}",
        f"{NAMESPACE}={story.namespace}",
    ):
        assert words in told["message"]
    patches = [w for w in story.operator_writes() if w.resource == "deployments" and w.code == 200]
    assert len(patches) == 2
    assert env_of(await the(story))[NEW] == "k8s"


async def test_what_renames_the_nodes_is_shown_with_its_patch_and_left_to_the_user(story: Story) -> None:
    """4.x without EMQX_NAME: each node is named after its pod, and nobody looks for such a name."""
    await broken(story, Mistake("4.4.19", {NAME: UNSET}, "", {}))
    await story.annotate(mode="Repair")
    told = await story.until_condition("ConfigurationValid", "False", "NamePartMismatch")
    assert "renames the nodes" in told["message"]
    planned = await until_by_hand(story)
    assert planned["message"] == f"by hand: set {NAME}=emqx"
    await story.until_condition("ClusterFormed", "False", "NotFormed")
    assert await story.rollouts() == 0
    assert NAME not in env_of(await the(story))

    await story.shell(planned["command"])

    await story.until_condition("Ready", "True", seconds=240)
    await story.until_views(3, 3, 3)
    assert await story.rollouts() == 1


async def test_a_new_cookie_for_some_of_the_members(story: Story) -> None:
    await with_rights(story, headless=True)
    workload = manifests.stateful_set(
        "5.8.9", story.namespace, manifests.CANONICAL, pod=ACCOUNT, **manifests.HOSTNAMES
    )
    await story.apply(workload)
    await story.until_views(3, 3, 3)
    await story.annotate(kind="StatefulSet", mode="Observe")
    await story.until_condition("Ready", "True")
    container(workload)["env"].append({"name": "EMQX_NODE__COOKIE", "value": "another-secret"})
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    changed = {"template": workload["spec"]["template"], "updateStrategy": update}

    await story.patch("StatefulSet", "emqx", {"spec": changed})

    told = await story.until_condition("ConfigurationValid", "False", "CookieChanged", seconds=180)
    assert "emqx-2" in told["message"]
    assert "another-secret" not in str(await story.resource())


async def test_names_by_address_and_data_that_stays(story: Story) -> None:
    await with_rights(story, headless=True)
    workload = manifests.stateful_set("5.8.9", story.namespace, manifests.CANONICAL, volume=True, pod=ACCOUNT)
    await story.apply(workload)
    await story.until_views(3, 3, 3)
    await story.annotate(kind="StatefulSet", mode="Observe")
    first = await story.until_condition("RolloutSafe", "False", "NodeNameNotStable")
    assert "minReadySeconds" in first["message"], "both are told, and first what loses data"

    await story.annotate(kind="StatefulSet", mode="Repair")

    await story.until_condition("RolloutSafe", "False", "NodeNameNotStable")
    await story.until_condition("Ready", "True")
    assert await story.rollouts("StatefulSet") == 0


async def test_a_token_that_is_made_for_somebody_else(story: Story) -> None:
    """Mounted over the usual path; the API server answers 401 to it, whatever rights there are."""
    await with_rights(story)
    token = {"serviceAccountToken": {"path": "token", "audience": "vault"}}
    ca = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    volumes = [{"name": "token", "projected": {"sources": [token, ca]}}]
    workload = manifests.deployment(
        "5.4.1", story.namespace, manifests.CANONICAL, replicas=2, pod={**ACCOUNT, "volumes": volumes}
    )
    container(workload)["volumeMounts"] = [{"name": "token", "mountPath": TOKEN_PATH, "readOnly": True}]
    await story.apply(workload)
    await story.until_lone(2)
    await story.until_views(1, 1)
    await story.annotate(mode="Observe")

    told = await story.until_condition("RBACReady", "False", "TokenAudienceWrong", seconds=180)

    assert "audience vault" in told["message"]
    assert "401" in told["message"]
