"""The Services of the cluster, as the kubelet puts them into the environment of new containers."""

from .api import ApiClient, Json
from .environment import service_variables
from .watch import Listed, follow

_MASTER = "kubernetes"
_MASTER_NAMESPACE = "default"


class Services:
    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Json] = {}

    async def watch(self, client: ApiClient) -> None:
        """Keep the cache fresh for ever."""
        async for event in follow(client, "/api/v1/services"):
            if isinstance(event, Listed):
                self._found = {_key(service): service for service in event.items}
            elif event.kind == "DELETED":
                self._found.pop(_key(event.item), None)
            else:
                self._found[_key(event.item)] = event.item

    def variables(self, namespace: str, *, links: bool) -> dict[str, str]:
        """Give the variables for a pod: the API server's, and with enableServiceLinks the namespace's."""
        chosen = {_MASTER: self._found.get((_MASTER_NAMESPACE, _MASTER))}
        if links:
            chosen |= {name: service for (ns, name), service in self._found.items() if ns == namespace}
        return service_variables([service for service in chosen.values() if service is not None])


def _key(service: Json) -> tuple[str, str]:
    return service["metadata"]["namespace"], service["metadata"]["name"]
