"""Which of the named namespaces may be watched: the API server's own word, asked where there is doubt.

A namespace that does not exist yet, is deleted, or lacks its Role must not cost the others their care: it is left out
until its rights are there, and that is told once. Who may watch everywhere has nothing to ask.

The API server may refuse to answer: for good, where a cluster lets not everybody ask about himself, or for the moments
in which it begins. Then it is not known what may be watched, and neither is claimed. One that can be listed is watched
on trial; of any other all stays as it was, since a watch that is refused would end those of all.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from http import HTTPStatus

import aiohttp

from emqx_autocluster import metrics
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import ClientError, Forbidden, TooLarge
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.settings import NAMESPACES

Kind = tuple[str, str]
"""API group and plural."""
Changed = Callable[[str, bool], Awaitable[None]]
"""Told of a namespace, and whether it is watched from now on."""
_VERBS = ("list", "watch")
_AGAIN = 10.0
"""Seconds until a namespace that may not be watched is asked for again."""
_BETWEEN = 1.0

logger = logging.getLogger(__name__)


class Reach:
    def __init__(
        self,
        kube: Kube,
        namespaces: Collection[str] | None,
        kinds: Mapping[Kind, Callable[[str], str]],
        again: float = _AGAIN,
    ) -> None:
        """`namespaces`: those that the settings name; None: all.

        `kinds`: what has to be watched in each of them, and the path of it there.
        """
        self.namespaces = None if namespaces is None else tuple(namespaces)
        self._kube = kube
        self._kinds = kinds
        self._again = again
        self._open: set[str] = set()
        self._told: set[str] = set()
        self._unknown: set[str] = set()
        """Of which it was told that nobody says whether they may be watched."""
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

    async def keep(self, changed: Changed) -> None:
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

    async def _settle(self, namespace: str, changed: Changed) -> None:
        try:
            missing = await self._missing(namespace)
        except Forbidden as error:
            await self._settle_on_trial(namespace, error, changed)
            return
        except ClientError as error:
            logger.debug("whether namespace %s may be watched is not known: %s", namespace, error)
            self._doubted.add(namespace)
            return
        self._unknown.discard(namespace)
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

    async def _settle_on_trial(self, namespace: str, refused: Forbidden, changed: Changed) -> None:
        """Without a word of the authorizer."""
        with suppress(KeyError):
            metrics.NAMESPACE_WATCHED.remove(namespace)
        if namespace not in self._unknown:
            self._unknown.add(namespace)
            logger.warning(_unasked(namespace, refused), extra={"namespace": namespace})
        if namespace not in self._open and await self._may_list(namespace):
            self._open.add(namespace)
            await changed(namespace, self.covers(namespace))

    async def _may_list(self, namespace: str) -> bool:
        """By trying it; False also where that cannot be told, and then it is tried again."""
        try:
            for path in self._kinds.values():
                with suppress(TooLarge):  # one object is enough
                    await self._kube.select(path(namespace), lambda item: item, limit=1, most=0)
        except ClientError:
            return False
        return True

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
        answer = await self._kube.create(paths.self_subject_access_reviews(), body)
        return bool((answer.get("status") or {}).get("allowed"))


def _unreached(namespace: str, missing: str) -> str:
    return (
        f"namespace {namespace}, which {NAMESPACES} names, is not looked after: the operator may not {missing} there;"
        " the namespace or its RoleBinding does not exist (deploy/namespaced shows it). It is looked after as soon as"
        " they do"
    )


def _unasked(namespace: str, refused: Forbidden) -> str:
    return (
        f"whether namespace {namespace}, which {NAMESPACES} names, may be watched is not known: the operator may not"
        f" ask ({refused}); it is looked after if all that has to be watched there can be listed. By default the"
        " ClusterRole system:basic-user lets everybody ask who may log in"
    )
