"""A checkup as one page that can be handed on: it needs no network, no script, and nothing beside it.

Whatever others wrote stays text: the templates escape by themselves, and all passes the one door of `text.plain` first.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from emqx_autocluster import __version__
from emqx_autocluster.api.findings import Finding
from emqx_autocluster.commands import checklist, inforce, matrix, permissions
from emqx_autocluster.commands.checkup import Checkup, Standing, Unexamined, Verdict
from emqx_autocluster.commands.chronicle import Chronicle
from emqx_autocluster.commands.webpage import clustermap
from emqx_autocluster.text.plain import plain, plain_value

_WORDS = {Verdict.HEALTHY: "well", Verdict.FINDINGS: "wrong", Verdict.UNKNOWN: "not told"}


def render(checkups: Sequence[Checkup | Unexamined], at: datetime) -> str:
    """HTML in ASCII, so that it is the same whatever a terminal or a file takes for its encoding."""
    return _page("doctor", [_told(checkup) for checkup in checkups], at)


def report(checkup: Checkup, chronicle: Chronicle, facts: Mapping[str, Any], at: datetime) -> str:
    """The same of one workload, with what happened to it, and all facts as JSON for the next person's tools."""
    told = json.dumps(plain_value(facts), indent=2)
    return _page("report", [_told(checkup)], at, chronicle=chronicle, facts=Markup(escape(told)))  # noqa: S704 - escaped


def _page(command: str, checkups: Sequence[Mapping[str, Any]], at: datetime, **more: Any) -> str:
    page = _templates().get_template("report.html.j2")
    told = page.render(command=command, checkups=checkups, at=at, version=__version__, **more)
    return told.encode("ascii", "xmlcharrefreplace").decode()


def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader(__name__, "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_plain,
    )
    found.filters |= {"state": _state, "sign": Standing.of}
    found.filters["kubectl"] = permissions.in_kubectl_words
    return found


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _state(finding: Finding) -> str:
    """Its class in the style sheet: `well`, `wrong`, `advice`, `untold`."""
    return Standing.of(finding).name.lower()


def _told(checkup: Checkup | Unexamined) -> dict[str, Any]:
    """What the template needs of one workload."""
    if isinstance(checkup, Unexamined):
        return {"ref": checkup.ref, "verdict": _WORDS[checkup.verdict], "unexamined": checkup.why}
    case = checkup.case
    version = case.settings.version if case.settings else None
    return {
        "ref": case.workload.ref,
        "verdict": _verdict(checkup),
        "unexamined": "",
        "checkup": checkup,
        "emqx": str(version) if version else "not found",
        "map": clustermap.draw(case),
        "views": matrix.rows(case),
        "settings": inforce.settings(case),
        "rungs": [(rung, checkup.beside(rung)) for rung in checkup.rungs],
        "steps": checklist.for_a_person(checkup.steps),
    }


def _verdict(checkup: Checkup) -> str:
    if checkup.cause and checkup.verdict is Verdict.HEALTHY:
        return "advice"
    return _WORDS[checkup.verdict]
