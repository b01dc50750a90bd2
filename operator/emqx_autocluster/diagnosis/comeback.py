"""RolloutSafe: whether the members come back once all of them ended together.

A node with data waits in its boot for the nodes that may have newer ones, and is not Ready meanwhile. Where a Service
hides from DNS what is not Ready, no node has a name by which it is found: each waits for the others, for ever.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, false
from emqx_autocluster.diagnosis import probes, volumes
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames
from emqx_autocluster.emqx import ports
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.podwords import POD_NAME
from emqx_autocluster.observation import Service, WorkloadKind

_TYPE = ConditionType.ROLLOUT_SAFE
_OPEN_IN_THE_BOOT = frozenset({ports.DISTRIBUTION, ports.RPC})
"""Where a node listens that still waits for its tables."""


def problem(case: Case) -> Finding | None:
    service = _hiding(case)
    if service is None or not _waits_for_the_boot(case):
        return None
    namespace, name = case.workload.ref.namespace, service.name
    return false(
        _TYPE,
        Reason.NAMES_HIDDEN_UNTIL_READY,
        f"nodes are named by DNS, their data lies on volumes that outlive the pods, and Service {name} has names for"
        " Ready pods alone (publishNotReadyAddresses is not true): once all pods end together, each node waits for the"
        " others' tables and is not Ready meanwhile, so that none finds another by name, for ever; publish all of them"
        f" (that restarts nothing): kubectl patch service -n {namespace} {name} -p"
        ' \'{"spec":{"publishNotReadyAddresses":true}}\'',
    )


def unjudged(case: Case) -> Iterator[Unjudged]:
    """Of a probe that is a command, nobody can tell what it waits for."""
    yield from _one_after_another(case)
    asked = case.observation.service
    hides = isinstance(asked, Service) and not asked.publish_not_ready and case.discovers
    service = _hiding(case) or (asked if hides and isinstance(asked, Service) else None)
    commands = any("exec" in probe for probe in probes.of(case))
    if service is None or not commands or case.running or _is_alone(case) or problem(case):
        return
    told = f"Service {service.name} hides pods that are not Ready, and their probe is a command of its own"
    remedy = "with publishNotReadyAddresses: true in the Service it does not matter"
    yield Unjudged(
        _TYPE, "whether the pods' readiness waits for what only other Ready pods bring", told, remedy
    )


def _one_after_another(case: Case) -> Iterator[Unjudged]:
    """A StatefulSet makes its second pod when the first is Ready."""
    workload = case.workload
    ordered = workload.ref.kind is WorkloadKind.STATEFUL_SET and workload.pod_management == "OrderedReady"
    asking = any("cluster" in str(probe["exec"]) for probe in probes.of(case) if "exec" in probe)
    if not (ordered and asking) or case.running or _is_alone(case):
        return
    told = f"their probe is a command about the cluster, and podManagementPolicy of {workload.ref} is OrderedReady"
    remedy = "with podManagementPolicy: Parallel it does not matter (it can only be set when the StatefulSet is made)"
    yield Unjudged(_TYPE, "whether the first pod's readiness waits for pods that come after it", told, remedy)


def _hiding(case: Case) -> Service | None:
    """The Service that hides the names by which nodes with lasting data look for each other; None: there is none."""
    own = ownnames.predicted(case, case.settings) if case.settings else None
    by_name = isinstance(own, OwnName) and POD_NAME in own.host and ownnames.is_borne_out(case, own)
    if _is_alone(case) or not by_name or not volumes.keep_the_tables(case):
        return None
    service = ownnames.naming_service(case)
    return service if isinstance(service, Service) and not service.publish_not_ready else None


def _is_alone(case: Case) -> bool:
    """Whether its nodes wait for no other of them."""
    return case.is_replicant or case.workload.replicas < 2  # noqa: PLR2004


def _waits_for_the_boot(case: Case) -> bool:
    """Whether a probe succeeds only once EMQX's listeners are up: they come after the tables."""
    asked = [port for probe in probes.of(case) if (port := probes.port(case, probe)) is not None]
    return any(port not in _OPEN_IN_THE_BOOT for port in asked)
