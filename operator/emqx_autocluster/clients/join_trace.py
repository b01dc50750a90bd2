"""Whether a member's own log leaves it in the middle of a join, with its applications stopped."""

import re
from collections.abc import Iterable
from datetime import datetime

from emqx_autocluster.clients.errors import one_line
from emqx_autocluster.observation import JoinTrace

# EMQX 4.x: emqx:shutdown(join); 5.x and later: mria:stop(join), as text (the fields' order varies) or as JSON.
_JOIN_BEGAN = re.compile(
    r"emqx shutdown for join\b"
    r"|Stopping mria\b.*\breason\"?\s*[:=]\s*\"?join\b"
    r"|\breason\"?\s*[:=]\s*\"?join\b.*Stopping mria\b"
)
# 4.x; 5.x and later. Printed to the console as they are, without time or level.
_LISTENER_STARTED = re.compile(r"Start \S+ listener on .+ successfully\.|Listener \S+ on \S+ started\.")
# All of them, from ekka, ekka_mnesia or mria_mnesia, every 30 s.
_WAITS = re.compile(r"still waiting for table\(s\)")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))\s+")


def parse_join_trace(log: Iterable[str]) -> JoinTrace:
    """From lines that begin with the kubelet's time (`timestamps=true`), oldest first; others are passed over."""
    stopped_at: datetime | None = None
    listening, words, waits = False, "", ""
    for line in log:
        time = _TIME.match(line)
        if time is None:
            continue
        said = line[time.end() :].strip()
        if _JOIN_BEGAN.search(said):
            stopped_at, listening, words = datetime.fromisoformat(time[1]), False, one_line(said)
        elif _LISTENER_STARTED.fullmatch(said):
            listening, waits = stopped_at is not None, ""
        elif _WAITS.search(said):
            waits = waits or one_line(said)
    return JoinTrace(stopped_at=stopped_at, listening_again=listening, line=words, waits=waits)
