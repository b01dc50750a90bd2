"""The suffix under which Kubernetes' DNS has names for pods: of addresses in one zone, of host names in another."""

from collections.abc import Mapping

from emqx_autocluster.emqx.environment import as_hocon

LABELS: Mapping[str, str] = {"dns": "pod", "hostname": "svc"}
"""Address type -> the first label of its zone."""


def is_of(suffix: str, kind: str) -> bool:
    """Whether it may be the zone of that address type: what follows the first label is the cluster's to say."""
    return suffix.partition(".")[0] == LABELS[kind]


def meant(suffix: str, kind: str, domain: str) -> str:
    """What it stands for; `domain` counts where it has none of its own."""
    labels = [label for label in as_hocon(suffix).split(".") if label]
    for zone in LABELS.values():
        if zone in labels:
            labels = labels[labels.index(zone) + 1 :]
    return ".".join((LABELS[kind], *(labels or domain.split("."))))
