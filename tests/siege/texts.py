"""Time: what costs more than in proportion to its length, where it is read carelessly."""

from collections.abc import Callable

from siege.tenants import NOWHERE, SOCKETS, Object, container, identity, view, workload

LONE = view("emqx@$POD")
"""What a member says that is alone."""
ITSELF = identity("emqx@$POD")


def headings(namespace: str) -> list[Object]:
    answers = {"SH": {"text": "=== version\n", "times": 1000}, "EMQX_CTL": LONE}
    return [workload(namespace, answers, address=None)]


def doubling(namespace: str, replicas: int = 1) -> list[Object]:
    """On no node: a kubelet would expand it."""
    body = workload(namespace, {"SH": ITSELF, "EMQX_CTL": LONE}, replicas=replicas, address=None, pod=NOWHERE)
    names = [
        ("A0", "xx"),
        *((f"A{n}", f"$(A{n - 1})$(A{n - 1})") for n in range(1, 31)),
        ("EMQX_NAME", "$(A30)"),
        ("EMQX_CLUSTER__K8S__APISERVER", "$(A30)"),
    ]
    container(body)["env"] += [{"name": name, "value": value} for name, value in names]
    return [body]


def doubling_at_zero(namespace: str) -> list[Object]:
    return doubling(namespace, 0)


def chain(length: int) -> Callable[[str], list[Object]]:
    def objects(namespace: str) -> list[Object]:
        body = workload(namespace, {"SH": ITSELF, "EMQX_CTL": LONE}, pod=NOWHERE, EMQX_NAME="")
        names = [("A0", "x"), *((f"A{n}", f"$(A{n - 1})") for n in range(1, length))]
        entries = [*names, ("EMQX_NAME", f"$(A{length - 1})")]
        container(body)["env"] += [{"name": name, "value": value} for name, value in entries]
        return [body]

    return objects


def long_stop(namespace: str) -> list[Object]:
    """A member that is not Ready, so that its log is asked whether it hangs in a join."""
    said = {"text": "Stopping mria " * 9000, "times": 100}
    return [workload(namespace, {"SH": ITSELF, "EMQX_CTL": LONE, "LOG": said, "HTTP": 503}, replicas=2)]


def long_error(namespace: str) -> list[Object]:
    said = {
        "text": "Ekka(AutoCluster): Discovery error: " + '{403,"{\\"message\\":\\"\\\\' * 160,
        "times": 900,
    }
    return [workload(namespace, {"SH": ITSELF, "EMQX_CTL": LONE, "LOG": said}, replicas=2)]


def long_complaint(namespace: str) -> list[Object]:
    said = {"text": "cookie = ://a:b@ \x1b[0 " * 2000, "code": 1}
    return [workload(namespace, {"SH": ITSELF, "EMQX_CTL": said})]


def many_sockets(namespace: str) -> list[Object]:
    line = "   1: 0100007F:1112 {:08X}:1112 01 0:0 0:0 0 0 0 0\n"
    lines = "".join(line.format(0x0A000000 + number) for number in range(1500))
    said = {"text": SOCKETS["text"] + lines, "times": 1}
    return [workload(namespace, {"SH": ITSELF, "EMQX_CTL": LONE, "GREP": said}, replicas=2)]
