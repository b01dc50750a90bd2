"""How far the repair is on its way gate → gather → rights → roll → settle → clear; pure."""

from enum import Enum, auto

from demo.chronicle import MEMBERS, Chronicle


class Progress(Enum):
    OPEN = auto()
    UNDER_WAY = auto()
    DONE = auto()


_Step = tuple[str, Progress, str]


def progress(chronicle: Chronicle) -> list[_Step]:
    """Each step with its state, and a detail to show behind its name."""
    done = _done(chronicle)
    steps: list[_Step] = []
    for name, is_done in done.items():
        earlier_done = all(state is Progress.DONE for _, state, _ in steps)
        state = Progress.DONE if is_done else Progress.UNDER_WAY if earlier_done else Progress.OPEN
        detail = _detail(chronicle) if name == "roll" and state is Progress.UNDER_WAY else ""
        steps.append((name, state, detail))
    return steps


def _done(chronicle: Chronicle) -> dict[str, bool]:
    told = {line.what for line in chronicle.lines if line.by_operator}
    if not chronicle.looks:
        return dict.fromkeys(("gate", "gather", "rights", "roll", "settle", "clear"), False)
    look = chronicle.looks[-1]
    rolled = look.revision != chronicle.before.revision and look.rolled_out
    whole = [len(group) for group in look.clusters] == [MEMBERS]
    return {
        "gate": bool(told),
        "gather": chronicle.gathered_after is not None,
        "rights": "CreateRoleBinding" in told,
        "roll": rolled,
        "settle": rolled and whole,
        "clear": chronicle.is_over,
    }


def _detail(chronicle: Chronicle) -> str:
    look = chronicle.looks[-1]
    if look.revision == chronicle.before.revision:
        return ""
    return f" {look.new_available}/{look.replicas}"
