"""The rights that deploy/ gives the operator are enough and none too many.

How it is known that no right can be taken away: `test_the_rights_are_exactly_the_used_ones` lets the operator,
with a token of the shipped ServiceAccount, live through stories that need everything it can do. Then it reads the
API server's audit log. A request that was answered with 403 fails it, so a right that is missing does; and a
right (verb and resource) of the ClusterRole that no request has used fails it as well. `create` on pods/exec is the
one right that shows in no line of its own, so `test_commands_in_members_need_both_verbs` asks for it separately. Before
Kubernetes 1.35 nothing needs it.
"""

from pathlib import Path

import pytest

import exertions
import manifests
import rights
from emqx_autocluster.clients.errors import Forbidden
from emqx_autocluster.clients.exec import Exec, ExecTarget
from emqx_autocluster.clients.kube import Kube
from running import NAMESPACE, SERVICE_ACCOUNT
from story import Story


@pytest.mark.timeout(300)
async def test_the_rights_are_exactly_the_used_ones(story: Story, tmp_path: Path) -> None:
    try:
        await exertions.told(story, tmp_path)
    finally:
        # First of all: it is the cause where a story got stuck.
        mine = [
            e
            for e in rights.requests(story.sandbox)
            if e.namespace in {story.namespace, NAMESPACE, ""} and e.resource
        ]
        refused = rights.refused(e for e in mine if e.timestamp >= story.began)
        assert refused == set(), "missing in deploy/20-rbac.yaml"

    everywhere = ("clusterrole", SERVICE_ACCOUNT)
    granted = rights.granted(story.sandbox, everywhere, ("role", SERVICE_ACCOUNT, "-n", NAMESPACE))
    assert granted - rights.used(mine) == set(), "rights in deploy/20-rbac.yaml that nothing needs"


@pytest.mark.parametrize("verbs", ["get", "create", "get,create"])
async def test_commands_in_members_need_both_verbs(story: Story, tmp_path: Path, verbs: str) -> None:
    """Since Kubernetes 1.35, by a check of which the audit log shows nothing. Before that get is enough."""
    enough = verbs == "get,create" or (verbs == "get" and story.sandbox.kubernetes < (1, 35))
    name = f"exec-{verbs.replace(',', '-')}"
    await story.apply(manifests.service_account(story.namespace, name))
    rule = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": verbs.split(",")}
    await story.apply(manifests.role(story.namespace, name) | {"rules": [rule]})
    await story.apply(manifests.role_binding(story.namespace, name, name))
    pod = {"containers": [{"name": "idle", "image": "busybox:1"}], "terminationGracePeriodSeconds": 0}
    metadata = {"name": "idle", "namespace": story.namespace, "labels": {"app": "idle"}}
    await story.apply({"kind": "Pod", "metadata": metadata, "spec": pod})
    await story.until_lone(1, app="idle")
    token = story.sandbox.kubeconfig_for(story.namespace, name, tmp_path / "kubeconfig")
    async with Kube.from_kubeconfig(token) as kube:
        running = Exec(kube, 1).run(ExecTarget(story.namespace, "idle", "idle"), ["true"], 20)
        if enough:
            assert (await running).exit_code == 0
        else:
            with pytest.raises(Forbidden):
                await running
