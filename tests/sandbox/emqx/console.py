"""The lines that EMQX writes to its console: banner, listeners, log lines, as captured from real brokers; pure."""

from sandbox.emqx.generations import Release
from sandbox.emqx.terms import string

_LISTENERS_4X = (
    ("mqtt:tcp:internal", "127.0.0.1:11883"),
    ("mqtt:tcp:external", "0.0.0.0:1883"),
    ("mqtt:ws:external", "0.0.0.0:8083"),
    ("mqtt:ssl:external", "0.0.0.0:8883"),
    ("mqtt:wss:external", "0.0.0.0:8084"),
)
_LISTENERS_5X = (
    ("ssl:default", "0.0.0.0:8883"),
    ("tcp:default", "0.0.0.0:1883"),
    ("ws:default", "0.0.0.0:8083"),
    ("wss:default", "0.0.0.0:8084"),
)
_DASHBOARD_NOTE = (
    "[Dashboard] Using default password for dashboard 'admin' user. Please use './bin/emqx_ctl admins' command to "
    "change it. NOTE: the default password in config file is only used to initialise the database record, changing "
    "the config file after database is initialised has no effect."
)
_COOKIE_HINT = (
    "WARNING: Configure node.cookie in /opt/emqx/etc/emqx.conf or override from environment variable "
    "EMQX_NODE__COOKIE"
)
MQTT_PORTS = (1883, 8883, 8083, 8084)
NOT_VERIFIED = (
    'Description: "Server authenticity is not verified since certificate path validation is not enabled", '
    "Reason: \"The option {verify, verify_peer} and one of the options 'cacertfile' or 'cacerts' are required to "
    'enable this."'
)


def default_cookie_warning(release: Release) -> list[str]:
    if release.is_4x:
        return [
            "!!!!!!",
            "WARNING: Default (insecure) Erlang cookie is in use.",
            "Please set node.cookie in /opt/emqx/etc/emqx.conf or override from environment variable EMQX_NODE_COOKIE",
            "NOTE: Use the same config value for all nodes in the cluster.",
            "!!!!!!",
        ]
    return [
        "WARNING: Default (insecure) Erlang cookie is in use.",
        _COOKIE_HINT,
        "WARNING: NOTE: Use the same cookie for all nodes in the cluster.",
    ]


def ulimit_warning(release: Release, limit: str) -> list[str]:
    """What commands print before their own output, if the limit is below 1024."""
    if (4, 3, 0) <= release.number <= (5, 0, 0):
        return ["!!!!", f"!!!! WARNING: ulimit -n is {limit}; 1024 is the recommended minimum.", "!!!!"]
    if release.number <= (5, 0, 21) and not release.is_4x:
        return [f"WARNING: ulimit -n is {limit}; 1024 is the recommended minimum."]
    return []


def overrides(environ: dict[str, str], unknown: tuple[str, ...]) -> list[str]:
    """5.x names each setting that it takes from the environment."""
    lines = []
    for key, value in environ.items():
        root = key.removeprefix("EMQX_").partition("__")[0]
        if (
            not key.startswith("EMQX_")
            or key in unknown
            or root not in {"CLUSTER", "NODE", "RPC", "LISTENERS"}
        ):
            continue
        path = key.removeprefix("EMQX_").replace("__", ".").lower()
        lines.append(f"{key} [{path}]: {'******' if 'cookie' in path else value}")
    return lines


def unknown_variables(names: tuple[str, ...]) -> str:
    return f"unknown_env_vars: [{','.join(string(name) for name in names)}]"


def started(release: Release, node: str, stamp: str, *, boot: bool) -> list[str]:
    """The applications have started; on a boot, or after they were stopped for a join."""
    if release.is_4x:
        return [
            f"Starting emqx on node {node}",
            *(f"Start {name} listener on {address} successfully." for name, address in _LISTENERS_4X),
            "Start http:management listener on 8081 successfully.",
            f"{stamp} [warning] {_DASHBOARD_NOTE}",
            "Start http:dashboard listener on 18083 successfully.",
            f"EMQX Broker {release} is running now!",
        ]
    lines = [f"Listener {name} on {address} started." for name, address in _LISTENERS_5X]
    lines.append("Listener http:dashboard on :18083 started.")
    return [*lines, f"EMQX {release} is running now!"] if boot else lines


def stopping(release: Release, reason: str) -> tuple[str, str]:
    """Level and text of the log line before the applications stop."""
    if release.is_4x:
        return "critical", f"[EMQX] emqx shutdown for {reason}"
    return "warning", f"msg: Stopping mria, reason: {reason}"


def stopped(release: Release) -> list[str]:
    if release.is_4x:
        return ["Stop http:management listener on 8081 successfully."]
    return [
        "Stop listener http:dashboard on :18083 successfully.",
        *(f"Listener {name} on {address} stopped." for name, address in _LISTENERS_5X),
    ]


def loop_crash(term: str) -> list[str]:
    """5.0.9 and later: a join that crashes takes the discovery loop's server with it."""
    reason = f"{{bad_return_value,{term}}}"
    stack = (
        '[{gen_server,handle_common_reply,8,[{file,"gen_server.erl"},{line,1245}]},'
        '{proc_lib,init_p_do_apply,3,[{file,"proc_lib.erl"},{line,240}]}]'
    )
    server = f"Generic server ekka_autocluster terminating. Reason: {reason}. Last message: loop. State: {{s,emqx}}."
    crasher = (
        "crasher: initial call: ekka_autocluster:init/1, pid: <0.2044.0>, registered_name: ekka_autocluster, "
        f"exit: {{{reason},{stack}}}, ancestors: [emqx_machine_sup,<0.1493.0>]"
    )
    return [server, crasher]


def command_crash(release: Release, reason: str) -> str:
    if release.is_4x:
        return f"CMD Error:{reason}, Stacktrace:[{{emqx_mgmt_cli,cluster,1,[]}}]"
    return (
        f"msg: ctl_command_crashed, function: cluster, module: emqx_mgmt_cli, reason: {reason}, "
        "stacktrace: [{emqx_mgmt_cli,cluster,1,[]},{emqx_ctl,run_command,2,[]}]"
    )


def single_node_license() -> str:
    return (
        "{application_start_failure,emqx_license,{bad_return,{{emqx_license_app,start,[normal,[]]},"
        '{error,"SINGLE_NODE_LICENSE, make sure this node and peer nodes are configured with a valid license"}}}}'
    )
