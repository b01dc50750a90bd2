"""What /etc/resolv.conf says; no I/O."""

from emqx_autocluster.observation import ResolvConf

MOST_DOTS = 15
"""The libc's own bound on ndots."""


def parse_resolv_conf(text: str) -> ResolvConf:
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
    return ResolvConf(nameservers=tuple(nameservers), search=search, ndots=ndots)


def _ndots(options: list[str], default: int) -> int:
    given = [option.removeprefix("ndots:") for option in options if option.startswith("ndots:")]
    return min(int(given[-1]), MOST_DOTS) if given and given[-1].isdecimal() else default
