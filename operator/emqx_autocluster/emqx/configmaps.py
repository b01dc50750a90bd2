"""Which ConfigMaps a container's variables and files come from."""

from emqx_autocluster.emqx import configfiles
from emqx_autocluster.observation import Container, EnvVar


def names(container: Container, *, running: bool) -> list[str]:
    """ConfigMaps that have to be read; those of single keys only while no process can tell what they became."""
    found = {source.config_map for source in container.env_from if source.config_map}
    found |= configfiles.config_map_names(container)
    if not running:
        found |= {referenced(e)[0] for e in container.env if e.name.startswith("EMQX_CLUSTER__")} - {""}
    return sorted(found)


def all_names(container: Container) -> list[str]:
    """Also those of single keys of any variable, where they are at hand anyway."""
    single = {referenced(entry)[0] for entry in container.env} - {""}
    return sorted({*names(container, running=True), *single})


def key_in(entry: EnvVar, config_map: str) -> str:
    """The key that an entry takes from this ConfigMap; empty: none."""
    name, key = referenced(entry)
    return key if name == config_map else ""


def referenced(entry: EnvVar) -> tuple[str, str]:
    """(ConfigMap, key) of a reference to one; two empty strings for any other."""
    reference = (entry.value_from or {}).get("configMapKeyRef") or {}
    return reference.get("name", ""), reference.get("key", "")
