"""Where EMQX's data lies: in the pod, or on a volume that a new pod gets again."""

from collections.abc import Iterable

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import configfiles
from emqx_autocluster.observation import Container

_DATA_DIR, _USUAL = "EMQX_NODE__DATA_DIR", "/opt/emqx/data"
_TABLES = "mnesia"
"""Users, rules, sessions, retained messages: in a folder of the node's name in here."""
_OTHER = ("/opt/emqx/etc", "/opt/emqx/log", "/opt/emqx/plugins", "/opt/emqx/lib")
"""Where an image of EMQX has something else, and nobody lets it keep its data."""

_DIES_WITH_THE_POD = frozenset(
    {"emptyDir", "configMap", "secret", "projected", "downwardAPI", "ephemeral", "image"}
)


def outlive_the_pod(case: Case) -> bool:
    """Whether any of its data may do; all or nothing of it may be on a volume.

    Where it is not known which folder has the data, any volume may be it: to be wrong would wipe what was to stay.
    """
    if case.container is None:
        return False
    lasting, folder = _lasting(case, case.container), _folder(case.container)
    if folder is None:
        return any(not _is_of_another(path) for path in lasting)
    return _hold(lasting, folder)


def keep_the_tables(case: Case) -> bool:
    """Whether the tables are known to be on a volume that a new pod gets again."""
    if case.container is None:
        return False
    return _hold(_lasting(case, case.container), f"{_folder(case.container) or _USUAL}/{_TABLES}")


def _folder(container: Container) -> str | None:
    """None: it is not known."""
    entries = [e for spelling in container.spellings(_DATA_DIR) if (e := container.last_env(spelling))]
    if not entries:
        return None if configfiles.are_mounted(container) or container.env_from else _USUAL
    folder = (entries[-1].value or "").strip().strip('"').rstrip("/") if len(entries) == 1 else ""
    return folder if folder.startswith("/") and "$" not in folder else None


def _lasting(case: Case, container: Container) -> list[str]:
    """The paths of the mounts that do not die with the pod."""
    claims = dict.fromkeys(case.workload.claim_templates, "persistentVolumeClaim")
    kinds = {**case.workload.template.volumes, **claims}
    return [path for path, name in container.mounts.items() if kinds.get(name, "") not in _DIES_WITH_THE_POD]


def _hold(paths: Iterable[str], folder: str) -> bool:
    return any(_meets(path, folder) for path in paths)


def _is_of_another(path: str) -> bool:
    return any(path == other or path.startswith(f"{other}/") for other in _OTHER)


def _meets(path: str, folder: str) -> bool:
    path = path.rstrip("/")
    return path == folder or path.startswith(f"{folder}/") or folder.startswith(f"{path}/")
