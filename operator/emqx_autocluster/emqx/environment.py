"""The variables of one container: the value that is in force, where it comes from, and whether all pods share it.

Precedence is Kubernetes' and EMQX's own: `env` beats `envFrom`, both beat what only the running container knows, that
beats EMQX's configuration files, and these beat the version's default. Secrets are never read through the API: a value
from one is known only as the running process has it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeGuard

from emqx_autocluster.emqx import configfiles, configmaps, expansion
from emqx_autocluster.emqx.configfiles import ConfigMaps, FileSettings
from emqx_autocluster.emqx.expansion import LONGEST
from emqx_autocluster.emqx.texts import Texts
from emqx_autocluster.observation import Container, EnvFrom, EnvVar, Fact, Identity, Unobserved, is_spelling
from emqx_autocluster.text.credentials import without_users

_MOST_ENTRIES = 1000
_MOST_CHARACTERS = 256 * 1024


class Source(StrEnum):
    ENV = "env"
    ENV_VALUE_FROM = "env valueFrom"
    CONFIG_MAP = "ConfigMap"
    RUNNING = "running container"
    FILE = "configuration file"
    """Which the image's entrypoint, where it names the node, does not read."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value; None: it is set nowhere and the version has no default for it."""

    value: str | None
    source: Source


def excess(container: Container) -> str:
    """What of its environment is more than is ever read; empty: nothing."""
    entries, size = len(container.env), sum(len(e.name) + len(e.value or "") for e in container.env)
    if entries > _MOST_ENTRIES:
        return f"{entries} variables, more than {_MOST_ENTRIES}"
    if len(container.env_from) > _MOST_ENTRIES:
        return f"{len(container.env_from)} entries in envFrom, more than {_MOST_ENTRIES}"
    return f"{size} characters of variables, more than {_MOST_CHARACTERS}" if size > _MOST_CHARACTERS else ""


def text(setting: Fact[Setting]) -> str | None:
    """The value where it is known, else None."""
    return None if isinstance(setting, Unobserved) else setting.value


