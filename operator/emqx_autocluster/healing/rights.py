"""Rights: the ServiceAccount, Role and RoleBinding as they should be, where they are not."""

from collections.abc import Iterator
from typing import Any

from emqx_autocluster.api.findings import ConditionType, Finding
from emqx_autocluster.diagnosis import Case, Findings, access
from emqx_autocluster.healing.steps import Action, Create, Recreate, Step, Update, kubectl
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import ManagedObject, Rights


def steps(case: Case, findings: Findings) -> tuple[Step, ...]:
    """None for what could not be read: RBACReady says so, and is then not repairable."""
    rights, finding = case.observation.rights, findings[ConditionType.RBAC_READY]
    service = case.settings.service if case.settings else None
    if rights is None or service is None or not case.uses_k8s:
        return ()
    return tuple(_Rights(case, rights, service).steps(finding))


class _Rights:
    def __init__(self, case: Case, rights: Rights, service: str) -> None:
        self._case, self._rights = case, rights
        workload, resource = case.workload, case.observation.resource
        self._name = rbac.object_name(resource)
        self._account = rbac.account_name(workload, resource)
        self._role = rbac.role(workload, self._name, service)
        self._binding = rbac.role_binding(workload, self._name, self._account)
        self._service = service

    def steps(self, finding: Finding) -> Iterator[Step]:
        denied = finding.bad and finding.repairable and self._rights.allowed is False
        yield from self._accounts(denied=denied)
        yield from self._object(self._rights.role, self._role, wanted=denied)
        yield from self._object(self._rights.role_binding, self._binding, wanted=denied)

    def _accounts(self, *, denied: bool) -> Iterator[Step]:
        template = self._case.workload.template.service_account
        if self._rights.service_account is None:
            if access.may_be_created(self._case):
                yield self._create_account(template)
        elif denied and template == "default" and self._rights.dedicated_account is None:
            yield self._create_account(self._account)

    def _create_account(self, name: str) -> Step:
        default = self._rights.service_account
        secrets = default.body.get("imagePullSecrets", []) if isinstance(default, ManagedObject) else []
        body = rbac.service_account(self._case.workload, name, secrets)
        return Step(
            Action.CREATE_SERVICE_ACCOUNT,
            f"ServiceAccount/{name}",
            f"create ServiceAccount {name} for the pods",
            kubectl(self._case.workload.ref, "create", "serviceaccount", name),
            Create(body),
        )

    def _object(self, existing: object, desired: dict[str, Any], *, wanted: bool) -> Iterator[Step]:
        kind, subject = desired["kind"], f"{desired['kind']}/{self._name}"
        if isinstance(existing, ManagedObject) and existing.ours and rbac.has_drifted(existing, desired):
            again = kind == "RoleBinding" and rbac.role_ref_differs(existing, desired)
            operation = Recreate(desired, existing.uid) if again else Update(desired, existing.uid)
            action = Action.UPDATE_ROLE if kind == "Role" else Action.UPDATE_ROLE_BINDING
            yield Step(action, subject, f"put {kind} {self._name} back as it should be", None, operation)
        elif existing is None and wanted:
            action = Action.CREATE_ROLE if kind == "Role" else Action.CREATE_ROLE_BINDING
            yield Step(action, subject, self._purpose(kind), self._command(kind), Create(desired))

    def _purpose(self, kind: str) -> str:
        if kind == "Role":
            return f"allow get on endpoints/{self._service}, and nothing else"
        return f"give that to ServiceAccount {self._account}"

    def _command(self, kind: str) -> str:
        ref = self._case.workload.ref
        if kind == "Role":
            what = ["--verb=get", "--resource=endpoints", f"--resource-name={self._service}"]
            return kubectl(ref, "create", "role", self._name, *what)
        to = f"--serviceaccount={ref.namespace}:{self._account}"
        return kubectl(ref, "create", "rolebinding", self._name, f"--role={self._name}", to)
