"""`explain REASON`: the section of docs/reasons.md, which is part of the package, for one reason or one condition.

Beside it are the pages of docs/causes, one for each family of causes, by the names of their files.
"""

import difflib
import re
from functools import cache
from importlib.resources import files
from textwrap import indent

from rich.markdown import Markdown

from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.commands import terminal

_FENCE = re.compile(r"(?m)^```.*$")
_LINK = re.compile(r"\[([^\]]+)\]\((?:(?:\.\./)?[a-z-]+\.md)?(?:#[a-z-]+)?\)")


class UnknownReasonError(Exception):
    """There is no such reason; str() names the nearest."""


def section(text: str) -> str:
    """Markdown without the heading. `text`: a reason, a condition, or a family of causes such as `dns`."""
    name = _name(text)
    if isinstance(name, Reason):
        return _body(f"### {name}")
    if isinstance(name, ConditionType):
        return _family(name)
    return _LINK.sub(r"\1", _causes(name).partition("\n")[2]).strip()


def _family(kind: ConditionType) -> str:
    """The introduction, and its reasons with one sentence each."""
    page = _page().partition(f"\n## {kind}\n")[2]
    reasons = re.findall(r"(?m)^### (\w+)$", re.split(r"(?m)^## ", page, maxsplit=1)[0])
    entries = "\n".join(f"- **{reason}**: {summary(Reason(reason))}" for reason in reasons)
    return f"{_body(f'## {kind}')}\n\n{entries}".strip()


def _body(heading: str) -> str:
    rest = _page().partition(f"\n{heading}\n")[2]
    return _LINK.sub(r"\1", re.split(r"(?m)^##", rest, maxsplit=1)[0]).strip()


@cache
def _page() -> str:
    return files("emqx_autocluster").joinpath("reasons.md").read_text(encoding="utf-8")


def _causes(family: str) -> str:
    return files("emqx_autocluster").joinpath("causes", f"{family}.md").read_text(encoding="utf-8")


def families() -> list[str]:
    pages = files("emqx_autocluster").joinpath("causes").iterdir()
    return sorted(page.name.removesuffix(".md") for page in pages)


def summary(reason: Reason) -> str:
    """What it means, in one sentence."""
    _, _, told = section(reason).partition("\n\n")
    paragraph = " ".join(told.partition("\n\n")[0].split())
    return re.split(r"(?<=[.:])\s", paragraph, maxsplit=1)[0].replace("`", "").rstrip(":.") + "."


def _name(text: str) -> Reason | ConditionType | str:
    names: tuple[Reason | ConditionType | str, ...] = (*families(), *ConditionType, *Reason)
    by_name = {name.lower(): name for name in names}
    if text.lower() in by_name:
        return by_name[text.lower()]
    near = difflib.get_close_matches(text.lower(), by_name, n=3, cutoff=0.4)
    meant = ", ".join(by_name[name] for name in near)
    raise UnknownReasonError(
        f'there is no reason "{text}"' + (f"; did you mean {meant}?" if meant else "; see docs/reasons.md")
    )


def show(text: str) -> None:
    """Prose is wrapped; a command stays on one line, so that it can be copied as it is."""
    console = terminal.Terminal()
    for number, part in enumerate(_FENCE.split(section(text))):
        if number % 2:
            for line in indent(part.strip("\n"), "  ").splitlines():
                console.print(terminal.text(line, "cyan"), soft_wrap=True)
        else:
            console.print(Markdown(part), width=min(console.width, 100))
