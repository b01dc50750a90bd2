"""What a scenario test does and sees, in a user's words: apply, annotate, wait for a condition, look."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pace
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.changes import Changes
from emqx_autocluster.clients.emqx_answers import parse_cluster_status
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.clients.exec import Exec, ExecTarget
from emqx_autocluster.clients.kube import Kube, PatchType
from sandbox.audit import WRITE_VERBS, AuditEntry
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control

Object = dict[str, Any]
OPERATOR = "system:serviceaccount:emqx-autocluster:emqx-autocluster"
ACTED = frozenset({"localsubjectaccessreviews", "selfsubjectreviews"})
"""Created, but they store nothing."""
READS = frozenset({"exec"})

_AT_LATEST = 1.0
"""Seconds after which it is looked again though nothing changed that is watched."""
_ONLY_WATCHED = 10.0
"""The same where only what is watched is looked at: but for a watch that broke, nothing is missed meanwhile."""
_EXEC_SECONDS = 60.0
_COMMAND_SECONDS = 300.0
"""Of a command line, which has deadlines of its own: so that one that hangs fails its test and not the whole run."""


class StoryError(AssertionError):
    """What was waited for did not come true; says what was seen instead."""


@dataclass(slots=True)
class Story:
    """One namespace of one test, with cluster-admin's hands."""

    sandbox: SandboxHandle
    kube: Kube
    control: Control
    namespace: str
    changes: Changes | None = None
    """None: nothing is watched, and waiting means looking again."""
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    # what a user does

    async def apply(self, *bodies: Object) -> None:
        for body in bodies:
            await self.kube.create(_collection(body), body)

    async def annotate(self, name: str = "emqx", *, kind: str = "Deployment", **marks: str | None) -> None:
        """`mode="Repair"` sets emqx-autocluster.io/mode; None removes an annotation."""
        annotations = {f"emqx-autocluster.io/{key}": value for key, value in marks.items()}
        await self.patch(kind, name, {"metadata": {"annotations": annotations}})

    async def patch(self, kind: str, name: str, body: Object) -> None:
        await self.kube.patch(_path(kind, self.namespace, name), body, PatchType.MERGE)

    async def delete(self, kind: str, name: str) -> None:
        assert await self.kube.delete(_path(kind, self.namespace, name)), f"{kind} {name} was not there"

    async def shell(self, command: str) -> str:
        """Runs a command line as a person would: kubectl and emqx-autocluster with cluster-admin's kubeconfig.

        Raises subprocess.TimeoutExpired, with the command and what it said, where that does not end.
        """
        environment = {
            "HOME": str(self.sandbox.kubeconfig.parent),
            "KUBECONFIG": str(self.sandbox.kubeconfig),
            "PATH": f"{self.sandbox.bin}:{Path(sys.executable).parent}:/usr/bin:/bin",
        } | pace.ENVIRONMENT
        done = await asyncio.to_thread(
            subprocess.run,
            ["sh", "-c", command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )
        if done.returncode != 0:
            raise StoryError(f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    # what a user sees

    async def get(self, kind: str, name: str = "emqx") -> Object | None:
        return await self.kube.get(_path(kind, self.namespace, name))

    async def resource(self, name: str = "emqx") -> Object:
        """The EMQXAutoCluster; an empty object while there is none."""
        return await self.get("EMQXAutoCluster", name) or {}

    async def condition(self, kind: str, name: str = "emqx") -> Object:
        return condition(await self.resource(name), kind)

    async def pods(self, app: str = "emqx") -> list[Object]:
        found = await self.kube.list(paths.pods(self.namespace), label_selector=f"app={app}")
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    async def view(self, pod: str) -> tuple[set[str], set[str]]:
        """(running, stopped) as the member itself says it, through the real exec; raises StoryError."""
        target = ExecTarget(self.namespace, pod, "emqx")
        try:
            done = await Exec(self.kube, 1).run(target, ("emqx_ctl", "cluster", "status"), _EXEC_SECONDS)
        except ClientError as error:
            raise StoryError(f"emqx_ctl cluster status in {pod}: {error}") from error
        view = parse_cluster_status(done.stdout.decode())
        if done.exit_code or not view:
            raise StoryError(f"emqx_ctl cluster status in {pod}: {done}")
        return set(view.running), set(view.stopped)

    async def views(self, app: str = "emqx") -> list[tuple[set[str], set[str]]]:
        return list(
            await asyncio.gather(*(self.view(pod["metadata"]["name"]) for pod in await self.pods(app)))
        )

    async def one_cluster(self, count: int = 3, app: str = "emqx") -> None:
        """Every member, asked itself, sees all of them as running and nobody as stopped."""
        pods = await self.pods(app)
        everybody = {f"emqx@{p['status']['podIP']}" for p in pods}
        assert len(everybody) == count
        for running, stopped in await self.views(app):
            assert (running, stopped) == (everybody, set())

    async def log(self, pod: str) -> str:
        return await self.shell(f"kubectl logs -n {self.namespace} {pod} -c emqx")

    async def events(self, kind: str, name: str = "emqx") -> list[Object]:
        found = await self.kube.list(paths.events(self.namespace))
        return [e for e in found if (e["regarding"]["kind"], e["regarding"]["name"]) == (kind, name)]

    def operator_writes(self, since: datetime | None = None) -> list[AuditEntry]:
        """What the operator changed in this namespace, oldest first; events and the CR included."""
        entries = self.sandbox.audit_entries(
            user=OPERATOR, namespace=self.namespace, verbs=WRITE_VERBS, since=since or self.began
        )
        return [e for e in entries if e.resource not in ACTED and e.subresource not in READS]

    async def rollouts(self, kind: str = "Deployment", name: str = "emqx") -> int:
        """How many pod templates the workload had, minus the first."""
        path = paths.replicasets(self.namespace) if kind == "Deployment" else _revisions(self.namespace)
        owned = await self.kube.list(path)
        return sum(1 for o in owned if o["metadata"]["ownerReferences"][0]["name"] == name) - 1

    # waiting

    async def until(
        self,
        what: str,
        check: Callable[[], Awaitable[Any]],
        *,
        seconds: float = 120,
        every: float | None = None,
        watched: bool = False,
    ) -> Any:
        """Waits until `check` gives something true, and returns it.

        It is asked whenever a pod or an EMQXAutoCluster of the namespace changes, and once a second; where it asks for
        nothing else, which `watched` says, seldom besides. With `every` it is asked at these intervals instead, which
        is for checks that cost much.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            found = await check()
            if found:
                return found
            if loop.time() > end:
                raise StoryError(f"not within {seconds:g} s: {what}\n{await self._seen()}")
            if every or self.changes is None:
                await asyncio.sleep(every or _AT_LATEST)
            else:
                await self.changes.next(_ONLY_WATCHED if watched else _AT_LATEST)

    async def until_condition(
        self, kind: str, status: str, reason: str | None = None, *, name: str = "emqx", seconds: float = 120
    ) -> Object:
        async def check() -> Object | None:
            found = await self.condition(kind, name)
            fits = found.get("status") == status and reason in {None, found.get("reason")}
            return found if fits else None

        found: Object = await self.until(
            f"{kind} {status} {reason or ''}", check, seconds=seconds, watched=True
        )
        return found

    async def until_conditions(
        self, *wanted: tuple[str, str, str], name: str = "emqx", seconds: float = 120
    ) -> list[Object]:
        """Until the status shows each (type, status, reason) at once."""

        async def check() -> list[Object]:
            resource = await self.resource(name)
            found = [condition(resource, kind) for kind, _, _ in wanted]
            seen = [(c.get("type"), c.get("status"), c.get("reason")) for c in found]
            return found if seen == list(wanted) else []

        what = ", ".join(" ".join(each) for each in wanted)
        found: list[Object] = await self.until(what, check, seconds=seconds, watched=True)
        return found

    async def until_views(self, *sizes: int, app: str = "emqx", seconds: float = 120) -> None:
        """Until the members see so many running ones each, smallest number first; their own included."""

        async def check() -> bool:
            try:
                views = await self.views(app)
            except StoryError:
                return False  # a member that is joining cannot answer
            return sorted(len(running) for running, _ in views) == sorted(sizes)

        await self.until(f"views of {sizes}", check, seconds=seconds, every=1.0)

    async def until_lone(self, count: int = 3, *, app: str = "emqx", seconds: float = 120) -> None:
        """Until so many pods are Ready. Then they are as many clusters, if they cannot find each other."""

        async def check() -> bool:
            pods = await self.pods(app)
            return len(pods) == count and all(map(is_ready, pods))

        await self.until(f"{count} pods Ready", check, seconds=seconds, watched=True)

    async def until_repaired(self, *, name: str = "emqx", seconds: float = 360) -> Object:
        """Ready, no repair under way, no stale node: the end of the procedure. Returns the resource."""

        async def check() -> Object | None:
            found = await self.resource(name)
            status = found.get("status") or {}
            over = (
                "procedure" not in status
                and not status.get("staleNodes")
                and not status.get("plannedActions")
            )
            return found if over and condition(found, "Ready").get("status") == "True" else None

        found: Object = await self.until(
            "Ready, nothing left to do, no stale node", check, seconds=seconds, watched=True
        )
        return found

    async def _seen(self) -> str:
        shown = [_shown(pod) for pod in await self.kube.list(paths.pods(self.namespace))]
        found = await self.kube.list(paths.emqxautoclusters(self.namespace))
        for resource in found:
            status = resource.get("status") or {}
            shown += [
                f"{c['type']}={c['status']} {c['reason']}: {c['message']}"
                for c in status.get("conditions", ())
            ]
            shown += [f"planned {a['action']} {a['subject']}" for a in status.get("plannedActions", ())]
            shown += [f"members {status.get('members')} last {status.get('lastAction')}"]
            shown += [f"procedure {status.get('procedure')} stale {status.get('staleNodes')}"]
        told = await self.kube.list(paths.events(self.namespace))
        warnings = [
            f"{e['reason']} {e['regarding']['name']}: {e['note']}" for e in told if e["type"] == "Warning"
        ]
        return "\n".join([*shown, *dict.fromkeys(warnings)])


def condition(resource: Object, kind: str) -> Object:
    conditions = (resource.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == kind), {})


def is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _shown(pod: Object) -> str:
    states: list[tuple[str, Object]] = [
        next(iter(c["state"].items()), ("", {})) for c in pod["status"].get("containerStatuses") or ()
    ]
    shown = [f"{name} {state.get('reason', '')}".strip() for name, state in states]
    going = " going" if "deletionTimestamp" in pod["metadata"] else ""
    return f"{pod['metadata']['name']} ready={is_ready(pod)}{going} {', '.join(shown)}"


def uids(pods: list[Object]) -> set[str]:
    return {str(pod["metadata"]["uid"]) for pod in pods}


def env_of(workload: Object) -> dict[str, str | None]:
    container = workload["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry.get("value") for entry in container["env"]}


_PATHS: dict[str, Callable[[str, str], str]] = {
    "ConfigMap": paths.configmaps,
    "Deployment": paths.deployments,
    "EMQXAutoCluster": paths.emqxautoclusters,
    "Pod": paths.pods,
    "Role": paths.roles,
    "RoleBinding": paths.rolebindings,
    "Service": paths.services,
    "ServiceAccount": paths.serviceaccounts,
    "StatefulSet": paths.statefulsets,
}


def _path(kind: str, namespace: str, name: str) -> str:
    return _PATHS[kind](namespace, name)


def _collection(body: Object) -> str:
    return _path(body["kind"], body["metadata"]["namespace"], "").rstrip("/")


def _revisions(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/controllerrevisions"
