"""What a node may read of the API server for its pods: ConfigMaps, Secrets, claims, tokens."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .api import ApiClient, ApiError, Json
from .environment import Kind

_NOT_FOUND = 404
ROOT_CA = "kube-root-ca.crt"


@dataclass(frozen=True, slots=True)
class Token:
    value: bytes
    expires: datetime


class Sources:
    """Reads with one node's own rights; only what never changes is kept."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._root_ca: dict[str, Mapping[str, bytes]] = {}

    async def data(self, kind: Kind, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Give the content of a ConfigMap or Secret; None if there is none of that name."""
        if name == ROOT_CA and namespace in self._root_ca:
            return self._root_ca[namespace]
        found = await self._object(f"/api/v1/namespaces/{namespace}/{kind}s/{name}")
        if found is None:
            return None
        data = {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
        for key, value in (found.get("data") or {}).items():
            data[key] = base64.b64decode(value) if kind == "secret" else value.encode()
        if name == ROOT_CA:
            self._root_ca[namespace] = data
        return data

    async def claim(self, namespace: str, name: str) -> Json | None:
        return await self._object(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}")

    async def token(self, pod: Json, projection: Json) -> Token:
        """Request a token that is bound to the pod."""
        metadata, account = pod["metadata"], pod["spec"].get("serviceAccountName", "default")
        answer = await self._client.create(
            f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {
                    "audiences": [projection["audience"]] if projection.get("audience") else [],
                    "expirationSeconds": projection.get("expirationSeconds", 3600),
                    "boundObjectRef": {
                        "apiVersion": "v1",
                        "kind": "Pod",
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                    },
                },
            },
        )
        status = answer["status"]
        return Token(status["token"].encode(), datetime.fromisoformat(status["expirationTimestamp"]))

    async def _object(self, path: str) -> Json | None:
        try:
            return await self._client.get(path)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
