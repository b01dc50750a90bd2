"""What can be chosen of the commands' answers and actions; apart from them, so that `--help` need not load them."""

from enum import StrEnum


class DoctorOutput(StrEnum):
    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    HTML = "html"
    """One page to be handed on."""


class ReportOutput(StrEnum):
    TEXT = "text"
    JSON = "json"
    HTML = "html"


class LintOutput(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    KUSTOMIZE = "kustomize"
    """The cures as a patch for each workload."""
    HELM = "helm"
    """The cures as values of the official chart."""


class PlanOutput(StrEnum):
    TEXT = "text"
    KUSTOMIZE = "kustomize"
    HELM = "helm"


class HealAction(StrEnum):
    """What `heal` may do to a running member."""

    ENABLE_DISCOVERY = "EnableDiscovery"
    JOIN_CLUSTER = "JoinCluster"
    EVICT_POD = "EvictPod"
    FORCE_LEAVE = "ForceLeave"
