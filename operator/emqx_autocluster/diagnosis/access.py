"""RBACReady: whether the pods' ServiceAccount may read the one Endpoints object that EMQX asks for."""

from collections.abc import Iterator

from emqx_autocluster.api import annotations
from emqx_autocluster.api.findings import (
    ConditionType,
    Finding,
    Reason,
    Unjudged,
    false,
    true,
    unknown,
)
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import address
from emqx_autocluster.objects import rbac
from emqx_autocluster.objects.template import AUTOMOUNT, SERVICE_ACCOUNT
from emqx_autocluster.observation import (
    DiscoveryError,
    DiscoveryTrace,
    Fact,
    ManagedObject,
    Rights,
    Unobserved,
)

_TYPE = ConditionType.RBAC_READY
_ELSE = "or delete it, and the operator makes its own"
_WAYS_OUT = {
    "Role": f"give the right in it and bind it, {_ELSE}",
    "RoleBinding": f"give the right with a RoleBinding of another name, {_ELSE}",
    "ServiceAccount": f"name it in the pod template to use it, {_ELSE}",
}


def check(case: Case) -> Finding:
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    if not case.uses_k8s:
        return true(_TYPE, Reason.NOT_APPLICABLE, "only strategy k8s asks the API server")
    if address.asks_a_proxy(case):
        return true(
            _TYPE, Reason.NOT_APPLICABLE, "EMQX asks through a plain-http proxy, with the proxy's rights"
        )
    rights = case.observation.rights
    if rights is None:
        return unknown(_TYPE, Reason.REVIEW_FAILED, "the Service that EMQX asks for is not known")
    if _brought(case):
        return unknown(_TYPE, Reason.REVIEW_FAILED, _brought(case))
    return _account(case, rights)


def unjudged(case: Case) -> Iterator[Unjudged]:
    rights = case.observation.rights
    if not case.uses_k8s or address.asks_a_proxy(case) or rights is None:
        return
    if _brought(case):
        yield Unjudged(_TYPE, f"whether EMQX may get {_object(case)}", _brought(case))
        return
    if isinstance(rights.allowed, Unobserved):
        name = case.workload.template.service_account
        yield Unjudged(
            _TYPE,
            f"whether ServiceAccount {name} may get {_object(case)}",
            rights.allowed.reason,
            field=SERVICE_ACCOUNT,
        )
    elif (
        isinstance(rights.service_account, Unobserved) and case.workload.template.service_account != "default"
    ):
        name, reason = case.workload.template.service_account, rights.service_account.reason
        question = f"whether there is ServiceAccount {name}, without which no pod is made"
        yield Unjudged(_TYPE, question, reason, field=SERVICE_ACCOUNT)


def _brought(case: Case) -> str:
    """What is told of a token that is not the ServiceAccount's; empty: it is."""
    brings = case.container.brings_token if case.container else ""
    return f"EMQX shows the token that {brings} brings, and whose that is nobody reads" if brings else ""


def _account(case: Case, rights: Rights) -> Finding:
    """What is certainly wrong first: it stays so, whatever else could not be read."""
    name, account = case.workload.template.service_account, rights.service_account
    if account is None:
        return _missing(case, name)
    if rights.allowed is False:
        return _denied(case, rights)
    if not _may_have_token(case, account):
        return false(
            _TYPE,
            Reason.TOKEN_NOT_MOUNTED,
            f"automountServiceAccountToken is false in {_not_mounted_by(case)}, so EMQX has no token to show to the API"
            " server; set it to true in the pod template",
            repairable=rights.allowed is True and isinstance(account, ManagedObject),
            field=AUTOMOUNT,
        )
    audience = _wrong_audience(case)
    if audience:
        return _audience(audience)
    if isinstance(account, Unobserved):
        return unknown(_TYPE, Reason.REVIEW_FAILED, f"ServiceAccount {name}: {account.reason}")
    if isinstance(rights.allowed, Unobserved):
        return unknown(_TYPE, Reason.REVIEW_FAILED, f"LocalSubjectAccessReview: {rights.allowed.reason}")
    return true(_TYPE, Reason.ACCESS_GRANTED, f"ServiceAccount {name} may get {_object(case)}")


def _missing(case: Case, name: str) -> Finding:
    offer = "" if may_be_created(case) else "; spec.repair.createServiceAccount lets Repair create it"
    return false(
        _TYPE,
        Reason.SERVICE_ACCOUNT_MISSING,
        f"the pod template names ServiceAccount {name}, which does not exist: no new pod can be made;"
        f" see which rights it would have again: kubectl get rolebindings -n {case.workload.ref.namespace} -o wide;"
        f" kubectl create serviceaccount -n {case.workload.ref.namespace} {name}{offer}",
        repairable=may_be_created(case),
        field=SERVICE_ACCOUNT,
    )


def may_be_created(case: Case) -> bool:
    """An account of another name than ours may have rights waiting for it, which its author may lack."""
    named = case.workload.template.service_account
    return case.spec.repair.create_service_account or named == rbac.object_name(case.observation.resource)


