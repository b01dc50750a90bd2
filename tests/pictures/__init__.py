"""Pictures of the terminal for the README: each is what a command printed in a real run on the sandbox."""

import asyncio
import html
import io
import os
import pty
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

FOLDER = Path(__file__).parent.parent.parent / "docs" / "pictures"
COLUMNS = 110
_FONT = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)
_SECONDS = 300
_SVG = "{http://www.w3.org/2000/svg}"
_CHANCE = (
    (r"emqx-[a-z0-9]{6,12}-[a-z0-9]{5}", "POD"),
    (r"hashin\([a-z0-9,]+\)", "HASH"),
    (r"10\.244\.\d+\.\d+", "ADDRESS"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\d\d:\d\d:\d\d", "TIME"),
)
"""What differs from run to run, in the text without its spaces."""


async def printed(argv: Sequence[str | Path], environment: Mapping[str, str]) -> str:
    """What a command prints on a terminal of `COLUMNS`, with its colours."""
    master, slave = pty.openpty()
    size = {"COLUMNS": str(COLUMNS), "LINES": "60", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=slave,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | environment | size,
    )
    os.close(slave)
    reading = asyncio.create_task(asyncio.to_thread(_read, master))
    async with asyncio.timeout(_SECONDS):
        await process.wait()
        return (await reading).decode().replace("\r\n", "\n")


def _read(master: int) -> bytes:
    parts = []
    try:
        while part := os.read(master, 65536):
            parts.append(part)
    except OSError:  # how Linux tells that the other end is closed
        pass
    finally:
        os.close(master)
    return b"".join(parts)


def picture(text: Text, title: str) -> str:
    """SVG without a font from elsewhere."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(text)
    form = _FONT.sub("", CONSOLE_SVG_FORMAT).replace(
        "Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace"
    )
    return (
        console.export_svg(title=title, theme=DIMMED_MONOKAI, code_format=form, unique_id="terminal") + "\n"
    )


def words(text: str, namespace: str) -> str:
    """The text without colours, spaces and what differs by chance: the same in each run, however it is wrapped."""
    plain = "".join(Text.from_ansi(text).plain.split()).replace(namespace, "NAMESPACE")
    for pattern, name in _CHANCE:
        plain = re.sub(pattern, name, plain)
    return plain


def shown(svg: str) -> str:
    """The text of a picture, but for its title."""
    root = ET.fromstring(svg)  # noqa: S314 - our own file
    lines = [each for each in root.iter(f"{_SVG}text") if "clip-path" in each.attrib]
    return "".join(html.unescape(each.text or "").replace("\xa0", " ") for each in lines)
