"""`explain REASON`: the section of docs/reasons.md, which is part of the package, for one reason."""

import difflib
import re
from importlib.resources import files
from textwrap import indent

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from emqx_autocluster.findings import Reason

_FENCE = re.compile(r"(?m)^```.*$")
_LINK = re.compile(r"\[([^\]]+)\]\((?:[a-z-]+\.md)?(?:#[a-z-]+)?\)")


class UnknownReasonError(Exception):
    """There is no such reason; str() names the nearest."""


def section(text: str) -> str:
    """Markdown without the heading. `text`: a reason in any letter case."""
    reason = _reason(text)
    page = files("emqx_autocluster").joinpath("reasons.md").read_text(encoding="utf-8")
    _, _, rest = page.partition(f"\n### {reason}\n")
    body = re.split(r"(?m)^##", rest, maxsplit=1)[0]
    return _LINK.sub(r"\1", body).strip()


def _reason(text: str) -> Reason:
    by_name = {reason.lower(): reason for reason in Reason}
    if text.lower() in by_name:
        return by_name[text.lower()]
    near = difflib.get_close_matches(text.lower(), by_name, n=3, cutoff=0.4)
    meant = ", ".join(by_name[name] for name in near)
    raise UnknownReasonError(
        f'there is no reason "{text}"' + (f"; did you mean {meant}?" if meant else "; see docs/reasons.md")
    )


def show(text: str) -> None:
    """Prose is wrapped; a command stays on one line, so that it can be copied as it is."""
    console = Console()
    for number, part in enumerate(_FENCE.split(section(text))):
        if number % 2:
            console.print(Text(indent(part.strip("\n"), "  "), style="cyan"), soft_wrap=True)
        else:
            console.print(Markdown(part), width=min(console.width, 100))
