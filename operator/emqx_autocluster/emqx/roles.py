"""Cores and replicants: the role that a node of EMQX 5.0 and later has.

A core keeps the cluster's data and joins other cores. A replicant keeps none: it asks for the cores' addresses,
connects to whatever core answers, and serves devices only while it has one. A `cluster join` on it succeeds and does
harm: it writes down one core, which from then on replaces its discovery.
"""

from emqx_autocluster.observation import Identity, Unobserved

ROLE = "EMQX_NODE__ROLE"
OLD_ROLE = "EMQX_NODE__DB_ROLE"
"""The name that the setting had before 5.0.23; still read after that."""
CORE, REPLICANT = "core", "replicant"
ROLES = (CORE, REPLICANT)
_ENTERPRISE = frozenset({"emqx-enterprise", "emqx-ee"})
"""Names of its images."""


def is_replicant(identity: Identity | Unobserved, by_settings: str | None) -> bool:
    """Of one node: as its process has it; what that does not say, a file may, which `by_settings` has read."""
    environ = {} if isinstance(identity, Unobserved) else identity.environ
    own = environ.get(ROLE) or environ.get(OLD_ROLE) or by_settings
    return (own or CORE).strip('"') == REPLICANT


def is_open_source(image: str) -> bool | None:
    """Whether it is of the open-source edition, as far as there is one: up to 5.8.9. None: its name does not say so."""
    named = image.partition("@")[0]
    name, _, tag = named.rpartition(":")
    repository = name if tag and "/" not in tag else named
    if repository.rpartition("/")[2] in _ENTERPRISE:
        return False
    return True if repository.endswith("emqx/emqx") else None
