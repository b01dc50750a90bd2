"""The operator's rights: which a Role grants, and which its requests have used, by the API server's audit log."""

import json
from collections.abc import Collection, Iterable, Iterator
from http import HTTPStatus

from sandbox.audit import AuditEntry
from sandbox.handle import SandboxHandle
from story import OPERATOR

Right = tuple[str, str, str]
"""verb, API group, resource or resource/subresource"""


def requests(sandbox: SandboxHandle) -> Iterator[AuditEntry]:
    """The operator's, running watches included: these have a line from the moment they are accepted."""
    with sandbox.audit_log.open(encoding="utf-8") as lines:
        for line in lines:
            if f'"username":"{OPERATOR}"' in line and line.endswith("\n"):
                yield AuditEntry.of(json.loads(line))


def right(entry: AuditEntry) -> Right:
    parts = entry.path.split("/")
    group = parts[2] if parts[1] == "apis" else ""
    resource = f"{entry.resource}/{entry.subresource}" if entry.subresource else entry.resource
    return entry.verb, group, resource


def refused(entries: Iterable[AuditEntry]) -> set[Right]:
    return {right(e) for e in entries if e.code == HTTPStatus.FORBIDDEN}


def used(entries: Collection[AuditEntry]) -> set[Right]:
    """`create` on pods/exec is checked besides `get`, and shows in no line of its own."""
    rights = {right(e) for e in entries if e.code != HTTPStatus.FORBIDDEN}
    assert ("get", "", "pods/exec") in rights
    return rights | {("create", "", "pods/exec")}


def granted(sandbox: SandboxHandle, *roles: Collection[str]) -> set[Right]:
    """By these roles, each as kubectl is asked for it: `clusterrole NAME`, `role NAME -n NAMESPACE`."""
    found = [json.loads(sandbox.kubectl("get", *role, "-o", "json")) for role in roles]
    return {
        (verb, group, resource)
        for role in found
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
