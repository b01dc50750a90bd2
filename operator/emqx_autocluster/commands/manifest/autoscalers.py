"""How many pods an autoscaler of the input makes of a workload."""

from collections.abc import Mapping

from emqx_autocluster.commands.documents import Document
from emqx_autocluster.commands.manifest.inputs import Input

_AUTOSCALERS: Mapping[str, tuple[str, str]] = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}
"""Where each says how many replicas it keeps at least, and how many it may make."""
_MOST_BY_KEDA = 100
"""Where a ScaledObject does not say it."""


def replicas(input_: Input, document: Document) -> int:
    """How many replicas an autoscaler of the input keeps, or may make where it keeps but one; 0: there is none."""
    found = [0]
    for scaler in input_.each(*_AUTOSCALERS):
        spec = scaler.body.get("spec")
        target = spec.get("scaleTargetRef") if isinstance(spec, Mapping) else None
        meant = isinstance(target, Mapping) and (target.get("kind") or "Deployment", target.get("name")) == (
            document.kind,
            document.name,
        )
        if meant and isinstance(spec, Mapping) and input_.are_together(scaler, document):
            least, most = (spec.get(name) for name in _AUTOSCALERS[scaler.kind])
            if most is None and scaler.kind == "ScaledObject":
                most = _MOST_BY_KEDA
            counts = [count for count in (least, most) if isinstance(count, int)]
            found.append(next((count for count in counts if count > 1), 1))
    return max(found)
