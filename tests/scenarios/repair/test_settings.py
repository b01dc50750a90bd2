"""Where a setting comes from and which container it belongs to: every way in which users write it."""

import json
from typing import Any

import pytest

import manifests
from pace import SAFE_SECONDS
from story import Story, env_of, uids

Object = dict[str, Any]
APISERVER = "EMQX_CLUSTER__K8S__APISERVER"
ACCOUNT = {"serviceAccountName": "iot"}


async def with_rights(story: Story, *, headless: bool = False) -> None:
    """Everything but a right address: Service, ServiceAccount `iot`, and its rights."""
    await story.apply(
        manifests.service(story.namespace, headless=headless),
        manifests.service_account(story.namespace, "iot"),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "iot"),
    )


async def containers(story: Story, kind: str = "Deployment") -> dict[str, Object]:
    workload = await story.get(kind)
    assert workload
    return {c["name"]: c for c in workload["spec"]["template"]["spec"]["containers"]}


@pytest.mark.parametrize("version", ["4.4.19", "5.0.3"])
async def test_a_missing_address_is_set_where_the_version_has_no_default_that_works(
    story: Story, version: str
) -> None:
    await with_rights(story)
    await story.apply(manifests.deployment(version, story.namespace, None, replicas=2, pod=ACCOUNT))
    await story.until_lone(2)
    await story.annotate(mode="Observe")
    told = await story.until_condition("ConfigurationValid", "False", "APIServerMissing")
    assert f"{APISERVER} is not set and EMQX {version} has no default that works" in told["message"]
    assert f"it should be {manifests.CANONICAL}" in told["message"]

    await story.annotate(mode="Repair")
    resource = await story.until_repaired()
    changed = await story.get("Deployment")
    assert changed
    assert env_of(changed)[APISERVER] == manifests.CANONICAL
    assert await story.rollouts() == 1
    await story.one_cluster(2)
    assert resource["status"]["discovery"] == {
        "strategy": "k8s",
        "apiServer": manifests.CANONICAL,
        "serviceName": "emqx",
        "namespace": story.namespace,
        "addressType": "ip",
        "role": "core",
        "emqxVersion": version,
    }


async def test_a_stateful_set_with_host_names_becomes_one_cluster_and_keeps_its_names(story: Story) -> None:
    await with_rights(story, headless=True)
    workload = manifests.stateful_set(
        "5.8.9",
        story.namespace,
        "kubernetes.default.svc:443",
        replicas=2,
        pod=ACCOUNT,
        **manifests.HOSTNAMES,
    )
    await story.apply(workload)
    await story.until_lone(2)
    before = uids(await story.pods())
    await story.annotate(kind="StatefulSet", mode="Observe")
    told = await story.until_condition("ConfigurationValid", "False", "APIServerMalformed")
    assert '"kubernetes.default.svc:443", which is no http(s) URL' in told["message"]

    await story.annotate(kind="StatefulSet", mode="Repair")
    resource = await story.until_repaired()
    assert await story.rollouts("StatefulSet") == 1
    assert not uids(await story.pods()) & before
    names = {f"emqx@emqx-{n}.emqx.{story.namespace}.svc.cluster.local" for n in (0, 1)}
    assert await story.views() == [(names, set())] * 2
    assert resource["status"]["discovery"]["addressType"] == "hostname"
    changed = await story.get("StatefulSet")
    assert changed
    assert changed["spec"]["minReadySeconds"] == SAFE_SECONDS


async def test_a_value_from_a_config_map_gets_an_env_entry_that_overrides_it(story: Story) -> None:
    data = {APISERVER: manifests.DEAD_PROXY, "EMQX_CLUSTER__K8S__SERVICE_NAME": "emqx"}
    metadata = {"name": "emqx-env", "namespace": story.namespace}
    await with_rights(story)
    await story.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    workload = manifests.deployment(
        "5.8.9", story.namespace, None, replicas=2, pod=ACCOUNT, EMQX_CLUSTER__K8S__SERVICE_NAME=""
    )
    env_from = [{"configMapRef": {"name": "emqx-env"}}]
    workload["spec"]["template"]["spec"]["containers"][0]["envFrom"] = env_from
    await story.apply(workload)
    await story.until_lone(2)
    config_map = await story.get("ConfigMap", "emqx-env")
    await story.annotate(mode="Repair")
    resource = await story.until_repaired()

    changed = (await containers(story))["emqx"]
    assert changed["envFrom"] == env_from
    assert {"name": APISERVER, "value": manifests.CANONICAL} in changed["env"]
    assert await story.get("ConfigMap", "emqx-env") == config_map
    assert resource["status"]["discovery"]["serviceName"] == "emqx"
    assert await story.rollouts() == 1
    await story.one_cluster(2)

    said = await story.shell(f"emqx-autocluster revert deployment/emqx -n {story.namespace} --yes")
    assert f"{APISERVER}: {manifests.CANONICAL} -> (unset)" in said
    assert APISERVER not in {e["name"] for e in (await containers(story))["emqx"]["env"]}


