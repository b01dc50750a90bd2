"""What the image has to find in env to name a node after DNS, letter for letter.

To EMQX spaces and quotes around a value, and other letters in a name, are the same setting; to the image's entrypoint
they are another one, or none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx.environment import as_hocon
from emqx_autocluster.observation import Fact, Unobserved


@dataclass(frozen=True, slots=True)
class Missing:
    """One variable that is not there as the image looks for it. `given` None: not under this name."""

    variable: str
    given: str | None
    right: str
    spelt: str | None
    """How env has the name, in other letters."""

    @property
    def cure(self) -> str:
        return f"{self.variable}={self.right}" + (f" in place of {self.spelt}" if self.spelt else "")


def missing(case: Case, looked_at: Iterable[tuple[str, Fact[str | None], str]]) -> tuple[Missing, ...]:
    """`looked_at`: the variable, what the image finds for it, and what it has to be."""
    return tuple(
        Missing(name, given, right, _spelt(case, name))
        for name, given, right in looked_at
        if not isinstance(given, Unobserved) and (given is None or _is_another(given, right))
    )


def _is_another(given: str, right: str) -> bool:
    return given != right and as_hocon(given).rstrip(".") == right


def _spelt(case: Case, name: str) -> str | None:
    spellings = case.container.spellings(name) if case.container else ()
    return next((spelling for spelling in spellings if spelling != name), None)


def told(found: Sequence[Missing]) -> str:
    """Under which conditions the image does it."""
    absent = [each.variable for each in found if each.given is None]
    letters = ", in these letters" if any(each.spelt for each in found) else ""
    parts = (
        [f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} in env{letters}"] if absent else []
    )
    parts += [
        f"{m.variable} in env is exactly {m.right} (it is {m.given!r})" for m in found if m.given is not None
    ]
    return f"the image names a node after DNS only where {' and '.join(parts)}, and it looks at env alone"


def cure(found: Sequence[Missing]) -> str:
    return f"set {' and '.join(each.cure for each in found)}"


def sets(found: Sequence[Missing]) -> tuple[tuple[str, str], ...]:
    return tuple((each.variable, each.right) for each in found)
