"""Text and forgery: what shall be taken for something else than it is."""

from siege.tenants import IMAGE, Object, container, identity, resource, view, workload

_CODES = "\x1b]52;c;Y3VybA==\x07\x1b[2J\x1b[8m; curl e.example\x1b[0m\u202etxt\u2028::error::no ##vso[x]"
PASSWORD = "s3cret-of-this-tenant"  # noqa: S105 - it must not be seen anywhere
_LONE = view("emqx@10.0.0.1")


def codes(namespace: str) -> list[Object]:
    answers = {
        "SH": identity("emqx@10.0.0.1", f"EMQX_CLUSTER__K8S__NAMESPACE={_CODES}"),
        "EMQX_CTL": {"text": f"Failed: {_CODES} [/x] [bold]\n", "code": 1},
        "LOG": {"text": f"Ekka(AutoCluster): Discovery error: {_CODES}", "times": 100},
    }
    return [
        workload(
            namespace,
            answers,
            address=f"http://{_CODES}",
            EMQX_CLUSTER__K8S__SERVICENAME=_CODES,
            EMQX_CLUSTER__K8S__SUFFIX=_CODES,
        )
    ]


def proxied(namespace: str) -> list[Object]:
    return [
        workload(
            namespace, {"SH": identity(), "EMQX_CTL": _LONE}, EMQX_CLUSTER__K8S__SERVICE_NAME="web:80/proxy/x"
        )
    ]


def nameless(namespace: str) -> list[Object]:
    body = workload(namespace, {"SH": identity(), "EMQX_CTL": _LONE}, EMQX_CLUSTER__K8S__SERVICE_NAME="")
    container(body)["env"].append({"name": "EMQX_CLUSTER__K8S__SERVICE_NAME", "value": ""})
    return [body]


def password(namespace: str) -> list[Object]:
    """The process of the container says what the Secret became."""
    name = "EMQX_CLUSTER__K8S__APISERVER"
    value = f"admin:{PASSWORD}@10.0.0.1:6443"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "settings", "namespace": namespace},
        "stringData": {"address": value, "service": PASSWORD},
    }
    answers = {
        "SH": identity("emqx@10.0.0.1", f"{name}={value}", f"EMQX_CLUSTER__K8S__SERVICE_NAME={PASSWORD}"),
        "EMQX_CTL": _LONE,
    }
    body = workload(namespace, answers, address=None, EMQX_CLUSTER__K8S__SERVICE_NAME="")
    for variable, key in ((name, "address"), ("EMQX_CLUSTER__K8S__SERVICE_NAME", "service")):
        container(body)["env"].append(
            {"name": variable, "valueFrom": {"secretKeyRef": {"name": "settings", "key": key}}}
        )
    return [secret, body]


def numbers(namespace: str) -> list[Object]:
    digits = "9" * 5000
    answers = {
        "SH": identity(f"emqx{digits}@10.0.0.1", version=digits),
        "EMQX_CTL": {"text": f"connections.count : {digits}\n"},
        "LOG": {"text": f"2026-99-99T99:99:99.{digits}Z Stopping mria, reason: join", "times": 10},
    }
    image = IMAGE.replace("5.8.9", "5.8.9")
    return [
        workload(namespace, answers, name="digits", image=image),
        workload(namespace, answers, name="script", image="emqx:٥.٨.٩", replicas=0),
    ]


def member(namespace: str) -> list[Object]:
    """The owner is filled in once it is there: see `siege.course`."""
    body = workload(namespace, {"SH": identity("emqx@$POD"), "EMQX_CTL": view("emqx@$POD")}, replicas=2)
    spec = dict(body["spec"]["template"]["spec"])
    forged = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "emqx-0-forged",
            "namespace": namespace,
            "labels": {"app": "emqx"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "emqx", "uid": ""}],
        },
        "spec": spec,
    }
    return [body, forged]


def account(namespace: str) -> list[Object]:
    return [workload(namespace, mode="Repair", pod={"serviceAccountName": "revived"})]


def second_resource(namespace: str) -> list[Object]:
    second = resource(namespace, "aaa", repair={"seed": "mine"}, healing={"splitPolicy": "LargestWins"})
    return [resource(namespace, "emqx"), workload(namespace, {"SH": identity(), "EMQX_CTL": _LONE}), second]


def nameservers(namespace: str) -> list[Object]:
    servers = [
        "0.0.0.0",  # noqa: S104 - nobody binds to it
        "::",
        "::ffff:127.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "255.255.255.255",
        "224.0.0.1",
    ]
    lines = "\n".join(f"nameserver {server}" for server in servers)
    said = {
        "text": f'EMQX_NODE__NAME=emqx@10.0.0.1\n=== version\nREL_VSN="5.8.9"\n=== resolv.conf\n{lines}\n'
    }
    return [workload(namespace, {"SH": said, "EMQX_CTL": _LONE})]
