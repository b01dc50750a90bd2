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
    OLDER_RESOURCE_COUNTS = "OlderResourceCounts"
    TOO_LARGE = "TooLarge"
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
    SERVICE_NAME_INVALID = "ServiceNameInvalid"
    STRATEGY_UNSUITABLE = "StrategyUnsuitable"
    VALUE_NOT_ACCEPTED = "ValueNotAccepted"
    REFERENCE_MISSING = "ReferenceMissing"
    FILE_UNSUITABLE = "FileUnsuitable"
    VARIABLE_OF_OTHER_VERSION = "VariableOfOtherVersion"
    UNKNOWN_VARIABLE = "UnknownVariable"
    CLUSTER_DOMAIN_MISMATCH = "ClusterDomainMismatch"
    ADDRESS_TYPE_UNSUITABLE = "AddressTypeUnsuitable"
    NAME_PART_MISMATCH = "NamePartMismatch"
    NODE_NAME_FIXED = "NodeNameFixed"
    HOST_PART_MISMATCH = "HostPartMismatch"
    DNS_SETTING_MISSING = "DNSSettingMissing"
    DNS_NAME_NOT_QUALIFIED = "DNSNameNotQualified"
    RECORD_TYPE_UNSUITABLE = "RecordTypeUnsuitable"
    SEEDS_UNSUITABLE = "SeedsUnsuitable"
    COOKIE_CHANGED = "CookieChanged"
    ROLE_REFUSED = "RoleRefused"
    HOST_MISSING = "HostMissing"
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
    CORES_NOT_LISTED = "CoresNotListed"
    NOT_READY_NOT_PUBLISHED = "NotReadyNotPublished"
    NODE_NAME_MISMATCH = "NodeNameMismatch"
    SERVICE_NOT_HEADLESS = "ServiceNotHeadless"
    SERVICE_WITHOUT_PORTS = "ServiceWithoutPorts"
    ADDRESS_FAMILY_UNSUITABLE = "AddressFamilyUnsuitable"
    NETWORK_POLICY_BLOCKS = "NetworkPolicyBlocks"
    MESH_BETWEEN_NODES = "MeshBetweenNodes"
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
    ROLLOUT_HELD = "RolloutHeld"
    RPC_PORT_CLOSED = "RPCPortClosed"
    LISTENER_MISSING = "ListenerMissing"
    FOREIGN_NODES_PRESENT = "ForeignNodesPresent"
    FOREIGN_POD_PRESENT = "ForeignPodPresent"
    LICENSE_MISSING = "LicenseMissing"
    CORE_AWAITED = "CoreAwaited"
    CORES_GONE = "CoresGone"
    CORES_SPLIT = "CoresSplit"
    VIEWS_DIFFER = "ViewsDiffer"
    NODES_STARTING = "NodesStarting"
    TARGET_PROGRESSING = "TargetProgressing"
    # RolloutSafe
    MIN_READY_SECONDS_SUFFICIENT = "MinReadySecondsSufficient"
    MIN_READY_SECONDS_TOO_LOW = "MinReadySecondsTooLow"
    ALL_REPLACED_AT_ONCE = "AllReplacedAtOnce"
    NODE_NAME_NOT_STABLE = "NodeNameNotStable"
    NAMES_HIDDEN_UNTIL_READY = "NamesHiddenUntilReady"
    PINNED_TO_CORE = "PinnedToCore"
    ROLLOUT_ENDANGERED = "RolloutEndangered"
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
    HEAL_REFUSED = "HealRefused"
    HEAL_FAILED = "HealFailed"
    ACTION_FAILED = "ActionFailed"


class Level(StrEnum):
    """How bad it is when a finding is wrong."""

    ERROR = "error"
    """The members cannot form one cluster, do not start, do not serve, or do not come back whole."""
    ADVICE = "advice"
    """It works as it is, and may hurt later."""


ADVICE = frozenset(
    {
        Reason.MIN_READY_SECONDS_TOO_LOW,
        Reason.ALL_REPLACED_AT_ONCE,
        Reason.PLAIN_HTTP_API_SERVER,
        Reason.MESH_BETWEEN_NODES,
        Reason.STALE_NODES_FOUND,
        Reason.AUTOHEAL_INHIBITED,
    }
)
"""The reasons that are advice; all others are errors where they are wrong."""


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
    """What it is about, as `recorded.FieldChange` names a field: `env/NAME`, `dnsPolicy`, ...; empty: no one field."""

    advises: bool = False
    """Whether it is wrong and yet does no harm as things are, such as to a member that is alone."""
    stops: bool = False
    """Whether EMQX does not even start with it."""

    @property
    def bad(self) -> bool:
        return self.status is Status.FALSE

    @property
    def level(self) -> Level:
        """Of a finding that is wrong."""
        return Level.ADVICE if self.reason in ADVICE or self.advises else Level.ERROR


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A question that a fact is missing for: its answer is neither well nor wrong."""

    type: ConditionType
    """The condition that it is a part of."""
    question: str
    """What was not judged, as it goes on after "not judged: ": `whether ...`, or a noun."""
    missing: str = ""
    """The fact that is missing, where the question does not say it."""
    remedy: str = ""
    """What a person can do to have it judged; empty: nothing that this tool could tell."""
    field: str = ""
    """What it is about, as in a `Finding`."""

    def __str__(self) -> str:
        told = f"{self.question}: {self.missing}" if self.missing else self.question
        return f"{told}; {self.remedy}" if self.remedy else told


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


def unknown(kind: ConditionType, reason: Reason, message: str, *, field: str = "") -> Finding:
    return Finding(kind, Status.UNKNOWN, reason, message, field=field)
