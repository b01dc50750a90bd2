"""What /etc/resolv.conf says; no I/O."""

from emqx_autocluster.observation import ResolvConf

MOST_DOTS = 15
"""The libc's own bound on ndots."""
_MOST_NAMESERVERS = 3
"""As many as a libc asks."""
_MOST_DOMAINS = 32
"""As many as Kubernetes writes."""


def parse_resolv_conf(text: str) -> ResolvConf | None:
    """None: it names no nameserver, or a search list so long that Kubernetes cannot have written it."""
    nameservers: list[str] = []
    search: tuple[str, ...] = ()
    ndots = 1
    for line in text.splitlines():
        match line.split("#")[0].split(";")[0].split():
            case ["nameserver", address, *_]:
                nameservers.append(address)
            case ["search" | "domain", *domains]:
                search = tuple(domains)
            case ["options", *options]:
                ndots = _ndots(options, ndots)
    if not nameservers or len(search) > _MOST_DOMAINS:
        return None
    return ResolvConf(nameservers=tuple(nameservers[:_MOST_NAMESERVERS]), search=search, ndots=ndots)


def _ndots(options: list[str], default: int) -> int:
    given = [option.removeprefix("ndots:") for option in options if option.startswith("ndots:")]
    return min(int(given[-1][:9]), MOST_DOTS) if given and given[-1].isdecimal() else default
