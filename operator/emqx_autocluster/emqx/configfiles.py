"""EMQX's own configuration files, where a container has them from a ConfigMap: which there are, and what they say.

A variable beats a file, and of the files the later one of `_FILES` beats the earlier. What else is mounted beside them,
access rules, certificates, plugins, says nothing about clustering.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from posixpath import join

from emqx_autocluster.emqx import configtext
from emqx_autocluster.observation import Container, Fact, Mount, Unobserved

FOLDER, _CONFIGS = "/opt/emqx/etc", "/opt/emqx/data/configs"
"""The image has more in the first than the settings."""
_MAIN = f"{FOLDER}/emqx.conf"
_BASE = f"{FOLDER}/base.hocon"
_FILES = (_BASE, f"{_CONFIGS}/cluster.hocon", _MAIN)
"""Weakest first. 4.x has the last one alone."""
_OF_THE_IMAGE = "EMQX_CLUSTER__DISCOVERY_STRATEGY"
"""What every emqx.conf of 5.0 and later says that comes with an image: `manual`."""
_KEPT = 16
_NOT_KNOWN = ""
"""For the name of a file."""

ConfigMaps = Mapping[str, Fact[Mapping[str, str] | None]]


@dataclass(frozen=True, slots=True)
class FileSetting:
    value: Fact[str]
    file: str
    """`emqx.conf`."""
    config_map: str
    key: str
    """Of the ConfigMap."""

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.file} of ConfigMap {self.config_map}"


@dataclass(frozen=True, slots=True)
class FileSettings:
    """By the variable that would set the same."""

    settings: Mapping[str, FileSetting] = field(default_factory=dict)
    unread: Unobserved | None = None
    """Why all that is not in `settings` may be set as well; None: it is not."""
    main: str = ""
    """The `emqx.conf` that was read, for people; empty: none was."""
    mentioned: frozenset[str] = frozenset()
    """What has a line in it, also a commented one; of 4.x alone."""
    malformed: str = ""
    """Which `emqx.conf` EMQX cannot read either, and why."""
    overruled: FileSetting | None = None
    """The strategy of a weaker file, where the image's own emqx.conf, which has `manual`, is the one in force."""


class Malformed(Unobserved):
    """For certain: EMQX does not start with that."""


def are_mounted(container: Container) -> bool:
    return next(_mounted(container), None) is not None


def config_map_names(container: Container) -> frozenset[str]:
    return frozenset(name for _, mount, inner in _mounted(container) for name, _ in _sources(mount, inner))


def read(
    container: Container, config_maps: ConfigMaps, *, is_4x: bool, reads_base: bool = True
) -> FileSettings:
    """`reads_base`: whether that version knows of a base.hocon."""
    found, unread, main, mentioned = dict[str, FileSetting](), None, "", frozenset[str]()
    malformed = ""
    for path, mount, inner in _mounted(container):
        if (is_4x and path != _MAIN) or (path == _BASE and not reads_base):
            continue
        name = path.rpartition("/")[2]
        said = _content(mount, inner, config_maps)
        if isinstance(said, Unobserved):
            # Whatever weaker files say, this one may say otherwise.
            found, unread = {}, Unobserved(f"it may stand in {name}, {said.reason}")
            continue
        if said is None:
            continue
        config_map, key, text = said
        settings = parsed(text, is_4x)
        if isinstance(settings, Unobserved):
            if path == _MAIN and isinstance(settings, Malformed):
                malformed = f"{name} of ConfigMap {config_map} is broken ({settings.reason})"
            told = f"it may stand in {name} of ConfigMap {config_map}, which could not be read: {settings.reason}"
            found, unread = {}, Unobserved(told)
            continue
        found |= {_variable(n): FileSetting(value, name, config_map, key) for n, value in settings.items()}
        if path == _MAIN:
            main = f"{name} of ConfigMap {config_map}"
            mentioned = frozenset(map(_variable, configtext.mentioned(text))) if is_4x else mentioned
    overruled = None if is_4x or main or unread or malformed else found.pop(_OF_THE_IMAGE, None)
    return FileSettings(found, unread, main, mentioned, malformed, overruled)