async def test_only_the_emqx_container_is_changed_beside_a_sidecar_that_comes_first(story: Story) -> None:
    sidecar = {
        "name": "exporter",
        "image": "example/exporter:2.1",
        "env": [{"name": APISERVER.removeprefix("EMQX_"), "value": manifests.DEAD_PROXY}],
    }
    await with_rights(story)
    workload = manifests.deployment(
        "5.8.9", story.namespace, manifests.DEAD_PROXY, replicas=2, pod=dict(ACCOUNT)
    )
    workload["spec"]["template"]["spec"]["containers"].insert(0, sidecar)
    await story.apply(workload)
    await story.until_lone(2)
    before = await containers(story)
    await story.annotate(mode="Repair")
    await story.until_repaired()

    after = await containers(story)
    assert list(after) == ["exporter", "emqx"]
    assert after["exporter"] == before["exporter"]
    values = {e["name"]: e["value"] for e in after["emqx"]["env"]}
    assert values.pop(APISERVER) == manifests.CANONICAL
    assert values == {e["name"]: e["value"] for e in before["emqx"]["env"] if e["name"] != APISERVER}
    assert await story.rollouts() == 1
    await story.one_cluster(2)


async def test_the_annotation_names_the_container_where_another_one_has_cluster_settings_too(
    story: Story,
) -> None:
    bridge = {
        "name": "bridge",
        "image": "example/bridge:1.0",
        "env": [{"name": APISERVER, "value": "http://127.0.0.1:8001"}],
    }
    await with_rights(story)
    workload = manifests.deployment(
        "5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=dict(ACCOUNT)
    )
    workload["spec"]["template"]["spec"]["containers"].insert(0, bridge)
    await story.apply(workload)
    await story.annotate(mode="Repair", container="broker")
    told = await story.until_condition("Accepted", "False", "NoEMQXContainer")
    assert "no container named broker (containers: bridge, emqx)" in told["message"]
    assert "emqx-autocluster.io/container" in told["message"]

    await story.annotate(container="emqx")
    await story.until_condition("Ready", "True", "SingleMember")
    discovery = (await story.resource())["status"]["discovery"]
    assert (discovery["apiServer"], discovery["emqxVersion"]) == (manifests.CANONICAL, "5.8.9")
    assert await story.rollouts() == 0
    assert (await containers(story))["bridge"]["env"] == bridge["env"]


async def test_a_value_from_a_secret_is_read_in_the_pod_and_never_through_the_api(story: Story) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "emqx-env", "namespace": story.namespace},
        "stringData": {APISERVER: "http://admin:hunter2@192.168.1.31:8888"},
    }
    await with_rights(story)
    await story.shell(f"echo '{json.dumps(secret)}' | kubectl create -f -")
    workload = manifests.deployment("5.8.9", story.namespace, None, replicas=2, pod=ACCOUNT)
    reference = {"secretKeyRef": {"name": "emqx-env", "key": APISERVER}}
    env = workload["spec"]["template"]["spec"]["containers"][0]["env"]
    env.append({"name": APISERVER, "valueFrom": reference})
    await story.apply(workload)
    await story.until_lone(2)
    await story.annotate(mode="Observe")
    told = await story.until_condition("ConfigurationValid", "False", "APIServerUnreachable", seconds=180)
    place = f"(Secret emqx-env, key {APISERVER})"
    assert f"{APISERVER} is {place} and members that ask it do not find each other" in told["message"]
    everything = json.dumps(await story.resource()) + json.dumps(await story.events("Deployment"))
    assert not [hidden for hidden in ("hunter2", manifests.DEAD_PROXY) if hidden in everything]
    commands = [p.get("command", "") for p in (await story.resource())["status"]["plannedActions"]]
    assert any('"valueFrom":null' in command for command in commands)