def _may_have_token(case: Case, account: Fact[ManagedObject]) -> bool:
    nothing_said = ManagedObject("", "", ours=False)
    return token_mounted(case, nothing_said if isinstance(account, Unobserved) else account)


def token_mounted(case: Case, account: ManagedObject) -> bool:
    """Kubernetes' rule: the template's word beats the ServiceAccount's; a projected token counts as well."""
    template = case.workload.template
    if case.container and case.container.projects_token:
        return True
    if template.automount_token is not None:
        return template.automount_token
    return account.body.get("automountServiceAccountToken") is not False


def _wrong_audience(case: Case) -> str | None:
    """An API server accepts its issuer, or what --api-audiences lists: an https URL may be that, a bare word is not."""
    audience = case.container.token_audience if case.container else None
    if not audience or not case.may_be_broken:
        return None
    refused = any(
        isinstance(m.discovery_trace, DiscoveryTrace)
        and m.discovery_trace.error is DiscoveryError.UNAUTHORIZED
        for m in case.running
    )
    return audience if refused or not audience.startswith("https://") else None


def _audience(audience: str) -> Finding:
    return false(
        _TYPE,
        Reason.TOKEN_AUDIENCE_WRONG,
        f"the projected token that EMQX shows to the API server is made for audience {audience}, which is likely none"
        " of the API server's (it answers 401); take `audience` away from the volume's serviceAccountToken",
    )


def _not_mounted_by(case: Case) -> str:
    template = case.workload.template
    return (
        "the pod template"
        if template.automount_token is False
        else f"ServiceAccount {template.service_account}"
    )


def _denied(case: Case, rights: Rights) -> Finding:
    account = case.workload.template.service_account
    seen = f"ServiceAccount {account} may not get {_object(case)}" + (
        f" ({rights.why})" if rights.why else ""
    )
    if rights.fitting_account:
        cure = f"set serviceAccountName: {rights.fitting_account} in the pod template, an account that may"
        return false(_TYPE, Reason.PERMISSION_DENIED, f"{seen}; {cure}", field=SERVICE_ACCOUNT)
    obstacle = _obstacle(case, rights)
    if obstacle:
        reason, text = obstacle
        return false(_TYPE, reason, f"{seen}; {text}")
    return false(
        _TYPE,
        Reason.PERMISSION_DENIED,
        f"{seen}; a Role with get on it and a RoleBinding are needed",
        repairable=True,
    )


def _obstacle(case: Case, rights: Rights) -> tuple[Reason, str] | None:
    """What keeps the operator from granting the right itself."""
    for kind, found in _named_objects(case, rights):
        if isinstance(found, Unobserved):
            return Reason.PERMISSION_DENIED, f"whether a {kind} of ours is there is not known: {found.reason}"
        if isinstance(found, ManagedObject) and not found.ours:
            return Reason.FOREIGN_OBJECT, (
                f"{kind} {found.name} exists and is not ours (no label {annotations.MANAGED_BY}={annotations.MANAGER}),"
                f" so it is left alone; {_WAYS_OUT[kind]}"
            )
    return _switch_obstacle(case, rights)


def _named_objects(case: Case, rights: Rights) -> tuple[tuple[str, Fact[ManagedObject | None]], ...]:
    dedicated = rights.dedicated_account if case.workload.template.service_account == "default" else None
    return ("Role", rights.role), ("RoleBinding", rights.role_binding), ("ServiceAccount", dedicated)


def _switch_obstacle(case: Case, rights: Rights) -> tuple[Reason, str] | None:
    """Why the pods cannot be moved from `default` to a ServiceAccount of their own."""
    account, name = rights.service_account, case.workload.template.service_account
    if isinstance(account, Unobserved):
        unread = f"ServiceAccount {name} could not be read: {account.reason}"
        seen = f"a Role with get on it and a RoleBinding are needed ({unread})"
        return Reason.PERMISSION_DENIED, seen
    if name != "default" or account is None:
        return None
    marks = account.body.get("metadata", {}).get("annotations") or {}
    identity = next((name for name in rbac.IDENTITY_ANNOTATIONS if name in marks), None)
    advice = "create a ServiceAccount for these pods with the same identity and rights, and name it in the template"
    if identity:
        return Reason.PERMISSION_DENIED, f"default carries the cloud identity {identity}; {advice}"
    if isinstance(rights.other_bindings, Unobserved):
        seen = f"which other rights default has is not known: {rights.other_bindings.reason}"
        return Reason.PERMISSION_DENIED, seen
    if rights.other_bindings:
        bindings = ", ".join(rights.other_bindings)
        return (
            Reason.PERMISSION_DENIED,
            f"default has other rights that the pods may need ({bindings}); {advice}",
        )
    return None


def _object(case: Case) -> str:
    """In the pods' own namespace, whatever the setting says: only there can Endpoints list these pods."""
    service = case.settings.service if case.settings else None
    return f"endpoints/{service} in namespace {case.workload.ref.namespace}"
