"""The ladder from a pod down to the cluster's DNS: where the API server's name gets lost on its way.

The first broken rung is told, and nothing below it: what is below cannot be judged while it is broken. A rung whose
facts could not be read is skipped with a word, and those below still speak.
"""

from collections.abc import Callable
from dataclasses import replace

from emqx_autocluster.api.findings import Finding
from emqx_autocluster.diagnosis.names import clusterdns, podresolver
from emqx_autocluster.diagnosis.names.question import Question
from emqx_autocluster.observation import Unobserved

Rung = Callable[[Question], Finding | Unobserved | None]
"""Unobserved: what it judges could not be read; None: it is not broken."""
RUNGS: tuple[Rung, ...] = (
    podresolver.nameserver,
    podresolver.search_list,
    clusterdns.loop,
    clusterdns.down,
    podresolver.unreachable,
    clusterdns.zone,
    clusterdns.swallowed,
)
"""dnsPolicy, the rung above these, is judged by the template (`names`), the address below them in `serviceaddress`."""


def broken_rung(question: Question) -> tuple[Finding | None, str]:
    """The first broken one, or None; and, for a message, what could not be looked at before that."""
    skipped: list[str] = []
    for rung in RUNGS:
        found = rung(question)
        if isinstance(found, Unobserved):
            skipped.append(found.reason)
        elif found:
            return replace(found, message=found.message + _not_seen(skipped)), ""
    return None, _not_seen(skipped)


def _not_seen(skipped: list[str]) -> str:
    """What has one reason in common is told with it once."""
    things: dict[str, list[str]] = {}
    for thing, colon, reason in (text.partition(": ") for text in dict.fromkeys(skipped)):
        things.setdefault(f"{colon}{reason}", []).append(thing)
    told = "; ".join(f"{', '.join(names)}{reason}" for reason, names in things.items())
    return f" (not looked at: {told})" if told else ""
