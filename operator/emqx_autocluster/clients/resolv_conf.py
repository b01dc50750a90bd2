"""What /etc/resolv.conf says, and which names a libc resolver makes of one name by it; no I/O."""

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


def candidates(name: str, conf: ResolvConf) -> tuple[str, ...]:
    """The absolute names, each with its final dot, in the order in which they are tried.

    As glibc does. musl (Alpine images, EMQX 4.x) leaves the search list out when the name has `ndots` dots.
    """
    if name.endswith("."):
        return (name,)
    absolute = f"{name}."
    searched = tuple(f"{name}.{domain.strip('.')}." for domain in conf.search if domain.strip("."))
    names = (absolute, *searched) if name.count(".") >= conf.ndots else (*searched, absolute)
    return tuple(dict.fromkeys(names))


def _ndots(options: list[str], default: int) -> int:
    given = [option.removeprefix("ndots:") for option in options if option.startswith("ndots:")]
    return min(int(given[-1]), MOST_DOTS) if given and given[-1].isdecimal() else default
