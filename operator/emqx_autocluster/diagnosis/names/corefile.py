"""CoreDNS's configuration as a value: its server blocks, their zones and plugins. No judgement."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

_TOKEN = re.compile(r'#[^\n]*|"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<newline>\n)|(?P<word>[^\s]+)')
_SCHEME = re.compile(r"^(?:dns|tls|https|https3|quic|grpc)://")
_PORT = re.compile(r":([0-9]{1,5})$")
_SNIPPET = re.compile(r"^\((.+)\)$")
DEFAULT_PORT = 53
_DEEPEST = 20
_LONGEST = 256 * 1024
"""Characters; a Corefile has some thousands."""
_MOST_LINES = 10_000
"""With all that is imported: snippets that import each other twice grow without end."""


class CorefileError(ValueError):
    """It is not what CoreDNS would accept."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One line, and what stands in its braces: a plugin, or, inside of one, an option of it."""

    name: str
    arguments: tuple[str, ...] = ()
    block: tuple["Directive", ...] = ()

    def option(self, name: str) -> "Directive | None":
        return next((line for line in self.block if line.name == name), None)


@dataclass(frozen=True, slots=True)
class Zone:
    name: str
    """Absolute and in small letters, such as `cluster.local.` or `.`."""
    port: int = DEFAULT_PORT


@dataclass(frozen=True, slots=True)
class ServerBlock:
    zones: tuple[Zone, ...]
    plugins: tuple[Directive, ...]

    def all_of(self, name: str) -> tuple[Directive, ...]:
        return tuple(plugin for plugin in self.plugins if plugin.name == name)


@dataclass(frozen=True, slots=True)
class Corefile:
    servers: tuple[ServerBlock, ...]
    imports: tuple[str, ...] = ()
    """Other files that it takes in: what they say is not seen."""

    def server_of(self, name: str) -> ServerBlock | None:
        """The one that answers for an absolute name: CoreDNS takes that of the longest zone."""
        fitting = [
            (len(zone.name), server)
            for server in self.servers
            for zone in server.zones
            if covers(zone.name, name)
        ]
        return max(fitting, key=lambda found: found[0])[1] if fitting else None


def covers(zone: str, name: str) -> bool:
    """Whether an absolute name is in a zone."""
    return zone in {".", name} or name.endswith(f".{zone}")


def zone_name(text: str) -> str:
    """A zone as plugins are given it, made absolute."""
    return f"{_PORT.sub('', _SCHEME.sub('', text)).strip('.').lower()}."


def parse(text: str) -> Corefile:
    """Raises CorefileError where CoreDNS would not start with it."""
    if len(text) > _LONGEST:
        raise CorefileError(f"it has more than {_LONGEST} characters")
    lines = tuple(_lines(text))
    blocks = _blocks(lines)
    snippets = {match[1]: b.block for b in blocks if (match := _SNIPPET.match(b.name))}
    missing: list[str] = []
    servers = []
    for block in _bounded(_imported(blocks, snippets, missing)):
        if _SNIPPET.match(block.name):
            continue
        keys = ",".join((block.name, *block.arguments)).split(",")
        plugins = tuple(_bounded(_imported(block.block, snippets, missing)))
        servers.append(ServerBlock(tuple(_zone(key) for key in keys if key), plugins))
    return Corefile(tuple(servers), tuple(dict.fromkeys(missing)))


def _lines(text: str) -> Iterator[list[str]]:
    line: list[str] = []
    for match in _TOKEN.finditer(text):
        if match["newline"] is not None:
            # A list of zones goes on behind a comma.
            if line and not line[-1].endswith(","):
                yield line
                line = []
        elif match["quoted"] is not None:
            line.append(re.sub(r"\\(.)", r"\1", match["quoted"]))
        elif match["word"] is not None:
            line.append(match["word"])
    if line:
        yield line


def _blocks(lines: Sequence[list[str]]) -> tuple[Directive, ...]:
    """The outermost level; a file of one server may leave its braces out."""
    if lines and not any("{" in line for line in lines):
        first, *rest = lines
        return (Directive(first[0], tuple(first[1:]), tuple(_plain(line) for line in rest)),)
    reader = _Reader(lines)
    blocks = reader.block(depth=0)
    if not reader.at_end:
        raise CorefileError("a closing brace too many")
    return blocks


def _plain(line: Sequence[str]) -> Directive:
    return Directive(line[0], tuple(line[1:]))


class _Reader:
    def __init__(self, lines: Sequence[list[str]]) -> None:
        self._lines = lines
        self._next = 0

    @property
    def at_end(self) -> bool:
        return self._next >= len(self._lines)

    def block(self, depth: int) -> tuple[Directive, ...]:
        """The lines up to the brace that closes them, or up to the end of the file."""
        if depth > _DEEPEST:
            raise CorefileError("braces within braces without end")
        found: list[Directive] = []
        while not self.at_end:
            line = self._lines[self._next]
            if line[0] == "}":
                return tuple(found)
            self._next += 1
            if line[-1] != "{":
                found.append(_plain(line))
                continue
            if len(line) == 1:
                raise CorefileError("a brace opens nothing")
            inner = self.block(depth + 1)
            if self.at_end:
                raise CorefileError(f"the brace of {line[0]} is never closed")
            self._next += 1
            found.append(replace(_plain(line[:-1]), block=inner))
        return tuple(found)


def _imported(
    lines: Sequence[Directive], snippets: dict[str, tuple[Directive, ...]], missing: list[str], depth: int = 0
) -> Iterator[Directive]:
    """The lines, with snippets in place of the `import` that names them; other imports go into `missing`."""
    for line in lines:
        if line.name != "import":
            yield line
            continue
        name = line.arguments[0] if line.arguments else ""
        if name in snippets and depth < _DEEPEST:
            yield from _imported(snippets[name], snippets, missing, depth + 1)
        else:
            missing.append(name)


def _bounded(lines: Iterator[Directive]) -> Iterator[Directive]:
    for number, line in enumerate(lines):
        if number > _MOST_LINES:
            raise CorefileError(f"it has more than {_MOST_LINES} lines with all that it imports")
        yield line


def _zone(key: str) -> Zone:
    port = _PORT.search(key)
    return Zone(zone_name(key), int(port[1]) if port else DEFAULT_PORT)
