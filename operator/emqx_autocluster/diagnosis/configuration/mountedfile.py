"""An emqx.conf of one's own: whether EMQX can read it, and on 4.x whether the image and the variables cope with it.

Up to 4.2 the image writes each variable into that file, and only where the file has its key, commented or not; what a
ConfigMap brings is read-only. All of 4.x take the cookie from it. Part of ConfigurationValid.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import cookies
from emqx_autocluster.emqx import configfiles
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.objects import recorded

_TYPE = ConditionType.CONFIGURATION_VALID
_A_FEW = 5
_ALWAYS_THERE = "vm.args"
_OF_THE_IMAGE = frozenset(
    {
        "EMQX_NODE__PROCESS_LIMIT",
        "EMQX_NODE__MAX_PORTS",
        "EMQX_NODE__MAX_ETS_TABLES",
        "EMQX_LISTENER__TCP__EXTERNAL__ACCEPTORS",
        "EMQX_LISTENER__SSL__EXTERNAL__ACCEPTORS",
        "EMQX_LISTENER__WS__EXTERNAL__ACCEPTORS",
    }
)
"""Variables that the images of 4.0 to 4.2 set themselves."""


def problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """None of an EMQX that booted: then its image does otherwise."""
    yield from malformed(case, settings)
    if case.has_booted:
        return
    yield from _hidden(case, settings)
    if not settings.generation.is_4x:
        return
    if settings.generation.writes_into_file:
        yield from _unread(settings)
        yield from _written(settings)
        yield from _ignored(settings)
    yield from _without_cookie(settings)


def malformed(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """It may be the one that has the strategy."""
    broken = settings.reader.files.malformed
    if broken and not case.has_booted:
        told = f"{broken}: EMQX {settings.version} does not start with it; mend that file"
        yield false(_TYPE, Reason.FILE_UNSUITABLE, told)


def _hidden(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """A ConfigMap over the whole folder hides what the image has there, of which EMQX copies a file at each start."""
    hiding = configfiles.hiding(settings.reader.container, _ALWAYS_THERE, case.observation.config_maps)
    if hiding:
        yield false(
            _TYPE,
            Reason.FILE_UNSUITABLE,
            f"ConfigMap {_listed(list(hiding))} is mounted over all of {configfiles.FOLDER} and has no {_ALWAYS_THERE},"
            f" which the image has there and without which EMQX {settings.version} does not start; mount each of its"
            " files by itself (subPath)",
        )


def _unread(settings: DiscoverySettings) -> Iterator[Finding]:
    given, unread = _given(settings, settings.in_use), settings.reader.files.unread
    if given and unread:
        told = f"EMQX {settings.version} takes a variable only where emqx.conf has its key; {unread.reason}"
        yield unknown(_TYPE, Reason.SETTING_UNREADABLE, told, field=recorded.ENV + given[0])


def _written(settings: DiscoverySettings) -> Iterator[Finding]:
    files, reader = settings.reader.files, settings.reader
    given = {entry.name.upper() for entry in reader.container.env} | _OF_THE_IMAGE
    written = sorted(given & files.mentioned)
    if not files.main or not written:
        return
    own = [name for name in written if name not in _OF_THE_IMAGE]
    cure = (
        f"set them in the file alone, and take {_listed(own)} out of env"
        if own
        else f"take {_listed(written)}, which the image sets itself, out of the file"
    )
    yield false(
        _TYPE,
        Reason.FILE_UNSUITABLE,
        f"the image of EMQX {settings.version} writes {_listed(own or written)} into emqx.conf, and {files.main} is"
        f" mounted read-only: the container ends at once; {cure}",
        field=recorded.ENV + (own or written)[0],
    )


def _ignored(settings: DiscoverySettings) -> Iterator[Finding]:
    files = settings.reader.files
    ignored = [name for name in _given(settings, settings.in_use) if name not in files.mentioned]
    if not files.main or not ignored:
        return
    yield false(
        _TYPE,
        Reason.FILE_UNSUITABLE,
        f"{_listed(ignored)} have no effect: EMQX {settings.version} takes a variable only where emqx.conf has its key,"
        f" and {files.main} has none of these; set them in that file",
        field=recorded.ENV + ignored[0],
    )


def _without_cookie(settings: DiscoverySettings) -> Iterator[Finding]:
    files, reader = settings.reader.files, settings.reader
    hidden = any(source.secret for source in reader.container.env_from)
    if not files.main or hidden or any(map(reader.is_set, _cookies(settings))):
        return
    yield false(
        _TYPE,
        Reason.FILE_UNSUITABLE,
        f"{files.main} has no node.cookie, and no variable that counts sets it: EMQX {settings.version} does not start;"
        f" set {cookies.SHORT} from a Secret, or put node.cookie into the file",
        field=recorded.ENV + cookies.SHORT,
    )


def _cookies(settings: DiscoverySettings) -> tuple[str, ...]:
    """Those that count."""
    long_counts = cookies.LONG in settings.reader.files.mentioned or not settings.generation.writes_into_file
    return cookies.VARIABLES if long_counts else (cookies.SHORT,)


def _given(settings: DiscoverySettings, names: tuple[str, ...]) -> list[str]:
    """Those that stand in env, or come from envFrom."""
    reader = settings.reader
    return [name for name in names if reader.container.spellings(name) or name in reader.texts.defined()]


def _listed(names: list[str]) -> str:
    more = len(names) - _A_FEW
    return ", ".join(names[:_A_FEW]) + (f" and {more} more" if more > 0 else "")
