"""Our annotations, and what a user asks for with them.

Values are read in any letter case. An unknown value is never fatal: it is told in `problems`, and the
mode is then Observe, so that a typing error cannot change anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

GROUP = "emqx-autocluster.io"
MODE = f"{GROUP}/mode"
PAUSED = f"{GROUP}/paused"
CONTAINER = f"{GROUP}/container"
ROLL = f"{GROUP}/roll"
VERSION = f"{GROUP}/emqx-version"
QUARANTINE = f"{GROUP}/quarantine"
"""On a pod: mode Heal leaves this member as it is."""
ORIGINAL = f"{GROUP}/original"
"""Written by us: JSON of the fields that the operator replaced, for `revert`."""
TARGET = f"{GROUP}/target"
"""Written by us on the objects that we own: `Deployment/emqx`."""

_EMQX_VERSION = re.compile(r"^v?[4-9]\d*(\.\d+){0,2}$")

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "emqx-autocluster"


class Mode(StrEnum):
    OBSERVE = "Observe"
    REPAIR = "Repair"
    HEAL = "Heal"


@dataclass(frozen=True, slots=True)
class WorkloadOptions:
    """What the annotations of one workload say."""

    mode: Mode | None
    """None: not enrolled."""
    paused: bool = False
    container: str | None = None
    roll: bool = False
    """Whether the user lets a manual rollout go now."""
    emqx_version: str | None = None
    """Which EMQX it is, where neither image nor process tells: `5.8.9`, or `5.8`."""
    problems: tuple[str, ...] = ()

    @property
    def may_repair(self) -> bool:
        return self.mode in {Mode.REPAIR, Mode.HEAL} and not self.paused and not self.problems


def is_enrolled(annotations: Mapping[str, str]) -> bool:
    return MODE in annotations


def parse(annotations: Mapping[str, str]) -> WorkloadOptions:
    """The options in a workload's own annotations."""
    problems: list[str] = []
    mode = _choice(annotations, MODE, {m.lower(): m for m in Mode}, problems)
    paused = _choice(annotations, PAUSED, {"true": True, "false": False}, problems)
    roll = _choice(annotations, ROLL, {"now": "now"}, problems)
    return WorkloadOptions(
        mode=(mode or Mode.OBSERVE) if is_enrolled(annotations) else None,
        # A value that nobody understands was meant to pause more likely than not.
        paused=bool(paused) or (PAUSED in annotations and paused is None),
        container=annotations.get(CONTAINER) or None,
        roll=bool(roll),
        emqx_version=_version(annotations, problems),
        problems=tuple(problems),
    )


def _version(annotations: Mapping[str, str], problems: list[str]) -> str | None:
    raw = annotations.get(VERSION)
    if raw is None:
        return None
    if _EMQX_VERSION.match(raw.strip()):
        return raw.strip()
    problems.append(f'annotation {VERSION} is "{raw}"; expected a version of EMQX, such as 5.8.9 or 5.8')
    return None


def _choice(
    annotations: Mapping[str, str], name: str, choices: Mapping[str, T], problems: list[str]
) -> T | None:
    raw = annotations.get(name)
    if raw is None:
        return None
    value = choices.get(raw.strip().lower())
    if value is None:
        expected = ", ".join(str(c).lower() if isinstance(c, bool) else str(c) for c in choices.values())
        problems.append(f'annotation {name} is "{raw}"; expected {expected}')
    return value
