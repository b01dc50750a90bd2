"""Roll: all changes of the workload in one patch, after everything that they depend on was verified."""

from collections.abc import Iterable, Iterator

from emqx_autocluster.api.annotations import ORIGINAL
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, Findings, access, configuration, names, rollout
from emqx_autocluster.diagnosis.formation import held, obstacles
from emqx_autocluster.diagnosis.names import dnspolicy
from emqx_autocluster.healing import brake, gate, reverts
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.steps import Action, Hold, PatchWorkload, Step, kubectl, patch_command
from emqx_autocluster.objects import rbac, template
from emqx_autocluster.objects.recorded import Changes, FieldChange
from emqx_autocluster.observation import (
    CANONICAL_HOST,
    DNSAnswer,
    DNSOutcome,
    ManagedObject,
    Unobserved,
    WorkloadKind,
)
from emqx_autocluster.text import grammar

_NO_PARTITION = {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}
_DEPENDS_ON = (ConditionType.CONFIGURATION_VALID, ConditionType.RBAC_READY, ConditionType.DNS_HEALTHY)


def steps(case: Case, findings: Findings, memory: Memory) -> tuple[tuple[Step, ...], Hold | None]:
    """The patch, and after it the wait for the rollout, if it makes one."""
    container, wanted = case.container, changes(case, findings)
    if container is None or not wanted:
        return (), None
    workload, rolls = case.workload, template.rolls(wanted)
    ref = workload.ref
    guard = brake.guard(case) if rolls else ()
    body = template.patch(workload, container, (*wanted, *guard), memory.original)
    original = body["metadata"]["annotations"][ORIGINAL]
    patch = Step(
        Action.PATCH_WORKLOAD,
        f"{ref.kind}/{ref.name}",
        f"set {', '.join(reverts.shown(change) for change in wanted)} {_cost(case, rolls=rolls)}",
        patch_command(ref, template.manual_patch(container, wanted)),
        PatchWorkload(body, reverts.replaced(case, wanted), original, rolls),
    )
    if not rolls:
        return (patch,), reverts.fight(case, wanted, memory)
    wait = Step(
        Action.AWAIT_ROLLOUT,
        f"{ref.kind}/{ref.name}",
        f"wait until every pod is new, Ready and available; {brake.promise(case)}",
        _await(case),
    )
    return (patch, wait), _hold(case, findings) or reverts.fight(case, wanted, memory) or _manual(case)


def _await(case: Case) -> str:
    """Of a Deployment also for the last old pod: to kubectl its rollout is over while that one still shuts down.

    A node whose name is removed while it runs goes, comes back, and leaves its name a second time.
    """
    ref = case.workload.ref
    over = kubectl(ref, "rollout", "status", f"{str(ref.kind).lower()}/{ref.name}", "--timeout=15m")
    old = sorted({m.pod.revision for m in case.running if grammar.is_label(m.pod.revision)})
    if ref.kind is not WorkloadKind.DEPLOYMENT or not old:
        return over
    of_old = f"pod-template-hash in ({','.join(old)})"
    return f"{over} && {kubectl(ref, 'wait', 'pod', '-l', of_old, '--for=delete', '--timeout=5m')}"


def changes(case: Case, findings: Findings) -> Changes:
    """Every field that provably cannot work and has exactly one right value."""
    container, workload = case.container, case.workload
    if container is None or not case.joins_at_start:
        return ()
    found: list[FieldChange] = []
    if _repairable(findings, ConditionType.CONFIGURATION_VALID):
        right = _right_values(_certain(case))
        found += [template.env_change(container, name, value) for name, value in right.items()]
    found += _account_changes(case, findings)
    unsuitable = findings[ConditionType.DNS_HEALTHY].reason is Reason.DNS_POLICY_UNSUITABLE
    if unsuitable and _repairable(findings, ConditionType.DNS_HEALTHY):
        policy = dnspolicy.suitable(case)
        found.append(FieldChange(template.DNS_POLICY, workload.template.dns_policy, policy))
    if _repairable(findings, ConditionType.ROLLOUT_SAFE) and rollout.fits_the_deadline(case):
        seconds = rollout.right_seconds(case)
        found.append(FieldChange(template.MIN_READY_SECONDS, workload.min_ready_seconds, seconds))
    return tuple(found)


