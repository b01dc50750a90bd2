"""Which version the stand-in takes for which generation, client and defaults."""

import pytest

from sandbox.emqx.generations import Generation, HttpClient, release_of


@pytest.mark.parametrize(
    ("tag", "generation", "client"),
    [
        ("4.2.14", Generation.A, HttpClient.HTTPC),
        ("4.3.14", Generation.A, HttpClient.HTTPC),
        ("4.3.15", Generation.B, HttpClient.HTTPC),
        ("4.4.3", Generation.A, HttpClient.HTTPC),
        ("4.4.4", Generation.B, HttpClient.HTTPC),
        ("4.4.19", Generation.B, HttpClient.HTTPC),
        ("5.0.3", Generation.C, HttpClient.HTTPC),
        ("5.0.9", Generation.D, HttpClient.HTTPC),
        ("5.4.1", Generation.D, HttpClient.HTTPC),
        ("5.6.0", Generation.D, HttpClient.HTTPC),
        ("5.6.1", Generation.E, HttpClient.HTTPC),
        ("5.8.8", Generation.E, HttpClient.HTTPC),
        ("5.8.9", Generation.E, HttpClient.HACKNEY),
        ("e5.9.0", Generation.E, HttpClient.HTTPC),
        ("5.9.3", Generation.E, HttpClient.HACKNEY),
        ("5.10.0", Generation.E, HttpClient.HACKNEY),
        ("6.0.0", Generation.E, HttpClient.HACKNEY),
    ],
)
def test_generation_and_client(tag: str, generation: Generation, client: HttpClient) -> None:
    release = release_of(tag)
    assert (release.generation, release.client) == (generation, client)


@pytest.mark.parametrize(
    ("tag", "number"),
    [
        ("v5.8.9", (5, 8, 9)),
        ("5.8", (5, 8, 9)),
        ("4.4.19-alpine", (4, 4, 19)),
        ("5.8.9-elixir", (5, 8, 9)),
        ("latest", (5, 8, 9)),
    ],
)
def test_tags(tag: str, number: tuple[int, int, int]) -> None:
    assert release_of(tag).number == number


def test_defaults_by_version() -> None:
    assert release_of("4.4.19").default_apiserver == "undefined"
    assert release_of("5.1.0").default_apiserver == "http://10.110.111.204:8080"
    assert release_of("5.1.1").default_apiserver == "https://kubernetes.default.svc:443"
    assert not release_of("5.4.1").verifies_certificate
    assert release_of("5.5.0").verifies_certificate
    assert release_of("4.4.19").status_endpoint == (8081, "/status")
    assert release_of("5.0.4").status_endpoint == (18083, "/api/v5/status")
    assert release_of("5.0.5").status_endpoint == (18083, "/status")
    assert [release_of(tag).autoclean_seconds for tag in ("4.4.19", "5.0.26", "5.1.0")] == [300, None, 86400]
