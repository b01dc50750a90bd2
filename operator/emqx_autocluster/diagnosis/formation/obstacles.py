"""Pods that do not get on: which one a rollout waits for, in Kubernetes' own words, and where to look further."""

from datetime import timedelta

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.observation import Pod

_START = timedelta(seconds=60)
"""A pod that is not Ready after this is slower than any start that was measured."""


def of_rollout(case: Case) -> str | None:
    """None: each pod that is not Ready may just need a moment."""
    pods = [m.pod for m in case.observation.each_member() if not m.pod.ready and not m.pod.deleting]
    stuck = not case.progressing and not case.held
    late = [
        p
        for p in pods
        if stuck or p.failing or case.observation.at - (p.running_since or p.created) >= _START
    ]
    if not late:
        return None
    pod = min(late, key=lambda pod: (not pod.failing, pod.running, pod.name))
    seen = f"{pod.name}, which runs and is not Ready" if pod.running else state(pod)
    return f"{seen}; see {where_to_look(case, pod)}"


def state(pod: Pod) -> str:
    return f"{pod.name}: {pod.waiting or pod.phase}"


def where_to_look(case: Case, pod: Pod) -> str:
    """A container that crashed has a log, one that never ran has events."""
    where = f"-n {case.workload.ref.namespace} {pod.name}"
    if pod.crashing and case.container:
        return f"kubectl logs {where} -c {case.container.name} --previous"
    return f"kubectl describe pod {where}"