def _certain(case: Case) -> Iterator[Finding]:
    """What Repair can put right on every version of EMQX that it may be, in the same way."""
    others = [{f.sets for f in configuration.problems(other) if f.repairable} for other in case.others]
    for problem in configuration.problems(case):
        if problem.repairable and all(problem.sets in found for found in others):
            yield problem


def _right_values(problems: Iterable[Finding]) -> dict[str, str]:
    """Of several problems with one variable, each has the same right value."""
    return {name: value for problem in problems for name, value in problem.sets}


def by_hand(case: Case) -> tuple[Step, ...]:
    """The patch for settings that only the user may put right, such as those that rename the nodes."""
    container, ref = case.container, case.workload.ref
    right = _right_values(problem for problem in configuration.problems(case) if problem.bad)
    if container is None or not right:
        return ()
    wanted = tuple(template.exact_change(container, name, value) for name, value in right.items())
    shown = ", ".join(map(reverts.shown, wanted))
    command = patch_command(ref, template.manual_patch(container, wanted))
    return (Step(Action.PATCH_WORKLOAD, f"{ref.kind}/{ref.name}", f"by hand: set {shown}", command),)


def _account_changes(case: Case, findings: Findings) -> list[FieldChange]:
    rights, workload = case.observation.rights, case.workload
    if rights is None or not _repairable(findings, ConditionType.RBAC_READY):
        return []
    found = []
    switch = workload.template.service_account == "default" and rights.allowed is False
    if switch:
        account = rbac.account_name(workload, case.observation.resource)
        was = workload.template.service_account if workload.template.names_account else None
        found.append(FieldChange(template.SERVICE_ACCOUNT, was, account))
    account_object = rights.service_account
    unmounted = isinstance(account_object, ManagedObject) and not access.token_mounted(case, account_object)
    if unmounted and not (switch and workload.template.automount_token is None):
        found.append(FieldChange(template.AUTOMOUNT, workload.template.automount_token, now=True))
    return found


def _repairable(findings: Findings, kind: ConditionType) -> bool:
    return findings[kind].bad and findings[kind].repairable


def _hold(case: Case, findings: Findings) -> Hold | None:
    return (
        _foundations(findings) or _controller(case) or _broken_pod(case) or _preflight(case) or _switch(case)
    )


def _foundations(findings: Findings) -> Hold | None:
    """A restart is worth it only if afterwards everything that discovery needs is there."""
    for kind in _DEPENDS_ON:
        finding = findings[kind]
        if finding.status is Status.UNKNOWN:
            return gate.from_finding(finding)
        if finding.bad and not finding.repairable:
            return Hold(
                Reason.ROLLOUT_BLOCKED, f"a restart would not help while {kind} is False: {finding.message}"
            )
    discovered = findings[ConditionType.DISCOVERY_READY]
    if discovered.status is not Status.TRUE:
        return Hold(
            Reason.ROLLOUT_BLOCKED, f"restarted members would not find each other: {discovered.message}"
        )
    return None


def _controller(case: Case) -> Hold | None:
    """Settings of the workload under which its controller would not carry the rollout through."""
    workload = case.workload
    if case.held:
        waits = held.check(case)
        return gate.from_finding(waits) if waits else Hold(Reason.TARGET_PROGRESSING, "a rollout goes on")
    if workload.paused:
        resume = kubectl(workload.ref, "rollout", "resume", str(workload.ref))
        return Hold(Reason.ROLLOUT_BLOCKED, f"spec.paused is true; the repair goes on after: {resume}")
    if workload.partition > 0:
        return Hold(
            Reason.ROLLOUT_BLOCKED,
            f"updateStrategy.rollingUpdate.partition is {workload.partition}: pods below it would keep the old"
            f" settings; set it to 0: {patch_command(workload.ref, _NO_PARTITION)}",
        )
    ordered = workload.ref.kind == "StatefulSet" and workload.pod_management == "OrderedReady"
    broken = [m.pod for m in case.observation.each_member() if not m.pod.ready]
    if ordered and broken and workload.strategy == "RollingUpdate":
        return Hold(
            Reason.ROLLOUT_BLOCKED,
            f"podManagementPolicy is OrderedReady and {broken[0].name} is not Ready: the controller waits for it and"
            " would never replace it; make it Ready or delete it:"
            f" {kubectl(workload.ref, 'delete', 'pod', broken[0].name)}",
        )
    return None


