"""The vocabulary of judgement: condition types, the closed set of reasons, and one judged fact.

Every reason is explained in docs/reasons.md with its cause and its cure; a test holds the two equal.
"""

from dataclasses import dataclass
from enum import StrEnum


class ConditionType(StrEnum):
    """Types of `status.conditions`, in the order in which Ready looks for a cause."""

    READY = "Ready"
    ACCEPTED = "Accepted"
    CONFIGURATION_VALID = "ConfigurationValid"
    RBAC_READY = "RBACReady"
    DISCOVERY_READY = "DiscoveryReady"
    DNS_HEALTHY = "DNSHealthy"
    CLUSTER_FORMED = "ClusterFormed"
    ROLLOUT_SAFE = "RolloutSafe"
    STALE_NODES_PRESENT = "StaleNodesPresent"
    PAUSED = "Paused"


ABNORMAL_TRUE = frozenset({ConditionType.STALE_NODES_PRESENT, ConditionType.PAUSED})
"""True is the news that matters; all other types are well when they are True."""


class Status(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a condition has its status."""

    # Accepted
    TARGET_FOUND = "TargetFound"
    NOT_ENROLLED = "NotEnrolled"
    TARGET_NOT_FOUND = "TargetNotFound"
    INVALID_ANNOTATION = "InvalidAnnotation"
    ANNOTATION_ON_POD_TEMPLATE = "AnnotationOnPodTemplate"
    NO_EMQX_CONTAINER = "NoEMQXContainer"
    MANAGED_BY_EMQX_OPERATOR = "ManagedByEMQXOperator"
    SCALED_TO_ZERO = "ScaledToZero"
    # ConfigurationValid
    CONFIGURATION_ACCEPTED = "ConfigurationAccepted"
    API_SERVER_UNREACHABLE = "APIServerUnreachable"
    API_SERVER_NAME_NOT_FOUND = "APIServerNameNotFound"
    API_SERVER_NOT_IN_CERTIFICATE = "APIServerNotInCertificate"
    API_SERVER_MALFORMED = "APIServerMalformed"
    API_SERVER_MISSING = "APIServerMissing"
    API_SERVER_HAS_PATH = "APIServerHasPath"
    API_SERVER_FOREIGN = "APIServerForeign"
    API_SERVER_CERTIFICATE_INVALID = "APIServerCertificateInvalid"
    PLAIN_HTTP_API_SERVER = "PlainHTTPAPIServer"
    NAMESPACE_MISMATCH = "NamespaceMismatch"
    SERVICE_NAME_MISSING = "ServiceNameMissing"
    STRATEGY_UNSUITABLE = "StrategyUnsuitable"
    VARIABLE_OF_OTHER_VERSION = "VariableOfOtherVersion"
    UNKNOWN_VARIABLE = "UnknownVariable"
    CLUSTER_DOMAIN_MISMATCH = "ClusterDomainMismatch"
    ADDRESS_TYPE_UNSUITABLE = "AddressTypeUnsuitable"
    NAME_PART_MISMATCH = "NamePartMismatch"
    NODE_NAME_FIXED = "NodeNameFixed"
    COOKIE_CHANGED = "CookieChanged"
    SETTING_UNREADABLE = "SettingUnreadable"
    VERSION_UNKNOWN = "VersionUnknown"
    EXTERNAL_REVERT = "ExternalRevert"
    # RBACReady
    ACCESS_GRANTED = "AccessGranted"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    PERMISSION_DENIED = "PermissionDenied"
    TOKEN_NOT_MOUNTED = "TokenNotMounted"  # noqa: S105 - a reason, not a secret
    TOKEN_AUDIENCE_WRONG = "TokenAudienceWrong"  # noqa: S105 - a reason, not a secret
    FOREIGN_OBJECT = "ForeignObject"
    REVIEW_FAILED = "ReviewFailed"
    # DiscoveryReady
    ENDPOINTS_PUBLISHED = "EndpointsPublished"
    SERVICE_NOT_FOUND = "ServiceNotFound"
    SELECTOR_MISMATCH = "SelectorMismatch"
    NO_ADDRESSES = "NoAddresses"
    HOSTNAME_MISSING = "HostnameMissing"
    ENDPOINTS_DIFFER = "EndpointsDiffer"
    NOT_READY_NOT_PUBLISHED = "NotReadyNotPublished"
    NODE_NAME_MISMATCH = "NodeNameMismatch"
    NETWORK_POLICY_BLOCKS = "NetworkPolicyBlocks"
    # DNSHealthy
    NAMES_RESOLVE = "NamesResolve"
    NAME_NOT_FOUND = "NameNotFound"
    DNS_POLICY_UNSUITABLE = "DNSPolicyUnsuitable"
    NAMESERVER_NOT_CLUSTER_DNS = "NameserverNotClusterDNS"
    SEARCH_LIST_UNSUITABLE = "SearchListUnsuitable"
    NAMESERVER_UNREACHABLE = "NameserverUnreachable"
    CLUSTER_DNS_DOWN = "ClusterDNSDown"
    FORWARD_LOOP = "ForwardLoop"
    ZONE_MISSING = "ZoneMissing"
    HOSTS_WITHOUT_FALLTHROUGH = "HostsWithoutFallthrough"
    ANSWER_DIFFERS = "AnswerDiffers"
    SERVICE_ADDRESS_UNREACHABLE = "ServiceAddressUnreachable"
    CLUSTER_DNS_FAILING = "ClusterDNSFailing"
    NEGATIVE_ANSWER_RECENT = "NegativeAnswerRecent"
    # ClusterFormed
    ALL_MEMBERS_CLUSTERED = "AllMembersClustered"
    SINGLE_MEMBER = "SingleMember"
    NOT_FORMED = "NotFormed"
    MEMBERS_ORPHANED = "MembersOrphaned"
    SPLIT_BRAIN = "SplitBrain"
    MEMBER_HALF_JOINED = "MemberHalfJoined"
    MEMBERS_MISSING = "MembersMissing"
    MEMBER_NOT_READY = "MemberNotReady"
    WAITING_FOR_TABLES = "WaitingForTables"
    ROLLOUT_STUCK = "RolloutStuck"
    RPC_PORT_CLOSED = "RPCPortClosed"
    FOREIGN_NODES_PRESENT = "ForeignNodesPresent"
    LICENSE_MISSING = "LicenseMissing"
    VIEWS_DIFFER = "ViewsDiffer"
    NODES_STARTING = "NodesStarting"
    TARGET_PROGRESSING = "TargetProgressing"
    # RolloutSafe
    MIN_READY_SECONDS_SUFFICIENT = "MinReadySecondsSufficient"
    MIN_READY_SECONDS_TOO_LOW = "MinReadySecondsTooLow"
    NODE_NAME_NOT_STABLE = "NodeNameNotStable"
    # StaleNodesPresent
    NO_STALE_NODES = "NoStaleNodes"
    STALE_NODES_FOUND = "StaleNodesFound"
    AUTOHEAL_INHIBITED = "AutohealInhibited"
    # Paused
    NOT_PAUSED = "NotPaused"
    ANNOTATION_SET = "AnnotationSet"
    # any
    NOT_APPLICABLE = "NotApplicable"
    PROBE_FAILED = "ProbeFailed"
    INITIALIZING = "Initializing"
    # why the next step of a repair is not taken; SeedNeeded and JoinFailed become ClusterFormed's reason,
    # the others are told in the message of what they leave unrepaired
    OBSERVE_ONLY = "ObserveOnly"
    SEED_NEEDED = "SeedNeeded"
    JOIN_FAILED = "JoinFailed"
    ROLLOUT_MANUAL = "RolloutManual"
    ROLLOUT_BLOCKED = "RolloutBlocked"
    PREFLIGHT_FAILED = "PreflightFailed"
    ACTION_FAILED = "ActionFailed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One judged fact: what a condition will say."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str
    repairable: bool = False
    """Whether mode Repair can put it right: it provably cannot work and has exactly one right value."""
    sets: tuple[tuple[str, str], ...] = ()
    """The variables of the EMQX container, with their right values, that put it right; also where Repair must not."""
    field: str = ""
    """What it is about, as `template.FieldChange` names a field: `env/NAME`, `dnsPolicy`, ...; empty: no one field."""

    @property
    def bad(self) -> bool:
        return self.status is Status.FALSE


def true(kind: ConditionType, reason: Reason, message: str) -> Finding:
    return Finding(kind, Status.TRUE, reason, message)


def false(
    kind: ConditionType,
    reason: Reason,
    message: str,
    *,
    repairable: bool = False,
    sets: tuple[tuple[str, str], ...] = (),
    field: str = "",
) -> Finding:
    return Finding(kind, Status.FALSE, reason, message, repairable, sets, field)


def unknown(kind: ConditionType, reason: Reason, message: str) -> Finding:
    return Finding(kind, Status.UNKNOWN, reason, message)
