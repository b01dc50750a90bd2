"""How one version of EMQX reads what its container is told about discovery."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emqx_autocluster.emqx import (
    choices,
    configfiles,
    containers,
    discovery,
    dnsdiscovery,
    ownname,
    podwords,
    roles,
)
from emqx_autocluster.emqx.choices import Mistake
from emqx_autocluster.emqx.configfiles import ConfigMaps
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.environment import Reader, Setting, Source, as_hocon, text
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.emqx.versions import VersionRange
from emqx_autocluster.observation import Container, Fact, Identity, Unobserved

_SINGLE_NODE_LICENSES = frozenset({"", "default"})
"""No key, or the community licence that comes with EMQX 5.9 and later; a cluster needs another one."""
_EDITIONS = f"open-source EMQX reads {roles.ROLE} since 5.0.23, and Enterprise since 5.0.3"


def read_settings(
    container: Container,
    identities: Sequence[Identity],
    config_maps: ConfigMaps,
    unread: Unobserved | None = None,
    version: VersionRange | None = None,
    generation: Generation | None = None,
) -> DiscoverySettings:
    """`identities` are of the running members, those of the newest template first; `unread`: why there is none.

    `version` is by default what the container tells, and `generation` the newest in it.
    """
    version = version or containers.known_version(container.image, identities)
    generation = generation or version.generations[0]
    files = configfiles.read(
        container, config_maps, is_4x=generation.is_4x, reads_base=generation.reads_base_file
    )
    reader = Reader(container, identities, config_maps, unread, files, reads_maps=not generation.is_4x)
    return _Reading(reader, generation, _defaults(generation)).settings(version)


@dataclass(frozen=True, slots=True)
class _Reading:
    reader: Reader
    generation: Generation
    defaults: Mapping[str, str | None]
    """What EMQX takes for a variable that is set nowhere."""
    mistakes: list[Mistake] = field(default_factory=list)
    """What was found on the way of values that their variables do not take."""

    def settings(self, version: VersionRange) -> DiscoverySettings:
        generation, reader = self.generation, self.reader
        return DiscoverySettings(
            version=version,
            generation=generation,
            strategy=self._choice(generation.strategy_variable, generation.strategies),
            other_strategy=self._setting(generation.other_strategy_variable),
            api_server=self._setting(discovery.API_SERVER),
            service_name=self._service_name(),
            namespace=self._setting(discovery.NAMESPACE),
            address_type=self._choice(discovery.ADDRESS_TYPE, choices.ADDRESS_TYPES),
            licensed=self._is_licensed(),
            suffix=self._setting(discovery.SUFFIX),
            app_name=self._setting(discovery.APP_NAME),
            name=reader.given(ownname.NAME),
            host=reader.given(ownname.HOST),
            node_name=reader.given(ownname.NODE_NAME),
            long_node_name=reader.given(ownname.LONG_NODE_NAME),
            role=self._role(),
            dns=dnsdiscovery.read(self._read, generation),
            entrypoint=ownname.environment(self._in_words, generation),
            seeds=self._setting(discovery.SEEDS),
            reader=reader,
            mistakes=tuple(self.mistakes),
        )

    def _read(self, name: str, default: str | None) -> Fact[Setting]:
        found = self.reader.read(name, default)
        if isinstance(found, Unobserved) or found.value is None:
            return found
        if self.generation.is_4x:
            # As a line of emqx.conf it loses the spaces around it.
            return replace(found, value=found.value.strip()) if self.generation.writes_into_file else found
        return replace(found, value=as_hocon(found.value))

    def _setting(self, name: str) -> Fact[Setting]:
        return self._read(name, self.defaults.get(name))

    def _in_words(self, name: str) -> Fact[str | None]:
        # What is lost of a setting is told by itself; of a node's own name the names' rules tell it.
        reader = self.reader
        found = reader.meant(name) if name.startswith("EMQX_CLUSTER__") else reader.given(name)
        if isinstance(found, Unobserved) or found.value is None:
            return found if isinstance(found, Unobserved) else None
        found = self._meant(name, found)
        if found.source is not Source.ENV:
            return found.value  # of a ConfigMap, in which Kubernetes expands nothing
        worded = podwords.worded(reader.container, found.value or "")
        return Unobserved(f"{name} has in each pod what only the pod tells") if worded is None else worded

    def _meant(self, name: str, found: Setting) -> Setting:
        """What is to stand there in place of what the variable does not take: with that EMQX does not even start."""
        wrong = next((m for m in self.mistakes if (m.variable, m.given) == (name, found.value)), None)
        return replace(found, value=wrong.meant) if wrong and wrong.meant else found

    def _choice(self, name: str, allowed: Collection[str]) -> Fact[Setting]:
        found = self._setting(name)
        given = text(found)
        if given is None or isinstance(found, Unobserved):
            return found
        wrong = choices.mistake(name, given, allowed, verbatim=self.generation.is_4x)
        if wrong is None:
            return found
        self.mistakes.append(wrong)
        return replace(found, value=wrong.meant or found.value)

    def _service_name(self) -> Fact[Setting]:
        """Of a DNS name that stands there instead of the Service's own, the Service's part."""
        found = self._setting(discovery.SERVICE_NAME)
        given = text(found)
        if isinstance(found, Unobserved) or given is None or "." not in given:
            return found
        name = given.partition(".")[0]
        what = "the name of a Service, which has no dots"
        self.mistakes.append(Mistake(discovery.SERVICE_NAME, given, name or None, what))
        return replace(found, value=name or given)

    def _role(self) -> Fact[Setting]:
        for name in self._names_of_role():
            found = self._setting(name)
            if isinstance(found, Unobserved):
                return found
            if found.value is not None:
                unclear = name == roles.ROLE and self.generation.reads_role is None
                return Unobserved(_EDITIONS) if unclear else self._choice(name, roles.ROLES)
        return Setting(roles.CORE, Source.DEFAULT)

    def _names_of_role(self) -> tuple[str, ...]:
        """One that the version does not read tells what is meant, until a process is something."""
        if self.generation.is_4x:
            return ()
        if self.generation.reads_role is not False:
            return roles.ROLE, roles.OLD_ROLE
        return (roles.OLD_ROLE, roles.ROLE) if self.reader.nothing_runs else (roles.OLD_ROLE,)

    def _is_licensed(self) -> Fact[bool]:
        """Whether a licence key is set in any way that shows; a Secret or a file that is not read counts as one."""
        container = self.reader.container
        entry = container.last_env(discovery.LICENSE)
        if (
            (entry is not None and entry.value_from is not None)
            or any(source.secret for source in container.env_from)
            or self.reader.files.unread is not None
        ):
            return True
        key = self._setting(discovery.LICENSE)
        if isinstance(key, Unobserved):
            return key
        return (key.value or "").strip('"') not in _SINGLE_NODE_LICENSES


def _defaults(generation: Generation) -> dict[str, str | None]:
    return {
        discovery.NAMESPACE: "default",
        discovery.ADDRESS_TYPE: "ip",
        generation.strategy_variable: "manual",
        discovery.API_SERVER: generation.default_api_server,
        discovery.SERVICE_NAME: generation.default_service_name,
        discovery.SUFFIX: generation.default_suffix,
        discovery.APP_NAME: generation.default_app_name,
    }
