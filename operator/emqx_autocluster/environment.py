"""The variables of one container: the value that is in force, where it comes from, and whether all pods share it.

Precedence is Kubernetes' and EMQX's own: `env` beats `envFrom`, both beat what only the running container knows, and
that beats the version's default. Secrets are never read through the API: a value from one is known only as the
running process has it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from emqx_autocluster.observation import Container, EnvFrom, EnvVar, Fact, Identity, Unobserved

ConfigMaps = Mapping[str, Fact[Mapping[str, str] | None]]

_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_PER_POD = (
    "metadata.name",
    "metadata.uid",
    "metadata.labels['statefulset.kubernetes.io/pod-name']",
    "metadata.labels['apps.kubernetes.io/pod-index']",
    "status.podIP",
    "status.hostIP",
    "spec.nodeName",
)
"""Field paths; `status.podIPs` and `status.hostIPs` begin like theirs."""


class Source(StrEnum):
    ENV = "env"
    ENV_VALUE_FROM = "env valueFrom"
    CONFIG_MAP = "ConfigMap"
    RUNNING = "running container"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value; None: it is set nowhere and the version has no default for it."""

    value: str | None
    source: Source


def text(setting: Fact[Setting]) -> str | None:
    """The value where it is known, else None."""
    return None if isinstance(setting, Unobserved) else setting.value


def config_map_names(container: Container, *, running: bool) -> list[str]:
    """ConfigMaps that have to be read; those of single keys only while no process can tell what they became."""
    names = {source.config_map for source in container.env_from if source.config_map}
    if not running:
        names |= {_config_map_key(e)[0] for e in container.env if e.name.startswith("EMQX_CLUSTER__")} - {""}
    return sorted(names)


def _config_map_key(entry: EnvVar) -> tuple[str, str]:
    """(ConfigMap, key) of a reference to one; two empty strings for any other."""
    reference = (entry.value_from or {}).get("configMapKeyRef") or {}
    return reference.get("name", ""), reference.get("key", "")


@dataclass(frozen=True, slots=True)
class Reader:
    container: Container
    identities: Sequence[Identity]
    config_maps: ConfigMaps
    unread: Unobserved | None

    def read(self, name: str, default: str | None) -> Fact[Setting]:
        entry = self.container.last_env(name)
        if entry is not None:
            if entry.value is not None and "$(" not in entry.value:
                return Setting(entry.value, Source.ENV)
            return self._referenced(entry)
        for source in reversed(self.container.env_from):
            found = self._from_source(source, name)
            if found is not None:
                return found
        running = self._running(name)
        if running is not None:
            return Setting(running, Source.RUNNING)
        # The image itself may set it: without a look into a container that runs this is no default.
        return self.unread or Setting(default, Source.DEFAULT)

    def given(self, name: str) -> Fact[Setting]:
        """What the manifest gives: a running process also has what its entrypoint made of nothing."""
        entry = self.container.last_env(name)
        if entry is not None:
            value = text_in_pods(self.container, name)
            if value is not None:
                return Setting(value, Source.ENV)
            shared = not {"configMapKeyRef", "secretKeyRef"}.isdisjoint(entry.value_from or {})
            return self._referenced(entry) if shared else Unobserved(f"{name} may differ between pods")
        for source in reversed(self.container.env_from):
            if source.secret is not None:
                return Unobserved(f"{name} may come from Secret {source.secret}")
            found = self._from_source(source, name)
            if found is not None:
                return found
        return Setting(None, Source.DEFAULT)

    def _from_source(self, source: EnvFrom, name: str) -> Fact[Setting] | None:
        if source.config_map is None or not name.startswith(source.prefix):
            return None
        data = self.config_maps.get(source.config_map)
        if isinstance(data, Unobserved):
            return Unobserved(f"ConfigMap {source.config_map} could not be read: {data.reason}")
        value = (data or {}).get(name.removeprefix(source.prefix))
        return None if value is None else Setting(value, Source.CONFIG_MAP)

    def _referenced(self, entry: EnvVar) -> Fact[Setting]:
        """What a reference became in a process; before any runs, what the ConfigMap holds for it."""
        value = self._running(entry.name)
        config_map, key = _config_map_key(entry)
        data = self.config_maps.get(config_map)
        if value is None and isinstance(data, Mapping):
            value = data.get(key)
        if value is None:
            return Unobserved(
                f"{entry.name} is not a plain value, and no running container told what it became"
            )
        return Setting(value, Source.ENV_VALUE_FROM)

    def _running(self, name: str) -> str | None:
        return next((i.environ[name] for i in self.identities if name in i.environ), None)


def text_in_pods(container: Container, name: str) -> str | None:
    """With `$(NAME)` left where each pod has another text; None: not in `env`, or not to be told from it alone."""
    entry = container.last_env(name)
    return None if entry is None else _text(container.env, entry)


def differs_between_pods(text: str) -> bool:
    """Whether what `text_in_pods` gave is another text in each pod."""
    return _REFERENCE.search(text) is not None


def _text(entries: tuple[EnvVar, ...], entry: EnvVar) -> str | None:
    if entry.value is None:
        return f"$({entry.name})" if _is_per_pod(entry) else None
    # An identical entry may stand there twice; what counts is what comes before the first.
    earlier = entries[: entries.index(entry)]
    text, end = "", 0
    for reference in _REFERENCE.finditer(entry.value):
        found = next((e for e in reversed(earlier) if e.name == reference[1]), None)
        # Kubernetes leaves a reference to what is not there as it stands: the same text everywhere.
        became = reference[1] if found is None else _text(earlier, found)
        if became is None:
            return None
        text, end = text + entry.value[end : reference.start()] + became, reference.end()
    return text + entry.value[end:]


def _is_per_pod(entry: EnvVar) -> bool:
    path: str = ((entry.value_from or {}).get("fieldRef") or {}).get("fieldPath", "")
    return path.startswith(_PER_POD)
