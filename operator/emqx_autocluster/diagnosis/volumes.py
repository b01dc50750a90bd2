"""Where EMQX's data lies: in the pod, or on a volume that a new pod gets again."""

from emqx_autocluster.diagnosis.case import Case

DATA = "/opt/emqx/data"
TABLES = f"{DATA}/mnesia"
"""Users, rules, sessions, retained messages: in a folder of the node's name."""

_DIES_WITH_THE_POD = frozenset(
    {"emptyDir", "configMap", "secret", "projected", "downwardAPI", "ephemeral", "image"}
)


def outlive_the_pod(case: Case, folder: str = DATA) -> bool:
    """Whether anything in that folder does; all or nothing of it may be on a volume."""
    if case.container is None:
        return False
    claims = dict.fromkeys(case.workload.claim_templates, "persistentVolumeClaim")
    kinds = {**case.workload.template.volumes, **claims}
    mounted = (kinds.get(name, "") for path, name in case.container.mounts.items() if _meets(path, folder))
    return any(kind not in _DIES_WITH_THE_POD for kind in mounted)


def _meets(path: str, folder: str) -> bool:
    path = path.rstrip("/")
    return path == folder or path.startswith(f"{folder}/") or folder.startswith(f"{path}/")
