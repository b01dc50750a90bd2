"""Where a node takes the messages of its peers (gen_rpc), by all that is known of its settings.

`ports` tells it of a container alone, where that is certain without its ConfigMaps and files.
"""

from collections.abc import Collection, Iterable, Iterator

from emqx_autocluster.emqx import environment, ports
from emqx_autocluster.emqx.environment import Reader, Setting
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.observation import Fact, Unobserved

DISCOVERY = "EMQX_RPC__PORT_DISCOVERY"
SERVER_PORT, TCP_PORT, SSL_PORT = (
    "EMQX_RPC__SERVER_PORT",
    "EMQX_RPC__TCP_SERVER_PORT",
    "EMQX_RPC__SSL_SERVER_PORT",
)
_PROTOCOLS = ("EMQX_RPC__PROTOCOL", "EMQX_RPC__DRIVER")
_ALL_IN_ONE = "EMQX_RPC"
_STATELESS, _MANUAL = "stateless", "manual"
_ONE_PORT = "5.5.0"
"""Some version of 5.x made one setting of three; here it certainly is."""
_HIGHEST = 65535
_SHOWN = 20
"""Characters of a value that is none."""


def listening(reader: Reader, generation: Generation, node: str | None) -> Fact[int]:
    """`node`: its name; None: not known."""
    found = _discovery(reader, generation)
    if isinstance(found, Unobserved):
        return found
    if found == _MANUAL:
        return _fixed(reader, generation)
    if found != _STATELESS:
        return Unobserved(f"{DISCOVERY} is {found[:_SHOWN]}, and it takes {_MANUAL} or {_STATELESS}")
    if node is None:
        return Unobserved("it follows from the node's name, which is not known")
    return ports.numbered_rpc_port(node)


def usual(generation: Generation) -> int:
    """Where it is in most clusters of that version."""
    return ports.numbered_rpc_port("") if generation.numbers_rpc_ports else ports.RPC


def _discovery(reader: Reader, generation: Generation) -> Fact[str]:
    """Up to 4.1 there is no choice; 4.2 takes what its file says, and later images set the variable themselves."""
    if not generation.since("4.2.0"):
        return _MANUAL
    if reader.container.last_env(_ALL_IN_ONE) is not None:
        return Unobserved(f"{DISCOVERY} may stand in {_ALL_IN_ONE}, and the image sets it as well")
    own = generation.numbers_rpc_ports
    found = reader.read(DISCOVERY, _STATELESS) if own else reader.given(DISCOVERY)
    if isinstance(found, Unobserved):
        return found
    if found.value is None:
        return reader.unread or _MANUAL
    return environment.as_hocon(found.value)


def _fixed(reader: Reader, generation: Generation) -> Fact[int]:
    given = dict(_given(reader, generation))
    unread = next((value for value in given.values() if isinstance(value, Unobserved)), None)
    if unread is not None:
        return unread
    values = {environment.as_hocon(environment.text(value) or "") for value in given.values()}
    if not values:
        return ports.RPC
    if len(values) > 1 or not _is_one_setting(reader, generation, given):
        return Unobserved(f"which of these counts is not known: {', '.join(given)}")
    return _number(values.pop(), given)


def _number(value: str, names: Iterable[str]) -> Fact[int]:
    is_port = len(value) <= len(str(_HIGHEST)) and value.isascii() and value.isdecimal()
    number = int(value) if is_port else 0
    told = f"{' and '.join(names)} is {value[:_SHOWN]}, which is no port"
    return number if 0 < number <= _HIGHEST else Unobserved(told)


def _given(reader: Reader, generation: Generation) -> Iterator[tuple[str, Fact[Setting]]]:
    for name in (TCP_PORT,) if generation.is_4x else (SERVER_PORT, TCP_PORT, SSL_PORT):
        found = reader.read(name, None)
        if isinstance(found, Unobserved) or found.value is not None:
            yield name, found


def _is_one_setting(reader: Reader, generation: Generation, names: Collection[str]) -> bool:
    """At first 5.x had a port for each protocol; later these became other names of one."""
    if generation.is_4x or generation.since(_ONE_PORT):
        return True
    protocols = (reader.read(name, None) for name in _PROTOCOLS)
    by_tcp = all(isinstance(found, Setting) and found.value is None for found in protocols)
    return by_tcp and set(names) == {TCP_PORT}
