"""A pod's TCP sockets, as its kernel lists them, and what they say of an EMQX node without asking it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Socket:
    """One that listens, or an established connection. Addresses are in the form that `ipaddress` prints."""

    local: str
    port: int
    remote: str = ""
    remote_port: int = 0
    listens: bool = False
    inode: int = 0
    """Of one that listens: the kernel's number of it, which one that is opened again does not get; 0: not told."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a member's sockets show of it.

    A connection is no membership: nodes keep theirs while their databases have parted, and have them before they
    join. So a pulse that is as it was says that nothing new is known, and one that differs is a reason to ask.
    """

    up: bool
    """Whether Erlang's distribution listens: the VM runs."""
    takes_messages: bool
    """Whether gen_rpc listens, where its port can be told."""
    listeners: frozenset[int]
    """The other ports that are listened on, those of the devices among them; none: the applications are stopped."""
    nodes: frozenset[str]
    """Addresses of other pods with a connection of Erlang's distribution, whichever side dialled."""
    reaches: frozenset[str]
    """Addresses to whose gen_rpc port it has a connection."""
    opened: frozenset[int] = frozenset()
    """The inodes of its listeners: others on the same ports show that the applications were started again, which a
    node does that leaves its cluster, joins one or is healed."""
