"""Which container of a pod runs EMQX, and of which version."""

import pytest

from builders import a_container, a_workload
from emqx_autocluster.emqx import containers, versions
from emqx_autocluster.observation import Container, PodTemplate


@pytest.mark.parametrize(
    ("image", "said", "expected"),
    [
        pytest.param("emqx/emqx:latest", "5.8.9", "5.8.9", id="where the tag tells nothing"),
        pytest.param("emqx/emqx:5", "5.8", "5.8", id="where it tells a part"),
        pytest.param("emqx/emqx:5.8.9", "5.8", "5.8.9", id="not where the tag tells more"),
        pytest.param("emqx/emqx:5.10.1", "5.8.9", "5.10.1", id="not against the tag: an old annotation"),
    ],
)
def test_what_a_person_says_of_the_version(image: str, said: str, expected: str) -> None:
    assert containers.known_version(image, (), versions.parse(said)) == versions.parse(expected)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("emqx/emqx:latest", "tag latest is no version"),
        ("registry.example/iot/emqx:1.4.2", "tag 1.4.2 is no version"),
        ("emqx/emqx:5", "tag 5 may be any version of 5"),
        ("emqx/emqx@sha256:0123456789abcdef", "a digest (sha256:0123456789ab...), which names no version"),
        ("emqx/emqx", "has no tag"),
    ],
)
def test_why_the_image_does_not_tell_it(image: str, words: str) -> None:
    assert words in containers.why_no_version(image)


SIDECAR = Container("exporter", "prom/exporter:1")


@pytest.mark.parametrize(
    ("all_of_it", "named", "expected"),
    [
        pytest.param((SIDECAR, a_container()), None, "emqx", id="the one with cluster settings"),
        pytest.param(
            (SIDECAR, a_container()), "exporter", "exporter", id="the one that the annotation names"
        ),
        pytest.param((a_container(),), "mqtt", None, id="the annotation names none of them"),
        pytest.param(
            (SIDECAR, Container("mqtt", "emqx/emqx-ee:4.4.19")), None, "mqtt", id="by image: emqx-ee"
        ),
        pytest.param(
            (Container("mqtt", "my.registry:5000/x/emqx-enterprise"),), None, "mqtt", id="by image: registry"
        ),
        pytest.param((Container("mqtt", "emqx@sha256:0123"),), None, "mqtt", id="by image: digest"),
        pytest.param(
            (Container("mqtt", "my/emqx-exporter:1"),), None, None, id="an image that only begins like it"
        ),
        pytest.param((SIDECAR,), None, None, id="none"),
    ],
)
def test_the_emqx_container(
    all_of_it: tuple[Container, ...], named: str | None, expected: str | None
) -> None:
    found = containers.emqx_container(PodTemplate(all_of_it), named)
    assert (found.name if found else None) == expected


def test_the_builders_template_is_what_kubernetes_would_make() -> None:
    assert containers.emqx_container(a_workload().template, None) == a_container()
