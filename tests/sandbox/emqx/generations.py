"""Which EMQX version behaves how: the table that the stand-in's other modules ask; pure.

EMQX takes its clustering from the library ekka, and ekka's discovery loop changed four times, so the versions fall
into generations A to E. The borders were read from the dependency lists of the EMQX releases.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_TAG = re.compile(r"[a-z]*(\d+)\.(\d+)(?:\.(\d+))?")
_NEWEST_PATCH = {
    (4, 0): 13, (4, 1): 5, (4, 2): 14, (4, 3): 22, (4, 4): 19,
    (5, 0): 26, (5, 1): 6, (5, 2): 1, (5, 3): 2, (5, 4): 1, (5, 5): 1, (5, 6): 1, (5, 7): 2, (5, 8): 9,
    (5, 9): 2, (5, 10): 4, (6, 0): 3, (6, 1): 4, (6, 2): 2,
}  # fmt: skip
_DEFAULT = (5, 8, 9)


class Generation(StrEnum):
    """How the discovery loop goes on and when it ends."""

    A = "A"  # 4.0-4.3.14, 4.4.0-4.4.3: until in a cluster, silently
    B = "B"  # 4.3.15+, 4.4.4+: until in a cluster and all discovered nodes answered; a warning each round
    C = "C"  # 5.0.0-5.0.8: as B, and the own name must be discovered
    D = "D"  # 5.0.9-5.6.0: also ends for good when there is nothing to do
    E = "E"  # 5.6.1 on: as D; "already in cluster" counts as nothing to do


class HttpClient(StrEnum):
    HTTPC = "httpc"
    HACKNEY = "hackney"


@dataclass(frozen=True, slots=True)
class Release:
    """One EMQX version and all that the stand-in must know of it."""

    number: tuple[int, int, int]

    def __str__(self) -> str:
        return ".".join(map(str, self.number))

    @property
    def is_4x(self) -> bool:
        return self.number < (5, 0, 0)

    @property
    def generation(self) -> Generation:
        if self.is_4x:
            loud = (4, 3, 15) <= self.number < (4, 4, 0) or self.number >= (4, 4, 4)
            return Generation.B if loud else Generation.A
        if self.number <= (5, 0, 8):
            return Generation.C
        return Generation.D if self.number <= (5, 6, 0) else Generation.E

    @property
    def client(self) -> HttpClient:
        hackney = (
            (5, 8, 9) <= self.number < (5, 9, 0)
            or (5, 9, 3) <= self.number < (5, 10, 0)
            or self.number >= (5, 10, 0)
        )
        return HttpClient.HACKNEY if hackney else HttpClient.HTTPC

    @property
    def verifies_certificate(self) -> bool:
        """OTP 26, shipped from 5.5 on, verifies chain and host name unless told otherwise."""
        return self.number >= (5, 5, 0)

    @property
    def has_emqx_ctl_subcommand(self) -> bool:
        return self.number >= (4, 3, 0)

    @property
    def has_json_status(self) -> bool:
        return self.number >= (5, 0, 1)

    @property
    def has_discovery_command(self) -> bool:
        return self.number >= (5, 6, 1)

    @property
    def has_join_lock(self) -> bool:
        return self.number >= (5, 1, 0)

    @property
    def empty_while_restarting(self) -> bool:
        """5.1.2 and later answer empty lists while the database restarts."""
        return self.number >= (5, 1, 2)

    @property
    def failure_sets_exit_code(self) -> bool:
        return self.number >= (5, 9, 0)

    @property
    def single_node_license(self) -> bool:
        """The licence that 5.9 and later bring along is for one node only."""
        return self.number >= (5, 9, 0)

    @property
    def refuses_replicants(self) -> bool:
        """The open-source edition of 5.8; from 5.9 on there is one edition, which has them."""
        return (5, 8, 0) <= self.number < (5, 9, 0)

    @property
    def announces_second_join(self) -> bool:
        """Whether a join survives that the membership process is gone: later ones catch that (mria 0.7)."""
        return self.number >= (5, 4, 0)

    @property
    def heals_with_majority(self) -> bool:
        """Later autoheal runs with a majority alive; earlier ones want every listed node alive."""
        return self.number >= (5, 8, 9)

    @property
    def autoclean_seconds(self) -> float | None:
        """When a node seen going down is forgotten; 5.0 read the setting from the wrong place: never."""
        if self.is_4x:
            return 300.0
        return 86400.0 if self.number >= (5, 1, 0) else None

    @property
    def status_endpoint(self) -> tuple[int, str]:
        """Port and path of the unauthenticated status page."""
        if self.is_4x:
            return 8081, "/status"
        return 18083, "/api/v5/status" if self.number <= (5, 0, 4) else "/status"

    @property
    def default_apiserver(self) -> str:
        """4.x has no default, and asks the host "undefined"."""
        if self.is_4x:
            return "undefined"
        return (
            "http://10.110.111.204:8080" if self.number <= (5, 1, 0) else "https://kubernetes.default.svc:443"
        )


def release_of(tag: str) -> Release:
    """Read an image tag such as "5.8.9", "v5.8", "e5.9.0" or "4.4.19-alpine"; one without a version is 5.8.9."""
    found = _TAG.match(tag)
    if not found:
        return Release(_DEFAULT)
    major, minor, patch = found.groups()
    newest = _NEWEST_PATCH.get((int(major), int(minor)), 0)
    return Release((int(major), int(minor), int(patch) if patch else newest))
