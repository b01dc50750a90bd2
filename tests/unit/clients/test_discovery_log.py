"""Why a member's discovery fails: every sample of a log, for both HTTP clients of EMQX; and what is no word of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emqx_autocluster.clients.discovery_log import parse_discovery_trace
from emqx_autocluster.observation import DiscoveryError

SAMPLES = Path(__file__).parents[2] / "samples"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

EXPECTED = {
    "log-4.3.15-4.4.4-5.0-retry": None,
    "log-4.x-5.1.0-dead-nodes-warning": DiscoveryError.PEERS_DEAD,
    "log-5.1.1plus-dead-nodes-info": DiscoveryError.PEERS_DEAD,
    "log-5.2.1plus-bad-nodes": DiscoveryError.PEERS_DEAD,
    "log-5.9plus-single-node-license-crash": DiscoveryError.LICENCE,
    "log-5.x-replicant-discovery": DiscoveryError.FORBIDDEN,
    "log-5.x-unknown-env": None,
    "log-hackney-403-body-is-a-ref": DiscoveryError.FORBIDDEN,
    "log-hackney-connect-timeout": DiscoveryError.TIMED_OUT,
    "log-hackney-econnrefused": DiscoveryError.REFUSED,
    "log-hackney-nxdomain": DiscoveryError.NAME_NOT_FOUND,
    "log-hackney-unknown-ca": DiscoveryError.TLS,
    "log-hostname-missing-badkey": DiscoveryError.NO_HOSTNAME,
    "log-httpc-403": DiscoveryError.FORBIDDEN,
    "log-httpc-404": DiscoveryError.NOT_FOUND,
    "log-httpc-bad-scheme-host-port": DiscoveryError.BAD_ADDRESS,
    "log-httpc-econnrefused": DiscoveryError.REFUSED,
    "log-httpc-no-scheme": DiscoveryError.BAD_ADDRESS,
    "log-httpc-nxdomain": DiscoveryError.NAME_NOT_FOUND,
    "log-httpc-timeout": DiscoveryError.TIMED_OUT,
    "log-httpc-unknown-ca": DiscoveryError.TLS,
    "log-token-missing": DiscoveryError.NO_TOKEN,
}


def stamped(*said: str, at: datetime = NOW) -> list[str]:
    """As the kubelet gives lines with `timestamps=true`; EMQX's own time and level come after that."""
    return [f"{at.isoformat()} {at.isoformat()} [error] {line}" for line in said]


def error(*said: str) -> DiscoveryError | None:
    trace = parse_discovery_trace(stamped(*said), LONG_AGO)
    return trace.error if trace else None


def quoted(*said: str) -> str:
    trace = parse_discovery_trace(stamped(*said), LONG_AGO)
    assert trace
    return trace.line


def test_there_is_an_expectation_for_each_sample() -> None:
    assert {path.stem for path in (SAMPLES / "format").glob("log-*")} == set(EXPECTED)


@pytest.mark.parametrize(("sample", "expected"), EXPECTED.items())
def test_every_sample(sample: str, expected: DiscoveryError | None) -> None:
    lines = (SAMPLES / "format" / f"{sample}.txt").read_text().splitlines()
    assert error(*lines) is expected


@pytest.mark.parametrize("path", sorted((SAMPLES / "captured").glob("*.txt")), ids=lambda path: path.stem)
def test_captures_of_real_brokers(path: Path) -> None:
    """One was a plain process whose mount of the token was missing; the others found each other."""
    expected = DiscoveryError.NO_TOKEN if path.stem == "4.4.19-partition-and-autoclean" else None
    assert error(*path.read_text().splitlines()) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            'Ekka(AutoCluster): Core node discovery error {badkey,<<"hostname">>}: []',
            DiscoveryError.NO_HOSTNAME,
        ),
        ("Ekka(AutoCluster): Discovery error: {401,#Ref<0.1.2.3>}", DiscoveryError.UNAUTHORIZED),
        ("Ekka(AutoCluster): Discovery error: invalid_uri", DiscoveryError.BAD_ADDRESS),
        ("Ekka(AutoCluster): Discovery error: {400,#Ref<0.1.2.3>}", DiscoveryError.BAD_ADDRESS),
        ("Ekka(AutoCluster): Discovery error: timeout", DiscoveryError.TIMED_OUT),
        ("Ekka(AutoCluster): Discovery error: {500,[]}", None),
        ("msg: http_request_failed, reason: nxdomain, resource: webhook", None),
    ],
)
def test_other_forms(said: str, expected: DiscoveryError | None) -> None:
    assert error(said) is expected


