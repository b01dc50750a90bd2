"""What is tried: each attack is what one tenant writes into a namespace of their own, and what they have to be told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from siege import crowds, forgeries, sizes, texts
from siege.tenants import Object

_JUDGED = r"ClusterFormed=\w+ (?!TargetProgressing|Initializing|NodesStarting)"
"""What the members said was looked at to its end."""


@dataclass(frozen=True, slots=True)
class Attack:
    root: str
    """Of the threats in docs/security.md: time, size, crowd, text or forgery."""
    name: str
    """In a few words; the namespace is named by the order of the attacks."""
    objects: Callable[[str], Sequence[Object]]
    tells: Sequence[str] = ()
    """What the status of the culprit's workload has to say, among other things; none: it is not annotated."""


def attacks(size: float) -> list[Attack]:
    """`size`: 1 is the whole; less makes fewer of each."""

    def some(number: int) -> int:
        return max(1, round(number * size))

    return [
        Attack(
            "time", "1000 headings where the identity is asked for", texts.headings, ["reading the identity"]
        ),
        Attack("time", "variables that double, replicas 0", texts.doubling_at_zero, ["replicas is 0"]),
        Attack("time", "variables that double", texts.doubling, ["not judged: .* has more than 4096"]),
        Attack("time", "a chain of 3000 variables", texts.chain(3000), ["TooLarge"]),
        Attack(
            "time",
            "a chain of 900 variables",
            texts.chain(900),
            ["TargetProgressing: pods are being started"],
        ),
        Attack("time", "15,000 variables", texts.chain(15_000), ["TooLarge"]),
        Attack("time", "log lines of 126 KB", texts.long_stop, ["being started|not judged"]),
        Attack("time", "a discovery error of 4 KB", texts.long_error, [_JUDGED]),
        Attack("time", "an error message of 40 KB", texts.long_complaint, ["emqx_ctl cluster status: "]),
        Attack("time", "100,000 sockets", texts.many_sockets, [_JUDGED]),
        Attack("size", "60 Deployments of 1 MB, not annotated", sizes.bystanders(some(60)), []),
        Attack("size", "30,000 host names in one variable", sizes.host_names(30_000), ["TooLarge"]),
        Attack("size", "10,000 host names in one variable", sizes.host_names(10_000), [_JUDGED]),
        Attack("size", "32 pods with 9.5 MB of log each", sizes.logs(some(32)), [_JUDGED]),
        Attack(
            "size",
            "60 Pending pods of 1 MB",
            sizes.pending(some(60)),
            ["TargetProgressing: pods are being started"],
        ),
        Attack("size", "views of 70,000 names", sizes.long_view(70_000), ["the command wrote more than"]),
        Attack("size", "views of 5000 names", sizes.long_view(5000), ["it lists 5000 nodes, more than 500"]),
        Attack(
            "size",
            "32 members with 500 names of their own each",
            sizes.different_views(some(32)),
            ["nodes together, more than 1000"] if some(32) > 2 else ["not judged|NotFormed"],
        ),
        Attack(
            "size",
            "80 ConfigMaps of 1 MB",
            sizes.config_maps(some(80)),
            ["ConfigurationValid=Unknown .*(more than|not judged)"],
        ),
        Attack("size", "an annotation of 60 KB", sizes.long_annotation, ["InvalidAnnotation"]),
        Attack("size", "2500 stale names", sizes.stale(2500), ["it lists 2500 nodes, more than 500"]),
        Attack(
            "size", "400 stale names of 200 characters", sizes.stale(400, 200), ["StaleNodesPresent=True"]
        ),
        Attack(
            "crowd",
            "24 Deployments whose commands hang",
            crowds.hanging(some(24)),
            ["did not end within|was not over"],
        ),
        Attack(
            "crowd",
            "32 pods whose commands hang",
            crowds.hanging_members(some(32)),
            ["did not end within|was not over"],
        ),
        Attack(
            "crowd", "500 resources for one workload", crowds.resources(some(500)), ["OlderResourceCounts"]
        ),
        Attack("crowd", "20 workloads looked at every 5 s", crowds.hurried(some(20)), [_JUDGED]),
        Attack("text", "codes for terminals in all that is told", forgeries.codes, [r"\\x1b"]),
        Attack("text", "a Service named web:80/proxy/x", forgeries.proxied, ["web:80/proxy/x"]),
        Attack("text", "a Service without a name", forgeries.nameless, ["SERVICE_NAME"]),
        Attack(
            "text",
            "a password in an address from a Secret",
            forgeries.password,
            ["Secret settings, key address"],
        ),
        Attack(
            "text",
            "digits of other scripts, 5000 digits, times that are none",
            forgeries.numbers,
            [_JUDGED],
        ),
        Attack(
            "forgery",
            "a pod that says it is a member",
            forgeries.member,
            ["says that it belongs to this workload"],
        ),
        Attack("forgery", "an account that is missing", forgeries.account, ["ServiceAccount"]),
        Attack("forgery", "a second resource", forgeries.second_resource, ["OlderResourceCounts"]),
        Attack("forgery", "nameservers of the pod's choice", forgeries.nameservers, [_JUDGED]),
    ]
