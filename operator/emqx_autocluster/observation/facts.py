"""What was read, or why it could not be read.

Two absences are kept apart everywhere. `None` means "looked, and it is not there"; `Unobserved` means
"could not look", and nothing may be concluded from it.
"""

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unobserved:
    """A fact that could not be read; `reason` says why, in words fit for a condition message."""

    reason: str


Fact: TypeAlias = T | Unobserved

NOT_ASKED = Unobserved("not asked")