def _broken_pod(case: Case) -> Hold | None:
    """Not on top of a change that went wrong: it would break more, and `kubectl rollout undo` would lead back to it."""
    unfinished = not case.workload.all_updated
    broken = [m.pod for m in case.membership.down if m.pod.lacks_image or (m.pod.failing and unfinished)]
    if not broken:
        return None
    ref = case.workload.ref
    undo = kubectl(ref, "rollout", "undo", f"{str(ref.kind).lower()}/{ref.name}")
    return Hold(
        Reason.ROLLOUT_BLOCKED,
        f"pods of the present template do not start ({obstacles.state(broken[0])}): put that right, or go back with:"
        f" {undo}",
    )


def _preflight(case: Case) -> Hold | None:
    """The way to the peers must work before pods are restarted for it."""
    return _peers_preflight(case) if case.uses_dns else _api_server_preflight(case)


def _peers_preflight(case: Case) -> Hold | None:
    """DNS must lead to every member under the name that it has, and keeps."""
    found = case.observation.network.peers
    if isinstance(found, Unobserved):
        return Hold(Reason.PREFLIGHT_FAILED, f"what DNS answers for the members is not known: {found.reason}")
    if found.outcome is not DNSOutcome.ANSWER:
        return Hold(Reason.PREFLIGHT_FAILED, f"the cluster's DNS answers {found.outcome} for {found.name}")
    known = {address.lower() for address in found.addresses}
    lost = next((m for m in case.running if (m.node or "").partition("@")[2].lower() not in known), None)
    if lost is None:
        return None
    return Hold(Reason.PREFLIGHT_FAILED, f"DNS does not lead to {lost.node or lost.pod.name} by {found.name}")


def _api_server_preflight(case: Case) -> Hold | None:
    answer, hosts = names.cluster_answer(case), case.observation.network.certificate_hosts
    if isinstance(answer, Unobserved):
        return Hold(Reason.PREFLIGHT_FAILED, f"{CANONICAL_HOST} could not be looked up: {answer.reason}")
    if not (isinstance(answer, DNSAnswer) and answer.outcome is DNSOutcome.ANSWER):
        return Hold(Reason.PREFLIGHT_FAILED, f"the cluster's DNS answers {answer.outcome} for {answer.name}")
    if isinstance(hosts, Unobserved):
        return Hold(
            Reason.PREFLIGHT_FAILED, f"the API server's certificate could not be read: {hosts.reason}"
        )
    if CANONICAL_HOST not in hosts:
        return Hold(Reason.PREFLIGHT_FAILED, f"the API server's certificate does not name {CANONICAL_HOST}")
    return None


def _switch(case: Case) -> Hold | None:
    """Pods are moved to another ServiceAccount only once the authorizer confirms its rights."""
    rights = case.observation.rights
    if case.workload.template.service_account != "default" or rights is None or rights.allowed is not False:
        return None
    if rights.dedicated_allowed is True:
        return None
    account = rbac.account_name(case.workload, case.observation.resource)
    return Hold(
        Reason.PREFLIGHT_FAILED, f"the API server does not confirm the rights of ServiceAccount {account} yet"
    )


def _manual(case: Case) -> Hold | None:
    if case.spec.repair.rollout == "Automatic" or case.options.roll:
        return None
    return Hold(
        Reason.ROLLOUT_MANUAL, f"spec.repair.rollout is Manual; let it go with: {reverts.let_go(case)}"
    )


def _cost(case: Case, *, rolls: bool) -> str:
    if not rolls:
        return "(restarts nothing)"
    devices = [m.connections for m in case.running if not isinstance(m.connections, Unobserved)]
    reconnecting = f"{sum(devices)} devices reconnect" if devices else "every device reconnects"
    return f"in one rolling restart ({reconnecting})"
