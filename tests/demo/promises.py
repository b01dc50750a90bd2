"""What the demo promises, each held against what was seen."""

from collections.abc import Iterator
from dataclasses import dataclass

from demo.chronicle import MEMBERS, Chronicle

_GOOD_WHEN_FALSE = frozenset({"StaleNodesPresent", "Paused"})


@dataclass(frozen=True, slots=True)
class Promise:
    kept: bool
    text: str


def judge(chronicle: Chronicle) -> list[Promise]:
    judged = list(_promises(chronicle))
    if not chronicle.is_over:
        seconds = (chronicle.looks[-1].at - chronicle.began).total_seconds()
        judged.append(Promise(kept=False, text=f"the repair was not over after {seconds:.0f} s"))
    return judged


def _promises(chronicle: Chronicle) -> Iterator[Promise]:
    before, after = chronicle.before, chronicle.looks[-1]
    apart = [len(group) for group in before.clusters]
    yield Promise(apart == [1] * MEMBERS, f"it began with {len(apart)} separate clusters, all pods Ready")
    yield _gathering(chronicle)
    rollouts = int(after.revision) - int(before.revision)
    yield Promise(rollouts == 1, f"{rollouts} rollout{'' if rollouts == 1 else 's'}, one was needed")
    yield _unity(chronicle)
    whole = [len(group) for group in after.clusters] == [MEMBERS]
    views = {m.sees for m in after.members}
    yield Promise(
        whole and len(views) == 1, f"each of the {len(after.members)} members lists the same {MEMBERS}"
    )
    left = ", ".join(sorted(after.old_names)) or "none"
    yield Promise(not after.old_names, f"old names left in the cluster: {left}")
    yield _conditions(chronicle)


def _gathering(chronicle: Chronicle) -> Promise:
    if chronicle.gathered_after is None:
        return Promise(kept=False, text="the three were not seen as one cluster before the first restart")
    seconds = chronicle.gathered_after.total_seconds()
    return Promise(kept=True, text=f"one cluster {seconds:.0f} s after the annotation, before any restart")


def _unity(chronicle: Chronicle) -> Promise:
    looks, splits = chronicle.looks_while_rolling, len(chronicle.splits)
    if splits:
        return Promise(kept=False, text=f"{splits} of {looks} looks since the rollout began showed a split")
    return Promise(looks > 0, f"one cluster in each of the {looks} looks since the rollout began")


def _conditions(chronicle: Chronicle) -> Promise:
    conditions = chronicle.looks[-1].conditions
    wrong = [c for c in conditions if (c.status == "True") == (c.type in _GOOD_WHEN_FALSE)]
    wrong += [c for c in conditions if c.status == "Unknown" and c not in wrong]
    if wrong or not conditions:
        return Promise(
            kept=False, text=f"not as it should be: {', '.join(c.type for c in wrong) or 'no condition'}"
        )
    return Promise(kept=True, text=f"all {len(conditions)} conditions are as they should be")
