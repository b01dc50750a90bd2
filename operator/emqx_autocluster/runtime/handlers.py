"""kopf as the watch layer, and nothing else of it: an event puts a key into our work queue.

Only `on.event` is used: it writes nothing to the watched objects, no finalizer and no annotation, so a
stopped operator blocks nobody. There is no filter on the annotation: with one, its removal would never show.

Which namespaces are watched is told by `Reach`, and kopf is asked to look for none by itself: that would take the right
to list them, and the first that may not be watched would end all other watches.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Collection, Mapping
from typing import Any

import kopf
from kopf._cogs.structs.references import (
    Insights,
    NamespaceName,
)  # kopf.operator takes them, kopf exports them not

from emqx_autocluster.api import annotations
from emqx_autocluster.api.v1alpha1 import GROUP, PLURAL, VERSION
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import WorkloadKind
from emqx_autocluster.runtime.enrolment import Enrolment
from emqx_autocluster.runtime.reach import Kind, Reach

_OWN = f"{annotations.MANAGED_BY}={annotations.MANAGER}"
_KINDS = {"deployments": WorkloadKind.DEPLOYMENT, "statefulsets": WorkloadKind.STATEFUL_SET}
_RBAC = (
    ("", "v1", "serviceaccounts"),
    ("rbac.authorization.k8s.io", "v1", "roles"),
    ("rbac.authorization.k8s.io", "v1", "rolebindings"),
)
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_METADATA_ONLY = (
    paths.deployments,
    paths.statefulsets,
    paths.serviceaccounts,
    paths.roles,
    paths.rolebindings,
)
WATCHED: Mapping[Kind, Callable[[str], str]] = {
    ("apps", "deployments"): paths.deployments,
    ("apps", "statefulsets"): paths.statefulsets,
    (GROUP, PLURAL): paths.emqxautoclusters,
    ("", "serviceaccounts"): paths.serviceaccounts,
    ("rbac.authorization.k8s.io", "roles"): paths.roles,
    ("rbac.authorization.k8s.io", "rolebindings"): paths.rolebindings,
}
_NONE_BY_ITSELF = ("*",)
"""A pattern, by which kopf would look for namespaces if scanning were not disabled, and starts with none."""
_BETWEEN_LOGINS = 1.0
_ENDING_SECONDS = 10.0


class WatchFailedError(Exception):
    """A watch cannot go on, and kopf, which has told why, does not come to an end by itself."""


async def watch(
    kube: Kube, enrolment: Enrolment, reach: Reach, ready: asyncio.Event, stop: asyncio.Event
) -> None:
    """Watches until `stop`; raises when a watch cannot go on, so that the process ends and starts anew."""
    # One line per event and object would drown what matters.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    ending = asyncio.Event()
    # Before kopf's start: it cancels all that begin later.
    noticing, stopping = asyncio.create_task(ending.wait()), asyncio.create_task(stop.wait())
    insights, everywhere = Insights(), reach.namespaces is None
    reaching = asyncio.create_task(ending.wait() if everywhere else _follow(reach, insights, enrolment))
    watching = asyncio.create_task(
        kopf.operator(
            registry=_registry(kube, enrolment, reach, ending, stop),
            settings=_settings(),
            clusterwide=everywhere,
            namespaces=() if everywhere else _NONE_BY_ITSELF,
            insights=insights,
            standalone=True,
            ready_flag=ready,
        )
    )
    try:
        await asyncio.wait({watching, reaching, noticing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            return  # kopf would take seconds to end in good order, and has nothing to put in order
        if reaching.done():
            reaching.result()
        # When one watch fails, kopf 1.45 can wait for its others for ever, and nothing would be watched any more.
        await asyncio.wait({watching}, timeout=_ENDING_SECONDS)
        if watching.done():
            watching.result()
        else:
            raise WatchFailedError("a watch has failed")
    finally:
        for task in (noticing, stopping, reaching, watching):
            task.cancel()


def metadata_only(namespaces: Collection[str] | None) -> list[str]:
    """Paths of what is anybody's, and as large as they like; None: in all namespaces."""
    return [path(name) for path in _METADATA_ONLY for name in namespaces or (None,)]


async def _follow(reach: Reach, insights: Insights, enrolment: Enrolment) -> None:
    """Has kopf watch where `reach` says that it may, and nowhere else."""

    async def changed(namespace: str, watched: bool) -> None:  # noqa: FBT001 - what Reach tells
        async with insights.revised:
            (insights.namespaces.add if watched else insights.namespaces.discard)(NamespaceName(namespace))
            insights.revised.notify_all()
        enrolment.again(namespace)

    await reach.keep(changed)


def _registry(
    kube: Kube, enrolment: Enrolment, reach: Reach, ending: asyncio.Event, stop: asyncio.Event
) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def on_startup(**_: Any) -> None:
        # kopf has just taken the signals for itself, and would end on its own, slowly.
        for number in ENDING_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)

    @kopf.on.cleanup(registry=registry)
    async def on_cleanup(**_: Any) -> None:
        ending.set()

    due = 0.0

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        # kopf asks again as soon as the API server refuses a token, and a new one may take its time to come.
        nonlocal due
        time = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, due - time()))
        due = time() + _BETWEEN_LOGINS
        session = kube.open_session(metadata_only(reach.namespaces), reach.notice)
        return kopf.AiohttpSession(aiohttp_session=session, server=kube.host)

    for plural, kind in _KINDS.items():
        _on_workloads(registry, plural, kind, enrolment)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def on_resource(event: Mapping[str, Any], **_: Any) -> None:
        enrolment.resource(event["object"], **_when(event))

    for group, version, plural in _RBAC:
        _on_owned(registry, (group, version, plural), enrolment)
    return registry


def _on_workloads(
    registry: kopf.OperatorRegistry, plural: str, kind: WorkloadKind, enrolment: Enrolment
) -> None:
    @kopf.on.event("apps", "v1", plural, registry=registry, id=f"on_{plural}")
    async def on_workload(event: Mapping[str, Any], **_: Any) -> None:
        enrolment.workload(kind, event["object"], **_when(event))


def _on_owned(registry: kopf.OperatorRegistry, resource: tuple[str, str, str], enrolment: Enrolment) -> None:
    @kopf.on.event(*resource, registry=registry, id=f"on_{resource[2]}")
    async def on_owned(event: Mapping[str, Any], **_: Any) -> None:
        enrolment.owned(resource[2], event["object"], listed=_is_listed(event))


def _when(event: Mapping[str, Any]) -> dict[str, bool]:
    return {"deleted": event["type"] == "DELETED", "listed": _is_listed(event)}


def _is_listed(event: Mapping[str, Any]) -> bool:
    """What is listed before the watch begins has no type in kopf."""
    return event["type"] is None


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    # kopf takes its finalizer and annotations off every object that it sees: with a name of our own
    # and storages that store nothing it cannot take away another operator's.
    settings.persistence.finalizer = f"{GROUP}/never-set"
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.queueing.idle_timeout = 0.05  # each waiting worker keeps an object's last body
    settings.watching.chunk_size = 50  # all of a chunk is in memory at once, and an object may be large
    settings.watching.server_timeout = 600
    settings.watching.inactivity_timeout = 70
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 60
    for group, version, plural in _RBAC:
        settings.watching.label_selectors[group, version, plural] = _OWN
    return settings


class _NoProgress(kopf.ProgressStorage):
    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


class _NoDiffBase(kopf.DiffBaseStorage):
    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass
