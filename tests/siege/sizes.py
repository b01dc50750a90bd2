"""Size: what is large, or many, and is read into memory."""

from collections.abc import Callable

from siege.tenants import NOWHERE, Object, container, identity, view, workload

MB = 1_000_000
Objects = Callable[[str], list[Object]]


def bystanders(count: int) -> Objects:
    """Neither annotated nor EMQX; they cost nobody a pod."""

    def objects(namespace: str) -> list[Object]:
        bodies = [workload(namespace, name=f"large-{number}", replicas=0) for number in range(count)]
        for body in bodies:
            del body["metadata"]["annotations"]
            container(body).update(image="busybox:1", env=[{"name": "LARGE", "value": "x" * MB}])
        return bodies

    return objects


def host_names(count: int) -> Objects:
    def objects(namespace: str) -> list[Object]:
        hosts = " ".join(f"http://h{number}.example/" for number in range(count))
        return [
            workload(
                namespace, {"SH": identity(), "EMQX_CTL": view("emqx@10.0.0.1")}, EMQX_WEBHOOK__URLS=hosts
            )
        ]

    return objects


def logs(members: int) -> Objects:
    """A thousand lines of 9.5 KB in each."""

    def objects(namespace: str) -> list[Object]:
        said = {"text": "x" * 9500, "times": 1000}
        answers = {"SH": identity("emqx@$POD"), "EMQX_CTL": view("emqx@$POD"), "LOG": said}
        return [workload(namespace, answers, replicas=members)]

    return objects


def pending(count: int) -> Objects:
    """Pods that fit no node, with a container beside EMQX's that has an argument of 1 MB."""

    def objects(namespace: str) -> list[Object]:
        body = workload(namespace, replicas=count, pod=NOWHERE)
        body["spec"]["template"]["spec"]["containers"].append(
            {"name": "large", "image": "busybox:1", "args": ["x" * MB]}
        )
        return [body]

    return objects


def long_view(names: int) -> Objects:
    """As text that is repeated, since a variable of that length would not pass."""

    def objects(namespace: str) -> list[Object]:
        head, tail = "Cluster status: #{running_nodes => ['emqx@10.0.0.1'", "],stopped_nodes => []}\n"
        said = {"head": head, "text": ",'x@10.0.0.2'", "times": names - 1, "tail": tail}
        return [workload(namespace, {"SH": identity(), "EMQX_CTL": said}, replicas=2)]

    return objects


def different_views(members: int) -> Objects:
    """Each member lists itself and 499 nodes that no other knows."""

    def objects(namespace: str) -> list[Object]:
        said = view("emqx@$POD", *(f"x{number}@$POD" for number in range(499)))
        return [workload(namespace, {"SH": identity("emqx@$POD"), "EMQX_CTL": said}, replicas=members)]

    return objects


def config_maps(count: int) -> Objects:
    def objects(namespace: str) -> list[Object]:
        names = [f"large-{number}" for number in range(count)]
        body = workload(namespace, pod=NOWHERE, address=None)
        container(body)["envFrom"] = [{"configMapRef": {"name": name}} for name in names]
        maps = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": namespace},
                "data": {"EMQX_LARGE": "x" * MB},
            }
            for name in names
        ]
        return [*maps, body]

    return objects


def long_annotation(namespace: str) -> list[Object]:
    return [workload(namespace, replicas=0, mode="x" * 60_000)]


def stale(names: int, length: int = 20) -> Objects:
    def objects(namespace: str) -> list[Object]:
        stopped = tuple(f"{'x' * (length - 14)}@10.1.{n // 250}.{n % 250}" for n in range(names))
        said = view("emqx@10.0.0.1", stopped=stopped)
        return [workload(namespace, {"SH": identity(), "EMQX_CTL": said})]

    return objects
