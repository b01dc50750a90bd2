"""One namespace in place of all: lists and watches of the whole cluster become that namespace's.

So an operator that looks after a cluster can be at work in one namespace of it, beside others.
"""

import re

_EVERYWHERE = re.compile(
    r"(?P<api>/api/v1|/apis/[^/]+/[^/]+)"
    r"/(?P<kind>deployments|statefulsets|emqxautoclusters|serviceaccounts|roles|rolebindings)(?=[?]|$)"
)


def narrowed(path: str, namespace: str) -> str:
    """The path with its query; one that is not about all namespaces stays as it is."""
    found = _EVERYWHERE.match(path)
    return f"{found['api']}/namespaces/{namespace}/{found['kind']}{path[found.end() :]}" if found else path
