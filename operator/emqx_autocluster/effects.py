"""All writes to what users own: carries out one step of a plan and tells how it went.

Commands are judged by what they print, since EMQX exits with 0 even when it says "Failed to ...".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from emqx_autocluster import objects
from emqx_autocluster.api.annotations import GROUP
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_answers import Answer, DiscoveryOutcome, ForceLeaveOutcome, JoinOutcome
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ClientError, Conflict
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.clients.kube import Kube, PatchType
from emqx_autocluster.healing import Step
from emqx_autocluster.healing.steps import (
    Create,
    EnableDiscovery,
    Evict,
    ForceLeave,
    Join,
    PatchWorkload,
    Recreate,
    Steer,
    Update,
)
from emqx_autocluster.objects import makers
from emqx_autocluster.observation import Workload, WorkloadKind, WorkloadRef

_NUDGED = f"{GROUP}/nudged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`superseded`: the object changed since it was read; nothing was done, and the plan has to be made anew."""

    succeeded: bool
    message: str = ""
    superseded: bool = False

    @property
    def result(self) -> str:
        return "superseded" if self.superseded else "succeeded" if self.succeeded else "failed"


class Effects:
    def __init__(self, kube: Kube, emqx_ctl: EmqxCtl) -> None:
        self._kube = kube
        self._emqx_ctl = emqx_ctl

    async def carry_out(self, step: Step, workload: Workload, at: datetime) -> Outcome:
        try:
            return await self._carry_out(step, workload, at)
        except Conflict as error:
            return Outcome(succeeded=False, message=str(error), superseded=True)
        except ClientError as error:
            return Outcome(succeeded=False, message=str(error))

    async def _carry_out(self, step: Step, workload: Workload, at: datetime) -> Outcome:
        ref = workload.ref
        match step.operation:
            case Join() | EnableDiscovery() | ForceLeave() as command:
                return await self._command(ref, command)
            case Evict(pod, uid):
                return await self._evict(ref, pod, uid)
            case Create(body):
                try:
                    await self._kube.create(_collection(body), dict(body))
                except Conflict:
                    # Another workload with the same ServiceAccount was quicker; these pods wait for it as well.
                    await self._nudge(workload, body, at)
                    raise
                await self._nudge(workload, body, at)
            case Update(body, uid):
                # With its uid in the body the API server refuses to write over another object of this name.
                known = {**body, "metadata": {**body["metadata"], "uid": uid}}
                await self._kube.replace(_location(body), known)
            case Recreate(body, uid):
                await self._kube.delete(_location(body), uid=uid)
                await self._kube.create(_collection(body), dict(body))
            case PatchWorkload(body) | Steer(body):
                await self._kube.patch(_workload(ref), dict(body), PatchType.STRATEGIC)
            case None:
                return Outcome(succeeded=False, message="a preview cannot be carried out")
            case never:
                assert_never(never)
        return Outcome(succeeded=True)

    async def _command(self, ref: WorkloadRef, command: Join | EnableDiscovery | ForceLeave) -> Outcome:
        target = ExecTarget(ref.namespace, command.pod, command.container)
        match command:
            case Join(_, _, node):
                joined = await self._emqx_ctl.join(target, node)
                good = joined.outcome in {JoinOutcome.JOINED, JoinOutcome.ALREADY_IN_CLUSTER}
                return Outcome(good, joined.said)
            case EnableDiscovery():
                enabled = await self._emqx_ctl.enable_discovery(target)
                return Outcome(enabled.outcome is DiscoveryOutcome.ENABLED, enabled.said)
            case ForceLeave(_, _, nodes):
                return _left(await self._emqx_ctl.force_leave(target, nodes))
            case never:
                assert_never(never)

    async def _evict(self, ref: WorkloadRef, pod: str, uid: str) -> Outcome:
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": ref.namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        await self._kube.create(paths.pod_eviction(ref.namespace, pod), body)
        return Outcome(succeeded=True)

    async def _nudge(self, workload: Workload, body: Mapping[str, Any], at: datetime) -> None:
        """A missing ServiceAccount made pod creation fail; its controller may otherwise retry minutes later."""
        if body["kind"] != "ServiceAccount" or body["metadata"]["name"] != workload.template.service_account:
            return
        patch = {"metadata": {"annotations": {_NUDGED: at.isoformat()}}}
        for path in await self._creators(workload):
            await self._kube.patch(path, patch, PatchType.MERGE)

    async def _creators(self, workload: Workload) -> list[str]:
        ref = workload.ref
        if ref.kind is WorkloadKind.STATEFUL_SET:
            return [paths.statefulsets(ref.namespace, ref.name)]

        def wanting(body: Mapping[str, Any]) -> str | None:
            own = (makers.controller(body) or {}).get("uid") == workload.uid
            name = body["metadata"]["name"]
            return paths.replicasets(ref.namespace, name) if own and body["spec"].get("replicas") else None

        selector = objects.label_selector(workload.selector)
        return [*await self._kube.select(paths.replicasets(ref.namespace), wanting, label_selector=selector)]


def _left(answers: Mapping[str, Answer[ForceLeaveOutcome]]) -> Outcome:
    """One that stays is told before those that have left."""
    good = {ForceLeaveOutcome.REMOVED, ForceLeaveOutcome.NOT_IN_CLUSTER}
    stay = [f"{node}: {answer.said}" for node, answer in answers.items() if answer.outcome not in good]
    said = "; ".join(stay) or next((answer.said for answer in answers.values()), "")
    return Outcome(not stay, said)


def _workload(ref: WorkloadRef) -> str:
    return paths.WORKLOADS[ref.kind](ref.namespace, ref.name)


_PATHS = {
    "Service": paths.services,
    "ServiceAccount": paths.serviceaccounts,
    "Role": paths.roles,
    "RoleBinding": paths.rolebindings,
}


def _collection(body: Mapping[str, Any]) -> str:
    return _PATHS[body["kind"]](body["metadata"]["namespace"])


def _location(body: Mapping[str, Any]) -> str:
    return _PATHS[body["kind"]](body["metadata"]["namespace"], body["metadata"]["name"])
