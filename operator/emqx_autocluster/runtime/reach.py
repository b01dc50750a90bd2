"""Which of the named namespaces may be watched: the API server's own word, asked where there is doubt.

A namespace that does not exist yet, is deleted, or lacks its Role must not cost the others their care: it is left out
until its rights are there, and that is told once. Who may watch everywhere has nothing to ask.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from http import HTTPStatus

import aiohttp

from emqx_autocluster import metrics
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import ClientError, Forbidden
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.settings import NAMESPACES

Kind = tuple[str, str]
"""API group and plural."""
_VERBS = ("list", "watch")
_AGAIN = 10.0
"""Seconds until a namespace that may not be watched is asked for again."""
_BETWEEN = 1.0

logger = logging.getLogger(__name__)


class Reach:
    def __init__(
        self, kube: Kube, namespaces: Collection[str] | None, kinds: Collection[Kind], again: float = _AGAIN
    ) -> None:
        """`namespaces`: those that the settings name; None: all. `kinds`: what has to be watched in each of them."""
        self.namespaces = None if namespaces is None else tuple(namespaces)
        self._kube = kube
        self._kinds = kinds
        self._again = again
        self._open: set[str] = set()
        self._told: set[str] = set()
        self._doubted: set[str] = set(namespaces or ())
        self._doubts = asyncio.Event()
        self._turns: deque[str] = deque()

    def covers(self, namespace: str) -> bool:
        """Whether it is watched, so that what is known of it may be acted upon."""
        return self.namespaces is None or namespace in self._open

    def doubt(self, namespace: str) -> None:
        """Something was refused there: its rights may be gone, and it with them."""
        if self.namespaces and namespace in self.namespaces:
            self._doubted.add(namespace)
            self._doubts.set()

    async def notice(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """A middleware for whoever watches: each refusal is a doubt."""
        response = await handler(request)
        if response.status == HTTPStatus.FORBIDDEN:
            _, within, rest = request.url.path.partition("/namespaces/")
            if within:
                self.doubt(rest.partition("/")[0])
        return response

    async def keep(self, changed: Callable[[str, bool], Awaitable[None]]) -> None:
        """For ever: tells which namespace may be watched from now on, and which not any more."""
        while True:
            self._doubts.clear()
            asked, self._doubted = self._doubted | (set(self.namespaces or ()) - self._open), set()
            for namespace in sorted(asked):
                await self._settle(namespace, changed)
            await asyncio.sleep(_BETWEEN)
            try:
                async with asyncio.timeout(self._again):
                    await self._doubts.wait()
            except TimeoutError:
                await self._ask_one()

    async def _ask_one(self) -> None:
        """Of those that are watched, in turn: a watch that stands goes on when its namespace and rights are gone."""
        if not self._turns:
            self._turns.extend(sorted(self._open))
        if self._turns:
            namespace, (group, plural) = self._turns.popleft(), next(iter(self._kinds))
            # Where it cannot be told nothing changes: its turn comes again.
            with suppress(ClientError):
                if not await self._allowed(namespace, group, plural, _VERBS[0]):
                    self._doubted.add(namespace)

    async def _settle(self, namespace: str, changed: Callable[[str, bool], Awaitable[None]]) -> None:
        try:
            missing = await self._missing(namespace)
        except ClientError as error:
            logger.debug("whether namespace %s may be watched is not known: %s", namespace, error)
            self._doubted.add(namespace)
            return
        if missing and namespace not in self._told:
            self._told.add(namespace)
            logger.warning(_unreached(namespace, missing), extra={"namespace": namespace})
        metrics.NAMESPACE_WATCHED.labels(namespace).set(not missing)
        if bool(missing) is (namespace not in self._open):
            return
        if missing:
            self._open.discard(namespace)
        else:
            self._open.add(namespace)
            self._told.discard(namespace)
            logger.info("namespace %s is watched", namespace, extra={"namespace": namespace})
        await changed(namespace, not missing)

    async def _missing(self, namespace: str) -> str:
        """The first right that a watch needs and that is not there; empty: all of them are."""
        for group, plural in self._kinds:
            for verb in _VERBS:
                if not await self._allowed(namespace, group, plural, verb):
                    return f"{verb} {plural}"
        return ""

    async def _allowed(self, namespace: str, group: str, plural: str, verb: str) -> bool:
        asked = {"namespace": namespace, "group": group, "resource": plural, "verb": verb}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        try:
            answer = await self._kube.create(paths.self_subject_access_reviews(), body)
        except Forbidden:
            return True  # not even that may be asked: the watches will show it
        return bool((answer.get("status") or {}).get("allowed"))


def _unreached(namespace: str, missing: str) -> str:
    return (
        f"namespace {namespace}, which {NAMESPACES} names, is not looked after: the operator may not {missing} there;"
        " the namespace or its RoleBinding does not exist (deploy/namespaced shows it). It is looked after as soon as"
        " they do"
    )
