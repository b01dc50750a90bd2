"""Which workload a person means on the command line, in kubectl's words: deployment/NAME, sts/NAME."""

from collections.abc import Collection

from emqx_autocluster.observation import WorkloadKind, WorkloadRef

_KINDS = {
    "deployment": WorkloadKind.DEPLOYMENT,
    "deployments": WorkloadKind.DEPLOYMENT,
    "deploy": WorkloadKind.DEPLOYMENT,
    "statefulset": WorkloadKind.STATEFUL_SET,
    "statefulsets": WorkloadKind.STATEFUL_SET,
    "sts": WorkloadKind.STATEFUL_SET,
}


class TargetError(Exception):
    """What was named is no workload, or is not there."""


def parse_target(namespace: str, text: str) -> WorkloadRef:
    kind, _, name = text.partition("/")
    if kind.lower() not in _KINDS or not name:
        raise TargetError(f'"{text}" is no workload; expected deployment/NAME or statefulset/NAME')
    return WorkloadRef(namespace, _KINDS[kind.lower()], name)


def where(namespaces: Collection[str | None]) -> str:
    """For a sentence on what was listed there; None among them: everywhere."""
    named = [name for name in namespaces if name]
    return f"namespace {', '.join(named)}" if named else "the cluster"


def spellings(begun: str) -> list[tuple[WorkloadKind, str]]:
    """Each kind that may be meant by what stands before the name, with the word that was begun for it."""
    kind, slash, _ = begun.lower().partition("/")
    if slash:
        return [(_KINDS[kind], kind)] if kind in _KINDS else []
    words: dict[WorkloadKind, str] = {}
    for word, meant in _KINDS.items():
        if word.startswith(kind):
            words.setdefault(meant, word)
    return list(words.items())
