"""Whether a member's own log leaves it in the middle of a join, with its applications stopped."""

import re
from collections.abc import Iterable
from datetime import datetime

from emqx_autocluster.clients import logline
from emqx_autocluster.clients.errors import one_line
from emqx_autocluster.observation import JoinTrace

_SHUTDOWN = re.compile(r"emqx shutdown for join\b")
"""4.x: emqx:shutdown(join)."""
_STOP = re.compile(r"Stopping mria\b")
_FOR_JOIN = re.compile(r"\breason\"?\s*+[:=]\s*+\"?join\b")
"""5.x and later: mria:stop(join), as text (the fields' order varies) or as JSON."""
# 4.x; 5.x and later. Printed to the console as they are, without time or level.
_LISTENER_STARTED = re.compile(r"Start \S++ listener on .+ successfully\.|Listener \S++ on \S++ started\.")
# All of them, from ekka, ekka_mnesia or mria_mnesia, every 30 s.
_WAITS = re.compile(r"still waiting for table\(s\)")


def parse_join_trace(log: Iterable[str]) -> JoinTrace:
    """From lines that begin with the kubelet's time (`timestamps=true`), oldest first; others are passed over."""
    stopped_at: datetime | None = None
    listening, words, waits = False, "", ""
    for line in log:
        stamped = logline.split(line)
        if stamped is None:
            continue
        time, said = stamped
        if _begins_a_join(said):
            stopped_at, listening, words = time, False, one_line(said)
        elif _LISTENER_STARTED.fullmatch(said):
            listening, waits = stopped_at is not None, ""
        elif _WAITS.search(said):
            waits = waits or one_line(said)
    return JoinTrace(stopped_at=stopped_at, listening_again=listening, line=words, waits=waits)


def _begins_a_join(said: str) -> bool:
    if _SHUTDOWN.search(said):
        return True
    return _STOP.search(said) is not None and _FOR_JOIN.search(said) is not None