def missing(container: Container, config_maps: ConfigMaps) -> Iterator[tuple[str, str, str]]:
    """(path, ConfigMap, key) of each file that is mounted by itself, and that its ConfigMap is known not to have."""
    for path, mount, inner in _mounted(container):
        sources = tuple(_sources(mount, inner))
        given = [(config_maps.get(name), key) for name, key in sources]
        lacking = [isinstance(data, Mapping) and key not in data for data, key in given]
        if mount.path == path and sources and all(lacking):
            yield path, *sources[-1]


def hiding(container: Container, file: str, config_maps: ConfigMaps) -> tuple[str, ...]:
    """ConfigMaps that are mounted over the whole folder and certainly have no such file in it; empty: none hide it."""
    over = next((m for m in container.mounted if m.path == FOLDER and not m.sub_path), None)
    there = any(m.path == f"{FOLDER}/{file}" for m in container.mounted)
    if over is None or there or over.config_maps is None or file in (names := _file_names(over, config_maps)):
        return ()
    return () if _NOT_KNOWN in names else tuple(source.name for source in over.config_maps)


def _file_names(mount: Mount, config_maps: ConfigMaps) -> frozenset[str]:
    found = set[str]()
    for source in mount.config_maps or ():
        data = config_maps.get(source.name)
        found |= set(source.items or (data if isinstance(data, Mapping) else (_NOT_KNOWN,)))
    return frozenset(found)


@lru_cache(maxsize=_KEPT)
def parsed(text: str, is_4x: bool) -> Fact[Mapping[str, Fact[str]]]:  # noqa: FBT001 - the key of the cache
    """Full name of a setting -> its value."""
    try:
        return configtext.read_lines(text) if is_4x else configtext.read_hocon(text)
    except configtext.MalformedError as error:
        return Malformed(str(error))
    except configtext.UnreadableError as error:
        return Unobserved(str(error))


def _variable(key: str) -> str:
    """One of its own where a key of HOCON, which are in small letters, has others."""
    name = key.replace(".", "__")
    return f"EMQX_{name.upper() if name == name.lower() else name}"


def _mounted(container: Container) -> Iterator[tuple[str, Mount, str]]:
    """(path of a configuration file, the mount that it comes from, where it is in the volume), weakest first."""
    for path in _FILES:
        around = [m for m in container.mounted if path == m.path or path.startswith(f"{m.path}/")]
        mount = max(around, key=lambda m: len(m.path), default=None)
        if mount is None or (path != _MAIN and mount.config_maps is None and not mount.is_secret):
            continue  # such as a volume for data, in which EMQX itself keeps what is set at run time
        if mount.path == path:
            yield path, mount, mount.sub_path
        else:
            yield path, mount, join(mount.sub_path, path.removeprefix(f"{mount.path}/"))


def _sources(mount: Mount, inner: str) -> Iterator[tuple[str, str]]:
    """(ConfigMap, key) of each that may bring that file."""
    for source in mount.config_maps or ():
        key = inner if source.items is None else source.items.get(inner)
        if key is not None:
            yield source.name, key


def _content(mount: Mount, inner: str, config_maps: ConfigMaps) -> Fact[tuple[str, str, str] | None]:
    """(ConfigMap, key, text); None: there is no such file in the volume."""
    if mount.config_maps is None:
        return Unobserved(f"which comes from {mount.volume_kind}, and is not read")
    for name, key in _sources(mount, inner):
        data = config_maps.get(name, Unobserved("it was not read"))
        if data is None:
            return Unobserved(f"which comes from ConfigMap {name}, and that does not exist")
        if isinstance(data, Unobserved):
            return Unobserved(f"which comes from ConfigMap {name}: {data.reason}")
        if key in data:
            return name, key, data[key]
    return None
