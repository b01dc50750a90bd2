"""Crowd: many at once, and what never ends."""

from collections.abc import Callable

from scenarios import manifests
from siege.tenants import Object, identity, resource, view, workload

Objects = Callable[[str], list[Object]]
_FOR_EVER = {"seconds": 86_400}
_HANGS = dict.fromkeys(("SH", "EMQX_CTL", "GREP", "GETENT", "CAT"), _FOR_EVER)


def hanging(count: int) -> Objects:
    def objects(namespace: str) -> list[Object]:
        return [workload(namespace, _HANGS, name=f"emqx-{number}") for number in range(count)]

    return objects


def hanging_members(members: int) -> Objects:
    def objects(namespace: str) -> list[Object]:
        return [workload(namespace, _HANGS, replicas=members)]

    return objects


def resources(count: int) -> Objects:
    """The second, and all after it, for one workload, and each as hurried as may be."""

    def objects(namespace: str) -> list[Object]:
        hurry = {"interval": "5s", "suspiciousInterval": "5s", "pulse": "2s"}
        several = [resource(namespace, f"emqx-{n:03}", verification=hurry) for n in range(count)]
        return [*several, workload(namespace, {"SH": identity(), "EMQX_CTL": view("emqx@10.0.0.1")})]

    return objects


def hurried(count: int) -> Objects:
    """Each is as often looked at as may be, and never well."""

    def objects(namespace: str) -> list[Object]:
        hurry = {"interval": "5s", "suspiciousInterval": "5s", "pulse": "2s"}
        answers = {"SH": identity("emqx@$POD"), "EMQX_CTL": view("emqx@$POD")}
        names = [f"emqx-{number}" for number in range(count)]
        return [
            body
            for name in names
            for body in (
                resource(namespace, name, name, verification=hurry),
                workload(namespace, answers, name=name, replicas=2, address=manifests.DEAD_PROXY),
            )
        ]

    return objects
