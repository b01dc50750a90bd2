"""Why a member's discovery fails, as the last word of its own log has it.

EMQX asks the API server by httpc, and from 5.8.9, 5.9.3 and 5.10 on by hackney; each prints the same failure as another
Erlang term. What comes out is the same for both.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime

from emqx_autocluster.clients import logline
from emqx_autocluster.clients.errors import one_line
from emqx_autocluster.observation import DiscoveryError, DiscoveryTrace

_LONGEST = 240
_SAYS = re.compile(
    r"Ekka\(AutoCluster\): (?:Core node )?[Dd]iscover(?:y)? error:?\s*(?P<term>.*)"
    r"|(?P<token>Ekka\(k8s\): Cannot read token\b.*)"
    # 4.x to 5.1.0; 5.1.1 and later at level info; 5.2.1 and later; before that with a broken format
    r"|(?P<dead>Ekka\(AutoCluster\): (?:discovered nodes (?:outside cluster|are not responding)|bad_nodes_found"
    r"|Bad nodes found)\b.*)"
    r"|(?P<licence>SINGLE_NODE_LICENSE\b[^\"]*)"
)
_TERMS = (
    (re.compile(r"\{400,"), DiscoveryError.BAD_ADDRESS),  # plain HTTP to the API server's TLS port
    (re.compile(r"\{401,"), DiscoveryError.UNAUTHORIZED),
    (re.compile(r"\{403,"), DiscoveryError.FORBIDDEN),
    (re.compile(r"\{404,"), DiscoveryError.NOT_FOUND),
    (re.compile(r"\{badkey,\s*<<\"hostname\">>"), DiscoveryError.NO_HOSTNAME),
    (re.compile(r".*\btls_alert\b"), DiscoveryError.TLS),
    (re.compile(r".*\bnxdomain\b"), DiscoveryError.NAME_NOT_FOUND),
    (re.compile(r".*\beconnrefused\b"), DiscoveryError.REFUSED),
    (re.compile(r".*\b(?:etimedout|connect_timeout|timeout)\b"), DiscoveryError.TIMED_OUT),
    (re.compile(r"\{?(?:no_scheme|bad_scheme|invalid_uri)\b"), DiscoveryError.BAD_ADDRESS),
)
_DENIED = frozenset({DiscoveryError.UNAUTHORIZED, DiscoveryError.FORBIDDEN})
"""What the API server answers to a request without a token."""

_STATUS = re.compile(r"\{(40[0-9]),\"\{")
_MESSAGE, _ITS_END = r"\"message\":\"", r"\","
"""In a metav1.Status inside of an Erlang string: each quote has a backslash, those within the message three."""
_SECRETS = re.compile(r"(\bBearer\s++)\S++|\beyJ[\w-]++(?:\.[\w-]++)*+", re.IGNORECASE)
_AGAIN = "Core node discovery"
_REFERENCE = re.compile(r"#Ref<[\d.]+>|<\d+\.\d+\.\d+>")


def parse_discovery_trace(log: Iterable[str], since: datetime) -> DiscoveryTrace | None:
    """From lines that begin with the kubelet's time (`timestamps=true`), oldest first; None: no failure since then.

    EMQX tries again every 5 to 8 s for as long as it fails, so an old line is about something that is over.
    """
    last: DiscoveryTrace | None = None
    for line in log:
        stamped = logline.split(line)
        if stamped is None or stamped[0] < since:
            continue
        found = _classified(_message(stamped[1]))
        if found and not (last and _adds_nothing(found, last)):
            last = found
    return last


def _adds_nothing(found: DiscoveryTrace, before: DiscoveryTrace) -> bool:
    """Whether it follows from what was said before, or says it again in the words that 5.x has beside the first."""
    if before.error is DiscoveryError.NO_TOKEN and found.error in _DENIED:
        return True
    return found.error is before.error and _AGAIN in found.line and _AGAIN not in before.line


def _message(said: str) -> str:
    """Of a log in JSON the message: its other fields change with each line."""
    if not said.startswith("{"):
        return said
    try:
        fields = json.loads(said)
    except (ValueError, RecursionError):
        return said
    return str(fields.get("msg", said)) if isinstance(fields, dict) else said


def _classified(said: str) -> DiscoveryTrace | None:
    match = _SAYS.search(said)
    if match is None:
        return None
    if match["token"]:
        error: DiscoveryError | None = DiscoveryError.NO_TOKEN
    elif match["dead"]:
        error = DiscoveryError.PEERS_DEAD
    elif match["licence"]:
        error = DiscoveryError.LICENCE
    else:
        error = next((error for term, error in _TERMS if term.match(match["term"])), None)
    return DiscoveryTrace(error, _quoted(match[0])) if error else None


def _quoted(said: str) -> str:
    """Short, the same each time that it is said, and without what nobody else may know."""
    told = _SECRETS.sub(lambda m: f"{m[1] or ''}…", _REFERENCE.sub("…", _plain(said)))
    line = one_line(told)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _plain(said: str) -> str:
    """With the message alone of the Status that the API server answered."""
    status = _STATUS.search(said)
    begin = said.find(_MESSAGE, status.end()) if status else -1
    if status is None or begin < 0:
        return said
    begin += len(_MESSAGE)
    end = said.find(_ITS_END, begin + 1)
    while end > 0 and said[end - 1] == "\\":
        end = said.find(_ITS_END, end + 1)
    if end < 0:
        return said
    message = said[begin:end].replace("\\", "")
    return f"{said[: status.start()]}{{{status[1]}, {message}}}"