@dataclass(frozen=True, slots=True)
class Reader:
    container: Container
    identities: Sequence[Identity]
    config_maps: ConfigMaps
    unread: Unobserved | None
    files: FileSettings = field(default_factory=FileSettings)
    reads_maps: bool = True
    """Whether a variable may hold a whole part of the settings, as HOCON: from 5.0 on."""

    @property
    def texts(self) -> Texts:
        """What its own variables say, as far as the manifest tells."""
        return Texts(self.container, self.config_maps)

    @property
    def nothing_runs(self) -> bool:
        """Whether no process has made anything of the variables yet."""
        return not self.identities and self.unread is None

    def read(self, name: str, default: str | None) -> Fact[Setting]:
        """As EMQX reads its settings: in any letter case of the name."""
        spellings = self.container.spellings(name)
        if len(spellings) > 1:
            return Unobserved(f"env has {' and '.join(spellings)}, which to EMQX are one variable")
        entry = self._entry(spellings[0]) if spellings else None
        if entry is not None:
            return self._of_env(entry)
        for source in reversed(self.container.env_from):
            found = self._from_source(source, name)
            if found is not None:
                return found
        in_map = self._in_map(name) if self.reads_maps else None
        if in_map is not None:
            return in_map
        running = self._running(name)
        if running is not None:
            return Setting(running, Source.RUNNING)
        # The image itself may set it: without a look into a container that runs this is no default.
        return self.unread or self._in_file(name) or Setting(default, Source.DEFAULT)

    def _of_env(self, entry: EnvVar) -> Fact[Setting]:
        """Where a reference is certainly lost, what is meant, until a process has it: the loss is told by itself."""
        value, lost = self.texts.text(entry.name), self.texts.lost_reference(entry.name)
        if _is_plain(value) and lost is None:
            return Setting(value, Source.ENV)
        if _is_plain(value) and lost and self.texts.is_certain(lost) and self.nothing_runs:
            told = self.texts.meant(entry.name)
            if told is None:
                told = self.texts.literal(entry.name)
            return Setting(told, Source.ENV)
        became = self._referenced(entry)
        return value if isinstance(value, Unobserved) and isinstance(became, Unobserved) else became

    def meant(self, name: str) -> Fact[Setting]:
        """As `given`, and where a reference is certainly lost, what is meant."""
        told = self.texts.meant(name) if self.texts.lost(name) and self.nothing_runs else None
        return self.given(name) if told is None else Setting(told, Source.ENV)

    def _in_map(self, name: str) -> Fact[Setting] | None:
        """What a variable says that holds more than one setting, such as `EMQX_CLUSTER`; None: none says it."""
        parents = name.split("__")[:-1]
        for count in range(len(parents), 0, -1):
            outer = "__".join(parents[:count])
            entry = self.container.last_env(outer)
            if entry is None:
                continue
            if entry.value is None:
                return Unobserved(f"{name} may stand in {outer}, which is not a plain value")
            if len(entry.value) > LONGEST:
                return Unobserved(f"not judged: {outer} has more than {LONGEST} characters")
            settings = configfiles.parsed(entry.value, False)  # noqa: FBT003 - HOCON
            if isinstance(settings, Unobserved):
                return Unobserved(f"{name} may stand in {outer}, which could not be read: {settings.reason}")
            value = settings.get(name.removeprefix(f"{outer}__").lower().replace("__", "."))
            if value is not None:
                return value if isinstance(value, Unobserved) else Setting(value, Source.ENV)
        return None

    def _in_file(self, name: str) -> Fact[Setting] | None:
        """None: no file sets it."""
        found = self.files.settings.get(name)
        if found is None:
            unread = self.files.unread
            return Unobserved(f"{name} is not set, and {unread.reason}") if unread else None
        return found.value if isinstance(found.value, Unobserved) else Setting(found.value, Source.FILE)

    def is_set(self, name: str) -> bool:
        """Whether anything gives it a value, known or not."""
        found = self.read(name, None)
        return isinstance(found, Unobserved) or found.value is not None

    def place(self, name: str) -> str | None:
        """Where the value in force stands, for people; None: in the container's own `env`, or nowhere."""
        entry = self._entry(name)
        if entry is not None:
            config_map, key = configmaps.referenced(entry)
            return f"ConfigMap {config_map}, key {key}" if config_map else None
        for source in reversed(self.container.env_from):
            if isinstance(self._from_source(source, name), Setting):
                return f"ConfigMap {source.config_map}, key {name.removeprefix(source.prefix)}"
        if self._running(name) is not None or name not in self.files.settings:
            return None
        return self.files.settings[name].place

    def given(self, name: str) -> Fact[Setting]:
        """What the manifest gives: a running process also has what its entrypoint made of nothing."""
        entry = self._entry(name)
        if entry is not None:
            value = self.texts.text(name)
            if isinstance(value, Unobserved):
                return value
            if value is not None:
                return Setting(value, Source.ENV)
            shared = not {"configMapKeyRef", "secretKeyRef"}.isdisjoint(entry.value_from or {})
            return self._referenced(entry) if shared else Unobserved(f"{name} may differ between pods")
        for source in reversed(self.container.env_from):
            if source.secret is not None:
                return Unobserved(f"{name} may come from Secret {source.secret}")
            found = self._from_source(source, name, exactly=True)
            if found is not None:
                return found
        return Setting(None, Source.DEFAULT)

    def _from_source(self, source: EnvFrom, name: str, *, exactly: bool = False) -> Fact[Setting] | None:
        """`exactly`: as the image's entrypoint looks for it, in these letters."""
        if source.config_map is None or not name.startswith(source.prefix):
            return None
        data = self.config_maps.get(source.config_map)
        if isinstance(data, Unobserved):
            return Unobserved(f"ConfigMap {source.config_map} could not be read: {data.reason}")
        named = {source.prefix + key: value for key, value in (data or {}).items()}
        value = named.get(name) if exactly else _of_any_case(named, name)
        return None if value is None else Setting(value, Source.CONFIG_MAP)

    def _referenced(self, entry: EnvVar) -> Fact[Setting]:
        """What a reference became in a process; before any runs, what the ConfigMap holds for it."""
        value = self._running(entry.name)
        config_map, key = configmaps.referenced(entry)
        data = self.config_maps.get(config_map)
        if value is None and isinstance(data, Mapping):
            value = data.get(key)
        if value is None:
            told = f"{entry.name} {_origin(entry, self.config_maps)}"
            return Unobserved(f"{told}, and no running container told what it became")
        return Setting(value, Source.ENV_VALUE_FROM)

    def _entry(self, name: str) -> EnvVar | None:
        """Of `env`; None also where Kubernetes leaves it out: a key that may be missing, and is."""
        entry = self.container.last_env(name)
        reference = ((entry.value_from if entry else None) or {}).get("configMapKeyRef") or {}
        return None if entry and reference.get("optional") and self.lacks(entry) else entry

    def lacks(self, entry: EnvVar) -> bool:
        """Whether it refers to a key that its ConfigMap is known not to have."""
        config_map, key = configmaps.referenced(entry)
        data = self.config_maps.get(config_map)
        return bool(config_map) and isinstance(data, Mapping) and key not in data

    def _running(self, name: str) -> str | None:
        return next((i.environ[name] for i in self.identities if name in i.environ), None)


def _origin(entry: EnvVar, config_maps: ConfigMaps) -> str:
    """Where a value comes from that does not stand in the manifest."""
    source = entry.value_from or {}
    for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
        named = source.get(key) or {}
        if named.get("name"):
            why = config_maps.get(named["name"]) if kind == "ConfigMap" else None
            unread = f" ({why.reason})" if isinstance(why, Unobserved) else ""
            return f"comes from key {named.get('key')} of {kind} {named['name']}{unread}"
    path = (source.get("fieldRef") or source.get("resourceFieldRef") or {}).get("fieldPath")
    if path:
        return f"is {path} of each pod"
    return f'is "{without_users(entry.value)}", not a plain value' if entry.value else "is not a plain value"


def as_hocon(value: str) -> str:
    """What 5.0 and later make of the text of a variable: spaces around it, and its quotes, are not part of it."""
    plain = value.strip()
    quoted = len(plain) > 1 and plain.startswith('"') and plain.endswith('"')
    return plain[1:-1] if quoted else plain


def _is_plain(value: Fact[str | None]) -> TypeGuard[str]:
    """Whether it is known, and the same in all pods."""
    return isinstance(value, str) and not expansion.differs_between_pods(value)


def _of_any_case(named: Mapping[str, str], name: str) -> str | None:
    found = (value for key, value in named.items() if is_spelling(key, name))
    return named.get(name, next(found, None))
