"""The pods that a workload will have: names that are known beforehand, and the labels that its controller adds."""

from collections.abc import Mapping

from emqx_autocluster.observation import Workload, WorkloadKind

_POD_NAME_LABEL, _ORDINAL_LABEL = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
_MOST = 1000


def by_name(workload: Workload, most: int = _MOST) -> dict[str, Mapping[str, str]]:
    """Name -> labels of the first pods of a StatefulSet; empty: no name is known beforehand."""
    if workload.ref.kind is not WorkloadKind.STATEFUL_SET:
        return {}
    numbers = range(workload.first_ordinal, workload.first_ordinal + min(workload.replicas, most))
    names = {f"{workload.ref.name}-{number}": str(number) for number in numbers}
    return {
        name: {**workload.template.labels, _POD_NAME_LABEL: name, _ORDINAL_LABEL: number}
        for name, number in names.items()
    }


def labels(workload: Workload) -> list[Mapping[str, str]]:
    """Of each of them, as far as they differ."""
    return list(by_name(workload).values()) or [workload.template.labels]
