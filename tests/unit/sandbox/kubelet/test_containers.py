"""Small rules of a container's life: images, back-off, probe thresholds."""

import pytest

from sandbox.kubelet.backoff import Backoff
from sandbox.kubelet.images import Image
from sandbox.kubelet.probes import Counter


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("emqx", "emqx", "latest"),
        ("emqx/emqx:5.8.9", "emqx/emqx", "5.8.9"),
        ("registry.example.com:5000/emqx", "registry.example.com:5000/emqx", "latest"),
        (
            "registry.example.com:5000/emqx/emqx-ee:e4.4.19",
            "registry.example.com:5000/emqx/emqx-ee",
            "e4.4.19",
        ),
        ("emqx:5.8.9@sha256:0123", "emqx", "5.8.9"),
        ("emqx@sha256:0123", "emqx", "latest"),
    ],
)
def test_image_references(reference: str, repository: str, tag: str) -> None:
    assert Image.parse(reference) == Image(repository, tag)


def test_an_image_that_never_arrives() -> None:
    assert not Image.parse("example.com/no-such-image:1").can_be_pulled
    assert Image.parse("emqx:no-such-image").can_be_pulled


def test_the_restart_backoff_of_a_kubelet() -> None:
    backoff = Backoff(10, 300)
    assert [backoff.next() for _ in range(7)] == [10, 20, 40, 80, 160, 300, 300]
    backoff.reset()
    assert backoff.next() == 10


@pytest.mark.parametrize(
    ("results", "verdicts"),
    [
        ([True], [True]),
        ([False, False], [None, None]),
        ([False, False, False], [None, None, False]),
        ([False, False, True, False, False], [None, None, True, None, None]),
    ],
)
def test_probe_thresholds(results: list[bool], verdicts: list[bool | None]) -> None:
    counter = Counter(success_threshold=1, failure_threshold=3)
    assert [counter.count(success=result) for result in results] == verdicts
