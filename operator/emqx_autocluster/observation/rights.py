"""What the pods may do: the objects that give them their one right, and what the authorizer says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emqx_autocluster.observation.facts import NOT_ASKED, Fact


@dataclass(frozen=True, slots=True)
class ManagedObject:
    """A ServiceAccount, Role or RoleBinding as it is, and whether it is ours."""

    name: str
    uid: str
    ours: bool
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rights:
    """The objects that give the pods their one right, and what the authorizer itself says."""

    service_account: Fact[ManagedObject | None]
    """The one that the pod template names."""
    dedicated_account: Fact[ManagedObject | None]
    """The one that we would make instead of `default`."""
    role: Fact[ManagedObject | None]
    role_binding: Fact[ManagedObject | None]
    allowed: Fact[bool]
    """Whether the template's ServiceAccount may GET the Endpoints object that EMQX asks for."""
    fitting_account: str = ""
    """Another ServiceAccount that has the right and that no other pods run as; empty: none is known."""
    why: str = ""
    """Why it is not allowed, where the objects that were made for it show that."""
    dedicated_allowed: Fact[bool] = NOT_ASKED
    """The same for the dedicated ServiceAccount."""
    other_bindings: Fact[tuple[str, ...]] = ()
    """RoleBindings, not ours, that name the template's ServiceAccount: a switch would lose their rights."""