def test_the_last_word_counts() -> None:
    refused, denied = (
        "Ekka(AutoCluster): Discovery error: econnrefused",
        "Ekka(AutoCluster): Discovery error: {403,x}",
    )
    assert error(refused, denied, "Ekka(AutoCluster): discovery did not succeed") is DiscoveryError.FORBIDDEN
    assert error(denied, refused) is DiscoveryError.REFUSED


def test_that_there_is_no_token_explains_what_the_api_server_answers_then() -> None:
    unread = "Ekka(k8s): Cannot read token: enoent"
    assert error(unread, "Ekka(AutoCluster): Discovery error: {401,x}") is DiscoveryError.NO_TOKEN
    assert error(unread, "Ekka(AutoCluster): Discovery error: nxdomain") is DiscoveryError.NAME_NOT_FOUND


def test_what_5_x_says_twice_in_each_round_is_quoted_in_the_same_words() -> None:
    first, second = (
        f"Ekka(AutoCluster): {what} error: nxdomain" for what in ("Discovery", "Core node discovery")
    )
    assert quoted(first, second, first) == quoted(second, first, second) == first
    assert quoted(second, second) == second, "a replicant says nothing else"


def test_what_was_said_long_ago_is_over() -> None:
    said = stamped("Ekka(AutoCluster): Discovery error: nxdomain", at=NOW - timedelta(minutes=10))
    assert parse_discovery_trace(said, NOW - timedelta(minutes=5)) is None
    assert parse_discovery_trace(said, NOW - timedelta(minutes=11))


def test_lines_without_the_kubelets_time_are_passed_over() -> None:
    assert parse_discovery_trace(["Ekka(AutoCluster): Discovery error: nxdomain"], LONG_AGO) is None


# --- the quotation


def test_the_api_servers_own_words_are_quoted() -> None:
    sample = (SAMPLES / "format" / "log-httpc-403.txt").read_text().strip()
    assert quoted(sample) == (
        'Ekka(AutoCluster): Discovery error: {403, endpoints "emqx" is forbidden: User'
        ' "system:serviceaccount:default:default" cannot get resource "endpoints" in API group "" in the namespace'
        ' "default"}'
    )


def test_what_changes_with_each_line_is_not_quoted() -> None:
    first, second = (f"Ekka(AutoCluster): Discovery error: {{403,#Ref<0.238.{n}>}}" for n in ("1.2", "3.4"))
    assert quoted(first) == quoted(second) == "Ekka(AutoCluster): Discovery error: {403,…}"


def test_of_a_log_in_json_the_message_is_quoted() -> None:
    line = '{"time":1763899999000000,"msg":"Ekka(AutoCluster): Discovery error: nxdomain","pid":"<0.1>"}'
    trace = parse_discovery_trace([f"{NOW.isoformat()} {line}"], LONG_AGO)
    assert trace
    assert trace.line == "Ekka(AutoCluster): Discovery error: nxdomain"


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJr.c2lnbmF0dXJl",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJr.c2lnbmF0dXJl",
        "https://user:s3cret@proxy:8888",
        "cookie: s3cret",
    ],
)
def test_no_secret_is_quoted(secret: str) -> None:
    line = quoted(f'Ekka(AutoCluster): Discovery error: {{failed_connect,[{{x,"{secret}"}}],nxdomain}}')
    assert not {"s3cret", "eyJhbGciOiJSUzI1NiJ9", "c2lnbmF0dXJl"} & set(
        line.replace(".", " ").replace('"', " ").split()
    )
    assert "s3cret" not in line
    assert "eyJ" not in line


def test_a_long_line_is_cut() -> None:
    assert len(quoted("Ekka(AutoCluster): Discovery error: {403," + "x" * 5000)) == 240
