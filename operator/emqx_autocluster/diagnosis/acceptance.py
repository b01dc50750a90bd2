"""Accepted: whether this is a workload that the operator can and may look after."""

from emqx_autocluster.api import annotations
from emqx_autocluster.api.annotations import Mode
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, true
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.observation import Workload

_TYPE = ConditionType.ACCEPTED
_EMQX_OPERATOR = "apps.emqx.io"
"""The API group of its resources."""


def check(case: Case) -> Finding:
    workload, options = case.workload, case.options
    if annotations.MODE in workload.template.annotations and options.mode is None:
        return false(
            _TYPE,
            Reason.ANNOTATION_ON_POD_TEMPLATE,
            f"{annotations.MODE} is on the pod template, where it has no effect; set it on the workload:"
            f" kubectl annotate -n {workload.ref.namespace} {workload.ref} {annotations.MODE}=Observe",
        )
    if options.problems:
        return false(
            _TYPE,
            Reason.INVALID_ANNOTATION,
            "; ".join(options.problems) + "; nothing is changed until this is corrected",
        )
    if belongs_to_emqx_operator(workload):
        cure = (
            f"; remove our annotation {annotations.MODE}" if annotations.MODE in workload.annotations else ""
        )
        return false(
            _TYPE,
            Reason.MANAGED_BY_EMQX_OPERATOR,
            f"this workload belongs to the official EMQX operator (ownerReference of group {_EMQX_OPERATOR}),"
            f" which looks after its clustering itself{cure}",
        )
    if case.excess:
        return false(
            _TYPE,
            Reason.TOO_LARGE,
            f"not judged: the EMQX container has {case.excess}; what is no setting of EMQX fits into a mounted file",
        )
    if case.container is None:
        return _no_container(case)
    if workload.replicas == 0:
        return false(
            _TYPE, Reason.SCALED_TO_ZERO, "replicas is 0: there is no member to look at; scale it up"
        )
    return true(_TYPE, Reason.TARGET_FOUND, f"{workload.ref} is looked after in mode {_mode(options.mode)}")


def belongs_to_emqx_operator(workload: Workload) -> bool:
    return any(group == _EMQX_OPERATOR for group, _ in workload.owners)


def _no_container(case: Case) -> Finding:
    names = ", ".join(c.name for c in case.workload.template.containers)
    wanted = case.options.container
    seen = (
        f"there is no container named {wanted}"
        if wanted
        else "no container has EMQX_CLUSTER__* or an EMQX image"
    )
    return false(
        _TYPE,
        Reason.NO_EMQX_CONTAINER,
        f"{seen} (containers: {names}); name it with the annotation {annotations.CONTAINER}",
    )


def _mode(mode: Mode | None) -> str:
    if mode is Mode.HEAL:
        return "Heal: what no setting explains is put right, too"
    return str(mode or Mode.OBSERVE)
